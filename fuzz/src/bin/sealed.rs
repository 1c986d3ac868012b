//! What the server seals and wants back: it opens unchanged, and in no other way. The input is what is sealed for whom, and
//! how it is altered on its way: the number of changes, each a place and what is done there.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use barewire_mcp_server::{KeyRing, Purpose, Secret};
use libfuzzer_sys::fuzz_target;

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let secret = |byte| Secret::new(vec![byte; 32]).expect("it is long enough");
    KeyRing::new(&secret(2), &[secret(1)])
});
const PURPOSES: [Purpose; 4] = [Purpose::Session, Purpose::RequestState, Purpose::Cursor, Purpose::EventId];

fuzz_target!(|data: &[u8]| {
    let [purpose, changes, data @ ..] = data else { return };
    let Some((changes, payload)) = data.split_at_checked(3 * usize::from(*changes % 8)) else { return };
    let purpose = PURPOSES[usize::from(*purpose) % PURPOSES.len()];
    let (whom, payload) = payload.split_at(payload.len() / 4);
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    let now = end - Duration::from_secs(1);
    let open = |purpose, whom: &[u8], now, text: &str| RING.open(purpose, whom, now, text);

    let sealed = RING.seal(purpose, whom, end, payload);
    assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert_eq!(open(purpose, whom, now, &sealed).as_deref(), Ok(payload));
    assert!(open(purpose, whom, end, &sealed).is_err());
    for other in PURPOSES.iter().filter(|other| **other != purpose) {
        assert!(open(*other, whom, now, &sealed).is_err());
    }
    assert!(open(purpose, &[whom, &b"x"[..]].concat(), now, &sealed).is_err());
    assert!(open(purpose, payload, now, &String::from_utf8_lossy(payload)).is_err(), "nobody else seals");

    let mut altered = sealed.clone().into_bytes();
    for change in changes.as_chunks::<3>().0 {
        let [place, byte, kind] = *change;
        let place = usize::from(place) % altered.len().max(1);
        match kind % 4 {
            0 if !altered.is_empty() => altered[place] = byte,
            1 => altered.insert(place, byte),
            2 if !altered.is_empty() => {
                altered.remove(place);
            }
            _ => altered.truncate(place),
        }
    }
    let altered = String::from_utf8_lossy(&altered);
    assert_eq!(open(purpose, whom, now, &altered).is_ok(), altered == sealed);
});
