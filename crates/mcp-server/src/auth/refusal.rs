//! Requests that are refused for who sent them.

use barewire_oauth::bearer::{BearerError, ChallengeContext, Scheme};
use barewire_oauth::challenge::Challenge;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;

/// A request that was refused for who sent it.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) challenge: Option<HeaderValue>,
    /// The JSON of an OAuth error, for whoever reads it.
    pub(crate) body: Bytes,
    pub(crate) error: BearerError,
    /// The nonce with which the next proof is good, where that is what was missing.
    pub(crate) nonce: Option<HeaderValue>,
}

impl Refusal {
    /// For a request that presented its token by this scheme.
    pub(super) fn new(error: &BearerError, scheme: Scheme, context: &ChallengeContext) -> Self {
        let code = error.code().unwrap_or(match error {
            BearerError::Unavailable | BearerError::Flooded => ErrorCode::TemporarilyUnavailable,
            _ => ErrorCode::InvalidToken,
        });
        let body = ErrorResponse::new(code, error.to_string());
        Self::with(error.clone(), error.challenge(scheme, context).as_ref(), &body)
    }

    pub(super) fn with(error: BearerError, challenge: Option<&Challenge>, body: &ErrorResponse) -> Self {
        Self {
            status: error.http_status(),
            // A challenge keeps only visible ASCII, so it is a header; a missing one is still better than a panic.
            challenge: challenge.and_then(|challenge| HeaderValue::from_str(&challenge.to_string()).ok()),
            body: serde_json::to_vec(body).map(Bytes::from).unwrap_or_default(),
            error,
            nonce: None,
        }
    }
}

/// The refusals in which nothing depends on the caller, written once: whoever sends many bad tokens is answered with a
/// copy.
#[derive(Clone)]
pub(super) struct Refusals(Vec<(Scheme, Refusal)>);

impl Refusals {
    pub(super) fn new(context: &ChallengeContext) -> Self {
        let all = [
            BearerError::Missing,
            BearerError::Malformed,
            BearerError::Expired,
            BearerError::NotYetValid,
            BearerError::WrongAudience,
            BearerError::WrongIssuer,
            BearerError::Revoked,
            BearerError::Invalid,
            BearerError::Unavailable,
            BearerError::Flooded,
        ];
        let both = [Scheme::Bearer, Scheme::Dpop].into_iter();
        let one = |scheme| all.iter().map(move |error| (scheme, Refusal::new(error, scheme, context)));
        Self(both.flat_map(one).collect())
    }

    /// The refusal for this error; `None` for one that names scopes or is about a proof.
    pub(super) fn of(&self, error: &BearerError, scheme: Scheme) -> Option<Refusal> {
        let (_, refusal) = self.0.iter().find(|(of, refusal)| *of == scheme && refusal.error == *error)?;
        Some(refusal.clone())
    }
}
