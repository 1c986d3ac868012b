//! Who the client is towards one authorization server
//! ([Client Registration](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration)).

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::FlowError;
use super::error::shown;
use super::server::AuthorizationServer;
use super::settings::{ClientSettings, PreRegistered, Way};
use crate::client::ApplicationType;
use crate::client_assertion::ClientKey;
use crate::secret::{self, Assertion, ClientSecret};

/// A client identity; valid with its issuer and nowhere else
/// ([Authorization Server Binding](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#authorization-server-binding)).
///
/// Serialises with its secret: it belongs into an encrypted store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientIdentity {
    /// The issuer that knows it, byte for byte.
    pub issuer: String,
    /// `client_id`; empty when an assertion alone says who the client is.
    pub client_id: String,
    /// `client_secret`, unless it is public.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "secret::serialize_exposed_option"
    )]
    pub client_secret: Option<ClientSecret>,
    /// When the secret ends; `None` when never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_expires_at: Option<SystemTime>,
    /// The key it signs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ClientKey>,
    /// What it authenticates with in this login only.
    #[serde(skip)]
    pub assertion: Option<Assertion>,
    /// How it authenticates at the token endpoint.
    pub auth_method: AuthMethod,
    /// How it came to be.
    pub origin: IdentityOrigin,
    /// The redirect URI it was registered with; another one needs another registration.
    pub redirect_uri: String,
}

/// How an identity came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityOrigin {
    /// Somebody registered it by hand.
    PreRegistered,
    /// It is the URL of our client metadata document.
    Document,
    /// Registered dynamically (RFC 7591).
    Registered,
    /// Nobody knows it beforehand: what it presents says who it is.
    Assertion,
}

/// `token_endpoint_auth_method`, as far as this client knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: `client_id` in the body.
    None,
    /// HTTP Basic
    /// ([OAuth 2.1 §2.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4.1)).
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the body.
    ClientSecretPost,
    /// A signed statement in the body ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523)).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Reads the word; `None` for the methods this client does not do (`tls_client_auth`, …).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt]
            .into_iter()
            .find(|method| method.as_str() == word)
    }
}

impl ClientIdentity {
    /// A client without a secret.
    fn public(server: &AuthorizationServer, client_id: String, redirect_uri: &str) -> Self {
        Self {
            issuer: server.issuer.clone(),
            client_id,
            client_secret: None,
            secret_expires_at: None,
            key: None,
            assertion: None,
            auth_method: AuthMethod::None,
            origin: IdentityOrigin::Document,
            redirect_uri: redirect_uri.to_owned(),
        }
    }

    /// Whether a login at this issuer, with this redirect URI, can use it.
    #[must_use]
    pub fn is_usable(&self, issuer: &str, redirect_uri: &str, now: SystemTime) -> bool {
        let registered_here = self.origin != IdentityOrigin::Registered || self.redirect_uri == redirect_uri;
        let can_sign = self.auth_method != AuthMethod::PrivateKeyJwt || self.key.is_some();
        let good = self.secret_expires_at.is_none_or(|end| end > now);
        self.issuer == issuer && registered_here && can_sign && good
    }
}

/// How the client comes to an identity.
pub(super) enum Choice {
    /// It has one.
    Ready(ClientIdentity),
    /// It registers here, with this method.
    Register { endpoint: String, auth_method: AuthMethod },
}

/// Picks the identity, in the order of
/// [Client Registration](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration):
/// registered by hand, kept from an earlier login, our document, a new registration. Never one of another issuer.
pub(super) fn choose(
    settings: &ClientSettings,
    known: &[ClientIdentity],
    server: &AuthorizationServer,
    now: SystemTime,
) -> Result<Choice, FlowError> {
    // Whoever was registered for the one way is not for the other.
    let redirect_uri =
        if matches!(settings.way, Way::DeviceCode) { "" } else { settings.redirect_uri.as_str() };
    let by_issuer = || {
        let mut clients = settings.pre_registered_by_issuer.iter();
        clients.find(|client| client.issuer.as_deref() == Some(&server.issuer))
    };
    if let Some(client) = settings.pre_registered.as_ref().or_else(by_issuer) {
        return pre_registered(client, known, server, redirect_uri).map(Choice::Ready);
    }
    if matches!(settings.way, Way::JwtBearer { .. }) {
        return Ok(Choice::Ready(ClientIdentity {
            origin: IdentityOrigin::Assertion,
            ..ClientIdentity::public(server, String::new(), redirect_uri)
        }));
    }
    // A client that is there for itself has to be known (the extension has no registration for it).
    if matches!(settings.way, Way::ClientCredentials) {
        return Err(FlowError::NoClient { issuer: server.issuer.clone() });
    }
    // A document's URL is decided anew each time: it may have been switched off, or the server may have.
    let kept = known.iter().find(|identity| {
        matches!(identity.origin, IdentityOrigin::Registered | IdentityOrigin::PreRegistered)
            && identity.is_usable(&server.issuer, redirect_uri, now)
    });
    if let Some(identity) = kept {
        return Ok(Choice::Ready(identity.clone()));
    }
    if let Some(url) = settings.client_document_url.as_ref().filter(|_| server.accepts_client_documents) {
        return Ok(Choice::Ready(ClientIdentity {
            origin: IdentityOrigin::Document,
            ..ClientIdentity::public(server, url.clone(), redirect_uri)
        }));
    }
    match &server.registration_endpoint {
        // What is registered here is a client that users log in with.
        Some(endpoint) if matches!(settings.way, Way::AuthorizationCode | Way::DeviceCode) => {
            let auth_method = method_to_register(settings.application_type, server)?;
            Ok(Choice::Register { endpoint: endpoint.clone(), auth_method })
        }
        _ => Err(FlowError::NoClient { issuer: server.issuer.clone() }),
    }
}

