//! `private_key_jwt`: the client proves who it is by signing a statement about itself
//! ([RFC 7523 §2.2 and §3](https://www.rfc-editor.org/rfc/rfc7523#section-2.2),
//! [OpenID Connect Core §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::jws::{Algorithm, SignError, Signer, compact};
use crate::secret::{PrivateKey, serialize_exposed};
use crate::statement::{Expected, Statement, StatementError};

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
    /// `x5t#S256`: the SHA-256 thumbprint of its certificate in base64url, for servers that know keys by their certificates
    /// ([RFC 7515 §4.1.8](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.8)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
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
    let header = Header { typ: "JWT", kid: key.key_id.as_deref(), certificate: key.certificate.as_deref() };
    let claims = Claims { iss: client_id, sub: client_id, aud: audience, jti: id, iat, exp };
    compact(&header, &claims, &key.private, key.algorithm, signer)
}

/// What the statement's receiver allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Its names: the issuer identifier, and the endpoints that older clients name instead.
    pub audiences: &'a [&'a str],
    /// The algorithm that the client registered, if it did.
    pub algorithm: Option<Algorithm>,
    /// How far the clocks may be apart.
    pub leeway: Duration,
    /// How far the statement's end may lie ahead.
    pub max_lifetime: Duration,
}

/// Whether the statement is one of this client about itself, for this server and for now. Its signature, and whether it
/// was used before, are still to be looked at.
///
/// # Errors
/// [`StatementError`].
pub fn check(
    statement: &Statement<'_>,
    client_id: &str,
    limits: &Limits<'_>,
    now: SystemTime,
) -> Result<(), StatementError> {
    if statement.issuer != client_id {
        return Err(StatementError::Issuer);
    }
    if statement.subject != client_id {
        return Err(StatementError::Subject);
    }
    if limits.algorithm.is_some_and(|algorithm| algorithm != statement.algorithm) {
        return Err(StatementError::Algorithm);
    }
    if statement.id.is_none() {
        return Err(StatementError::NoId);
    }
    let expected = Expected {
        audiences: limits.audiences,
        types: &["", "JWT", "client-authentication+jwt"],
        leeway: limits.leeway,
        max_lifetime: limits.max_lifetime,
    };
    statement.check(&expected, now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jws::tests::{Echo, read};
    use crate::statement::tests::unsigned;

    #[test]
    fn the_client_is_issuer_and_subject_and_the_server_the_audience() {
        let mut key = ClientKey {
            private: PrivateKey::new("key"),
            algorithm: Algorithm::EdDsa,
            key_id: None,
            certificate: None,
        };
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

    #[test]
    fn what_a_client_says_of_itself_is_checked() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let limits = |algorithm| Limits {
            audiences: &["https://as.example"],
            algorithm,
            leeway: Duration::from_secs(10),
            max_lifetime: Duration::from_secs(600),
        };
        let key = ClientKey {
            private: PrivateKey::new("key"),
            algorithm: Algorithm::Es256,
            key_id: None,
            certificate: None,
        };
        let ours = sign(&key, "c1", "https://as.example", "id-1", now, &Echo).unwrap();
        let payload = |iss: &str, sub: &str| json!({ "iss": iss, "sub": sub, "aud": "https://as.example", "exp": 1_100, "jti": "j" });
        let head = json!({ "alg": "ES256" });
        let without_id = json!({ "iss": "c1", "sub": "c1", "aud": "https://as.example", "exp": 1_100 });
        for (text, algorithm, verdict) in [
            (ours.clone(), None, Ok(())),
            (ours.clone(), Some(Algorithm::Es256), Ok(())),
            (ours, Some(Algorithm::Rs256), Err(StatementError::Algorithm)),
            (unsigned(&head, &payload("c2", "c1")), None, Err(StatementError::Issuer)),
            (unsigned(&head, &payload("c1", "c2")), None, Err(StatementError::Subject)),
            (unsigned(&head, &without_id), None, Err(StatementError::NoId)),
            (
                unsigned(&json!({ "alg": "ES256", "typ": "at+jwt" }), &payload("c1", "c1")),
                None,
                Err(StatementError::Type),
            ),
        ] {
            let statement = Statement::read(&text).unwrap();
            assert_eq!(check(&statement, "c1", &limits(algorithm), now), verdict, "{text}");
        }
    }
}
