//! Requests that are refused for who sent them.

use barewire_oauth::bearer::{BearerError, ChallengeContext};
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
}

impl Refusal {
    pub(super) fn new(error: &BearerError, context: &ChallengeContext) -> Self {
        let code = error.code().unwrap_or(match error {
            BearerError::Unavailable | BearerError::Flooded => ErrorCode::TemporarilyUnavailable,
            _ => ErrorCode::InvalidToken,
        });
        let body = ErrorResponse::new(code, error.to_string());
        Self::with(error.clone(), error.challenge(context).as_ref(), &body)
    }

    pub(super) fn with(error: BearerError, challenge: Option<&Challenge>, body: &ErrorResponse) -> Self {
        Self {
            status: error.http_status(),
            // A challenge keeps only visible ASCII, so it is a header; a missing one is still better than a panic.
            challenge: challenge.and_then(|challenge| HeaderValue::from_str(&challenge.to_string()).ok()),
            body: serde_json::to_vec(body).map(Bytes::from).unwrap_or_default(),
            error,
        }
    }
}

/// The refusals in which nothing depends on the caller, written once: whoever sends many bad tokens is answered with a
/// copy.
#[derive(Clone)]
pub(super) struct Refusals(Vec<Refusal>);

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
        Self(all.iter().map(|error| Refusal::new(error, context)).collect())
    }

    /// The refusal for this error; `None` for one that names scopes.
    pub(super) fn of(&self, error: &BearerError) -> Option<Refusal> {
        self.0.iter().find(|refusal| refusal.error == *error).cloned()
    }
}
