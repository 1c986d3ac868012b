//! Nonces of a server ([RFC 9449 §8](https://www.rfc-editor.org/rfc/rfc9449#section-8),
//! [§9](https://www.rfc-editor.org/rfc/rfc9449#section-9)): the time, sealed.
//!
//! Nothing is kept about one. Each carries the second it was made in, and a tag that only the holder of the key can make,
//! so nobody can prepare proofs for a time to come. Replicas with the same key know each other's. A new one every second is
//! the rotation; which client it was given to does not matter, because its use is remembered with the client's key.

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::claims::seconds;

/// What a tag is over, before the time.
const LABEL: &[u8] = b"barewire dpop nonce";
/// Bytes of the time, and of the tag behind it.
const TIME: usize = 8;
const TAG: usize = 16;

/// Makes nonces and knows its own again.
pub(super) struct Nonces(Hmac<Sha256>);

impl Nonces {
    /// With a secret of at least 32 bytes; it is used for nothing else.
    #[must_use]
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes a key of any length"))
    }

    /// The nonce of this second.
    #[must_use]
    pub(super) fn at(&self, now: SystemTime) -> String {
        let time = seconds(now).to_be_bytes();
        URL_SAFE_NO_PAD.encode([time.as_slice(), self.tag(time).as_slice()].concat())
    }

    /// In which second, since 1970, a nonce was made; `None` for one that was not made here.
    #[must_use]
    pub(super) fn made_at(&self, nonce: &str) -> Option<u64> {
        let mut bytes = [0; TIME + TAG];
        let length = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()?;
        let (time, tag) = bytes.get(..length)?.split_at_checked(TIME)?;
        let time: [u8; TIME] = time.try_into().ok()?;
        bool::from(self.tag(time).ct_eq(tag)).then(|| u64::from_be_bytes(time))
    }

    fn tag(&self, time: [u8; TIME]) -> [u8; TAG] {
        let whole = self.0.clone().chain_update(LABEL).chain_update(time).finalize().into_bytes();
        std::array::from_fn(|index| whole[index])
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn its_own_and_no_others() {
        let (ours, others) = (Nonces::new(&[1; 32]), Nonces::new(&[2; 32]));
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        let nonce = ours.at(at(1_800_000_000_500));
        assert_eq!(ours.made_at(&nonce), Some(1_800_000_000));
        assert_eq!(others.made_at(&nonce), None);
        assert_eq!(ours.at(at(1_800_000_000_999)), nonce);
        assert_ne!(ours.at(at(1_800_000_001_000)), nonce);
        // It has the syntax that clients look for.
        let header = HeaderMap::from_iter([(
            http::HeaderName::from_static(crate::dpop::NONCE_HEADER),
            HeaderValue::from_str(&nonce).unwrap(),
        )]);
        assert_eq!(crate::dpop::nonce(&header), Some(nonce.as_str()));
        assert!(!format!("{ours:?}").contains('1'));
    }

    #[test]
    fn no_letter_of_it_can_be_changed() {
        let ours = Nonces::new(&[1; 32]);
        let nonce = ours.at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        for index in 0..nonce.len() {
            for other in ["A", "B", "_", "", "AA", "=", "\u{e9}"] {
                let changed = format!("{}{other}{}", &nonce[..index], &nonce[index + 1..]);
                assert!(changed == nonce || ours.made_at(&changed).is_none(), "{changed}");
            }
        }
        for none in ["", "A", "AAAAAAAA", &"A".repeat(1_000_000)] {
            assert_eq!(ours.made_at(none), None);
        }
    }
}
