//! What the client was granted.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::identity::ClientIdentity;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::{AccessToken, RefreshToken, serialize_exposed, serialize_exposed_option};

/// The tokens of one grant. Serialising writes them; that is for an encrypted store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSet {
    /// Sent with every request to the resource.
    #[serde(serialize_with = "serialize_exposed")]
    pub access_token: AccessToken,
    /// Gets the next access token without the user; the server may give none.
    #[serde(default, serialize_with = "serialize_exposed_option")]
    pub refresh_token: Option<RefreshToken>,
    /// When the access token ends, if the server said so.
    pub expires_at: Option<SystemTime>,
    /// The scope that was granted.
    pub scope: ScopeSet,
}

impl TokenSet {
    /// Whether the access token has ended or will within `margin`. One without a stated end never has.
    #[must_use]
    pub fn expires_within(&self, margin: Duration, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|end| end <= now.checked_add(margin).unwrap_or(now))
    }
}

/// A grant: tokens, what they are for, and where they are renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who issued it; the tokens are never shown to anybody else.
    pub issuer: String,
    /// The resource the tokens are for, as the metadata wrote it; sent with each renewal.
    pub resource: Resource,
    /// Who we are at the issuer.
    pub client: ClientIdentity,
    /// Where tokens are renewed.
    pub token_endpoint: String,
    /// Where tokens are taken back, if there is such a place.
    pub revocation_endpoint: Option<String>,
    /// Every scope that was ever asked for in this grant's line; a step-up asks for these and the new ones
    /// ([MCP: Step-Up Authorization Flow](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#step-up-authorization-flow)).
    pub requested: ScopeSet,
    /// The tokens.
    pub tokens: TokenSet,
}
