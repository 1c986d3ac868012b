//! What `POST /register` decides ([RFC 7591](https://datatracker.ietf.org/doc/html/rfc7591)).
//!
//! A client is not tied to the scope it registers with: `scope` is read past, and each authorization request says
//! anew what it asks for.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::client::{
    ApplicationType, Client, ClientAuthentication, ClientKeys, Demands, GrantType, RedirectKind, RedirectUri,
    RedirectUriError, Registration, SecretMethod, keys_url,
};
use crate::client_authentication::secret_digest;
use crate::client_configuration::Management;
use crate::error::{ErrorCode, ErrorResponse};
use crate::json;
use crate::jwk::{Jwk, JwkSet};
use crate::jws::Algorithm;
use crate::secret::{self, ClientSecret};
use crate::stranger::visible;

/// How many redirect URIs one client may have.
pub const MAX_REDIRECT_URIS: usize = 20;
/// How many keys one client may have in its metadata; more are at a `jwks_uri`.
pub const MAX_CLIENT_KEYS: usize = 8;
/// Longest accepted name, in characters.
pub const MAX_NAME: usize = 100;

/// What the operator allows beyond the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegistrationPolicy {
    /// Whether redirect URIs with a private-use scheme (`com.example.app:/callback`) are accepted. MCP demands
    /// `https` or loopback
    /// ([Communication Security](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#communication-security)).
    pub private_use_redirects: bool,
    /// For development: whether a `jwks_uri` may be plain `http` on this machine.
    pub keys_from_loopback: bool,
    /// Whether no tokens are bound to keys here, so that a client that insists on it would never get one.
    pub no_bound_tokens: bool,
}

/// A member whose value nobody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present;

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// Client metadata as a client sends it; a document under a client's own URL has the same fields
/// ([RFC 7591 §2](https://datatracker.ietf.org/doc/html/rfc7591#section-2)). Unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClientMetadata {
    /// In a document: the URL it is at.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Must not be in a document.
    #[serde(default)]
    pub client_secret: Option<Present>,
    /// Where answers may go.
    #[serde(default)]
    pub redirect_uris: Option<Vec<String>>,
    /// How it authenticates; `client_secret_basic` when absent.
    #[serde(default)]
    pub token_endpoint_auth_method: Option<String>,
    /// The algorithm of its signatures.
    #[serde(default)]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Its public keys.
    #[serde(default)]
    pub jwks: Option<JwkSet>,
    /// Where they are.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// What it wants to exchange; `authorization_code` when absent.
    #[serde(default)]
    pub grant_types: Option<Vec<String>>,
    /// `code` when absent.
    #[serde(default)]
    pub response_types: Option<Vec<String>>,
    /// Its name.
    #[serde(default)]
    pub client_name: Option<String>,
    /// Its home page.
    #[serde(default)]
    pub client_uri: Option<String>,
    /// `native` or `web`.
    #[serde(default)]
    pub application_type: Option<String>,
    /// Echoed, without effect.
    #[serde(default)]
    pub scope: Option<String>,
    /// See [`Demands`].
    #[serde(default)]
    pub dpop_bound_access_tokens: Option<bool>,
    /// See [`Demands`].
    #[serde(default)]
    pub require_pushed_authorization_requests: Option<bool>,
}

/// A registration response ([RFC 7591 §3.2.1](https://datatracker.ietf.org/doc/html/rfc7591#section-3.2.1)).
#[derive(Debug, Clone, Serialize)]
pub struct RegistrationResponse {
    /// The identifier.
    pub client_id: String,
    /// Seconds since 1970.
    pub client_id_issued_at: u64,
    /// The secret; here and never again.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret::serialize_exposed_option")]
    pub client_secret: Option<ClientSecret>,
    /// 0: it does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<u64>,
    /// As registered.
    pub redirect_uris: Vec<RedirectUri>,
    /// As registered: what of it is supported.
    pub grant_types: Vec<GrantType>,
    /// `code`; nothing for a client that nobody is sent back to.
    pub response_types: &'static [&'static str],
    /// As registered.
    pub token_endpoint_auth_method: &'static str,
    /// As registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<Algorithm>,
    /// As registered: what of it is known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// As registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// As registered, or what the redirect URIs imply.
    pub application_type: ApplicationType,
    /// As registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// As registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// As sent; the client may ask for other scopes too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// As registered; absent means no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// As registered; absent means no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    /// How it manages its registration, if it does.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub management: Option<Management>,
}

