//! Signed JSON: what is written, by which algorithm. Whoever holds the keys signs
//! ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::jwk::PublicJwk;
use crate::secret::PrivateKey;

/// `alg` of the signatures that are made or accepted here: asymmetric ones only, because whoever can verify the others
/// can forge them
/// ([RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1),
/// [RFC 8037 §3.1](https://www.rfc-editor.org/rfc/rfc8037#section-3.1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// RSA PKCS #1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSA PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSA PSS with SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSA PSS with SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads the word; `None` for every other, `none` and those with a shared secret first of all.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == word)
    }

    /// Whether it is one of this key's kind.
    #[must_use]
    pub fn fits(self, key: &PublicJwk) -> bool {
        match (self, key) {
            (Self::Es256, PublicJwk::Ec { crv, .. }) => crv == "P-256",
            (Self::Es384, PublicJwk::Ec { crv, .. }) => crv == "P-384",
            (Self::EdDsa, PublicJwk::Okp { crv, .. }) => crv == "Ed25519",
            (
                Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512,
                PublicJwk::Rsa { .. },
            ) => true,
            _ => false,
        }
    }

    /// Whether a metadata list names it. No list says nothing.
    pub(crate) fn is_in(self, list: Option<&Vec<String>>) -> Option<bool> {
        list.map(|list| list.iter().any(|listed| listed == self.as_str()))
    }
}

/// Makes signatures. This crate has no keys; the caller has.
pub trait Signer {
    /// The signature of `message`, as RFC 7518 writes it (ECDSA: both numbers at full length).
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be read or does not fit the algorithm.
    fn sign(&self, key: &PrivateKey, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Checks a signature: a key that a message shows, the algorithm, what was signed, and the signature. This crate has no
/// cryptography; `barewire-jose` has.
pub type Verify = fn(&PublicJwk, Algorithm, &[u8], &[u8]) -> bool;

/// A key cannot sign. The text never shows the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the private key cannot be used: {0}")]
pub struct SignError(pub String);

/// The compact form: header, claims and signature in base64url
/// ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)). `header` without `alg`, which is put first.
pub(crate) fn compact(
    header: &impl Serialize,
    claims: &impl Serialize,
    key: &PrivateKey,
    algorithm: Algorithm,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct WithAlgorithm<'a, H> {
        alg: &'static str,
        #[serde(flatten)]
        rest: &'a H,
    }
    let header = WithAlgorithm { alg: algorithm.as_str(), rest: header };
    let mut text = format!("{}.{}", part(&header), part(claims));
    let signature = signer.sign(key, algorithm, text.as_bytes())?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(text)
}

fn part(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("structs of strings and numbers always serialise");
    URL_SAFE_NO_PAD.encode(json)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::Value;

    use super::*;

    /// Signs with the key's own text, so that a test sees which key was used.
    pub(crate) struct Echo;

    impl Signer for Echo {
        fn sign(&self, key: &PrivateKey, _: Algorithm, _: &[u8]) -> Result<Vec<u8>, SignError> {
            match key.expose() {
                "broken" => Err(SignError("no key at all".to_owned())),
                text => Ok(text.as_bytes().to_vec()),
            }
        }
    }

    /// Header, claims and signature.
    pub(crate) fn read(text: &str) -> (Value, Value, String) {
        let parts: Vec<Vec<u8>> = text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let [header, claims, signature] = parts.try_into().unwrap();
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
        (json(&header), json(&claims), String::from_utf8(signature).unwrap())
    }

    #[test]
    fn the_compact_form() {
        let (header, claims) = (serde_json::json!({ "typ": "x" }), serde_json::json!({ "a": 1 }));
        let key = PrivateKey::new("the key");
        let text = compact(&header, &claims, &key, Algorithm::Es256, &Echo).unwrap();
        // {"alg":"ES256","typ":"x"} . {"a":1} . the key
        assert_eq!(text, "eyJhbGciOiJFUzI1NiIsInR5cCI6IngifQ.eyJhIjoxfQ.dGhlIGtleQ");
        let error = compact(&header, &claims, &PrivateKey::new("broken"), Algorithm::Es256, &Echo);
        assert_eq!(error, Err(SignError("no key at all".to_owned())));
    }

    #[test]
    fn words_and_lists() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_word(algorithm.as_str()), Some(algorithm));
            assert_eq!(serde_json::json!(algorithm), algorithm.as_str());
        }
        for word in ["none", "HS256", "es256", ""] {
            assert_eq!(Algorithm::from_word(word), None, "{word}");
        }
        assert_eq!(Algorithm::Es256.is_in(None), None);
        assert_eq!(Algorithm::Es256.is_in(Some(&vec!["RS256".into(), "ES256".into()])), Some(true));
        assert_eq!(Algorithm::Es256.is_in(Some(&vec![])), Some(false));
    }
}
