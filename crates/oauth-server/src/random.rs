//! Random tokens, and the digests under which they are stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::store::Digest;

/// `N` random bytes from the operating system. The generator of the library that signs takes 25 ms to begin, which a server
/// that starts would wait for.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's randomness is always there");
    bytes
}

/// `N` random bytes as base64url.
pub(crate) fn token<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<N>())
}

/// What the store sees of a token.
pub(crate) fn digest(token: impl AsRef<[u8]>) -> Digest {
    Digest(Sha256::digest(token.as_ref()).into())
}

/// The digest over several parts, unambiguously.
pub(crate) fn digest_of(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Digest(hash.finalize().into())
}