/// Why a client was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The body is not a JSON object with fields of the right types.
    #[error("the client metadata cannot be read: {0}")]
    Malformed(String),
    /// No redirect URI, or too many.
    #[error("redirect_uris has to have 1 to {MAX_REDIRECT_URIS} entries")]
    RedirectCount,
    /// One of them is not acceptable.
    #[error("redirect_uris[{index}] is not acceptable: {reason}")]
    Redirect {
        /// Which one.
        index: usize,
        /// Why.
        reason: RedirectUriError,
    },
    /// A private-use scheme, which this server does not accept.
    #[error("redirect_uris[{index}] has a private-use scheme; this server accepts https and loopback http")]
    PrivateUse {
        /// Which one.
        index: usize,
    },
    /// `application_type` is `web` and a redirect URI is not `https`.
    #[error(
        "redirect_uris[{index}] is not https, which application_type=web demands; \
         an application on the user's machine registers with application_type=native"
    )]
    WebRedirect {
        /// Which one.
        index: usize,
    },
    /// More keys than anybody signs with.
    #[error("jwks has more than {MAX_CLIENT_KEYS} keys for signatures; a jwks_uri may have more")]
    TooManyKeys,
    /// A field has a value that is not supported.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl RegistrationError {
    /// The JSON body ([RFC 7591 §3.2.2](https://datatracker.ietf.org/doc/html/rfc7591#section-3.2.2)).
    #[must_use]
    pub fn response(&self) -> ErrorResponse {
        let code = match self {
            Self::RedirectCount
            | Self::Redirect { .. }
            | Self::PrivateUse { .. }
            | Self::WebRedirect { .. } => ErrorCode::InvalidRedirectUri,
            Self::Malformed(_) | Self::TooManyKeys | Self::Unsupported(_) => ErrorCode::InvalidClientMetadata,
        };
        ErrorResponse::new(code, self.to_string())
    }
}

/// The identifier and the secret a new client would get; random, made by the caller.
#[derive(Debug, Clone)]
pub struct NewCredentials {
    /// Its identifier.
    pub client_id: String,
    /// Its secret, used only if the client wants one.
    pub client_secret: ClientSecret,
}

/// Decides over a registration.
///
/// # Errors
/// [`RegistrationError`].
pub fn register(
    body: &[u8],
    fresh: NewCredentials,
    policy: RegistrationPolicy,
) -> Result<(Client, Option<ClientSecret>, Option<String>), RegistrationError> {
    describe(&object(body)?, fresh, policy)
}

/// Reads an object.
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, RegistrationError> {
    json::object(body).map_err(|error| RegistrationError::Malformed(error.to_string()))
}

/// The client that this metadata describe, its secret if it has one, and the scope as it was sent.
pub(crate) fn describe(
    metadata: &ClientMetadata,
    fresh: NewCredentials,
    policy: RegistrationPolicy,
) -> Result<(Client, Option<ClientSecret>, Option<String>), RegistrationError> {
    let scope = metadata.scope.clone().filter(|scope| scope.len() <= 1000);
    let mut client = read_metadata(metadata, policy)?;
    client.id = fresh.client_id;
    client.registration = Registration::Dynamic;
    let method = match metadata.token_endpoint_auth_method.as_deref() {
        Some("none") => return Ok((settled(client)?, None, scope)),
        Some("private_key_jwt") => {
            client.authentication = private_key_jwt(metadata, policy)?;
            return Ok((settled(client)?, None, scope));
        }
        Some("client_secret_basic") | None => SecretMethod::ClientSecretBasic,
        Some("client_secret_post") => SecretMethod::ClientSecretPost,
        Some(_) => {
            return Err(RegistrationError::Unsupported(
                "token_endpoint_auth_method has to be none, client_secret_basic, client_secret_post or private_key_jwt",
            ));
        }
    };
    client.authentication =
        ClientAuthentication::Secret { sha256: secret_digest(&fresh.client_secret), method };
    Ok((settled(client)?, Some(fresh.client_secret), scope))
}

