//! The authorization server: what is known about it, and the search for its metadata.

use serde::{Deserialize, Serialize};

use crate::metadata::well_known::Location;

/// What the login needs to know of an authorization server.
///
/// Endpoints are `https`, or `http` on this machine; without fragment and user information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServer {
    /// The issuer identifier, byte for byte as its document says and as it was looked up by. Without a document: the
    /// origin of the MCP server.
    pub issuer: String,
    /// Where the endpoints below come from.
    pub provenance: Provenance,
    /// Where the browser goes.
    pub authorization_endpoint: String,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: String,
    /// Where clients register.
    pub registration_endpoint: Option<String>,
    /// Where tokens are revoked.
    pub revocation_endpoint: Option<String>,
    /// `token_endpoint_auth_methods_supported`; `None` when it does not say.
    pub auth_methods: Option<Vec<String>>,
    /// `grant_types_supported`; `None` when it does not say.
    pub grant_types: Option<Vec<String>>,
    /// Whether `scopes_supported` has `offline_access`.
    pub offers_offline_access: bool,
    /// Whether every authorization response has to carry `iss`
    /// ([RFC 9207 §3](https://www.rfc-editor.org/rfc/rfc9207#section-3)).
    pub sends_iss: bool,
    /// Whether a client may be named by the URL of its document.
    pub accepts_client_documents: bool,
}

/// Where the endpoints of an authorization server come from; to be shown, because a guess explains many a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Provenance {
    /// Read from the document at this place.
    Discovered(Location),
    /// No document anywhere: the default paths of
    /// [revision 2025-03-26](https://modelcontextprotocol.io/specification/2025-03-26/basic/authorization#fallbacks-for-servers-without-metadata-discovery)
    /// at the origin of the MCP server.
    Assumed,
}

pub(super) struct ServerSearch {}
impl ServerSearch {
    pub(super) fn answered(self, _: super::Answer, _: std::time::SystemTime) -> super::Step {
        super::FlowError::NoCode.into()
    }
}
