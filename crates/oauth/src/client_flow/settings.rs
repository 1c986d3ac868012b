//! Who the client is, and how much it is willing to read.

use serde::{Deserialize, Serialize};

use super::identity::AuthMethod;
use crate::client::{ApplicationType, RedirectUri};
use crate::scope::ScopeSet;
use crate::secret::ClientSecret;

/// What the client says about itself to any authorization server.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// `client_name`, shown on the consent page.
    pub client_name: String,
    /// `client_uri`, a page about the client.
    pub client_uri: Option<String>,
    /// `logo_uri`.
    pub logo_uri: Option<String>,
    /// Where the browser comes back to.
    pub redirect_uri: RedirectUri,
    /// `native` on the user's machine (also a web page served from `localhost`), `web` elsewhere
    /// ([Application Type](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#application-type-and-redirect-uri-constraints)).
    pub application_type: ApplicationType,
    /// The client that somebody registered by hand for this MCP server.
    pub pre_registered: Option<PreRegistered>,
    /// The `https` URL of our client metadata document, if one is published.
    pub client_document_url: Option<String>,
    /// Scopes to ask for beside what the server names.
    pub extra_scopes: ScopeSet,
    /// Whether to ask for `offline_access` where the authorization server lists it
    /// ([Refresh Tokens](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#refresh-tokens)).
    pub offline_access: bool,
    /// How much is read and tried.
    pub limits: FlowLimits,
}

impl ClientSettings {
    /// A native client with this name and redirect URI and nothing else.
    #[must_use]
    pub fn native(client_name: impl Into<String>, redirect_uri: RedirectUri) -> Self {
        Self {
            client_name: client_name.into(),
            client_uri: None,
            logo_uri: None,
            redirect_uri,
            application_type: ApplicationType::Native,
            pre_registered: None,
            client_document_url: None,
            extra_scopes: ScopeSet::new(),
            offline_access: true,
            limits: FlowLimits::default(),
        }
    }
}

/// A client registered by hand
/// ([Pre-registration](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#pre-registration)).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreRegistered {
    /// Its identifier.
    pub client_id: String,
    /// Its secret, unless it is public.
    #[serde(default)]
    pub client_secret: Option<ClientSecret>,
    /// The issuer it was registered with, byte for byte. Without one it belongs to the first issuer it is used with.
    #[serde(default)]
    pub issuer: Option<String>,
    /// How it authenticates at the token endpoint; without it the server's metadata decides.
    #[serde(default)]
    pub auth_method: Option<AuthMethod>,
}

/// How much of a peer is read and how often something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlowLimits {
    /// Longest body of any answer, in bytes. A metadata document has some kilobytes.
    pub max_body: usize,
    /// Of a longer list of `authorization_servers` the rest is not tried.
    pub max_authorization_servers: usize,
    /// Of a longer `scopes_supported` the rest is not asked for; a URL has to hold them all.
    pub max_scopes: usize,
}

impl Default for FlowLimits {
    fn default() -> Self {
        Self { max_body: 256 * 1024, max_authorization_servers: 4, max_scopes: 64 }
    }
}
