//! Who the client is towards one authorization server
//! ([Client Registration](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration)).

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::secret::{self, ClientSecret};

/// A client identity; valid with its issuer and nowhere else
/// ([Authorization Server Binding](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#authorization-server-binding)).
///
/// Serialises with its secret: it belongs into an encrypted store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientIdentity {
    /// The issuer that knows it, byte for byte.
    pub issuer: String,
    /// `client_id`.
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
}

/// `token_endpoint_auth_method`, as far as this client knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: `client_id` in the body.
    None,
    /// HTTP Basic
    /// ([OAuth 2.1 §2.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4.1)).
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the body.
    ClientSecretPost,
}

impl AuthMethod {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }
}

pub(super) struct Registering {}
impl Registering {
    pub(super) fn answered(self, _: super::Answer, _: std::time::SystemTime) -> super::Step {
        super::FlowError::NoCode.into()
    }
}
