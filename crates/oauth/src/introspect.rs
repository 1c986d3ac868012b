//! What `POST /introspect` answers ([RFC 7662 §2.2](https://datatracker.ietf.org/doc/html/rfc7662#section-2.2)).
//!
//! Its parameters are those of [`crate::revoke::read`]. Whoever may not see a token learns that it is not active, which is
//! what anybody is told of a token that there is not.

use serde::Serialize;

use crate::claims::{AccessTokenClaims, Actor, Audience, Confirmation};
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Introspection {
    /// Whether it is a token of ours that counts now, and the caller may know that. If not, nothing else is said.
    pub active: bool,
    /// What it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
    /// Whom it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `Bearer`, or `DPoP` for one that is bound to a key; a refresh token has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// When it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// Who it speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The resource it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Its own identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The key it is bound to ([RFC 9449 §6.2](https://www.rfc-editor.org/rfc/rfc9449#section-6.2)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts for the user ([RFC 8693 §4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

impl Introspection {
    /// Of a token that does not count, or that the caller may not see.
    #[must_use]
    pub fn inactive() -> Self {
        Self::default()
    }

    /// Of an access token that counts.
    #[must_use]
    pub fn of_access_token(claims: AccessTokenClaims) -> Self {
        Self {
            active: true,
            scope: Some(claims.scope),
            client_id: Some(claims.client_id),
            token_type: Some(if claims.cnf.is_some() { "DPoP" } else { "Bearer" }),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            sub: Some(claims.sub),
            aud: Some(claims.aud),
            iss: Some(claims.iss),
            jti: Some(claims.jti),
            cnf: claims.cnf,
            act: claims.act,
        }
    }
}

/// Whether the caller may see this token: it is the caller's own, or for a resource that the caller serves.
#[must_use]
pub fn may_see(claims: &AccessTokenClaims, caller: &str, serves: &[Resource]) -> bool {
    let ours = |audience: &String| {
        Resource::parse(audience).is_ok_and(|audience| serves.iter().any(|one| one.is_equivalent(&audience)))
    };
    claims.client_id == caller
        || match &claims.aud {
            Audience::One(one) => ours(one),
            Audience::Many(many) => many.iter().any(ours),
        }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_seen_by_its_client_and_its_resource() {
        let claims: AccessTokenClaims = AccessTokenClaims {
            iss: "https://as.example".into(),
            sub: "ann".into(),
            aud: Audience::One("https://rs.example/mcp".into()),
            exp: 2_000,
            iat: 1_000,
            nbf: None,
            jti: "j".into(),
            client_id: "c".into(),
            scope: ScopeSet::parse("a").unwrap(),
            auth_time: None,
            grant_id: None,
            cnf: None,
            act: None,
            signed_by: None,
        };
        let serves = |url: &str| vec![Resource::parse(url).unwrap()];
        assert!(may_see(&claims, "c", &[]));
        assert!(may_see(&claims, "rs", &serves("https://rs.example/mcp/")));
        assert!(!may_see(&claims, "rs", &serves("https://rs.example/other")));
        assert!(!may_see(&claims, "rs", &[]));
        assert_eq!(
            json!(Introspection::of_access_token(claims)),
            json!({
                "active": true, "scope": "a", "client_id": "c", "token_type": "Bearer", "exp": 2_000, "iat": 1_000,
                "sub": "ann", "aud": "https://rs.example/mcp", "iss": "https://as.example", "jti": "j"
            })
        );
        assert_eq!(json!(Introspection::inactive()), json!({ "active": false }));
    }
}