/// A client registered by hand belongs to one issuer: the one it names, or the one it was first used with. With any
/// other, an error is better than silently being somebody else.
fn pre_registered(
    client: &PreRegistered,
    known: &[ClientIdentity],
    server: &AuthorizationServer,
    redirect_uri: &str,
) -> Result<ClientIdentity, FlowError> {
    let used_before = known.iter().filter(|identity| {
        identity.origin == IdentityOrigin::PreRegistered && identity.client_id == client.client_id
    });
    let bound: Vec<&str> = match &client.issuer {
        Some(issuer) => vec![issuer],
        None => used_before.map(|identity| identity.issuer.as_str()).collect(),
    };
    if !bound.is_empty() && !bound.contains(&server.issuer.as_str()) {
        return Err(FlowError::OtherIssuersClient {
            client_id: client.client_id.clone(),
            registered_with: bound.join(", "),
            found: server.issuer.clone(),
        });
    }
    client.identity(&server.issuer, &Supported::of(server), redirect_uri)
}

/// How an authorization server says that clients authenticate.
pub(super) struct Supported<'a> {
    pub(super) methods: Option<&'a Vec<String>>,
    pub(super) algorithms: Option<&'a Vec<String>>,
}

impl<'a> Supported<'a> {
    fn of(server: &'a AuthorizationServer) -> Self {
        Self { methods: server.auth_methods.as_ref(), algorithms: server.auth_algorithms.as_ref() }
    }

    /// Without a list the server knows `client_secret_basic`
    /// ([RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)).
    fn lists(&self, method: AuthMethod) -> bool {
        match self.methods {
            Some(methods) => methods.iter().any(|listed| listed == method.as_str()),
            None => method == AuthMethod::ClientSecretBasic,
        }
    }
}

impl PreRegistered {
    /// Who this client is at a server that knows it: what was registered decides how it authenticates, then what the
    /// client has, then what the server lists.
    pub(super) fn identity(
        &self,
        issuer: &str,
        server: &Supported<'_>,
        redirect_uri: &str,
    ) -> Result<ClientIdentity, FlowError> {
        let auth_method = match (self.auth_method, &self.client_secret) {
            (Some(method), _) => method,
            (None, _) if self.key.is_some() || self.assertion.is_some() => AuthMethod::PrivateKeyJwt,
            (None, None) => AuthMethod::None,
            // Basic has to work for whoever has a secret (OAuth 2.1 §2.4.1), so only a list that has post instead
            // decides otherwise.
            (None, Some(_))
                if !server.lists(AuthMethod::ClientSecretBasic)
                    && server.lists(AuthMethod::ClientSecretPost) =>
            {
                AuthMethod::ClientSecretPost
            }
            (None, Some(_)) => AuthMethod::ClientSecretBasic,
        };
        let lacks = |reason| Err(FlowError::Settings { reason });
        match auth_method {
            AuthMethod::PrivateKeyJwt if self.key.is_none() && self.assertion.is_none() => {
                return lacks("private_key_jwt needs a private key");
            }
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost if self.client_secret.is_none() => {
                return lacks("this way to authenticate needs a client_secret");
            }
            _ => {}
        }
        // A list that is not there says nothing about signatures: many servers that know them publish none.
        let no_shared = |offered: &[String]| {
            let offered = shown(&offered.join(", "));
            Err(FlowError::NoSharedAuthMethod { issuer: issuer.to_owned(), offered })
        };
        if let (AuthMethod::PrivateKeyJwt, Some(methods)) = (auth_method, server.methods)
            && !server.lists(auth_method)
        {
            return no_shared(methods);
        }
        if let (AuthMethod::PrivateKeyJwt, Some(key), Some(algorithms)) =
            (auth_method, &self.key, server.algorithms)
            && key.algorithm.is_in(server.algorithms) == Some(false)
        {
            return no_shared(algorithms);
        }
        Ok(ClientIdentity {
            issuer: issuer.to_owned(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            secret_expires_at: None,
            key: self.key.clone(),
            assertion: self.assertion.clone(),
            auth_method,
            origin: IdentityOrigin::PreRegistered,
            redirect_uri: redirect_uri.to_owned(),
        })
    }
}

/// The method to register with, out of what the server lists: on the user's machine no secret, because none would be
/// one there; elsewhere a secret. A server without metadata is of revision 2025-03-26, which recommends public clients.
fn method_to_register(
    application_type: ApplicationType,
    server: &AuthorizationServer,
) -> Result<AuthMethod, FlowError> {
    use AuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
    let preferred = match application_type {
        ApplicationType::Native => [Public, ClientSecretBasic, ClientSecretPost],
        ApplicationType::Web => [ClientSecretBasic, ClientSecretPost, Public],
    };
    if server.provenance == super::Provenance::Assumed {
        return Ok(preferred[0]);
    }
    let supported = Supported::of(server);
    preferred.into_iter().find(|method| supported.lists(*method)).ok_or_else(|| {
        FlowError::NoSharedAuthMethod {
            issuer: server.issuer.clone(),
            offered: shown(&server.auth_methods.clone().unwrap_or_default().join(", ")),
        }
    })
}
