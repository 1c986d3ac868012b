//! Somebody whom the operator trusts says who a user or a workload is, and that is worth a token
//! ([RFC 7523 §2.1 and §3](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).
//!
//! Of an identity provider it is an ID-JAG, for one client, one resource and one use
//! ([Enterprise-Managed Authorization](https://modelcontextprotocol.io/extensions/auth/enterprise-managed-authorization),
//! [draft-ietf-oauth-identity-assertion-authz-grant §4.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant-04#section-4.4));
//! of a platform, the token that it gives to each of its workloads.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::claims::user_named_by;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::statement::{Expected, Statement, StatementError};

/// `typ` of an Identity Assertion JWT Authorization Grant.
pub const ID_JAG_TYPE: &str = "oauth-id-jag+jwt";

/// How long the token of a workload may still count. It is used again and again, so nobody has to remember it.
pub const MAX_WORKLOAD_LIFETIME: Duration = Duration::from_secs(48 * 3600);

/// What an identity provider allows, now that it is known to be for us and this client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdJag {
    /// What for.
    pub resource: Resource,
    /// What; everything that the operator lets this provider allow, if it does not say.
    pub scope: Option<ScopeSet>,
}

/// How a statement is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The reader's names; each is compared byte for byte
    /// ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3), rule 3).
    pub audiences: &'a [&'a str],
    /// How far the clocks may be apart.
    pub leeway: Duration,
    /// How far its end may lie ahead.
    pub max_lifetime: Duration,
}

#[derive(Deserialize)]
struct Claims {
    client_id: String,
    resource: Resource,
    #[serde(default)]
    scope: Option<ScopeSet>,
}

/// Reads an ID-JAG that `client_id` presents, who has been authenticated. Its signature, and whether it was used before,
/// are still to be looked at.
///
/// # Errors
/// [`StatementError`].
pub fn id_jag(
    statement: &Statement<'_>,
    client_id: &str,
    reading: &Reading<'_>,
    now: SystemTime,
) -> Result<IdJag, StatementError> {
    check(statement, &[ID_JAG_TYPE], reading, now)?;
    if statement.id.is_none() {
        return Err(StatementError::NoId);
    }
    let claims: Claims = statement.claims().ok_or(StatementError::Malformed)?;
    if claims.client_id != client_id {
        return Err(StatementError::Client);
    }
    Ok(IdJag { resource: claims.resource, scope: claims.scope })
}

/// Checks the token of a workload; its signature is still to be looked at.
///
/// # Errors
/// [`StatementError`].
pub fn workload(
    statement: &Statement<'_>,
    reading: &Reading<'_>,
    now: SystemTime,
) -> Result<(), StatementError> {
    check(statement, &["", "JWT"], reading, now)
}

fn check(
    statement: &Statement<'_>,
    types: &[&str],
    reading: &Reading<'_>,
    now: SystemTime,
) -> Result<(), StatementError> {
    let Reading { audiences, leeway, max_lifetime } = *reading;
    statement.check(&Expected { audiences, types, leeway, max_lifetime }, now)
}

/// Whether a pattern of the operator names this subject: it is equal, or begins as the pattern does before its last `*`.
#[must_use]
pub fn names(pattern: &str, subject: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => subject.starts_with(beginning),
        None => subject == pattern,
    }
}

/// The value of a claim that names a user, if it is a text; an address counts only where its owner has proven it.
#[must_use]
pub fn user_claim(statement: &Statement<'_>, claim: &str) -> Option<String> {
    if claim == "sub" {
        return Some(statement.subject.clone());
    }
    let claims: Map<String, Value> = statement.claims()?;
    user_named_by(&claims, claim).map(str::to_owned)
}