/// The client with the grant types that it can use. What it gets for itself, or for another's token, only a client gets that
/// proves who it is ([RFC 6749 §4.4](https://datatracker.ietf.org/doc/html/rfc6749#section-4.4)).
pub(crate) fn settled(mut client: Client) -> Result<Client, RegistrationError> {
    if client.is_public() {
        let proven = [GrantType::ClientCredentials, GrantType::TokenExchange];
        client.grant_types.retain(|grant| !proven.contains(grant));
    }
    if client.grant_types.iter().all(|grant| *grant == GrantType::RefreshToken) {
        return Err(RegistrationError::Unsupported(
            "grant_types has to include authorization_code, urn:ietf:params:oauth:grant-type:device_code, or \
             client_credentials for a client that authenticates",
        ));
    }
    Ok(client)
}

/// How a client authenticates that signs: with keys here or at a URL, not both
/// ([RFC 7591 §2](https://datatracker.ietf.org/doc/html/rfc7591#section-2)).
pub(crate) fn private_key_jwt(
    metadata: &ClientMetadata,
    policy: RegistrationPolicy,
) -> Result<ClientAuthentication, RegistrationError> {
    let algorithm = match metadata.token_endpoint_auth_signing_alg.as_deref() {
        None => None,
        Some(word) => Some(Algorithm::from_word(word).ok_or(RegistrationError::Unsupported(
            "token_endpoint_auth_signing_alg is not one that this server accepts",
        ))?),
    };
    let keys = match (&metadata.jwks, &metadata.jwks_uri) {
        (Some(set), None) => {
            let usable = |key: &&Jwk| key.is_for_signatures() && key.algorithms().next().is_some();
            let keys: Vec<Jwk> = set.keys.iter().filter(usable).cloned().collect();
            if keys.is_empty() {
                return Err(RegistrationError::Unsupported(
                    "jwks has no key for signatures that this server knows (EC P-256 or P-384, Ed25519, RSA)",
                ));
            }
            if keys.len() > MAX_CLIENT_KEYS {
                return Err(RegistrationError::TooManyKeys);
            }
            ClientKeys::Jwks(JwkSet { keys })
        }
        (None, Some(url)) => {
            if keys_url(url, policy.keys_from_loopback).is_none() {
                return Err(RegistrationError::Unsupported("jwks_uri has to be an https URL"));
            }
            ClientKeys::JwksUri(url.clone())
        }
        _ => {
            return Err(RegistrationError::Unsupported(
                "private_key_jwt needs jwks or jwks_uri, and not both",
            ));
        }
    };
    Ok(ClientAuthentication::PrivateKeyJwt { keys, algorithm })
}

