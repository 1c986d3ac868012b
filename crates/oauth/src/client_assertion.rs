//! `private_key_jwt`: the client proves who it is by signing a statement about itself
//! ([RFC 7523 §2.2 and §3](https://www.rfc-editor.org/rfc/rfc7523#section-2.2),
//! [OpenID Connect Core §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::jws::{Algorithm, SignError, Signer, compact};
use crate::secret::{PrivateKey, serialize_exposed};

/// `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long a statement counts: long enough for clocks that differ a little, and too short to be worth stealing.
pub const LIFETIME: Duration = Duration::from_secs(120);

/// The key that a client is known by at an authorization server. Serialising writes it; that is for an encrypted store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientKey {
    /// The key.
    #[serde(serialize_with = "serialize_exposed")]
    pub private: PrivateKey,
    /// How it signs.
    pub algorithm: Algorithm,
    /// `kid`: which of the client's registered keys it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: u64,
    exp: u64,
}

/// The statement. `audience` is the issuer identifier, not the token endpoint that RFC 7523 also allows: a hostile
/// server could name somebody else's endpoint as its own and pass the statement on
/// ([draft-ietf-oauth-rfc7523bis](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc7523bis)).
///
/// # Errors
/// [`SignError`].
pub fn sign(
    key: &ClientKey,
    client_id: &str,
    audience: &str,
    id: &str,
    now: SystemTime,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let iat = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let exp = iat.saturating_add(LIFETIME.as_secs());
    let header = Header { typ: "JWT", kid: key.key_id.as_deref() };
    let claims = Claims { iss: client_id, sub: client_id, aud: audience, jti: id, iat, exp };
    compact(&header, &claims, &key.private, key.algorithm, signer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jws::tests::{Echo, read};

    #[test]
    fn the_client_is_issuer_and_subject_and_the_server_the_audience() {
        let mut key =
            ClientKey { private: PrivateKey::new("key"), algorithm: Algorithm::EdDsa, key_id: None };
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let text = sign(&key, "c1", "https://as.example", "id-1", now, &Echo).unwrap();
        assert_eq!(
            read(&text),
            (
                json!({ "alg": "EdDSA", "typ": "JWT" }),
                json!({ "iss": "c1", "sub": "c1", "aud": "https://as.example", "jti": "id-1", "iat": 1_000, "exp": 1_120 }),
                "key".to_owned()
            )
        );
        key.key_id = Some("k2".into());
        let (header, ..) = read(&sign(&key, "c1", "https://as.example", "id-1", now, &Echo).unwrap());
        assert_eq!(header["kid"], "k2");
        assert!(!format!("{key:?}").contains("\"key\""), "{key:?}");
    }
}
