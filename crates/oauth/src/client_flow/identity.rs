//! Who the client is at one issuer.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::secret::{ClientSecret, serialize_exposed_option};

/// A client id and how it authenticates, valid at one issuer only: a client id means nothing to another one
/// ([MCP: Authorization Server Binding](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#authorization-server-binding)).
///
/// Serialising one writes its secret; that is for an encrypted store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientIdentity {
    /// The issuer that knows it.
    pub issuer: String,
    /// The id; a URL when it is a client document.
    pub client_id: String,
    /// The secret, if it has one.
    #[serde(default, serialize_with = "serialize_exposed_option")]
    pub client_secret: Option<ClientSecret>,
    /// How it authenticates at the token endpoint.
    pub auth_method: AuthMethod,
    /// How the client came to it.
    pub origin: IdentityOrigin,
    /// The redirect URI it was registered with; another one needs another registration.
    pub redirect_uri: Option<String>,
    /// When the secret stops to work, if ever (RFC 7591 `client_secret_expires_at`).
    pub expires_at: Option<SystemTime>,
}

impl ClientIdentity {
    /// Whether it can still be used for a login with this redirect URI.
    #[must_use]
    pub fn is_usable(&self, redirect_uri: &str, now: SystemTime) -> bool {
        self.expires_at.is_none_or(|end| end > now)
            && self.redirect_uri.as_deref().is_none_or(|registered| registered == redirect_uri)
    }
}

/// How a client authenticates at the token endpoint
/// ([OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthMethod {
    /// A public client: its id in the body, nothing else.
    #[serde(rename = "none")]
    None,
    /// Id and secret in the `Authorization` header.
    #[serde(rename = "client_secret_basic")]
    Basic,
    /// Id and secret in the body.
    #[serde(rename = "client_secret_post")]
    Post,
}

impl AuthMethod {
    /// The word in metadata and registrations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// Reads the word; `None` for the methods this client does not do (`private_key_jwt`, …).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Basic, Self::Post].into_iter().find(|method| method.as_str() == word)
    }
}

/// How a client came to its id, in the order of preference
/// ([MCP: Client Registration](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityOrigin {
    /// Configured by hand.
    PreRegistered,
    /// The id is the URL of a client document.
    ClientDocument,
    /// Dynamic client registration (RFC 7591).
    Dynamic,
}