/// The parts that a registration and a client's own document share. Identifier and authentication are the caller's.
pub(crate) fn read_metadata(
    metadata: &ClientMetadata,
    policy: RegistrationPolicy,
) -> Result<Client, RegistrationError> {
    let grant_types = grant_types(metadata.grant_types.as_deref());
    let redirects = grant_types.contains(&GrantType::AuthorizationCode);
    let redirect_uris =
        redirect_uris(metadata.redirect_uris.as_deref().unwrap_or_default(), redirects, policy)?;
    let all_https = redirect_uris.iter().position(|uri| uri.kind() != RedirectKind::Https);
    let application_type = match (metadata.application_type.as_deref(), all_https) {
        (Some("web"), Some(index)) => return Err(RegistrationError::WebRedirect { index }),
        (Some("web"), None) | (None, None) => ApplicationType::Web,
        // OpenID Connect lets an absent type mean `web`; a client that never heard of it is what its URIs say it is.
        (Some("native"), _) | (None, Some(_)) => ApplicationType::Native,
        (Some(_), _) => {
            return Err(RegistrationError::Unsupported("application_type has to be native or web"));
        }
    };
    if redirects
        && metadata.response_types.as_ref().is_some_and(|types| !types.iter().any(|word| word == "code"))
    {
        return Err(RegistrationError::Unsupported("response_types has to include code"));
    }
    if policy.no_bound_tokens && metadata.dpop_bound_access_tokens == Some(true) {
        return Err(RegistrationError::Unsupported(
            "this server binds no tokens to keys (DPoP is off), so dpop_bound_access_tokens cannot be had",
        ));
    }
    Ok(Client {
        id: String::new(),
        registration: Registration::Dynamic,
        name: metadata
            .client_name
            .as_deref()
            .map(|name| visible(name, MAX_NAME))
            .filter(|name| !name.is_empty()),
        uri: metadata.client_uri.as_deref().filter(|uri| is_web_page(uri)).map(str::to_owned),
        redirect_uris,
        grant_types,
        application_type,
        authentication: ClientAuthentication::None,
        demands: Demands {
            dpop_bound_access_tokens: metadata.dpop_bound_access_tokens == Some(true),
            require_pushed_authorization_requests: metadata.require_pushed_authorization_requests
                == Some(true),
        },
    })
}

