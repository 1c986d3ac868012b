//! Failures of the API, by whose fault they are, and the one table to HTTP.

use axum::Json;
use axum::response::{IntoResponse, Response};
use barewire_mcp_client::StoreError;
use http::StatusCode;
use thiserror::Error;

use crate::api::{ErrorBody, ErrorCode};
use crate::store::HostStoreError;

/// Why an API request was not done.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// The page sent something that cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// Not from the page.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The browser has no session, or its session is gone.
    #[error("this browser has no session here")]
    NoSession,
    /// No such thing in this session; whether another session has it is not told.
    #[error("there is no such {0} in this session")]
    NotFound(&'static str),
    /// Not in this status.
    #[error("{message}")]
    Conflict { message: String, what_next: Option<String> },
    /// A limit.
    #[error("there are {limit} {what} already, which is the limit")]
    TooMany { what: &'static str, limit: usize },
    /// The server's fault.
    #[error("{message}")]
    Upstream { message: String, what_next: Option<String> },
    /// The host's store.
    #[error("the host could not save or load its state")]
    Store(#[from] HostStoreError),
    /// The host's store of tokens.
    #[error("the host could not save or load a token")]
    Credentials(#[source] StoreError),
}

impl ApiError {
    fn table(&self) -> (StatusCode, ErrorCode, Option<&str>) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, ErrorCode::BadRequest, None),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, ErrorCode::Forbidden, None),
            Self::NoSession => (StatusCode::UNAUTHORIZED, ErrorCode::NoSession, Some("Reload the page.")),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, ErrorCode::NotFound, None),
            Self::Conflict { what_next, .. } => {
                (StatusCode::CONFLICT, ErrorCode::Conflict, what_next.as_deref())
            }
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::TooMany,
                Some("Remove or close one and try again."),
            ),
            Self::Upstream { what_next, .. } => {
                (StatusCode::BAD_GATEWAY, ErrorCode::Upstream, what_next.as_deref())
            }
            Self::Store(_) | Self::Credentials(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::Internal,
                Some("Look into the host's log; is its data directory writable?"),
            ),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, what_next) = self.table();
        if let Some(source) = std::error::Error::source(&self) {
            tracing::error!(error = source, "{self}");
        }
        let what_next = what_next.map(ToOwned::to_owned);
        (status, Json(ErrorBody { code, message: self.to_string(), what_next })).into_response()
    }
}
