//! What the client was granted, and what can be done with it: renew and give back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::identity::ClientIdentity;
use super::{Answer, FlowError, token};
use crate::error::ErrorCode;
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
    /// How long it was good when it was issued, if the server said so.
    #[serde(default)]
    pub lifetime: Option<Duration>,
    /// The scope that was granted: what was asked for when the server does not say otherwise.
    pub scope: ScopeSet,
}

impl TokenSet {
    /// Whether the access token has ended or will within `margin`. One without a stated end never has. Of a token that
    /// lives shorter than the margin, the last fifth counts: it would else be renewed before each use.
    #[must_use]
    pub fn expires_within(&self, margin: Duration, now: SystemTime) -> bool {
        let margin = self.lifetime.map_or(margin, |lifetime| margin.min(lifetime / 5));
        self.expires_at.is_some_and(|end| end <= now.checked_add(margin).unwrap_or(now))
    }
}

/// What came of a renewal.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// There are new tokens; store them before they are used, the old refresh token may be worthless already.
    Renewed(Box<Grant>),
    /// The grant is over: forget it and let the user log in again. When [`FlowError::forgets_client`] says so, the
    /// client's identity is worthless too.
    LoginAgain(Box<FlowError>),
    /// It did not work this time, and nothing is lost: keep everything.
    Keep(Box<FlowError>),
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

impl Grant {
    /// The scopes that were asked for and not granted.
    #[must_use]
    pub fn refused_scopes(&self) -> ScopeSet {
        self.requested.difference(&self.tokens.scope)
    }

    /// The request that renews the tokens; `None` when there is no refresh token
    /// ([OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1)).
    ///
    /// Without `scope`, so that the new token keeps all of the grant's.
    #[must_use]
    pub fn refresh_request(&self) -> Option<http::Request<Bytes>> {
        let refresh = self.tokens.refresh_token.as_ref()?;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("resource", self.resource.as_str()),
        ];
        token::post(&self.token_endpoint, &self.client, &form).ok()
    }

    /// Decides what the answer to [`Grant::refresh_request`] means. `max_body` is [`super::FlowLimits::max_body`].
    ///
    /// Only an answer that says that grant or client are dead ends the grant; a server in trouble, a proxy's error
    /// page or a lost connection must not log the user out.
    #[must_use]
    pub fn refreshed(&self, answer: &Answer, now: SystemTime, max_body: usize) -> Refreshed {
        let read = token::Reading {
            issuer: &self.issuer,
            client_id: &self.client.client_id,
            requested: &self.tokens.scope,
            max_body,
        };
        match read.tokens(answer, now) {
            Ok(mut tokens) => {
                // A server may go on with the same refresh token, and then says nothing (OAuth 2.1 §4.3.2).
                tokens.refresh_token = tokens.refresh_token.or_else(|| self.tokens.refresh_token.clone());
                Refreshed::Renewed(Box::new(Self { tokens, ..self.clone() }))
            }
            Err(error) => match error {
                FlowError::GrantRefused { .. } | FlowError::ClientRefused { .. } => {
                    Refreshed::LoginAgain(Box::new(error))
                }
                FlowError::TokenRefused { ref refusal, .. }
                    if refusal.code() == Some(&ErrorCode::UnsupportedGrantType) =>
                {
                    Refreshed::LoginAgain(Box::new(error))
                }
                other => Refreshed::Keep(Box::new(other)),
            },
        }
    }

    /// The requests that give the refresh token and the access token back, in this order
    /// ([RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1)); none when the server has no endpoint
    /// for it. Whatever comes back, the client forgets the tokens.
    #[must_use]
    pub fn revocation_requests(&self) -> Vec<http::Request<Bytes>> {
        let Some(endpoint) = &self.revocation_endpoint else { return Vec::new() };
        let refresh = self.tokens.refresh_token.as_ref().map(|token| (token.expose(), "refresh_token"));
        let access = (self.tokens.access_token.expose(), "access_token");
        refresh
            .into_iter()
            .chain([access])
            .filter_map(|(token, hint)| {
                let form = [("token", token), ("token_type_hint", hint)];
                token::post(endpoint, &self.client, &form).ok()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends_and_not_before_each_use() {
        let issued = SystemTime::UNIX_EPOCH;
        for (lifetime, passed, due) in
            [(900, 860, false), (900, 871, true), (6, 0, false), (6, 4, false), (6, 5, true), (6, 7, true)]
        {
            let lifetime = Duration::from_secs(lifetime);
            let tokens = TokenSet {
                access_token: AccessToken::new("token"),
                refresh_token: None,
                expires_at: Some(issued + lifetime),
                lifetime: Some(lifetime),
                scope: ScopeSet::new(),
            };
            let now = issued + Duration::from_secs(passed);
            assert_eq!(
                tokens.expires_within(Duration::from_secs(30), now),
                due,
                "{lifetime:?} after {passed} s"
            );
        }
    }
}
