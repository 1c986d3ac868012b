//! Sealed values: what the server gives away and wants back unchanged.
//!
//! Session ids, `requestState`, cursors and stream event ids all travel through the client. Each is encrypted
//! and authenticated (AES-256-GCM-SIV, [RFC 8452]) and bound to three things: what it is for ([`Purpose`]),
//! whom it was given to (the `bound_to` bytes), and when it ends. So any replica that holds the key ring can
//! read one, nobody else can, and one that was given to Alice is noise when Bob presents it.
//!
//! GCM-SIV rather than GCM because nonces are random and replicas share keys: an accidental repetition of a
//! nonce then reveals that two values were equal, and nothing more.
//!
//! [RFC 8452]: https://www.rfc-editor.org/rfc/rfc8452.html

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 4;
const HEADER_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;
const TAG_LEN: usize = 16;
const EXPIRY_LEN: usize = 8;

/// Which key sealed a value; it says nothing about the key.
pub(crate) type KeyId = [u8; KEY_ID_LEN];

/// What a sealed value is for. A value sealed for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// The value of `Mcp-Session-Id` (revisions before 2026-07-28).
    Session = 1,
    /// `requestState` of a multi-round-trip request.
    RequestState = 2,
    /// `nextCursor` of a list.
    Cursor = 3,
    /// The `id` of a server-sent event.
    EventId = 4,
}

/// A secret shared by the replicas of one server; at least 32 bytes.
///
/// Never shown: its `Debug` is redacted and its bytes are wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes of a secret.
    ///
    /// # Errors
    /// [`SecretTooShort`] below 32 bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretTooShort> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.len() < 32 {
            return Err(SecretTooShort { given: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// A random one. What is sealed with it cannot be opened by another process, nor after a restart.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        fill_random(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// A secret of fewer than 32 bytes was configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealing secret has at least 32 bytes, this one has {given}")]
pub struct SecretTooShort {
    given: usize,
}

/// Why a value that came back was not accepted. The peer hears the same answer for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not something that this version of the server ever sealed.
    #[error("not a sealed value")]
    Malformed,
    /// Sealed with a key that has left the ring, or by somebody else.
    #[error("sealed with an unknown key")]
    UnknownKey,
    /// Changed on the way, or presented by another principal or for another purpose.
    #[error("the seal does not hold for this principal and purpose")]
    Forged,
    /// Genuine, but its time is over.
    #[error("expired")]
    Expired,
}

/// The keys of one server: the first seals, every one opens.
///
/// To rotate, put the new secret in front, wait until the old values have expired, and drop the old secret.
pub struct KeyRing {
    keys: Vec<Key>,
    /// What nonces of proofs are made with; with another secret they are asked for anew, which costs a round trip.
    nonce_secret: Zeroizing<[u8; 32]>,
}

struct Key {
    id: KeyId,
    key: LessSafeKey,
}

impl KeyRing {
    /// A ring of `current` and the secrets it replaced, newest first.
    #[must_use]
    pub fn new(current: &Secret, previous: &[Secret]) -> Self {
        let keys = std::iter::once(current).chain(previous).map(Key::derive).collect();
        Self { keys, nonce_secret: derive(current, b"dpop-nonce") }
    }

    /// The secret of [`barewire_oauth::dpop::Proofs`].
    pub(crate) fn nonce_secret(&self) -> &[u8] {
        &*self.nonce_secret
    }

    /// The key that seals now.
    pub(crate) fn seals_with(&self) -> KeyId {
        self.keys[0].id
    }

    /// Seals `payload` for `purpose`, to be opened with the same `bound_to` before `expires_at`.
    /// The result has only characters that are safe in a header and a URL.
    #[must_use]
    pub fn seal(&self, purpose: Purpose, bound_to: &[u8], expires_at: SystemTime, payload: &[u8]) -> String {
        let key = &self.keys[0];
        let nonce: [u8; NONCE_LEN] = random_bytes();

        let mut sealed = Vec::with_capacity(EXPIRY_LEN + payload.len() + TAG_LEN);
        sealed.extend_from_slice(&unix_seconds(expires_at).to_be_bytes());
        sealed.extend_from_slice(payload);
        key.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                additional_data(purpose, key.id, bound_to),
                &mut sealed,
            )
            .expect("sealing fails only above the 64 GiB limit of the algorithm");

        let mut whole = Vec::with_capacity(HEADER_LEN + sealed.len());
        whole.push(VERSION);
        whole.extend_from_slice(&key.id);
        whole.extend_from_slice(&nonce);
        whole.append(&mut sealed);
        URL_SAFE_NO_PAD.encode(whole)
    }

    /// Opens what [`KeyRing::seal`] made.
    ///
    /// # Errors
    /// [`OpenError`]; a value is accepted while `now` is before its expiry.
    pub fn open(
        &self,
        purpose: Purpose,
        bound_to: &[u8],
        now: SystemTime,
        text: &str,
    ) -> Result<Vec<u8>, OpenError> {
        let mut whole = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Malformed)?;
        if whole.len() < HEADER_LEN + EXPIRY_LEN + TAG_LEN || whole[0] != VERSION {
            return Err(OpenError::Malformed);
        }
        let (header, sealed) = whole.split_at_mut(HEADER_LEN);
        let id: KeyId = header[1..1 + KEY_ID_LEN].try_into().expect("a slice of that very length");
        let nonce: [u8; NONCE_LEN] = header[1 + KEY_ID_LEN..].try_into().expect("the rest of the header");
        let key = self.keys.iter().find(|key| key.id == id).ok_or(OpenError::UnknownKey)?;
        let plain = key
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                additional_data(purpose, id, bound_to),
                sealed,
            )
            .map_err(|_| OpenError::Forged)?;

        let (expiry, payload) = plain.split_at(EXPIRY_LEN);
        let expiry = u64::from_be_bytes(expiry.try_into().expect("split at that very length"));
        if unix_seconds(now) >= expiry {
            return Err(OpenError::Expired);
        }
        Ok(payload.to_vec())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys, redacted)", self.keys.len())
    }
}

