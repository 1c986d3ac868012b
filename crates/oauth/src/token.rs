//! What `POST /token` reads and answers ([OAuth 2.1 §3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2)).

use serde::Serialize;

use crate::device::DeviceRefusal;
use crate::dpop::ProofError;
use crate::error::{ErrorCode, ErrorResponse};
use crate::grant::CodeRefusal;
use crate::parameters::{Parameters, Repeated};
use crate::pkce::CodeVerifier;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::{self, AccessToken, Assertion, AuthorizationCode, DeviceCode, RefreshToken};
use crate::statement::StatementError;
use crate::token_exchange::{self, ExchangeRefusal, ExchangeRequest, TOKEN_EXCHANGE};
use crate::token_family::RefreshRefusal;

/// `grant_type` of [`TokenRequest::JwtBearer`].
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What the client wants to exchange.
#[derive(Debug, Clone)]
pub enum TokenRequest {
    /// [OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3).
    AuthorizationCode {
        /// The code.
        code: AuthorizationCode,
        /// As OAuth 2.0 clients repeat it.
        redirect_uri: Option<String>,
        /// The PKCE proof.
        verifier: CodeVerifier,
        /// Which resource the token is for, if said again.
        resource: Option<Resource>,
    },
    /// [OAuth 2.1 §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3).
    RefreshToken {
        /// The token.
        refresh_token: RefreshToken,
        /// A part of what was granted, for the next access token only.
        scope: Option<ScopeSet>,
        /// Which resource the token is for, if said again.
        resource: Option<Resource>,
    },
    /// [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1).
    JwtBearer {
        /// What somebody says.
        assertion: Assertion,
        /// A part of what it allows.
        scope: Option<ScopeSet>,
        /// Which resource the token is for.
        resource: Option<Resource>,
    },
    /// [RFC 8628 §3.4](https://datatracker.ietf.org/doc/html/rfc8628#section-3.4).
    DeviceCode {
        /// The code.
        device_code: DeviceCode,
        /// `resource`, if it is repeated here (RFC 8707 §2.2).
        resource: Option<Resource>,
    },
    /// [RFC 8693 §2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1).
    TokenExchange(ExchangeRequest),
    /// [OAuth 2.1 §4.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.2).
    ClientCredentials {
        /// A part of what the operator lets the client have.
        scope: Option<ScopeSet>,
        /// Which resource the token is for.
        resource: Option<Resource>,
    },
}

