//! Refresh tokens as they travel: `bwr_`, then a handle that names the family and a secret that changes with each use.
//!
//! The store has digests of both. A successor is kept sealed under a key made from the token it replaces, so that
//! within the grace every holder of that token gets the same successor, and the database alone gives no live token away.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use barewire_oauth::revoke::REFRESH_TOKEN_PREFIX;
use barewire_oauth::secret::RefreshToken;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::random;
use crate::store::{Digest, Secret};

const HANDLE: usize = 16;
const SECRET: usize = 32;

/// A refresh token, taken apart.
pub(crate) struct Parts {
    handle: [u8; HANDLE],
    secret: Zeroizing<[u8; SECRET]>,
}

impl Parts {
    /// The first token of a family.
    pub(crate) fn random() -> Self {
        Self { handle: random::bytes(), secret: Zeroizing::new(random::bytes()) }
    }

    /// The next token of the same family.
    pub(crate) fn successor(&self) -> Self {
        Self { handle: self.handle, secret: Zeroizing::new(random::bytes()) }
    }

    pub(crate) fn parse(token: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(token.strip_prefix(REFRESH_TOKEN_PREFIX)?).ok()?);
        let (handle, secret) = bytes.split_at_checked(HANDLE)?;
        Some(Self { handle: handle.try_into().ok()?, secret: Zeroizing::new(secret.try_into().ok()?) })
    }

    pub(crate) fn token(&self) -> RefreshToken {
        let mut bytes = Zeroizing::new(self.handle.to_vec());
        bytes.extend_from_slice(&*self.secret);
        RefreshToken::new(format!("{REFRESH_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes)))
    }

    pub(crate) fn handle_digest(&self) -> Digest {
        random::digest(self.handle)
    }

    pub(crate) fn secret_digest(&self) -> Digest {
        random::digest(self.secret.as_slice())
    }

    /// `successor`, readable only by whoever has this token.
    pub(crate) fn seal(&self, successor: &Self) -> Secret {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut sealed = successor.secret.to_vec();
        self.key()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.handle),
                &mut sealed,
            )
            .expect("32 bytes are within what AES-GCM can seal");
        sealed.extend_from_slice(&nonce);
        Secret::new(sealed)
    }

    /// The successor that was sealed for this token; `None` when the bytes were damaged.
    pub(crate) fn unseal(&self, sealed: &[u8]) -> Option<Self> {
        let (sealed, nonce) = sealed.split_at_checked(sealed.len().checked_sub(NONCE_LEN)?)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let secret = self.key().open_in_place(nonce, Aad::from(self.handle), &mut sealed).ok()?;
        Some(Self { handle: self.handle, secret: Zeroizing::new((&*secret).try_into().ok()?) })
    }

    fn key(&self) -> LessSafeKey {
        let material = Salt::new(HKDF_SHA256, &self.handle).extract(&*self.secret);
        let key = material
            .expand(&[b"barewire refresh successor v1"], &AES_256_GCM)
            .map(UnboundKey::from)
            .expect("HKDF-SHA-256 expands to 32 bytes");
        LessSafeKey::new(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_nonsense_does_not() {
        let parts = Parts::random();
        let again = Parts::parse(parts.token().expose()).unwrap();
        assert_eq!(again.token(), parts.token());
        assert_eq!(again.secret_digest(), parts.secret_digest());
        let (token, too_long) = (parts.token(), format!("bwr_{}", "A".repeat(80)));
        for text in ["", "bwr_", "bwr_AAAA", "xyz_AAAA", &token.expose()[4..], &too_long, "bwr_%%%"] {
            assert!(Parts::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_replaced_token_opens_its_successor() {
        let first = Parts::random();
        let second = first.successor();
        let sealed = first.seal(&second);
        assert_eq!(first.unseal(sealed.expose()).unwrap().token(), second.token());
        assert!(second.unseal(sealed.expose()).is_none());
        assert!(Parts::random().unseal(sealed.expose()).is_none());
        let mut damaged = sealed.expose().to_vec();
        damaged[0] ^= 1;
        assert!(first.unseal(&damaged).is_none());
        assert!(first.unseal(&[]).is_none());
        assert!(!sealed.expose().windows(8).any(|window| window == &second.secret[..8]));
    }
}
