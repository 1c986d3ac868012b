//! Proof Key for Code Exchange
//! ([OAuth 2.1 §7.5.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-7.5.2),
//! [RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)). Only `S256` exists here; `plain` protects nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The only method, as it is written on the wire.
pub const S256: &str = "S256";

/// The secret the client keeps until it redeems the code: 43 to 128 unreserved characters.
#[derive(Clone)]
pub struct CodeVerifier(Zeroizing<String>);

/// What the client shows at the start: base64url of the SHA-256 of the verifier, 43 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(String);

/// Why a text is not a verifier or a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// RFC 7636 §4.1.
    #[error("a code_verifier has 43 to 128 characters out of A-Z a-z 0-9 - . _ ~")]
    Verifier,
    /// RFC 7636 §4.2.
    #[error("an S256 code_challenge has exactly 43 characters of base64url")]
    Challenge,
}

impl CodeVerifier {
    /// A verifier out of 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Checks a verifier that came from a peer or a store.
    ///
    /// # Errors
    /// [`PkceError::Verifier`].
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        if !(43..=128).contains(&text.len()) || !text.bytes().all(unreserved) {
            return Err(PkceError::Verifier);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The verifier, for the token request and an encrypted store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The challenge that belongs to it.
    #[must_use]
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes())))
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier(redacted)")
    }
}

impl<'de> Deserialize<'de> for CodeVerifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl CodeChallenge {
    /// Checks a challenge that came from a peer or a store.
    ///
    /// # Errors
    /// [`PkceError::Challenge`].
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(PkceError::Challenge),
        }
    }

    /// The challenge; it is public.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the challenge of that verifier; takes the same time either way.
    #[must_use]
    pub fn accepts(&self, verifier: &CodeVerifier) -> bool {
        verifier.challenge().0.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

impl Serialize for CodeChallenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CodeChallenge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(verifier.challenge().as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(verifier.challenge().accepts(&verifier));
        assert!(!verifier.challenge().accepts(&CodeVerifier::from_random(&[7; 32])));
    }

    #[test]
    fn lengths_and_letters() {
        assert!(CodeVerifier::parse(&"a".repeat(42)).is_err());
        assert!(CodeVerifier::parse(&"a".repeat(43)).is_ok());
        assert!(CodeVerifier::parse(&"a".repeat(128)).is_ok());
        assert!(CodeVerifier::parse(&"a".repeat(129)).is_err());
        assert!(CodeVerifier::parse(&"+".repeat(43)).is_err());
        assert_eq!(CodeVerifier::from_random(&[0; 32]).expose().len(), 43);
        assert!(CodeChallenge::parse("short").is_err());
        assert_eq!(format!("{:?}", CodeVerifier::from_random(&[0; 32])), "CodeVerifier(redacted)");
    }
}
