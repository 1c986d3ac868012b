//! The `Authorization` header, and why a token was refused
//! ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750), [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)).

use std::fmt;

use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap};

use crate::challenge::Challenge;
use crate::dpop::ProofError;
use crate::error::ErrorCode;
use crate::scope::ScopeSet;

/// A longer token is not read; signed tokens with many claims stay far below.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How the token was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750.
    Bearer,
    /// RFC 9449: a proof has to come with it.
    Dpop,
}

impl Scheme {
    /// How the first `Authorization` line presents its token; [`Scheme::Bearer`] where there is none.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let line = headers.get(AUTHORIZATION).and_then(|line| presented(line.as_bytes()));
        line.map_or(Self::Bearer, |(scheme, _)| scheme)
    }
}

/// A token out of an `Authorization` header, still in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// How it was presented.
    pub scheme: Scheme,
    /// The token: a secret.
    pub token: &'a str,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// Reads the `Authorization` header lines of a request; exactly one is allowed.
///
/// # Errors
/// [`BearerError::Missing`] without a header or with another scheme, [`BearerError::Malformed`] when there is more
/// than one or the token has illegal characters.
pub fn from_authorization<'a>(
    lines: impl IntoIterator<Item = &'a str>,
) -> Result<Credentials<'a>, BearerError> {
    let mut lines = lines.into_iter();
    let line = lines.next().ok_or(BearerError::Missing)?;
    if lines.next().is_some() {
        return Err(BearerError::Malformed);
    }
    let (scheme, token) = presented(line.as_bytes()).ok_or(BearerError::Missing)?;
    let legal =
        |&b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.iter().all(legal) {
        return Err(BearerError::Malformed);
    }
    let token = str::from_utf8(token).map_err(|_| BearerError::Malformed)?;
    Ok(Credentials { scheme, token })
}

/// The token of one header line whatever it consists of, for whoever has a list of good ones to look it up in;
/// `None` with another scheme.
#[must_use]
pub fn presented(line: &[u8]) -> Option<(Scheme, &[u8])> {
    let line = line.trim_ascii();
    let (scheme, token) = line.split_at(line.iter().position(|&b| b == b' ').unwrap_or(line.len()));
    let scheme = if scheme.eq_ignore_ascii_case(b"bearer") {
        Scheme::Bearer
    } else if scheme.eq_ignore_ascii_case(b"dpop") {
        Scheme::Dpop
    } else {
        return None;
    };
    Some((scheme, token.trim_ascii_start()))
}

/// Why a request with (or without) a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// No token was sent; the challenge then carries no error (RFC 6750 §3.1).
    #[error("this needs an access token")]
    Missing,
    /// The header cannot be read.
    #[error("the Authorization header is malformed")]
    Malformed,
    /// Expired; the client refreshes.
    #[error("the access token has expired")]
    Expired,
    /// Not valid yet: somebody's clock is wrong.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// Meant for another resource.
    #[error("the access token was not issued for this resource")]
    WrongAudience,
    /// From an issuer this resource does not trust.
    #[error("the access token was not issued by this resource's authorization server")]
    WrongIssuer,
    /// The user, the client or the server took it back.
    #[error("the access token has been revoked")]
    Revoked,
    /// Not a token of ours: signature, shape or an unknown reference.
    #[error("the access token is not valid")]
    Invalid,
    /// Bound to a key, and presented as if it were not: whoever sends it may have stolen it
    /// ([RFC 9449 §7.2](https://www.rfc-editor.org/rfc/rfc9449#section-7.2)).
    #[error("the access token is bound to a key; present it as DPoP, with a proof")]
    Bound,
    /// Presented with a proof, and not bound to any key.
    #[error("the access token is not bound to a key; present it as Bearer")]
    Unbound,
    /// Not bound to a key, where only bound ones are taken.
    #[error("this takes access tokens only that are bound to a key (DPoP)")]
    BindingRequired,
    /// Bound to a key, and whoever sends it does not prove to have that.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Valid, and not enough.
    #[error("this needs the scope {required}")]
    InsufficientScope {
        /// What this operation needs.
        required: ScopeSet,
    },
    /// The verifier could not find out (its keys or store are unavailable): nobody's token is at fault.
    #[error("access tokens cannot be checked right now")]
    Unavailable,
    /// Not looked at, because too many forged tokens came before it ([`crate::forgery`]). It may be a good one, which the
    /// sender cannot tell from [`BearerError::Unavailable`]; whoever watches the server can.
    #[error("access tokens cannot be checked right now")]
    Flooded,
}

