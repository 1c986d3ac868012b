//! The authorization request: the URL that the user opens, and what has to be kept until the browser comes back.

use std::time::SystemTime;

use serde::{Deserialize, Serialize, Serializer};

use super::Judgement;
use super::identity::ClientIdentity;
use super::server::AuthorizationServer;
use crate::pkce::CodeVerifier;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::{self, State};

/// A URL for the user, and what to keep meanwhile.
#[derive(Debug, Clone)]
pub struct OpenBrowser {
    /// The authorization URL.
    pub url: String,
    /// To be kept by [`PendingAuthorization::state`] until the callback.
    pub pending: PendingAuthorization,
    /// What was made of the answer before.
    pub after: Option<Judgement>,
}

/// What belongs to one authorization request, until the browser comes back
/// ([Authorization Response Validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#authorization-response-validation)).
///
/// Serialises with its secrets: it belongs into an encrypted store. It is good for one callback; take it out of the
/// store before handing it the query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingAuthorization {
    /// Ties the callback to this request.
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub state: State,
    #[serde(serialize_with = "exposed_verifier")]
    pub(super) verifier: CodeVerifier,
    /// The MCP endpoint the login is for.
    pub endpoint: String,
    /// What the token will be for; byte-identical in every request.
    pub resource: Resource,
    /// Whom the answer has to come from.
    pub server: AuthorizationServer,
    /// Who asks.
    pub client: ClientIdentity,
    /// The redirect URI of the request.
    pub redirect_uri: String,
    /// The scopes asked for; empty when the parameter was left out.
    pub scopes: ScopeSet,
    /// When it was made; so that the host can drop old ones.
    pub started_at: SystemTime,
    /// [`super::FlowLimits::max_body`] of the login.
    pub max_body: usize,
}

fn exposed_verifier<S: Serializer>(verifier: &CodeVerifier, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verifier.expose())
}