/// The redirect URIs; a client whose grant types send nobody back needs none.
fn redirect_uris(
    texts: &[String],
    needed: bool,
    policy: RegistrationPolicy,
) -> Result<Vec<RedirectUri>, RegistrationError> {
    if (needed && texts.is_empty()) || texts.len() > MAX_REDIRECT_URIS {
        return Err(RegistrationError::RedirectCount);
    }
    let mut uris = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let uri = RedirectUri::parse(text).map_err(|reason| RegistrationError::Redirect { index, reason })?;
        if uri.kind() == RedirectKind::PrivateUse && !policy.private_use_redirects {
            return Err(RegistrationError::PrivateUse { index });
        }
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

/// What of the wanted grant types is supported; RFC 7591 lets a server register less and say so. Whether a client may
/// use one is another question.
fn grant_types(wanted: Option<&[String]>) -> Vec<GrantType> {
    let Some(wanted) = wanted else { return vec![GrantType::AuthorizationCode] };
    let has = |grant: &GrantType| wanted.iter().any(|word| word == grant.as_str());
    GrantType::ALL.into_iter().filter(has).collect()
}

fn is_web_page(uri: &str) -> bool {
    uri.len() <= 2048 && Url::parse(uri).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// A text that is equal for public clients that registered the same, so that they can be one client.
/// `None` for confidential ones: each has its own secret, or its own keys.
#[must_use]
pub fn fingerprint(client: &Client) -> Option<String> {
    let mut uris: Vec<_> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
    uris.sort_unstable();
    let what =
        (&client.name, &client.uri, uris, &client.grant_types, client.application_type, client.demands);
    client
        .is_public()
        .then(|| serde_json::to_string(&what).unwrap_or_default())
        .filter(|text| !text.is_empty())
}

/// What the client is told.
#[must_use]
pub fn response(
    client: &Client,
    issued_at: u64,
    secret: Option<ClientSecret>,
    scope: Option<String>,
    management: Option<Management>,
) -> RegistrationResponse {
    let (jwks, jwks_uri, algorithm) = match client.authentication.clone() {
        ClientAuthentication::PrivateKeyJwt { keys: ClientKeys::Jwks(set), algorithm } => {
            (Some(set), None, algorithm)
        }
        ClientAuthentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(url), algorithm } => {
            (None, Some(url), algorithm)
        }
        ClientAuthentication::None | ClientAuthentication::Secret { .. } => (None, None, None),
    };
    RegistrationResponse {
        client_id: client.id.clone(),
        client_id_issued_at: issued_at,
        client_secret_expires_at: secret.as_ref().map(|_| 0),
        client_secret: secret,
        redirect_uris: client.redirect_uris.clone(),
        grant_types: client.grant_types.clone(),
        response_types: if client.grant_types.contains(&GrantType::AuthorizationCode) {
            &["code"]
        } else {
            &[]
        },
        token_endpoint_auth_method: client.authentication.method(),
        token_endpoint_auth_signing_alg: algorithm,
        jwks,
        jwks_uri,
        application_type: client.application_type,
        client_name: client.name.clone(),
        client_uri: client.uri.clone(),
        scope,
        dpop_bound_access_tokens: client.demands.dpop_bound_access_tokens,
        require_pushed_authorization_requests: client.demands.require_pushed_authorization_requests,
        management,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn register_json(body: &Value, policy: RegistrationPolicy) -> Result<Value, RegistrationError> {
        let fresh = NewCredentials { client_id: "id".into(), client_secret: ClientSecret::new("secret") };
        register(body.to_string().as_bytes(), fresh, policy).map(|(client, secret, scope)| {
            serde_json::to_value(response(&client, 7, secret, scope, None)).unwrap()
        })
    }

    #[test]
    fn a_native_public_client() {
        let body = json!({
            "client_name": "  An\u{202E} app\n", "redirect_uris": ["http://localhost:5173/callback"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"], "response_types": ["code"],
            "token_endpoint_auth_method": "none", "application_type": "native", "scope": "posts:read",
            "client_uri": "javascript:alert(1)", "unknown": {"x": 1}
        });
        assert_eq!(
            register_json(&body, RegistrationPolicy::default()).unwrap(),
            json!({
                "client_id": "id", "client_id_issued_at": 7, "redirect_uris": ["http://localhost:5173/callback"],
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
                "token_endpoint_auth_method": "none", "application_type": "native", "client_name": "An app",
                "scope": "posts:read"
            })
        );
    }

    #[test]
    fn absent_fields_have_the_defaults_of_the_rfc() {
        let body = json!({ "redirect_uris": ["https://c.example/cb"] });
        let answer = register_json(&body, RegistrationPolicy::default()).unwrap();
        assert_eq!(answer["token_endpoint_auth_method"], "client_secret_basic");
        assert_eq!(answer["grant_types"], json!(["authorization_code"]));
        assert_eq!(answer["client_secret"], "secret");
        assert_eq!(answer["client_secret_expires_at"], 0);
        assert_eq!(answer["application_type"], "web");
    }

    #[test]
    fn a_client_that_signs_and_redirects_nobody() {
        let keys = json!({ "keys": [{ "kid": "a", "kty": "EC", "crv": "P-256", "x": "x", "y": "y" }] });
        let mut body = json!({
            "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt", "jwks": keys,
            "token_endpoint_auth_signing_alg": "ES256"
        });
        let answer = register_json(&body, RegistrationPolicy::default()).unwrap();
        assert_eq!(
            answer,
            json!({
                "client_id": "id", "client_id_issued_at": 7, "redirect_uris": [],
                "grant_types": ["client_credentials"], "response_types": [],
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": "ES256", "jwks": keys, "application_type": "web"
            })
        );
        body["token_endpoint_auth_method"] = json!("client_secret_post");
        assert_eq!(register_json(&body, RegistrationPolicy::default()).unwrap()["client_secret"], "secret");
        body["token_endpoint_auth_method"] = json!("none");
        assert!(register_json(&body, RegistrationPolicy::default()).is_err());
    }

    #[test]
    fn what_is_refused_and_how() {
        let check = |change: Value, expected: Option<&str>| {
            let mut body =
                json!({ "redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "none" });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let refused = register_json(&body, RegistrationPolicy::default()).err();
            let code = refused.map(|error| error.response().error);
            assert_eq!(code.as_ref().map(ErrorCode::as_str), expected, "{body}");
        };
        check(json!({}), None);
        check(json!({ "application_type": "native" }), None);
        check(json!({ "application_type": "web" }), Some("invalid_redirect_uri"));
        check(json!({ "application_type": "web", "redirect_uris": ["https://c.example/cb"] }), None);
        check(json!({ "application_type": "native", "redirect_uris": ["https://c.example/cb"] }), None);
        check(json!({ "application_type": "toaster" }), Some("invalid_client_metadata"));
        check(json!({ "redirect_uris": [] }), Some("invalid_redirect_uri"));
        check(json!({ "redirect_uris": null }), Some("invalid_redirect_uri"));
        check(json!({ "redirect_uris": vec!["https://c.example/cb"; 21] }), Some("invalid_redirect_uri"));
        check(json!({ "redirect_uris": ["http://c.example/cb"] }), Some("invalid_redirect_uri"));
        check(json!({ "redirect_uris": ["https://c.example/cb#f"] }), Some("invalid_redirect_uri"));
        check(
            json!({ "redirect_uris": ["https://c.example/cb", "javascript:x"] }),
            Some("invalid_redirect_uri"),
        );
        check(json!({ "redirect_uris": ["cursor://cb"] }), Some("invalid_redirect_uri"));
        check(json!({ "redirect_uris": "https://c.example/cb" }), Some("invalid_client_metadata"));
        check(json!({ "redirect_uris": [7] }), Some("invalid_client_metadata"));
        check(json!({ "grant_types": ["refresh_token"] }), Some("invalid_client_metadata"));
        check(json!({ "response_types": ["token"] }), Some("invalid_client_metadata"));
        check(json!({ "token_endpoint_auth_method": "private_key_jwt" }), Some("invalid_client_metadata"));
        check(json!({ "grant_types": ["client_credentials"] }), Some("invalid_client_metadata"));
        let policy = RegistrationPolicy { private_use_redirects: true, ..RegistrationPolicy::default() };
        assert!(register_json(&json!({ "redirect_uris": ["cursor://cb"] }), policy).is_ok());
        assert!(register_json(&json!([]), policy).is_err());
        let policy = RegistrationPolicy { no_bound_tokens: true, ..RegistrationPolicy::default() };
        for (wanted, refused) in [(json!(true), true), (json!(false), false), (json!(null), false)] {
            let body = json!({
                "redirect_uris": ["https://c.example/cb"], "dpop_bound_access_tokens": wanted
            });
            assert_eq!(register_json(&body, policy).is_err(), refused, "{wanted}");
            assert!(register_json(&body, RegistrationPolicy::default()).is_ok());
        }
    }

    #[test]
    fn equal_public_registrations_have_one_fingerprint() {
        let client = |body: Value| {
            let fresh = NewCredentials { client_id: "id".into(), client_secret: ClientSecret::new("secret") };
            register(body.to_string().as_bytes(), fresh, RegistrationPolicy::default()).unwrap().0
        };
        let public = |uris: Value, name: &str| {
            client(
                json!({ "redirect_uris": uris, "client_name": name, "token_endpoint_auth_method": "none" }),
            )
        };
        let one = public(json!(["https://a.example/", "https://b.example/"]), "x");
        let same = public(json!(["https://b.example/", "https://a.example/"]), "x");
        let other = public(json!(["https://b.example/", "https://a.example/"]), "y");
        assert_eq!(fingerprint(&one), fingerprint(&same));
        assert_ne!(fingerprint(&one), fingerprint(&other));
        assert_eq!(fingerprint(&client(json!({ "redirect_uris": ["https://a.example/"] }))), None);
    }
}
