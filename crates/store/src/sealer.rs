//! Sealing what must not be readable in the file.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::sealing::UnlockError;
use crate::sealing_keys::SealingKeys;

/// A key ring at work: the first key seals, all of them open. Every value gets a random nonce of its own, and is bound
/// to the place where it is kept.
pub(crate) struct Sealer(Vec<LessSafeKey>);

/// Why something is not sealed, or cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error(transparent)]
    Locked(#[from] UnlockError),
    #[error("it was sealed with another key than those of the store, or for another place")]
    OtherKey,
    #[error("the random generator or the cipher failed")]
    Cipher,
    #[error("it was written by another version")]
    Json(#[from] serde_json::Error),
}

/// What was sealed, and which key of the ring that was.
pub(crate) struct Opened {
    pub(crate) text: Zeroizing<Vec<u8>>,
    pub(crate) key: usize,
}

impl Sealer {
    pub(crate) fn new(keys: &SealingKeys) -> Self {
        let key = |bytes: &[u8; 32]| {
            LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("a key of AES-256 has 32 bytes"))
        };
        Self(keys.iter().map(key).collect())
    }

    /// `value` as bytes that only [`Sealer::open`] with the same `place` can read.
    pub(crate) fn seal(&self, place: &[&str], value: &impl Serialize) -> Result<Vec<u8>, SealError> {
        self.seal_bytes(place, &Zeroizing::new(serde_json::to_vec(value)?))
    }

    /// What was sealed for this place.
    pub(crate) fn open<T: DeserializeOwned>(&self, place: &[&str], sealed: &[u8]) -> Result<T, SealError> {
        Ok(serde_json::from_slice(&self.open_bytes(place, sealed)?.text)?)
    }

    /// The same for bytes as they are.
    pub(crate) fn seal_bytes(&self, place: &[&str], bytes: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Cipher)?;
        let mut text = Zeroizing::new(bytes.to_vec());
        let key = self.0.first().ok_or(SealError::Cipher)?;
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad(place), &mut text)
            .map_err(|_| SealError::Cipher)?;
        Ok([&nonce[..], &text[..], tag.as_ref()].concat())
    }

    /// The bytes that were sealed for this place. There are few keys, so each is tried.
    pub(crate) fn open_bytes(&self, place: &[&str], sealed: &[u8]) -> Result<Opened, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::OtherKey)?;
        for (number, key) in self.0.iter().enumerate() {
            let mut text = Zeroizing::new(sealed.to_vec());
            let nonce = Nonce::assume_unique_for_key(*nonce);
            if let Ok(opened) = key.open_in_place(nonce, aad(place), &mut text) {
                let length = opened.len();
                text.truncate(length);
                return Ok(Opened { text, key: number });
            }
        }
        Err(SealError::OtherKey)
    }
}

/// The lengths keep "ab" + "c" apart from "a" + "bc".
fn aad(place: &[&str]) -> Aad<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in place {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    use barewire_testkit::TempDir;

    use super::*;

    #[test]
    fn opens_only_with_its_key_and_in_its_place() {
        let dir = TempDir::new();
        let keys = |name: &str| SealingKeys::load_or_create(&dir.join(name)).unwrap();
        let sealer = Sealer::new(&keys("a.key"));
        let sealed = sealer.seal(&["grant", "me", "https://x"], &"token").unwrap();
        assert!(!sealed.windows(5).any(|part| part == b"token"));
        assert_ne!(
            sealed,
            sealer.seal(&["grant", "me", "https://x"], &"token").unwrap(),
            "a nonce of its own"
        );
        let again = Sealer::new(&keys("a.key"));
        assert_eq!(again.open::<String>(&["grant", "me", "https://x"], &sealed).unwrap(), "token");
        let other = Sealer::new(&keys("b.key"));
        let mut altered = sealed.clone();
        altered[20] ^= 1;
        for (sealer, place, sealed) in [
            (&other, &["grant", "me", "https://x"][..], &sealed[..]),
            (&again, &["grant", "m", "ehttps://x"], &sealed),
            (&again, &["grant", "me", "https://x"], &altered),
            (&again, &["grant", "me", "https://x"], &sealed[..11]),
            (&again, &["grant", "me", "https://x"], &sealed[..12]),
        ] {
            assert!(matches!(sealer.open::<String>(place, sealed), Err(SealError::OtherKey)));
        }
    }

    #[test]
    fn a_new_key_seals_and_old_ones_open() {
        let dir = TempDir::new();
        let keys = |name: &str| SealingKeys::load_or_create(&dir.join(name)).unwrap();
        let old = Sealer::new(&keys("old.key"));
        let new = Sealer::new(&keys("new.key"));
        let both = Sealer::new(&keys("new.key").and(keys("old.key")));
        let place = &["a"][..];
        assert_eq!(both.open_bytes(place, &old.seal_bytes(place, b"x").unwrap()).unwrap().key, 1);
        let sealed = both.seal_bytes(place, b"y").unwrap();
        let opened = new.open_bytes(place, &sealed).unwrap();
        assert_eq!((&opened.text[..], opened.key), (&b"y"[..], 0));
        assert!(matches!(old.open_bytes(place, &sealed), Err(SealError::OtherKey)));
    }
}
