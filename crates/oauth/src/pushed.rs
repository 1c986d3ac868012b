//! Pushed authorization requests ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)): the client leaves its request with the
//! server, and the browser carries nothing but a reference to it.
//!
//! What is pushed is exactly what counts later: it is read by the same rules as a request in a query, twice, when it is
//! pushed and when it is answered. A reference is short-lived until a browser comes with it, lives as long as a login takes
//! from then on, and ends with the answer. That it can be fetched again before that is on purpose: people reload pages, and
//! link scanners come first ([§4](https://www.rfc-editor.org/rfc/rfc9126#section-4)).

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::authorize::{AuthorizationRequest, PageError, Policy, Rejection, read};
use crate::client::Client;
use crate::error::{ErrorCode, ErrorResponse};
use crate::parameters::{Parameters, Repeated};

/// What every reference begins with ([RFC 9126 §2.2](https://www.rfc-editor.org/rfc/rfc9126#section-2.2)).
pub const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The parameters of client authentication, which are no part of what is pushed.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// A pushed request, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Who pushed it.
    pub client_id: String,
    /// The request, as a query.
    pub query: String,
    /// When.
    pub pushed_at: SystemTime,
    /// When it can no longer be used.
    pub expires_at: SystemTime,
    /// When it was answered.
    pub used_at: Option<SystemTime>,
}

/// Why a reference is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// No such request; or it was forgotten.
    #[error("the request_uri is not known")]
    Unknown,
    /// Somebody else pushed it.
    #[error("the request_uri belongs to another client")]
    OtherClient,
    /// Too late.
    #[error("the request_uri has expired")]
    Expired,
    /// It was answered.
    #[error("the request_uri was used")]
    Used,
}

impl Pushed {
    /// Whether this client may use it now.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn check(&self, client_id: &str, now: SystemTime) -> Result<(), ReferenceError> {
        if self.client_id != client_id {
            return Err(ReferenceError::OtherClient);
        }
        if self.used_at.is_some() {
            return Err(ReferenceError::Used);
        }
        if self.expires_at <= now {
            return Err(ReferenceError::Expired);
        }
        Ok(())
    }

    /// When it ends, once a browser has come with it at `now`: as late as a login may take from its push on.
    #[must_use]
    pub fn opened(&self, login: Duration) -> SystemTime {
        self.pushed_at.checked_add(login).map_or(self.expires_at, |end| end.max(self.expires_at))
    }

    /// Whether a login at `authenticated_at` came after the request, so that a wish to be asked anew is fulfilled.
    #[must_use]
    pub fn is_before(&self, authenticated_at: SystemTime) -> bool {
        authenticated_at >= self.pushed_at
    }
}

/// The answer to a push ([RFC 9126 §2.2](https://www.rfc-editor.org/rfc/rfc9126#section-2.2)).
#[derive(Debug, Serialize)]
pub struct PushedResponse {
    /// The reference.
    pub request_uri: String,
    /// Seconds in which a browser has to come with it.
    pub expires_in: u64,
}

/// Reads a request that `client` pushes; what is kept of it, and what it asks for.
///
/// # Errors
/// What the client is told, all of it by JSON ([RFC 9126 §2.3](https://www.rfc-editor.org/rfc/rfc9126#section-2.3)): a browser
/// is not there yet, so nobody is redirected anywhere.
pub fn push(
    parameters: &Parameters,
    client: &Client,
    policy: &Policy,
) -> Result<(String, AuthorizationRequest), ErrorResponse> {
    let invalid = |text: String| ErrorResponse::new(ErrorCode::InvalidRequest, text);
    parameters.one("request_uri").map_err(|repeated: Repeated| invalid(repeated.to_string())).and_then(
        |reference| match reference {
            Some(_) => Err(invalid("a pushed request has no request_uri".to_owned())),
            None => Ok(()),
        },
    )?;
    let kept = parameters.without_all(&CREDENTIALS);
    let parameters = Parameters::parse(kept.as_bytes());
    match read(&parameters, client, policy) {
        Ok(request) => Ok((kept, request)),
        Err(Rejection::Page(PageError::Redirect(mismatch))) => Err(invalid(mismatch.to_string())),
        Err(Rejection::Page(error)) => Err(invalid(error.to_string())),
        Err(Rejection::Redirect(error)) => Err(error.error),
    }
}