/// Whether a statement has these claims, each with this text.
#[must_use]
pub fn has_claims<'a>(
    statement: &Statement<'_>,
    expected: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> bool {
    let claims: Map<String, Value> = statement.claims().unwrap_or_default();
    expected.into_iter().all(|(name, value)| claims.get(name).and_then(Value::as_str) == Some(value))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;

    use super::*;
    use crate::statement::tests::unsigned;

    const READING: Reading<'_> = Reading {
        audiences: &["https://as.example"],
        leeway: Duration::from_secs(10),
        max_lifetime: Duration::from_secs(600),
    };

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_id_jag_is_for_one_client_and_one_resource() {
        let check = |typ: &str, change: Value, expected: Result<Option<&str>, StatementError>| {
            let mut payload = json!({
                "iss": "https://idp.example", "sub": "u", "aud": "https://as.example", "exp": 1_060, "iat": 1_000,
                "jti": "j", "client_id": "c", "resource": "https://rs.example/mcp", "scope": "a b"
            });
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(payload.as_object_mut().unwrap().remove(name)),
                    value => payload[name] = value.clone(),
                }
            }
            let text = unsigned(&json!({ "alg": "ES256", "typ": typ }), &payload);
            let read = id_jag(&Statement::read(&text).unwrap(), "c", &READING, at(1_000));
            let scope = read.map(|jag| jag.scope.map(|scope| scope.to_string()));
            assert_eq!(scope.as_ref().map(Option::as_deref), expected.as_ref().copied(), "{typ} {payload}");
        };
        check(ID_JAG_TYPE, json!({}), Ok(Some("a b")));
        check("application/oauth-id-jag+jwt", json!({ "scope": null }), Ok(None));
        for typ in ["JWT", "", "at+jwt"] {
            check(typ, json!({}), Err(StatementError::Type));
        }
        check(ID_JAG_TYPE, json!({ "client_id": "d" }), Err(StatementError::Client));
        check(ID_JAG_TYPE, json!({ "client_id": null }), Err(StatementError::Malformed));
        check(ID_JAG_TYPE, json!({ "resource": null }), Err(StatementError::Malformed));
        check(ID_JAG_TYPE, json!({ "resource": "x" }), Err(StatementError::Malformed));
        check(ID_JAG_TYPE, json!({ "jti": null }), Err(StatementError::NoId));
        check(ID_JAG_TYPE, json!({ "aud": "https://other.example" }), Err(StatementError::Audience));
        check(ID_JAG_TYPE, json!({ "exp": 990 }), Err(StatementError::Expired));
    }

    #[test]
    fn subjects_and_claims() {
        for (pattern, subject, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a:*", "a:b", true),
            ("a:*", "b:a:", false),
            ("*", "anything", true),
            ("a*b", "axb", false),
        ] {
            assert_eq!(names(pattern, subject), expected, "{pattern} {subject}");
        }
        let text = |claims: Value| unsigned(&json!({ "alg": "ES256" }), &claims);
        let base = |more: Value| {
            let mut claims = json!({ "iss": "i", "sub": "s", "aud": "a", "exp": 1 });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            text(claims)
        };
        for (claims, claim, expected) in [
            (json!({}), "sub", Some("s")),
            (json!({ "email": "a@b" }), "email", Some("a@b")),
            (json!({ "email": "a@b", "email_verified": true }), "email", Some("a@b")),
            (json!({ "email": "a@b", "email_verified": false }), "email", None),
            (json!({ "email": "a@b", "email_verified": "false" }), "email", None),
            (json!({ "email": "a@b", "email_verified": "true" }), "email", None),
            (json!({ "email": "a@b", "email_verified": null }), "email", None),
            (json!({ "email": 7 }), "email", None),
            (json!({}), "email", None),
        ] {
            let text = base(claims);
            let read = user_claim(&Statement::read(&text).unwrap(), claim);
            assert_eq!(read.as_deref(), expected, "{text}");
        }
        let text = base(json!({ "repository": "acme/app" }));
        let statement = Statement::read(&text).unwrap();
        assert!(has_claims(&statement, [("repository", "acme/app"), ("sub", "s")]));
        assert!(!has_claims(&statement, [("repository", "acme/other")]));
        assert!(!has_claims(&statement, [("missing", "")]));
    }
}
