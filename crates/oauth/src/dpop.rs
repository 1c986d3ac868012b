//! Demonstrating proof of possession ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)): a token that only the holder
//! of a key can use, and the proofs that go along with it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::challenge::Challenge;
use crate::error::{ErrorCode, ErrorResponse};
use crate::jwk::PublicJwk;
use crate::jws::{Algorithm, SignError, Signer, compact};
use crate::secret::{AccessToken, PrivateKey, serialize_exposed};

/// The header that carries a proof, in lower case.
pub const PROOF_HEADER: &str = "dpop";
/// The header by which a server gives a nonce, in lower case.
pub const NONCE_HEADER: &str = "dpop-nonce";
/// `typ` of a proof.
pub const TYPE: &str = "dpop+jwt";
/// The algorithm of our keys: the one every server has to be expected to know.
pub const ALGORITHM: Algorithm = Algorithm::Es256;
/// A longer nonce is not taken: it would come back in every request.
pub const MAX_NONCE_BYTES: usize = 1024;

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

/// `ath`: base64url of the SHA-256 of the token.
#[must_use]
pub fn token_hash(token: &AccessToken) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.expose().as_bytes()))
}

/// The nonce that a response gives for the next proofs; responses of any status may
/// ([RFC 9449 §8.2](https://www.rfc-editor.org/rfc/rfc9449#section-8.2)). What does not have its
/// [syntax](https://www.rfc-editor.org/rfc/rfc9449#section-8.1), or is there twice, is none.
#[must_use]
pub fn nonce(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(NONCE_HEADER).iter();
    let nonce = lines.next()?.to_str().ok()?;
    let legal = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
    let fits = (1..=MAX_NONCE_BYTES).contains(&nonce.len()) && nonce.bytes().all(legal);
    (fits && lines.next().is_none()).then_some(nonce)
}

/// The nonce without which an authorization server refuses this request
/// ([RFC 9449 §8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
#[must_use]
pub fn wanted_by_authorization_server(response: &http::Response<Bytes>) -> Option<&str> {
    if !response.status().is_client_error() {
        return None;
    }
    let error: ErrorResponse = serde_json::from_slice(response.body()).ok()?;
    (error.error == ErrorCode::UseDpopNonce).then(|| nonce(response.headers())).flatten()
}

/// The nonce without which a resource refuses this request
/// ([RFC 9449 §9](https://www.rfc-editor.org/rfc/rfc9449#section-9)). The error counts in the `DPoP` challenge only;
/// others may stand beside it.
#[must_use]
pub fn wanted_by_resource(status: StatusCode, headers: &HeaderMap) -> Option<&str> {
    if status != StatusCode::UNAUTHORIZED {
        return None;
    }
    let lines =
        headers.get_all(http::header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let wanted = lines
        .flat_map(Challenge::parse_all)
        .any(|challenge| challenge.scheme == "dpop" && challenge.error() == Some(ErrorCode::UseDpopNonce));
    if wanted { nonce(headers) } else { None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;
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

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn which_nonces_are_taken() {
        let longest = "n".repeat(MAX_NONCE_BYTES);
        for (values, expected) in [
            (vec!["abc-._~!#[]"], Some("abc-._~!#[]")),
            (vec![longest.as_str()], Some(longest.as_str())),
            (vec![], None),
            (vec![""], None),
            (vec!["a b"], None),
            (vec!["a\"b"], None),
            (vec!["a\\b"], None),
            (vec!["a", "b"], None),
            (vec![&format!("{longest}n")], None),
        ] {
            let lines: Vec<_> = values.iter().map(|value| (NONCE_HEADER, *value)).collect();
            assert_eq!(nonce(&headers(&lines)), expected, "{values:?}");
        }
    }

    #[test]
    fn what_an_authorization_server_says_when_it_wants_one() {
        for (status, body, nonce, expected) in [
            (400, r#"{"error":"use_dpop_nonce"}"#, Some("n1"), Some("n1")),
            (401, r#"{"error":"use_dpop_nonce","error_description":"x"}"#, Some("n1"), Some("n1")),
            (400, r#"{"error":"use_dpop_nonce"}"#, None, None),
            (400, r#"{"error":"invalid_grant"}"#, Some("n1"), None),
            (200, r#"{"error":"use_dpop_nonce"}"#, Some("n1"), None),
            (400, "<html>", Some("n1"), None),
        ] {
            let mut response = http::Response::new(Bytes::from_static(body.as_bytes()));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            *response.headers_mut() =
                headers(&nonce.map(|nonce| (NONCE_HEADER, nonce)).into_iter().collect::<Vec<_>>());
            assert_eq!(wanted_by_authorization_server(&response), expected, "{status} {body} {nonce:?}");
        }
    }

    #[test]
    fn what_a_resource_says_when_it_wants_one() {
        for (status, challenge, expected) in [
            (401, r#"DPoP error="use_dpop_nonce""#, Some("n1")),
            (401, r#"Bearer error="invalid_token", DPoP algs="ES256", error="use_dpop_nonce""#, Some("n1")),
            (401, r#"Bearer error="use_dpop_nonce", DPoP error="invalid_token""#, None),
            (401, r#"DPoP error="invalid_token""#, None),
            (403, r#"DPoP error="use_dpop_nonce""#, None),
        ] {
            let headers = headers(&[("www-authenticate", challenge), (NONCE_HEADER, "n1")]);
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(wanted_by_resource(status, &headers), expected, "{status} {challenge}");
        }
        let without = headers(&[("www-authenticate", r#"DPoP error="use_dpop_nonce""#)]);
        assert_eq!(wanted_by_resource(StatusCode::UNAUTHORIZED, &without), None);
    }
}