/// The reference in an authorization request, if it is one of ours.
///
/// # Errors
/// [`Repeated`].
pub fn reference(parameters: &Parameters) -> Result<Option<&str>, Repeated> {
    Ok(parameters.one("request_uri")?.and_then(|uri| uri.strip_prefix(PREFIX)))
}

/// Why a request that came in a query is refused where requests are pushed.
#[must_use]
pub fn required() -> ErrorResponse {
    ErrorResponse::new(
        ErrorCode::InvalidRequest,
        "the authorization request has to be pushed (pushed_authorization_request_endpoint)",
    )
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::authorize::Offered;
    use crate::client::tests::client;
    use crate::resource::Resource;
    use crate::scope::ScopeSet;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_reference_is_for_its_client_in_time_and_once() {
        let pushed = Pushed {
            client_id: "c".into(),
            query: String::new(),
            pushed_at: at(100),
            expires_at: at(160),
            used_at: None,
        };
        let used = Pushed { used_at: Some(at(110)), ..pushed.clone() };
        for (pushed, client, now, expected) in [
            (&pushed, "c", 159, Ok(())),
            (&pushed, "c", 160, Err(ReferenceError::Expired)),
            (&pushed, "d", 159, Err(ReferenceError::OtherClient)),
            (&used, "c", 159, Err(ReferenceError::Used)),
            (&used, "d", 159, Err(ReferenceError::OtherClient)),
        ] {
            assert_eq!(pushed.check(client, at(now)), expected, "{client} {now}");
        }
        assert_eq!(pushed.opened(Duration::from_secs(900)), at(1_000));
        assert_eq!(pushed.opened(Duration::from_secs(1)), at(160));
        assert!(pushed.is_before(at(100)) && !pushed.is_before(at(99)));
    }

    #[test]
    fn what_is_pushed_is_what_would_be_read_from_a_query() {
        let policy = Policy {
            resources: vec![Offered {
                resource: Resource::parse("https://rs.example/mcp").unwrap(),
                scopes: ScopeSet::parse("a").unwrap(),
                default_scopes: ScopeSet::parse("a").unwrap(),
            }],
            administration: None,
        };
        let good = "response_type=code&client_id=c&redirect_uri=https%3A%2F%2Fc.example%2Fcb&state=s\
                    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
        let check = |form: &str, expected: Result<&str, &str>| {
            let pushed = push(&Parameters::parse(form.as_bytes()), &client("https://c.example/cb"), &policy);
            let seen = pushed.as_ref().map(|(kept, _)| kept.as_str()).map_err(|error| error.error.as_str());
            assert_eq!(seen, expected, "{form}");
        };
        check(good, Ok(good));
        check(&format!("{good}&client_secret=s&client_assertion=x&client_assertion_type=y"), Ok(good));
        check(&format!("{good}&request_uri=urn:x"), Err("invalid_request"));
        check(&format!("{good}&request_uri=a&request_uri=b"), Err("invalid_request"));
        check(&format!("{good}&request=x"), Err("request_not_supported"));
        check(&format!("{good}&scope=b"), Err("invalid_scope"));
        check(&format!("{good}&state=t"), Err("invalid_request"));
        check(&good.replace("c.example", "evil.example"), Err("invalid_request"));
        check(&good.replace("S256", "plain"), Err("invalid_request"));
    }

    #[test]
    fn which_references_are_ours() {
        let of = |query: &str| {
            let parameters = Parameters::parse(query.as_bytes());
            reference(&parameters).map(|reference| reference.map(str::to_owned))
        };
        assert_eq!(of("request_uri=urn:ietf:params:oauth:request_uri:abc"), Ok(Some("abc".to_owned())));
        assert_eq!(of("request_uri=https://c.example/request.jwt"), Ok(None));
        assert_eq!(of("client_id=c"), Ok(None));
        assert!(of("request_uri=a&request_uri=b").is_err());
    }
}
