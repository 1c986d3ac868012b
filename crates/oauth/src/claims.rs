//! Claims of a JWT access token ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)) and their checks.
//! Signatures are not checked here.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::bearer::BearerError;
use crate::json;
use crate::jwt::Text;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// The `typ` of the JWT header (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// A token that is for more resources than this is not read: comparing them costs a parser's work for each.
pub const MAX_AUDIENCES: usize = 16;

/// Who the token is for: JSON knows a string and a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// One resource.
    One(String),
    /// Several resources.
    Many(Vec<String>),
}

/// The payload of an access token that its issuer signed. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Its own identifier.
    pub jti: String,
    /// The OAuth client it was issued to.
    pub client_id: String,
    /// What it allows.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// When the user logged in (RFC 9068 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// The grant it belongs to; revoking the grant ends the token. Ours, not registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// Whom it can be used by; whoever holds it, if absent ([RFC 7800 §3.1](https://www.rfc-editor.org/rfc/rfc7800#section-3.1)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts for the user, where that is not the client that the user has let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The key that signed it (`kid`), where whoever checked it says so. No claim: the header names it.
    #[serde(skip)]
    pub signed_by: Option<Arc<str>>,
}

/// Who acts for somebody, and for whom before ([RFC 8693 §4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Its identifier; issuers of others may have another way to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Who has acted before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// The key that a token is bound to ([RFC 9449 §6.1](https://www.rfc-editor.org/rfc/rfc9449#section-6.1)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Its SHA-256 thumbprint ([`crate::jwk::PublicJwk::thumbprint`]).
    pub jkt: String,
}

/// What a resource server expects of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The only issuer it trusts; compared byte for byte.
    pub issuer: &'a str,
    /// Its own identifiers: one, or several where one server is known by several. A token for none of them is refused.
    pub resources: &'a [Resource],
    /// How far the clocks may be apart.
    pub leeway: Duration,
}

impl AccessTokenClaims {
    /// When the token ends.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.exp)).unwrap_or(UNIX_EPOCH)
    }

    /// When the token was issued.
    #[must_use]
    pub fn issued_at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.iat)).unwrap_or(UNIX_EPOCH)
    }
}

/// The payload of a token whose signature nobody has checked: enough to refuse it, and not to believe a word of it.
///
/// A claim that comes twice is a mistake; which of the two counted would depend on the reader.
#[derive(Deserialize)]
pub struct Unverified<'a> {
    #[serde(borrow)]
    iss: Text<'a>,
    #[serde(borrow)]
    sub: Text<'a>,
    #[serde(borrow)]
    aud: Audiences<'a>,
    exp: u64,
    iat: u64,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(borrow)]
    jti: Text<'a>,
    #[serde(borrow)]
    client_id: Text<'a>,
    #[serde(borrow, default)]
    scope: Option<Text<'a>>,
    #[serde(default)]
    auth_time: Option<u64>,
    #[serde(borrow, default)]
    grant_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    cnf: Option<Bound<'a>>,
    #[serde(default)]
    act: Option<Actor>,
}

/// [`Confirmation`], not copied yet. A token that is bound by something else (a certificate, say) is not read: nobody here
/// could tell whether it is in the right hands.
#[derive(Deserialize)]
struct Bound<'a> {
    #[serde(borrow)]
    jkt: Text<'a>,
}

