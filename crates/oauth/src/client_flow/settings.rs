//! Who the client is, and how much it is willing to read.

use serde::{Deserialize, Serialize};

use super::enterprise::IdentityProvider;
use super::identity::AuthMethod;
use crate::client::{ApplicationType, RedirectUri};
use crate::client_assertion::ClientKey;
use crate::scope::ScopeSet;
use crate::secret::{Assertion, ClientSecret};

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
    /// The client that somebody registered by hand for this MCP server. With any other issuer than its own, the login
    /// ends in an error rather than as somebody else.
    pub pre_registered: Option<PreRegistered>,
    /// Clients that somebody registered by hand, each for the issuer that it names; one is used where its issuer is.
    pub pre_registered_by_issuer: Vec<PreRegistered>,
    /// The `https` URL of our client metadata document, if one is published.
    pub client_document_url: Option<String>,
    /// Scopes to ask for beside what the server names.
    pub extra_scopes: ScopeSet,
    /// Whether to ask for `offline_access` where the authorization server lists it
    /// ([Refresh Tokens](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#refresh-tokens)).
    pub offline_access: bool,
    /// How the client comes to a token.
    pub way: Way,
    /// Whether tokens are bound to a key of ours.
    pub dpop: DpopUse,
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
            pre_registered_by_issuer: Vec::new(),
            client_document_url: None,
            extra_scopes: ScopeSet::new(),
            offline_access: true,
            way: Way::AuthorizationCode,
            dpop: DpopUse::default(),
            limits: FlowLimits::default(),
        }
    }

    /// Whether the client that is used at this issuer was registered for it by name.
    pub(super) fn names_issuer(&self, issuer: &str) -> bool {
        let names = |client: &PreRegistered| client.issuer.as_deref() == Some(issuer);
        match &self.pre_registered {
            Some(client) => names(client),
            None => self.pre_registered_by_issuer.iter().any(names),
        }
    }
}

/// How the client comes to a token. All but the first two need no user.
#[derive(Debug, Clone)]
pub enum Way {
    /// The user logs in and consents.
    AuthorizationCode,
    /// The user logs in and consents in a browser elsewhere
    /// ([RFC 8628](https://datatracker.ietf.org/doc/html/rfc8628)).
    DeviceCode,
    /// The client is there for itself
    /// ([OAuth Client Credentials](https://modelcontextprotocol.io/extensions/auth/oauth-client-credentials)).
    ClientCredentials,
    /// The platform that the client runs on says who it is: workload identity federation
    /// ([RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).
    JwtBearer {
        /// What the platform says.
        assertion: Assertion,
        /// The issuer that may have it, byte for byte. Without one, what the platform says has to be a JWT for the issuer
        /// that the server names.
        issuer: Option<String>,
    },
    /// The user's organisation decides, at its identity provider
    /// ([Enterprise-Managed Authorization](https://modelcontextprotocol.io/extensions/auth/enterprise-managed-authorization)).
    Enterprise(Box<IdentityProvider>),
}

/// Whether tokens are bound to a key of ours, so that nobody else can use them
/// ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DpopUse {
    /// Never.
    Never,
    /// Where the resource asks for it, or offers it and the authorization server does too. What an application wants.
    #[default]
    WhenOffered,
    /// Always; a token that is not bound is refused.
    Always,
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
    /// Its private key, when it authenticates by signatures.
    #[serde(default)]
    pub key: Option<ClientKey>,
    /// A statement of somebody else that authenticates it in place of a secret or key: a workload's token
    /// ([RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)). It ends soon and is never kept. Without
    /// `issuer`, it has to be a JWT for the issuer that the server names.
    #[serde(skip)]
    pub assertion: Option<Assertion>,
    /// The issuer it was registered with, byte for byte. Without one it belongs to the first issuer it is used with.
    #[serde(default)]
    pub issuer: Option<String>,
    /// How it authenticates at the token endpoint; without it the server's metadata decides.
    #[serde(default)]
    pub auth_method: Option<AuthMethod>,
}

impl PreRegistered {
    /// A public client with this identifier and nothing else.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: None,
            key: None,
            assertion: None,
            issuer: None,
            auth_method: None,
        }
    }
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