impl Key {
    /// The id comes out of the same derivation as the key, so it says nothing about the secret and
    /// replicas agree on it without being told.
    fn derive(secret: &Secret) -> Self {
        let (key, id) = (derive(secret, b"key"), derive(secret, b"id"));
        let unbound = UnboundKey::new(&AES_256_GCM_SIV, &key[..]).expect("the algorithm takes 32 bytes");
        Self {
            id: id[..KEY_ID_LEN].try_into().expect("a prefix of 32 bytes"),
            key: LessSafeKey::new(unbound),
        }
    }
}

/// One of the secrets that a secret yields; none says anything about another.
fn derive(secret: &Secret, info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let prk = Salt::new(HKDF_SHA256, b"barewire.mcp-server.seal").extract(&secret.0);
    prk.expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut derived[..]))
        .expect("HKDF-SHA256 fills its own digest length");
    derived
}

/// `count` random bytes from the operating system.
pub(crate) fn random_bytes<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    fill_random(&mut bytes);
    bytes
}

/// Not from the library that seals: its generator takes 25 ms to begin, which a server that starts would wait for.
fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system's randomness is always there");
}

/// The fixed-length parts come first, so no two different triples give the same bytes.
fn additional_data(purpose: Purpose, key: KeyId, bound_to: &[u8]) -> Aad<Vec<u8>> {
    let mut bytes = Vec::with_capacity(2 + KEY_ID_LEN + bound_to.len());
    bytes.extend_from_slice(&[VERSION, purpose as u8]);
    bytes.extend_from_slice(&key);
    bytes.extend_from_slice(bound_to);
    Aad::from(bytes)
}

fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn secret(byte: u8) -> Secret {
        Secret::new(vec![byte; 32]).unwrap()
    }

    #[test]
    fn opens_only_for_its_purpose_principal_and_time() {
        let ring = KeyRing::new(&secret(1), &[]);
        let text = ring.seal(Purpose::Session, b"alice", at(100), b"payload");
        let check = |purpose, who: &[u8], now, expected: Result<&[u8], OpenError>| {
            assert_eq!(ring.open(purpose, who, at(now), &text).as_deref().map_err(|e| *e), expected);
        };
        check(Purpose::Session, b"alice", 99, Ok(b"payload"));
        check(Purpose::Session, b"alice", 100, Err(OpenError::Expired));
        check(Purpose::Session, b"bob", 99, Err(OpenError::Forged));
        check(Purpose::Cursor, b"alice", 99, Err(OpenError::Forged));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let ring = KeyRing::new(&secret(1), &[]);
        let text = ring.seal(Purpose::Cursor, b"", at(100), b"x");
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert!(ring.open(Purpose::Cursor, b"", at(1), &changed).is_err(), "bit {bit}");
        }
        for hostile in ["", "AQ", "not base64 !", &text[1..], &format!("{text}-TAMPERED")] {
            assert!(ring.open(Purpose::Cursor, b"", at(1), hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn rotation_opens_the_old_and_seals_with_the_new() {
        let old = KeyRing::new(&secret(1), &[]);
        let both = KeyRing::new(&secret(2), &[secret(1)]);
        let new = KeyRing::new(&secret(2), &[]);
        let sealed_before = old.seal(Purpose::Session, b"", at(100), b"a");
        let sealed_after = both.seal(Purpose::Session, b"", at(100), b"b");
        assert_eq!(both.open(Purpose::Session, b"", at(1), &sealed_before).unwrap(), b"a");
        assert_eq!(new.open(Purpose::Session, b"", at(1), &sealed_after).unwrap(), b"b");
        assert_eq!(new.open(Purpose::Session, b"", at(1), &sealed_before), Err(OpenError::UnknownKey));
    }

    #[test]
    fn sealed_text_fits_a_session_id() {
        let text = KeyRing::new(&Secret::random(), &[]).seal(Purpose::Session, b"x", at(1), &[0, 255, 10]);
        assert!(text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
    }

    #[test]
    fn secrets_are_long_and_never_shown() {
        assert!(Secret::new(vec![7; 31]).is_err());
        assert!(!format!("{:?}", secret(7)).contains('7'));
    }
}
