//! Claims of a JWT access token ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)) and their checks.
//! Signatures are not checked here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::bearer::BearerError;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// The `typ` of the JWT header (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// Who the token is for: JSON knows a string and a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One resource.
    One(String),
    /// Several resources.
    Many(Vec<String>),
}

impl Audience {
    /// The identifiers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter().map(String::as_str),
            Self::Many(many) => many.iter().map(String::as_str),
        }
    }

    /// Whether this resource is named, byte for byte or as an equivalent URL.
    #[must_use]
    pub fn names(&self, resource: &Resource) -> bool {
        self.iter().any(|entry| {
            entry == resource.as_str()
                || Resource::parse(entry).is_ok_and(|entry| entry.is_equivalent(resource))
        })
    }
}

/// The payload of an access token. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// Who issued it.
    pub iss: String,
    /// The user, or the client itself for machine grants.
    pub sub: String,
    /// The resources it is for.
    pub aud: Audience,
    /// When it ends.
    pub exp: u64,
    /// When it was issued.
    pub iat: u64,
    /// When it begins, if later than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Its own identifier.
    pub jti: String,
    /// The OAuth client it was issued to.
    pub client_id: String,
    /// What it allows.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// When the user logged in (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// The grant it belongs to; revoking the grant ends the token. Ours, not registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// What a resource server expects of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The only issuer it trusts; compared byte for byte.
    pub issuer: &'a str,
    /// Its own identifier.
    pub resource: &'a Resource,
    /// How far the clocks may be apart.
    pub leeway: Duration,
}

impl AccessTokenClaims {
    /// Checks issuer, audience, `nbf` and `exp` in this order ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)).
    /// Scope is not looked at: what is needed depends on the operation.
    ///
    /// # Errors
    /// The [`BearerError`] that goes to the client.
    pub fn check(&self, expected: &Expected<'_>, now: SystemTime) -> Result<(), BearerError> {
        if self.iss != expected.issuer {
            return Err(BearerError::WrongIssuer);
        }
        if !self.aud.names(expected.resource) {
            return Err(BearerError::WrongAudience);
        }
        let now = seconds(now);
        let leeway = expected.leeway.as_secs();
        if self.nbf.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
            return Err(BearerError::NotYetValid);
        }
        if self.exp.saturating_add(leeway) <= now {
            return Err(BearerError::Expired);
        }
        Ok(())
    }

    /// When the token ends.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.exp)).unwrap_or(UNIX_EPOCH)
    }
}

/// Seconds since 1970, the unit of every time claim; a time before that counts as zero.
#[must_use]
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> AccessTokenClaims {
        AccessTokenClaims {
            iss: "https://as.example".into(),
            sub: "user-1".into(),
            aud: Audience::One("https://a.example/mcp".into()),
            exp: 2_000,
            iat: 1_000,
            nbf: Some(1_000),
            jti: "j".into(),
            client_id: "c".into(),
            scope: ScopeSet::parse("a b").unwrap(),
            auth_time: None,
            grant_id: Some("g".into()),
        }
    }

    #[test]
    fn each_check_and_its_edge() {
        let resource = Resource::parse("https://a.example/mcp").unwrap();
        let expected =
            Expected { issuer: "https://as.example", resource: &resource, leeway: Duration::from_secs(10) };
        let other = |change: fn(&mut AccessTokenClaims)| {
            let mut claims = claims();
            change(&mut claims);
            claims
        };
        for (name, claims, now, verdict) in [
            ("fine", claims(), 1_500, Ok(())),
            ("last second", claims(), 2_009, Ok(())),
            ("over", claims(), 2_010, Err(BearerError::Expired)),
            ("first second", claims(), 990, Ok(())),
            ("too early", claims(), 989, Err(BearerError::NotYetValid)),
            ("no nbf", other(|c| c.nbf = None), 5, Ok(())),
            ("issuer with slash", other(|c| c.iss.push('/')), 1_500, Err(BearerError::WrongIssuer)),
            (
                "other audience",
                other(|c| c.aud = Audience::One("https://b".into())),
                1_500,
                Err(BearerError::WrongAudience),
            ),
            (
                "no audience",
                other(|c| c.aud = Audience::Many(vec![])),
                1_500,
                Err(BearerError::WrongAudience),
            ),
            (
                "one of several",
                other(|c| c.aud = Audience::Many(vec!["https://b".into(), "https://a.example/mcp".into()])),
                1_500,
                Ok(()),
            ),
            ("huge exp", other(|c| c.exp = u64::MAX), 1_500, Ok(())),
        ] {
            assert_eq!(claims.check(&expected, UNIX_EPOCH + Duration::from_secs(now)), verdict, "{name}");
        }
        assert_eq!(other(|c| c.exp = u64::MAX).expires_at(), UNIX_EPOCH);
    }

    #[test]
    fn json_shape() {
        assert_eq!(
            serde_json::to_string(&claims()).unwrap(),
            r#"{"iss":"https://as.example","sub":"user-1","aud":"https://a.example/mcp","exp":2000,"iat":1000,"nbf":1000,"jti":"j","client_id":"c","scope":"a b","grant_id":"g"}"#
        );
    }
}