/// Why no token was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A parameter is there twice.
    #[error(transparent)]
    Repeated(#[from] Repeated),
    /// A parameter is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The body is not a form.
    #[error("the body has to be application/x-www-form-urlencoded")]
    NotAForm,
    /// The body ends early, or its chunks are none.
    #[error("the body cannot be read")]
    Unreadable,
    /// The body is larger than the server reads.
    #[error("the body is too large")]
    TooLarge,
    /// The credentials are malformed, or came by two ways at once.
    #[error("{0}")]
    Credentials(&'static str),
    /// Not a grant type of ours.
    #[error("grant_type is not one that this server knows")]
    UnsupportedGrantType,
    /// A grant type of ours, but not for this client.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// More than this client may have for itself.
    #[error("scope exceeds what this client may have; it may have: {0}")]
    MoreScope(ScopeSet),
    /// A resource that this server issues no tokens for.
    #[error("this server issues no tokens for that resource")]
    UnknownResource,
    /// Nothing in the request says which client it comes from.
    #[error("client authentication failed: the request does not say which client it comes from")]
    NoClient,
    /// Nobody by this name.
    #[error("the client is not known here; register again")]
    UnknownClient,
    /// The secret is wrong, missing or out of place.
    #[error("client authentication failed: {0}")]
    WrongSecret(&'static str),
    /// The client's statement does not count.
    #[error("client authentication failed: the client_assertion is not accepted, {0}")]
    Assertion(#[from] StatementError),
    /// What somebody says about a user or a workload does not count.
    #[error("the assertion is not accepted, {0}")]
    Grant(StatementError),
    /// The client cannot be authenticated right now, which is not its fault.
    #[error("{0}; try again")]
    NotNow(&'static str),
    /// The verifier cannot be one.
    #[error("code_verifier has to be 43 to 128 unreserved characters")]
    MalformedVerifier,
    /// `scope` cannot be one.
    #[error("scope is malformed")]
    MalformedScope,
    /// `resource` cannot be one, or there are several.
    #[error("resource has to be one absolute URL without a fragment")]
    MalformedResource,
    /// The proof of possession does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The code was not exchanged.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// The refresh token was not exchanged.
    #[error(transparent)]
    Refresh(#[from] RefreshRefusal),
    /// The device code was not exchanged.
    #[error(transparent)]
    Device(#[from] DeviceRefusal),
    /// The token of somebody else was not exchanged.
    #[error(transparent)]
    Exchange(#[from] ExchangeRefusal),
}

impl TokenError {
    /// The code on the wire ([OAuth 2.1 §3.2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.4)).
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Repeated(_)
            | Self::Missing(_)
            | Self::NotAForm
            | Self::Unreadable
            | Self::TooLarge
            | Self::Credentials(_) => ErrorCode::InvalidRequest,
            Self::Proof(error) => error.code(),
            Self::Code(CodeRefusal::NoProof) | Self::Refresh(RefreshRefusal::NoProof) => {
                ErrorCode::InvalidDpopProof
            }
            Self::UnsupportedGrantType => ErrorCode::UnsupportedGrantType,
            Self::NotAllowed(_) => ErrorCode::UnauthorizedClient,
            Self::Device(refusal) => refusal.code(),
            Self::Exchange(refusal) => refusal.code(),
            Self::NoClient | Self::UnknownClient | Self::WrongSecret(_) | Self::Assertion(_) => {
                ErrorCode::InvalidClient
            }
            Self::NotNow(_) => ErrorCode::TemporarilyUnavailable,
            Self::MalformedScope | Self::MoreScope(_) | Self::Refresh(RefreshRefusal::MoreScope) => {
                ErrorCode::InvalidScope
            }
            Self::MalformedResource
            | Self::UnknownResource
            | Self::Code(CodeRefusal::WrongResource)
            | Self::Refresh(RefreshRefusal::WrongResource) => ErrorCode::InvalidTarget,
            Self::MalformedVerifier | Self::Code(_) | Self::Refresh(_) | Self::Grant(_) => {
                ErrorCode::InvalidGrant
            }
        }
    }

    /// Whether the answer gives a nonce, with which the same request is good
    /// ([RFC 9449 §8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
    #[must_use]
    pub fn wants_nonce(&self) -> bool {
        matches!(self, Self::Proof(error) if error.wants_nonce())
    }

    /// The JSON body.
    #[must_use]
    pub fn response(&self) -> ErrorResponse {
        ErrorResponse::new(self.code(), self.to_string())
    }
}

/// A token response ([OAuth 2.1 §3.2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.3)).
#[derive(Debug, Clone, Serialize)]
pub struct TokenResponse {
    /// The access token.
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub access_token: AccessToken,
    /// What kind of token it is, where the request was for one kind or another
    /// ([RFC 8693 §2.2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
    /// `Bearer`; `DPoP` for one that is bound to a key.
    pub token_type: &'static str,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// Replaces the one that was presented.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret::serialize_exposed_option")]
    pub refresh_token: Option<RefreshToken>,
    /// What it is good for.
    pub scope: ScopeSet,
}

/// Reads a token request.
///
/// # Errors
/// [`TokenError`] says what is missing or malformed.
pub fn read(parameters: &Parameters) -> Result<TokenRequest, TokenError> {
    let one = |name| parameters.one(name).ok().flatten();
    let exchange = one("grant_type") == Some(TOKEN_EXCHANGE);
    parameters.none_repeated(if exchange { &["resource", "audience"] } else { &["resource"] })?;
    match one("grant_type").ok_or(TokenError::Missing("grant_type"))? {
        "authorization_code" => Ok(TokenRequest::AuthorizationCode {
            code: AuthorizationCode::new(one("code").ok_or(TokenError::Missing("code"))?),
            redirect_uri: one("redirect_uri").map(str::to_owned),
            verifier: CodeVerifier::parse(one("code_verifier").ok_or(TokenError::Missing("code_verifier"))?)
                .map_err(|_| TokenError::MalformedVerifier)?,
            resource: resource(parameters)?,
        }),
        "refresh_token" => Ok(TokenRequest::RefreshToken {
            refresh_token: RefreshToken::new(
                one("refresh_token").ok_or(TokenError::Missing("refresh_token"))?,
            ),
            scope: scope(one("scope"))?,
            resource: resource(parameters)?,
        }),
        "urn:ietf:params:oauth:grant-type:device_code" => Ok(TokenRequest::DeviceCode {
            device_code: DeviceCode::new(one("device_code").ok_or(TokenError::Missing("device_code"))?),
            resource: resource(parameters)?,
        }),
        JWT_BEARER => Ok(TokenRequest::JwtBearer {
            assertion: Assertion::new(one("assertion").ok_or(TokenError::Missing("assertion"))?),
            scope: scope(one("scope"))?,
            resource: resource(parameters)?,
        }),
        TOKEN_EXCHANGE => {
            let token = one("subject_token").ok_or(TokenError::Missing("subject_token"))?;
            let has_actor = one("actor_token").is_some() || one("actor_token_type").is_some();
            token_exchange::check_types(one("subject_token_type"), one("requested_token_type"), has_actor)?;
            Ok(TokenRequest::TokenExchange(ExchangeRequest {
                subject_token: AccessToken::new(token),
                target: token_exchange::target(parameters)?,
                scope: scope(one("scope"))?,
            }))
        }
        "client_credentials" => Ok(TokenRequest::ClientCredentials {
            scope: scope(one("scope"))?,
            resource: resource(parameters)?,
        }),
        _ => Err(TokenError::UnsupportedGrantType),
    }
}

/// What a request for tokens has that is good for one such request: the code or the refresh token that its grant type is
/// about, and nothing that stands beside it.
#[must_use]
pub fn used_once(parameters: &Parameters) -> Option<&str> {
    let one = |name| parameters.one(name).ok().flatten();
    match one("grant_type")? {
        "authorization_code" => one("code"),
        "refresh_token" => one("refresh_token"),
        _ => None,
    }
}

fn scope(text: Option<&str>) -> Result<Option<ScopeSet>, TokenError> {
    text.map(ScopeSet::parse).transpose().map_err(|_| TokenError::MalformedScope)
}

fn resource(parameters: &Parameters) -> Result<Option<Resource>, TokenError> {
    let mut values = parameters.all("resource");
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(TokenError::MalformedResource);
    }
    Resource::parse(first).map(Some).map_err(|_| TokenError::MalformedResource)
}

/// The scope of the next access token: all that is `left` of what was `granted`, or the part that was asked for.
///
/// Clients exist that name what they were granted each time. One whose user has narrowed the grant since gets what is
/// left of that, and is told so by the `scope` of the answer; it would have to connect again otherwise.
///
/// # Errors
/// [`RefreshRefusal::MoreScope`] ([OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1)).
pub fn narrowed(
    granted: &ScopeSet,
    left: &ScopeSet,
    requested: Option<&ScopeSet>,
) -> Result<ScopeSet, RefreshRefusal> {
    let Some(requested) = requested.filter(|requested| !requested.is_empty()) else {
        return Ok(left.clone());
    };
    if !requested.is_subset(granted) {
        return Err(RefreshRefusal::MoreScope);
    }
    let both = requested.intersection(left);
    if both.is_empty() { Err(RefreshRefusal::MoreScope) } else { Ok(both) }
}

/// The scope of a token that a client gets for itself: all that it may have, or the part that was asked for.
///
/// # Errors
/// [`TokenError::MoreScope`].
pub fn own_scope(allowed: &ScopeSet, requested: Option<&ScopeSet>) -> Result<ScopeSet, TokenError> {
    match requested.filter(|requested| !requested.is_empty()) {
        None => Ok(allowed.clone()),
        Some(requested) if requested.is_subset(allowed) => Ok(requested.clone()),
        Some(_) => Err(TokenError::MoreScope(allowed.clone())),
    }
}

/// Who a token speaks for that a client got for itself. No user is called so: a resource that knows its users by `sub`
/// must not take a client for one of them
/// ([RFC 9700 §4.15](https://datatracker.ietf.org/doc/html/rfc9700#section-4.15)).
#[must_use]
pub fn own_subject(client_id: &str) -> String {
    format!("{OWN_SUBJECT}{client_id}")
}

/// How [`own_subject`]s begin.
pub const OWN_SUBJECT: &str = "client:";

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[test]
    fn requests_are_read_or_refused() {
        fn check(text: &str, expected: Result<&str, &str>) {
            let read = read(&Parameters::parse(text.as_bytes()));
            let kind = match &read {
                Ok(TokenRequest::AuthorizationCode { .. }) => Ok("code"),
                Ok(TokenRequest::RefreshToken { .. }) => Ok("refresh"),
                Ok(TokenRequest::ClientCredentials { .. }) => Ok("client"),
                Ok(TokenRequest::DeviceCode { .. }) => Ok("device"),
                Ok(TokenRequest::JwtBearer { .. }) => Ok("assertion"),
                Ok(TokenRequest::TokenExchange(_)) => Ok("exchange"),
                Err(error) => Err(error.code().as_str().to_owned()),
            };
            assert_eq!(kind.as_ref().map(|kind| *kind).map_err(String::as_str), expected, "{text}");
        }
        let code = format!("grant_type=authorization_code&code=x&code_verifier={VERIFIER}");
        check(&code, Ok("code"));
        check(&format!("{code}&resource=https://rs.example/mcp"), Ok("code"));
        check(
            &format!("{code}&resource=https://a.example&resource=https://b.example"),
            Err("invalid_target"),
        );
        check(&format!("{code}&resource=nowhere"), Err("invalid_target"));
        check(&format!("{code}&code=y"), Err("invalid_request"));
        check("grant_type=authorization_code&code=x", Err("invalid_request"));
        check("grant_type=authorization_code&code=x&code_verifier=short", Err("invalid_grant"));
        check("grant_type=refresh_token&refresh_token=x&scope=a", Ok("refresh"));
        check("grant_type=refresh_token", Err("invalid_request"));
        check("grant_type=refresh_token&refresh_token=x&scope=%22", Err("invalid_scope"));
        check("grant_type=client_credentials", Ok("client"));
        check("grant_type=client_credentials&scope=a&resource=https://rs.example", Ok("client"));
        check("grant_type=client_credentials&scope=%22", Err("invalid_scope"));
        check("grant_type=client_credentials&resource=x", Err("invalid_target"));
        check("grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x", Ok("device"));
        check("grant_type=urn:ietf:params:oauth:grant-type:device_code", Err("invalid_request"));
        check("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x", Ok("assertion"));
        check("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer", Err("invalid_request"));
        let exchange = format!("grant_type={TOKEN_EXCHANGE}&subject_token=x&subject_token_type=");
        let of_access = format!("{exchange}{}", token_exchange::ACCESS_TOKEN);
        check(&of_access, Ok("exchange"));
        check(&format!("{of_access}&resource=https://a.example&audience=https://a.example"), Ok("exchange"));
        check(
            &format!("{of_access}&audience=https://a.example&audience=https://b.example"),
            Err("invalid_target"),
        );
        check(&format!("{of_access}&subject_token=y"), Err("invalid_request"));
        check(&format!("{of_access}&actor_token=y"), Err("invalid_request"));
        check(&exchange, Err("invalid_request"));
        check(&format!("grant_type={TOKEN_EXCHANGE}"), Err("invalid_request"));
        check("grant_type=client_credentials&audience=a&audience=b", Err("invalid_request"));
        check("grant_type=password&username=x", Err("unsupported_grant_type"));
        check("", Err("invalid_request"));
    }

    #[test]
    fn a_refresh_may_ask_for_less_and_not_for_more() {
        fn check(left: &str, requested: Option<&str>, expected: Result<&str, RefreshRefusal>) {
            let [granted, left] = ["a b", left].map(|scope| ScopeSet::parse(scope).unwrap());
            let requested = requested.map(|scope| ScopeSet::parse(scope).unwrap());
            let scope = narrowed(&granted, &left, requested.as_ref()).map(|scope| scope.to_string());
            assert_eq!(scope.as_deref().map_err(|refusal| *refusal), expected);
        }
        check("a b", None, Ok("a b"));
        check("a b", Some(""), Ok("a b"));
        check("a b", Some("b"), Ok("b"));
        check("a b", Some("b c"), Err(RefreshRefusal::MoreScope));
        // Narrowed since.
        check("a", None, Ok("a"));
        check("a", Some("a b"), Ok("a"));
        check("a", Some("b"), Err(RefreshRefusal::MoreScope));
        check("a", Some("a c"), Err(RefreshRefusal::MoreScope));
    }

    #[test]
    fn a_client_gets_for_itself_what_it_may_have() {
        let check = |requested: Option<&str>, expected: Option<&str>| {
            let allowed = ScopeSet::parse("a b").unwrap();
            let requested = requested.map(|scope| ScopeSet::parse(scope).unwrap());
            let scope = own_scope(&allowed, requested.as_ref()).ok().map(|scope| scope.to_string());
            assert_eq!(scope.as_deref(), expected);
        };
        check(None, Some("a b"));
        check(Some(""), Some("a b"));
        check(Some("b"), Some("b"));
        check(Some("b c"), None);
        check(Some("offline_access"), None);
        assert_eq!(own_subject("c"), "client:c");
    }
}
