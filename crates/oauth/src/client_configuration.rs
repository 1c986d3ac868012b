//! What the client configuration endpoint decides ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)): a client that
//! registered itself reads, replaces or deletes its registration.
//!
//! Only a client that authenticates gets the token for that. Equal public clients are one client
//! ([`fingerprint`](crate::register::fingerprint)), whose registration no single one of them may change for the others:
//! with it goes where their users are sent back to.
//!
//! The token stays the same until the registration is replaced; then there is a new one, and the old one no longer counts.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::client::{Client, ClientAuthentication, Registration};
use crate::client_authentication::secret_digest;
use crate::register::{
    ClientMetadata, NewCredentials, Present, RegistrationError, RegistrationPolicy, describe, object,
};
use crate::secret::{self, ClientSecret, RegistrationAccessToken};

/// How our registration access tokens begin, so that they can be recognised in logs and by secret scanners.
pub const REGISTRATION_TOKEN_PREFIX: &str = "bwm_";

/// What a registration response says besides ([RFC 7592 §3](https://www.rfc-editor.org/rfc/rfc7592#section-3)).
#[derive(Debug, Clone, Serialize)]
pub struct Management {
    /// What the client shows there.
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub registration_access_token: RegistrationAccessToken,
    /// Where the registration is.
    pub registration_client_uri: String,
}

/// Whether a client manages its own registration.
#[must_use]
pub fn is_managed(client: &Client) -> bool {
    client.registration == Registration::Dynamic && !client.is_public()
}

/// Whether `presented` is the digest of the token that was kept, in the same time whatever of it is wrong.
#[must_use]
pub fn is_token(kept: Option<&[u8; 32]>, presented: &[u8; 32]) -> bool {
    let same = bool::from(kept.unwrap_or(&[0; 32]).ct_eq(presented));
    kept.is_some() && same
}

/// A registration that is to take the place of another one.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// The client as it is from now on, under the same identifier.
    pub client: Client,
    /// Its secret, if it has had none before.
    pub client_secret: Option<ClientSecret>,
    /// As sent, without effect.
    pub scope: Option<String>,
}

/// The members that only this request has
/// ([RFC 7592 §2.2](https://www.rfc-editor.org/rfc/rfc7592#section-2.2)).
#[derive(Deserialize)]
struct Known {
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<ClientSecret>,
    #[serde(default)]
    registration_access_token: Option<Present>,
    #[serde(default)]
    registration_client_uri: Option<Present>,
    #[serde(default)]
    client_secret_expires_at: Option<Present>,
    #[serde(default)]
    client_id_issued_at: Option<Present>,
}

/// Decides over the replacement of a registration: the request says all of it anew, and what it leaves out is as in a
/// registration that leaves it out. `fresh` becomes the secret of a client that has had none.
///
/// # Errors
/// [`RegistrationError`], for the reasons of a registration, and where somebody else's words are in it: another
/// identifier or secret, or what only the server says. A client that authenticates stays one: whoever got hold of its
/// token could otherwise make its refresh tokens good without its secret.
pub fn replace(
    current: &Client,
    body: &[u8],
    fresh: ClientSecret,
    policy: RegistrationPolicy,
) -> Result<Replacement, RegistrationError> {
    let (known, metadata): (Known, ClientMetadata) = (object(body)?, object(body)?);
    let ours = [
        known.registration_access_token,
        known.registration_client_uri,
        known.client_secret_expires_at,
        known.client_id_issued_at,
    ];
    if ours.iter().any(Option::is_some) {
        return Err(RegistrationError::Unsupported(
            "registration_access_token, registration_client_uri, client_secret_expires_at and client_id_issued_at \
             must not be in the request",
        ));
    }
    if known.client_id.as_deref() != Some(current.id.as_str()) {
        return Err(RegistrationError::Unsupported("client_id has to be the one of this client"));
    }
    if known.client_secret.is_some_and(|secret| !is_secret_of(current, &secret)) {
        return Err(RegistrationError::Unsupported(
            "client_secret has to be the one of this client, or absent; nobody chooses it",
        ));
    }
    let fresh = NewCredentials { client_id: current.id.clone(), client_secret: fresh };
    let (mut client, mut client_secret, scope) = describe(&metadata, fresh, policy)?;
    if client.is_public() {
        return Err(RegistrationError::Unsupported(
            "token_endpoint_auth_method cannot become none: a client that authenticates stays one",
        ));
    }
    if let (
        ClientAuthentication::Secret { sha256: kept, .. },
        ClientAuthentication::Secret { sha256: new, .. },
    ) = (&current.authentication, &mut client.authentication)
    {
        new.clone_from(kept);
        client_secret = None;
    }
    Ok(Replacement { client, client_secret, scope })
}

