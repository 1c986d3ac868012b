//! What the client was granted, and what can be done with it: renew and give back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::identity::{AuthMethod, ClientIdentity};
use super::signatures::Signatures;
use super::token::Possession;
use super::unattended::CLIENT_CREDENTIALS;
use super::{Answer, FlowError, token};
use crate::dpop::ProofKey;
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
    /// How it is presented.
    #[serde(default)]
    pub token_type: TokenType,
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

/// How an access token is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TokenType {
    /// Whoever has it can use it.
    #[default]
    Bearer,
    /// Bound to [`Grant::proof_key`] ([RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    #[serde(rename = "DPoP")]
    Dpop,
}

impl TokenType {
    /// The scheme of the `Authorization` header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// What the tokens were given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// A user's consent.
    #[default]
    AuthorizationCode,
    /// The client's own credentials; they get the next token too.
    ClientCredentials,
    /// Somebody's statement, which ends soon.
    JwtBearer,
    /// A user's consent, given in a browser elsewhere.
    DeviceCode,
}

impl TokenSet {
    /// Whether the access token is bound to a key.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.token_type == TokenType::Dpop
    }

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
    /// What the tokens were given for.
    #[serde(default)]
    pub kind: GrantKind,
    /// The key that the tokens are bound to, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_key: Option<ProofKey>,
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

    /// Whether the tokens can be renewed without anybody's help.
    #[must_use]
    pub fn is_renewable(&self) -> bool {
        self.tokens.refresh_token.is_some() || self.stands_alone()
    }

    /// Whether the client got the tokens with what it has kept.
    fn stands_alone(&self) -> bool {
        self.kind == GrantKind::ClientCredentials
            && (self.client.auth_method != AuthMethod::PrivateKeyJwt || self.client.key.is_some())
    }

    /// The request that renews the tokens; `None` when there is no refresh token and the client's own credentials did
    /// not get them
    /// ([OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1)). It needs
    /// [`Grant::renewal_signatures`].
    ///
    /// A refresh token goes without `scope`, so that the new token keeps all of the grant's.
    #[must_use]
    pub fn renewal_request(&self) -> Option<http::Request<Bytes>> {
        let scope = self.requested.to_string();
        let mut form = match &self.tokens.refresh_token {
            Some(refresh) => vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose())],
            None if !self.stands_alone() => return None,
            None if scope.is_empty() => vec![("grant_type", CLIENT_CREDENTIALS)],
            None => vec![("grant_type", CLIENT_CREDENTIALS), ("scope", &scope)],
        };
        form.push(("resource", self.resource.as_str()));
        token::post(&self.token_endpoint, &self.client, &form).ok()
    }

    /// What has to be signed into [`Grant::renewal_request`]: the tokens stay bound to the same key
    /// ([RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
    #[must_use]
    pub fn renewal_signatures(&self) -> Signatures {
        Signatures::of(&self.client, &self.issuer, self.proof_key.as_ref())
    }

    /// Decides what the answer to [`Grant::renewal_request`] means. `max_body` is [`super::FlowLimits::max_body`].
    ///
    /// Only an answer that says that grant or client are dead ends the grant; a server in trouble, a proxy's error
    /// page or a lost connection must not log the user out.
    #[must_use]
    pub fn refreshed(&self, answer: &Answer, now: SystemTime, max_body: usize) -> Refreshed {
        let read = token::Reading {
            issuer: &self.issuer,
            client_id: &self.client.client_id,
            requested: &self.tokens.scope,
            // A token that was bound does not become one for everybody.
            possession: if self.proof_key.is_some() { Possession::Required } else { Possession::None },
            by_assertion: false,
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

    /// What has to be signed into each of [`Grant::revocation_requests`].
    #[must_use]
    pub fn revocation_signatures(&self) -> Signatures {
        Signatures::of(&self.client, &self.issuer, None)
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
                token_type: TokenType::Bearer,
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
