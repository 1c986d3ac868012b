//! Making a proof: what the client does.

use std::time::{SystemTime, UNIX_EPOCH};

use http::Method;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{ALGORITHM, TYPE, token_hash};
use crate::jwk::PublicJwk;
use crate::jws::{SignError, Signer, compact};
use crate::secret::{AccessToken, PrivateKey, serialize_exposed};

/// The key that tokens of one login are bound to. Serialising writes it; that is for an encrypted store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofKey {
    /// The private half; [`ALGORITHM`] is how it signs.
    #[serde(serialize_with = "serialize_exposed")]
    pub private: PrivateKey,
    /// The public half, which each proof shows.
    pub public: PublicJwk,
}

/// What one proof says ([RFC 9449 §4.2](https://www.rfc-editor.org/rfc/rfc9449#section-4.2)).
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// Its URL; query and fragment do not count.
    pub url: &'a Url,
    /// The token that goes along, if one does.
    pub access_token: Option<&'a AccessToken>,
    /// What the server gave for its proofs.
    pub nonce: Option<&'a str>,
    /// Different for each proof.
    pub id: &'a str,
    /// The time.
    pub now: SystemTime,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    jwk: &'a PublicJwk,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl Proof<'_> {
    /// The value of the header.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, key: &ProofKey, signer: &dyn Signer) -> Result<String, SignError> {
        let claims = Claims {
            jti: self.id,
            htm: self.method.as_str(),
            htu: &target(self.url),
            iat: self.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            ath: self.access_token.map(token_hash),
            nonce: self.nonce,
        };
        let header = Header { typ: TYPE, jwk: &key.public };
        compact(&header, &claims, &key.private, ALGORITHM, signer)
    }
}

/// `htu`: the URL without query, fragment and user information.
fn target(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::jws::tests::{Echo, read};

    fn key() -> ProofKey {
        let public = json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y" });
        ProofKey { private: PrivateKey::new("private half"), public: serde_json::from_value(public).unwrap() }
    }

    #[test]
    fn a_proof_is_for_one_request() {
        let url = Url::parse("https://u:p@MCP.example:443/mcp?session=1#f").unwrap();
        let token = AccessToken::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
        let proof = Proof {
            method: &Method::POST,
            url: &url,
            access_token: Some(&token),
            nonce: Some("n1"),
            id: "id-1",
            now: UNIX_EPOCH + Duration::from_millis(1_500),
        };
        let (header, claims, signature) = read(&proof.sign(&key(), &Echo).unwrap());
        assert_eq!(
            header,
            json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": { "kty": "EC", "crv": "P-256", "x": "x", "y": "y" } })
        );
        // The hash is the one of RFC 9449 §7.1.
        assert_eq!(
            claims,
            json!({
                "jti": "id-1", "htm": "POST", "htu": "https://mcp.example/mcp", "iat": 1,
                "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", "nonce": "n1",
            })
        );
        assert_eq!(signature, "private half");

        let url = Url::parse("http://localhost:8000/token").unwrap();
        let bare = Proof { url: &url, access_token: None, nonce: None, now: UNIX_EPOCH, ..proof };
        let (_, claims, _) = read(&bare.sign(&key(), &Echo).unwrap());
        assert_eq!(
            claims,
            json!({ "jti": "id-1", "htm": "POST", "htu": "http://localhost:8000/token", "iat": 0 })
        );
    }

    #[test]
    fn the_private_half_is_not_shown() {
        let key = key();
        assert!(!format!("{key:?}").contains("private half"), "{key:?}");
        let kept = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<ProofKey>(&kept).unwrap(), key);
    }
}