fn is_secret_of(client: &Client, secret: &ClientSecret) -> bool {
    match &client.authentication {
        ClientAuthentication::Secret { sha256, .. } => {
            bool::from(secret_digest(secret).as_bytes().ct_eq(sha256.as_bytes()))
        }
        ClientAuthentication::None | ClientAuthentication::PrivateKeyJwt { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::register::register;

    fn fresh(text: &str) -> NewCredentials {
        NewCredentials { client_id: "c".into(), client_secret: ClientSecret::new(text) }
    }

    fn registered(change: &Value) -> Client {
        let mut body = json!({ "redirect_uris": ["https://c.example/cb"] });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let policy = RegistrationPolicy::default();
        register(body.to_string().as_bytes(), fresh("first"), policy).unwrap().0
    }

    fn keys() -> Value {
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] })
    }

    #[test]
    fn a_registration_is_replaced_whole_and_the_secret_stays() {
        let current = registered(&json!({ "client_name": "Before", "client_uri": "https://c.example" }));
        let check = |change: Value, expected: Result<(), &str>| {
            let mut body = json!({ "client_id": "c", "redirect_uris": ["https://c.example/other"] });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let text = body.to_string();
            let policy = RegistrationPolicy::default();
            let replaced = replace(&current, text.as_bytes(), ClientSecret::new("second"), policy);
            let code = replaced.as_ref().map(drop).map_err(|error| error.response().error.to_string());
            assert_eq!(code.as_ref().map(|&()| ()).map_err(String::as_str), expected, "{body}");
            replaced.ok()
        };
        let replaced = check(json!({}), Ok(())).unwrap();
        assert_eq!(
            (&replaced.client.id, &replaced.client.name, &replaced.client.uri),
            (&current.id, &None, &None)
        );
        assert_eq!(replaced.client.redirect_uris[0].as_str(), "https://c.example/other");
        assert_eq!(replaced.client.authentication, current.authentication);
        assert_eq!(replaced.client_secret, None);
        check(json!({ "client_secret": "first" }), Ok(()));
        let metadata = Err("invalid_client_metadata");
        for change in [
            json!({ "client_id": null }),
            json!({ "client_id": "d" }),
            json!({ "client_secret": "second" }),
            json!({ "client_secret": "" }),
            json!({ "registration_access_token": "x" }),
            json!({ "registration_client_uri": "https://evil.example" }),
            json!({ "client_secret_expires_at": 0 }),
            json!({ "client_id_issued_at": 7 }),
            json!({ "token_endpoint_auth_method": "none" }),
            json!({ "grant_types": ["refresh_token"] }),
        ] {
            check(change, metadata);
        }
        check(json!({ "redirect_uris": [] }), Err("invalid_redirect_uri"));
        check(json!({ "redirect_uris": ["javascript:alert(1)"] }), Err("invalid_redirect_uri"));
    }

    #[test]
    fn a_client_may_change_how_it_authenticates_but_not_whether() {
        let secret = registered(&json!({}));
        let signing = registered(&json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys() }));
        let to = |current: &Client, change: Value| {
            let mut body = json!({ "client_id": "c", "redirect_uris": ["https://c.example/cb"] });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let text = body.to_string();
            let policy = RegistrationPolicy::default();
            let replaced = replace(current, text.as_bytes(), ClientSecret::new("second"), policy).unwrap();
            (replaced.client.authentication.method(), replaced.client_secret)
        };
        let sign = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys() });
        let post = json!({ "token_endpoint_auth_method": "client_secret_post" });
        assert_eq!(to(&secret, sign), ("private_key_jwt", None));
        assert_eq!(to(&secret, post), ("client_secret_post", None));
        assert_eq!(to(&signing, json!({})), ("client_secret_basic", Some(ClientSecret::new("second"))));
    }

    #[test]
    fn who_has_no_token_has_none() {
        for (kept, presented, expected) in [
            (Some([1; 32]), [1; 32], true),
            (Some([1; 32]), [2; 32], false),
            (None, [1; 32], false),
            (None, [0; 32], false),
        ] {
            assert_eq!(is_token(kept.as_ref(), &presented), expected, "{kept:?}");
        }
        assert!(is_managed(&registered(&json!({}))));
        assert!(!is_managed(&registered(&json!({ "token_endpoint_auth_method": "none" }))));
        assert!(!is_managed(&Client { registration: Registration::Preregistered, ..registered(&json!({})) }));
    }
}
