//! The shape of every answer that is not 2xx.

use serde::{Deserialize, Serialize};

/// What went wrong with an API request: for the program, and for the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ErrorBody {
    /// The word.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
    /// What to do about it, if anything.
    pub what_next: Option<String>,
}

/// Kinds of failures of the host's own API; how a *server* fails is a status or a call's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ErrorCode {
    /// 400: the request cannot be read.
    BadRequest,
    /// 403: not from the page itself (`Host`, `Origin` or the header `X-Barewire`).
    Forbidden,
    /// 401: the browser has no session here, or it is gone: `GET /api/state` starts one.
    NoSession,
    /// 404: this session has no such server, call or exchange.
    NotFound,
    /// 409: not in this status, e.g. a call to a server that wants a login first.
    Conflict,
    /// 429: a limit is reached.
    TooMany,
    /// 502: the server answered with an error, or not at all.
    Upstream,
    /// 500: the host's own fault; the log has more.
    Internal,
}