/// What has become of a token since it was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: it allows what it did.
    Unchanged,
    /// Its grant allows less by now: what the token says counts only as far as the grant still goes.
    Narrowed,
    /// It allows nothing any more, by itself or with its grant.
    Revoked,
}

/// What a resource adds to each of its challenges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChallengeContext {
    /// The URL of its metadata document.
    pub resource_metadata: Option<String>,
    /// The scope a first login should ask for.
    pub scope: Option<ScopeSet>,
    /// Whether only tokens are taken that are bound to a key.
    pub binding_required: bool,
}

impl BearerError {
    /// The HTTP status of the refusal.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable | Self::Flooded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Missing
            | Self::Expired
            | Self::NotYetValid
            | Self::WrongAudience
            | Self::WrongIssuer
            | Self::Revoked
            | Self::Invalid
            | Self::Bound
            | Self::Unbound
            | Self::BindingRequired
            | Self::Proof(_) => StatusCode::UNAUTHORIZED,
        }
    }

    /// The `error` of the challenge; none when no token was sent or the fault is ours.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Missing | Self::Unavailable | Self::Flooded => None,
            Self::Malformed => Some(ErrorCode::InvalidRequest),
            Self::InsufficientScope { .. } => Some(ErrorCode::InsufficientScope),
            Self::Expired
            | Self::NotYetValid
            | Self::WrongAudience
            | Self::WrongIssuer
            | Self::Revoked
            | Self::Invalid
            | Self::Bound
            | Self::Unbound
            | Self::BindingRequired
            // The example of RFC 9449 §7.1: it is the token that does not belong to this key.
            | Self::Proof(ProofError::OtherKey) => Some(ErrorCode::InvalidToken),
            Self::Proof(error) => Some(error.code()),
        }
    }

    /// Whether the answer gives a nonce, with which the same request is good.
    #[must_use]
    pub fn wants_nonce(&self) -> bool {
        matches!(self, Self::Proof(error) if error.wants_nonce())
    }

    /// By which scheme the next attempt is to present its token, if this one presented its own by `presented`.
    fn next_scheme(&self, presented: Scheme, context: &ChallengeContext) -> Scheme {
        match self {
            Self::Bound | Self::BindingRequired | Self::Proof(_) => Scheme::Dpop,
            _ if context.binding_required => Scheme::Dpop,
            Self::Unbound => Scheme::Bearer,
            _ => presented,
        }
    }

    /// The `WWW-Authenticate` header of the refusal of a request that presented its token by `presented`
    /// ([`Scheme::Bearer`] where it had none); `None` when a challenge would not help.
    #[must_use]
    pub fn challenge(&self, presented: Scheme, context: &ChallengeContext) -> Option<Challenge> {
        if matches!(self, Self::Unavailable | Self::Flooded) {
            return None;
        }
        let mut challenge = match self.next_scheme(presented, context) {
            Scheme::Bearer => Challenge::bearer(),
            Scheme::Dpop => Challenge::dpop(),
        };
        if let Some(code) = self.code() {
            challenge = challenge.with("error", code).with("error_description", self);
        }
        let scope = match self {
            Self::InsufficientScope { required } => Some(required),
            _ => context.scope.as_ref(),
        };
        if let Some(scope) = scope.filter(|scope| !scope.is_empty()) {
            challenge = challenge.with("scope", scope);
        }
        if let Some(url) = &context.resource_metadata {
            challenge = challenge.with("resource_metadata", url);
        }
        Some(challenge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_header() {
        for (lines, expected) in [
            (&["Bearer abc.def-_~+/="][..], Ok("abc.def-_~+/=")),
            (&["bearer   abc"], Ok("abc")),
            (&["DPoP abc"], Ok("abc")),
            (&[], Err(BearerError::Missing)),
            (&["Basic dTpw"], Err(BearerError::Missing)),
            (&["Bearer"], Err(BearerError::Malformed)),
            (&["Bearer a b"], Err(BearerError::Malformed)),
            (&["Bearer a,b"], Err(BearerError::Malformed)),
            (&["Bearer a", "Bearer b"], Err(BearerError::Malformed)),
        ] {
            let read = from_authorization(lines.iter().copied());
            assert_eq!(read.as_ref().map(|c| c.token).map_err(Clone::clone), expected, "{lines:?}");
        }
        assert_eq!(from_authorization(["DPoP x"]).unwrap().scheme, Scheme::Dpop);
    }

    #[test]
    fn challenges() {
        let context = ChallengeContext {
            resource_metadata: Some("https://a/.well-known/oauth-protected-resource/mcp".into()),
            scope: Some(ScopeSet::parse("posts:read").unwrap()),
            binding_required: false,
        };
        let need = BearerError::InsufficientScope { required: ScopeSet::parse("posts:write").unwrap() };
        for (error, status, expected) in [
            (
                BearerError::Missing,
                401,
                r#"Bearer scope="posts:read", resource_metadata="https://a/.well-known/oauth-protected-resource/mcp""#,
            ),
            (
                BearerError::Expired,
                401,
                r#"Bearer error="invalid_token", error_description="the access token has expired", scope="posts:read", resource_metadata="https://a/.well-known/oauth-protected-resource/mcp""#,
            ),
            (
                need,
                403,
                r#"Bearer error="insufficient_scope", error_description="this needs the scope posts:write", scope="posts:write", resource_metadata="https://a/.well-known/oauth-protected-resource/mcp""#,
            ),
        ] {
            assert_eq!(error.http_status(), status);
            assert_eq!(error.challenge(Scheme::Bearer, &context).unwrap().to_string(), expected);
        }
        for error in [BearerError::Unavailable, BearerError::Flooded] {
            assert_eq!((error.http_status().as_u16(), error.challenge(Scheme::Dpop, &context)), (503, None));
        }
    }

    #[test]
    fn by_which_scheme_to_come_again() {
        const ALGS: &str = r#"algs="ES256 ES384 EdDSA Ed25519 PS256 RS256""#;
        for (error, presented, required, expected) in [
            (BearerError::Missing, Scheme::Bearer, false, "Bearer".to_owned()),
            (BearerError::Missing, Scheme::Bearer, true, format!("DPoP {ALGS}")),
            (
                BearerError::Expired,
                Scheme::Dpop,
                false,
                format!(
                    r#"DPoP {ALGS}, error="invalid_token", error_description="the access token has expired""#
                ),
            ),
            (
                BearerError::Bound,
                Scheme::Bearer,
                false,
                format!(
                    r#"DPoP {ALGS}, error="invalid_token", error_description="{}""#,
                    "the access token is bound to a key; present it as DPoP, with a proof"
                ),
            ),
            (
                BearerError::Unbound,
                Scheme::Dpop,
                false,
                r#"Bearer error="invalid_token", error_description="the access token is not bound to a key; present it as Bearer""#
                    .to_owned(),
            ),
            (
                BearerError::BindingRequired,
                Scheme::Bearer,
                true,
                format!(
                    r#"DPoP {ALGS}, error="invalid_token", error_description="{}""#,
                    "this takes access tokens only that are bound to a key (DPoP)"
                ),
            ),
            (
                ProofError::NonceWanted.into(),
                Scheme::Dpop,
                false,
                format!(
                    r#"DPoP {ALGS}, error="use_dpop_nonce", error_description="the DPoP proof needs the nonce of this server""#
                ),
            ),
            (
                ProofError::Replayed.into(),
                Scheme::Dpop,
                false,
                format!(
                    r#"DPoP {ALGS}, error="invalid_dpop_proof", error_description="the DPoP proof was used before""#
                ),
            ),
            (
                ProofError::OtherKey.into(),
                Scheme::Dpop,
                false,
                format!(
                    r#"DPoP {ALGS}, error="invalid_token", error_description="{}""#,
                    ProofError::OtherKey
                ),
            ),
        ] {
            let context = ChallengeContext { binding_required: required, ..ChallengeContext::default() };
            let challenge = error.challenge(presented, &context).unwrap();
            assert_eq!((error.http_status(), challenge.to_string()), (StatusCode::UNAUTHORIZED, expected));
            assert_eq!(error.wants_nonce(), challenge.error() == Some(ErrorCode::UseDpopNonce));
        }
    }
}
