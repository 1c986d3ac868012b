//! The result of a login, and what can be done with it: refresh and revoke.

use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::identity::ClientIdentity;
use super::server::AuthorizationServer;
use super::{Answer, FlowError};
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::{self, AccessToken, RefreshToken};

/// A login that succeeded.
///
/// Serialises with its secrets: it belongs into an encrypted store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The MCP endpoint it is for.
    pub endpoint: String,
    /// The resource the tokens are for.
    pub resource: Resource,
    /// The authorization server that issued them.
    pub server: AuthorizationServer,
    /// The client they were issued to; keep it by [`ClientIdentity::issuer`] for the next login.
    pub client: ClientIdentity,
    /// The tokens.
    pub tokens: Tokens,
    /// The scopes that were asked for.
    pub requested_scopes: ScopeSet,
    /// [`super::FlowLimits::max_body`] of the login.
    pub max_body: usize,
}

/// What the token endpoint gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// The access token.
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub access: AccessToken,
    /// When it ends; `None` when the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<SystemTime>,
    /// The refresh token, if there is one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "secret::serialize_exposed_option"
    )]
    pub refresh: Option<RefreshToken>,
    /// The scopes granted; those asked for when the answer does not say otherwise.
    pub scopes: ScopeSet,
}

/// What came of a refresh.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// There are new tokens; they replace the old ones in the store before they are used.
    Renewed(Box<LoggedIn>),
    /// The grant is over: forget the tokens and let the user log in again.
    LoginAgain(Box<FlowError>),
    /// It did not work this time; nothing is lost, keep everything.
    Keep(Box<FlowError>),
}

impl LoggedIn {
    /// The scopes that were asked for and not granted.
    #[must_use]
    pub fn refused_scopes(&self) -> ScopeSet {
        self.requested_scopes.difference(&self.tokens.scopes)
    }

    /// The request that redeems the refresh token; `None` when there is none.
    #[must_use]
    pub fn refresh_request(&self) -> Option<http::Request<Bytes>> {
        None
    }

    /// Decides what the answer to [`LoggedIn::refresh_request`] means.
    #[must_use]
    pub fn refreshed(&self, answer: Answer, now: SystemTime) -> Refreshed {
        let _ = (answer, now);
        Refreshed::Keep(Box::new(FlowError::StateMismatch))
    }

    /// The requests that revoke the refresh token and the access token, in this order
    /// ([RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1)); none when the server has no endpoint
    /// for it. Whatever comes back, the tokens are forgotten.
    #[must_use]
    pub fn revocation_requests(&self) -> Vec<http::Request<Bytes>> {
        Vec::new()
    }
}
