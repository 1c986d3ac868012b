//! Access tokens of other people's authorization servers: what they say, in whatever words, and whether that is for us.
//!
//! RFC 9068 has a name for each claim and a type for the token. The identity providers of enterprises are older and write
//! `scp`, `azp`, `appid` or `cid`, lists instead of text, and `JWT` as the type; a [`TokenProfile`] says what means what. An
//! introspection endpoint ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)) answers with the same claims.
//!
//! What no profile changes: a token is for one of our own names, or it is refused.

mod introspection;
mod profile;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

pub use self::introspection::{IntrospectionError, read_introspection};
pub use self::profile::TokenProfile;
use crate::bearer::BearerError;
use crate::claims::seconds;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// What an access token says, in our words. Times are seconds since 1970.
#[derive(Clone, PartialEq)]
pub struct ExternalClaims {
    /// Who issued it; an introspection endpoint need not say.
    pub issuer: Option<String>,
    /// Whom it speaks for.
    pub subject: String,
    /// The client it was issued to.
    pub client_id: Option<String>,
    /// Whom it is for.
    pub audiences: Vec<String>,
    /// What it allows.
    pub scope: ScopeSet,
    /// When it ends.
    pub expires_at: Option<u64>,
    /// When it was issued.
    pub issued_at: Option<u64>,
    /// When it begins.
    pub not_before: Option<u64>,
    /// Its own identifier.
    pub token_id: Option<String>,
    /// The thumbprint of the key that it is bound to ([RFC 9449 §6](https://www.rfc-editor.org/rfc/rfc9449#section-6)).
    pub bound_to: Option<String>,
    /// Everything that it said, but for the audience, the times, its identifier and the key.
    pub claims: Map<String, Value>,
}

/// Without what is personal: this ends up in logs.
impl fmt::Debug for ExternalClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalClaims")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope.to_string())
            .finish_non_exhaustive()
    }
}

impl ExternalClaims {
    /// Checks issuer, audience, `nbf` and `exp` in this order. An issuer that is not named is for whoever asked to know; an
    /// audience that is not named is none of ours.
    ///
    /// # Errors
    /// The [`BearerError`] that goes to the client.
    pub fn check(
        &self,
        issuer: &str,
        names: &OwnNames,
        leeway: Duration,
        now: SystemTime,
    ) -> Result<(), BearerError> {
        if self.issuer.as_ref().is_some_and(|named| named != issuer) {
            return Err(BearerError::WrongIssuer);
        }
        if !self.audiences.iter().any(|audience| names.include(audience)) {
            return Err(BearerError::WrongAudience);
        }
        let (now, leeway) = (seconds(now), leeway.as_secs());
        if self.not_before.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
            return Err(BearerError::NotYetValid);
        }
        if self.expires_at.is_some_and(|exp| exp.saturating_add(leeway) <= now) {
            return Err(BearerError::Expired);
        }
        Ok(())
    }

    /// Who it says it speaks for, for [`crate::forgery`].
    #[must_use]
    pub fn caller(&self) -> [&str; 3] {
        [&self.subject, self.client_id.as_deref().unwrap_or_default(), ""]
    }
}

/// A time claim as a time.
#[must_use]
pub fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

/// The names of one server: its resource identifier, and what else issuers call it. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNames {
    resources: Vec<Resource>,
    others: Vec<String>,
}

impl OwnNames {
    /// Its resource identifier.
    #[must_use]
    pub fn of(resource: Resource) -> Self {
        Self { resources: vec![resource], others: Vec::new() }
    }

    /// Another resource identifier of the same server.
    pub fn add_resource(&mut self, resource: Resource) {
        self.resources.push(resource);
    }

    /// A name that is no URL, or is to be compared byte for byte: `api://mcp`, a GUID.
    pub fn add(&mut self, name: impl Into<String>) {
        self.others.push(name.into());
    }

    /// The resource identifiers.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Whether there are others than resource identifiers.
    #[must_use]
    pub fn are_resources_only(&self) -> bool {
        self.others.is_empty()
    }

    /// Whether there can be a token for this resource. A name that is no URL stands for the whole server, so a token with it
    /// is good at each of its resources.
    #[must_use]
    pub fn cover(&self, resource: &Resource) -> bool {
        !self.are_resources_only() || self.resources.iter().any(|own| own.is_equivalent(resource))
    }

    /// Whether this is one of them: byte for byte, or an equivalent URL of a resource.
    fn include(&self, audience: &str) -> bool {
        self.others.iter().any(|name| name == audience)
            || self.resources.iter().any(|resource| resource.as_str() == audience)
            || Resource::parse(audience)
                .is_ok_and(|named| self.resources.iter().any(|resource| named.is_equivalent(resource)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> OwnNames {
        let mut names = OwnNames::of(Resource::parse("https://rs.example/mcp").unwrap());
        names.add_resource(Resource::parse("https://rs.example/sse").unwrap());
        names.add("api://mcp");
        names
    }

    #[test]
    fn a_token_is_for_one_of_our_names_and_now() {
        let check = |change: Value, expected: Result<(), BearerError>| {
            let mut payload = json!({
                "iss": "https://as.example", "sub": "ann", "client_id": "c", "aud": "https://rs.example/mcp",
                "scope": "read", "iat": 1_000, "exp": 2_000
            });
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(payload.as_object_mut().unwrap().remove(name)),
                    value => payload[name] = value.clone(),
                }
            }
            let claims = TokenProfile::rfc9068().claims(payload.as_object().unwrap().clone()).unwrap();
            let now = UNIX_EPOCH + Duration::from_secs(1_500);
            let verdict = claims.check("https://as.example", &names(), Duration::from_secs(10), now);
            assert_eq!(verdict, expected, "{change}");
        };
        check(json!({}), Ok(()));
        check(json!({ "aud": "https://RS.example:443/sse/" }), Ok(()));
        check(json!({ "aud": ["https://other.example", "api://mcp"] }), Ok(()));
        for aud in
            [json!("api://MCP"), json!("api://mcp/"), json!("https://rs.example"), json!([]), json!(null)]
        {
            check(json!({ "aud": aud }), Err(BearerError::WrongAudience));
        }
        check(json!({ "iss": null }), Ok(()));
        check(json!({ "iss": "https://as.example/" }), Err(BearerError::WrongIssuer));
        check(json!({ "nbf": 1_510 }), Ok(()));
        check(json!({ "nbf": 1_511 }), Err(BearerError::NotYetValid));
        check(json!({ "exp": 1_491 }), Ok(()));
        check(json!({ "exp": 1_490 }), Err(BearerError::Expired));
        check(json!({ "exp": null }), Ok(()));
        check(json!({ "exp": 1_491.9 }), Ok(()));
    }
}