impl<'a> Unverified<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`BearerError::Invalid`] when it is none of an access token.
    pub fn parse(payload: &'a [u8]) -> Result<Self, BearerError> {
        json::object(payload).map_err(|_| BearerError::Invalid)
    }

    /// Checks issuer, audience, `nbf` and `exp` in this order ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)).
    /// Scope is not looked at: what is needed depends on the operation.
    ///
    /// # Errors
    /// The [`BearerError`] that goes to the client.
    pub fn check(&self, expected: &Expected<'_>, now: SystemTime) -> Result<(), BearerError> {
        if *self.iss != *expected.issuer {
            return Err(BearerError::WrongIssuer);
        }
        if !self.aud.names_one_of(expected.resources) {
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

    /// Who it says it speaks for: user, client and, where it names one, grant.
    #[must_use]
    pub fn caller(&self) -> [&str; 3] {
        [&self.sub, &self.client_id, self.grant_id.as_deref().unwrap_or_default()]
    }

    /// Its own identifier.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// The grant it says it belongs to.
    #[must_use]
    pub fn grant_id(&self) -> Option<&str> {
        self.grant_id.as_deref()
    }

    /// When it says it was issued.
    #[must_use]
    pub fn iat(&self) -> u64 {
        self.iat
    }

    /// The claims, now that the signature has been found good.
    ///
    /// # Errors
    /// [`BearerError::Invalid`] when the issuer signed a scope that is none.
    pub fn verified(self) -> Result<AccessTokenClaims, BearerError> {
        let scope = self.scope.as_deref().map_or(Ok(ScopeSet::new()), ScopeSet::parse);
        Ok(AccessTokenClaims {
            iss: self.iss.into(),
            sub: self.sub.into(),
            aud: match self.aud {
                Audiences::One(one) => Audience::One(one.into()),
                Audiences::Many(many) => Audience::Many(many.into_iter().map(String::from).collect()),
            },
            exp: self.exp,
            iat: self.iat,
            nbf: self.nbf,
            jti: self.jti.into(),
            client_id: self.client_id.into(),
            scope: scope.map_err(|_| BearerError::Invalid)?,
            auth_time: self.auth_time,
            grant_id: self.grant_id.map(String::from),
            cnf: self.cnf.map(|bound| Confirmation { jkt: bound.jkt.into() }),
            act: self.act,
            signed_by: None,
        })
    }
}

/// [`Audience`], not copied yet.
enum Audiences<'a> {
    One(Text<'a>),
    Many(Vec<Text<'a>>),
}

impl Audiences<'_> {
    /// Whether one of these resources is named, byte for byte or as an equivalent URL.
    fn names_one_of(&self, resources: &[Resource]) -> bool {
        let all = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        };
        let is_same = |named: &Text<'_>| resources.iter().any(|resource| **named == *resource.as_str());
        let is_equivalent = |named: &Text<'_>| {
            let named = Resource::parse(named);
            named.is_ok_and(|named| resources.iter().any(|resource| named.is_equivalent(resource)))
        };
        all.iter().any(is_same) || all.iter().any(is_equivalent)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Audiences<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Audiences<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a resource or a list of resources")
            }

            fn visit_borrowed_str<E>(self, one: &'de str) -> Result<Self::Value, E> {
                Ok(Audiences::One(Text(one.into())))
            }

            fn visit_str<E>(self, one: &str) -> Result<Self::Value, E> {
                Ok(Audiences::One(Text(one.to_owned().into())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(one) = list.next_element()? {
                    if many.len() == MAX_AUDIENCES {
                        return Err(A::Error::custom("too many audiences"));
                    }
                    many.push(one);
                }
                Ok(Audiences::Many(many))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

/// The user whom these claims name by one of them, if that is a text; an address counts only where its owner has proven it.
#[must_use]
pub fn user_named_by<'a>(claims: &'a Map<String, Value>, claim: &str) -> Option<&'a str> {
    // Some providers write the word as a string; what is neither absent nor `true` proves nothing.
    if claim == "email" && !matches!(claims.get("email_verified"), None | Some(Value::Bool(true))) {
        return None;
    }
    claims.get(claim)?.as_str()
}

/// Seconds since 1970, the unit of every time claim; a time before that counts as zero.
#[must_use]
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
            cnf: None,
            act: None,
            signed_by: None,
        }
    }

    #[test]
    fn each_check_and_its_edge() {
        let resources =
            ["https://a.example/mcp", "https://a.example/sse"].map(|text| Resource::parse(text).unwrap());
        let expected =
            Expected { issuer: "https://as.example", resources: &resources, leeway: Duration::from_secs(10) };
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
            ("the second", other(|c| c.aud = Audience::One("https://a.example/sse".into())), 1_500, Ok(())),
            ("spelled", other(|c| c.aud = Audience::One("https://A.example:443/sse/".into())), 1_500, Ok(())),
            (
                "a third",
                other(|c| c.aud = Audience::One("https://a.example/other".into())),
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
            (
                "called by somebody",
                other(|c| {
                    let before = Box::new(Actor { sub: None, act: None });
                    c.act = Some(Actor { sub: Some("client:x".into()), act: Some(before) });
                }),
                1_500,
                Ok(()),
            ),
            ("bound", other(|c| c.cnf = Some(Confirmation { jkt: "k".into() })), 1_500, Ok(())),
        ] {
            let payload = serde_json::to_vec(&claims).unwrap();
            let unverified = Unverified::parse(&payload).unwrap();
            assert_eq!(unverified.check(&expected, UNIX_EPOCH + Duration::from_secs(now)), verdict, "{name}");
            assert_eq!(unverified.verified(), Ok(claims), "{name}");
        }
        assert_eq!(other(|c| c.exp = u64::MAX).expires_at(), UNIX_EPOCH);
    }

    #[test]
    fn who_expects_no_resource_takes_no_token() {
        let payload = serde_json::to_vec(&claims()).unwrap();
        let expected = Expected { issuer: "https://as.example", resources: &[], leeway: Duration::ZERO };
        let verdict = Unverified::parse(&payload).unwrap().check(&expected, UNIX_EPOCH);
        assert_eq!(verdict, Err(BearerError::WrongAudience));
    }

    #[test]
    fn json_shape() {
        assert_eq!(
            serde_json::to_string(&claims()).unwrap(),
            r#"{"iss":"https://as.example","sub":"user-1","aud":"https://a.example/mcp","exp":2000,"iat":1000,"nbf":1000,"jti":"j","client_id":"c","scope":"a b","grant_id":"g"}"#
        );
    }

    #[test]
    fn payloads_that_are_none() {
        let check = |name: &str, value: Value, expected: bool| {
            let mut payload = serde_json::to_value(claims()).unwrap();
            match value {
                Value::Null => drop(payload.as_object_mut().unwrap().remove(name)),
                value => payload[name] = value,
            }
            let payload = payload.to_string();
            let read = Unverified::parse(payload.as_bytes()).and_then(Unverified::verified);
            assert_eq!(read.is_ok(), expected, "{payload}");
        };
        let list = |length: usize| json!(vec!["https://a.example/mcp"; length]);
        for missing in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
            check(missing, json!(null), false);
        }
        for optional in ["nbf", "scope", "auth_time", "grant_id", "cnf", "act"] {
            check(optional, json!(null), true);
        }
        check("exp", json!("2000"), false);
        check("exp", json!(-1), false);
        check("aud", json!({}), false);
        check("aud", list(MAX_AUDIENCES), true);
        check("aud", list(MAX_AUDIENCES + 1), false);
        check("scope", json!("a\"b"), false);
        check("tenant", json!({ "any": ["thing"] }), true);
        check("cnf", json!({ "jkt": "k", "kid": "x" }), true);
        // Bound by what cannot be checked here, it is nobody's.
        check("cnf", json!({ "x5t#S256": "x" }), false);
        check("cnf", json!({}), false);
        check("cnf", json!("k"), false);
        check("act", json!({ "sub": "x", "iss": "https://idp.example", "act": {} }), true);
        check("act", json!("x"), false);
        let twice =
            serde_json::to_string(&claims()).unwrap().replace(r#""jti":"j""#, r#""jti":"j","jti":"k""#);
        assert!(Unverified::parse(twice.as_bytes()).is_err());
    }
}
