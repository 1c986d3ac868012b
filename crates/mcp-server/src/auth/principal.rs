//! Who is calling.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use barewire_oauth::claims::AccessTokenClaims;
use barewire_oauth::external::{ExternalClaims, time};
use barewire_oauth::scope::ScopeSet;
use serde_json::{Map, Value};

/// Whoever a request was authenticated as. Established for each request anew, never per connection or session.
#[derive(Clone, PartialEq)]
pub struct Principal {
    /// Whose word this is, where tokens of several issuers are taken ([`Issuers`](super::Issuers)): two of them may call two
    /// people by one subject. `None` for the only issuer, and for the application's own among others.
    pub issuer: Option<Arc<str>>,
    /// The user, or the client itself for machine grants (`sub`).
    pub subject: String,
    /// The OAuth client that acts for the user.
    pub client_id: Option<String>,
    /// The grant the token belongs to: what a user revokes.
    pub grant_id: Option<String>,
    /// What the token allows.
    pub scopes: ScopeSet,
    /// The token's own identifier (`jti`).
    pub token_id: Option<String>,
    /// When the token was issued.
    pub issued_at: Option<SystemTime>,
    /// When the token ends; `None` only for verifiers whose credentials do not expire.
    pub expires_at: Option<SystemTime>,
    /// The thumbprint of the key that the token is bound to (`cnf.jkt`); each request then has to prove possession of that
    /// key ([RFC 9449 §6](https://www.rfc-editor.org/rfc/rfc9449#section-6)). A verifier that asks elsewhere copies it
    /// from there: a bound token without it would be one for everybody.
    pub bound_to: Option<String>,
    /// Until when the verifier's word counts, where that is sooner than [`Principal::expires_at`] and
    /// [`Limits::token_cache_ttl`](crate::Limits::token_cache_ttl): it is asked again then.
    pub believed_until: Option<SystemTime>,
    /// The key that signed the token (`kid`), where the verifier says so: what an operator can retire.
    pub signed_by: Option<Arc<str>>,
    /// Everything else that the verifier knows, for the application's own rules.
    pub claims: Map<String, Value>,
}

impl Principal {
    /// A principal about whom nothing but the subject is known.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            issuer: None,
            subject: subject.into(),
            client_id: None,
            grant_id: None,
            scopes: ScopeSet::new(),
            token_id: None,
            issued_at: None,
            expires_at: None,
            bound_to: None,
            believed_until: None,
            signed_by: None,
            claims: Map::new(),
        }
    }

    /// What sealed values are bound to: user and client, and who says so. Not the grant and not the scopes, which a step-up replaces
    /// in the middle of a session.
    pub(crate) fn binding(principal: Option<&Self>) -> Vec<u8> {
        let Some(principal) = principal else { return b"anonymous".to_vec() };
        let client = principal.client_id.as_deref().unwrap_or("");
        let mut bytes = Vec::with_capacity(9 + principal.subject.len() + client.len());
        // The length keeps "ab" + "c" apart from "a" + "bc".
        bytes.push(b'p');
        bytes.extend_from_slice(&(principal.subject.len() as u64).to_be_bytes());
        bytes.extend_from_slice(principal.subject.as_bytes());
        bytes.extend_from_slice(client.as_bytes());
        // No subject and no client has a byte that UTF-8 has not.
        if let Some(issuer) = &principal.issuer {
            bytes.push(0xff);
            bytes.extend_from_slice(issuer.as_bytes());
        }
        bytes
    }
}

impl From<AccessTokenClaims> for Principal {
    fn from(claims: AccessTokenClaims) -> Self {
        Self {
            issuer: None,
            issued_at: Some(claims.issued_at()),
            expires_at: Some(claims.expires_at()),
            token_id: Some(claims.jti),
            subject: claims.sub,
            client_id: Some(claims.client_id),
            grant_id: claims.grant_id,
            scopes: claims.scope,
            bound_to: claims.cnf.map(|cnf| cnf.jkt),
            believed_until: None,
            signed_by: claims.signed_by,
            claims: Map::new(),
        }
    }
}

impl From<ExternalClaims> for Principal {
    fn from(claims: ExternalClaims) -> Self {
        Self {
            issuer: None,
            subject: claims.subject,
            client_id: claims.client_id,
            grant_id: None,
            scopes: claims.scope,
            token_id: claims.token_id,
            issued_at: claims.issued_at.map(time),
            expires_at: claims.expires_at.map(time),
            bound_to: claims.bound_to,
            believed_until: None,
            signed_by: None,
            claims: claims.claims,
        }
    }
}

/// Without the claims: they may hold personal data, and this ends up in logs.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("client_id", &self.client_id)
            .field("grant_id", &self.grant_id)
            .field("scopes", &self.scopes.to_string())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_principals_share_a_binding() {
        let of = |subject: &str, client: Option<&str>| {
            let mut principal = Principal::new(subject);
            principal.client_id = client.map(str::to_owned);
            Principal::binding(Some(&principal))
        };
        let of_another = |subject: &str, issuer: &str| {
            let mut principal = Principal::new(subject);
            principal.client_id = Some("c".to_owned());
            principal.issuer = Some(issuer.into());
            Principal::binding(Some(&principal))
        };
        let all = [
            of("ab", Some("c")),
            of("a", Some("bc")),
            of("abc", None),
            Principal::binding(None),
            of("anonymous", None),
            of_another("ab", "https://a.example"),
            of_another("ab", "https://b.example"),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other != one), "{index}");
        }
    }
}
