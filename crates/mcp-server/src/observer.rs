//! One record per request, for whoever wants to know
//! (audit, metrics and spans are views of it).

use std::time::Duration;

use barewire_mcp::revision::Revision;
use http::{Method, StatusCode};

use crate::auth::Principal;

/// Receives one [`Record`] per HTTP request, refusals included, when its answer has been sent or given up.
pub trait Observer: Send + Sync + 'static {
    /// Called once per request, on the task that served it: be quick, and hand anything slow to another one.
    fn record(&self, record: &Record<'_>);
}

/// What happened to one request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The HTTP method.
    pub http_method: &'a Method,
    /// Who called, once that was established.
    pub principal: Option<&'a Principal>,
    /// The revision spoken, once that was known.
    pub revision: Option<Revision>,
    /// The JSON-RPC method, once it was known.
    pub method: Option<&'a str>,
    /// The tool, prompt or resource.
    pub name: Option<&'a str>,
    /// Name and version that the client gives itself. Unverified.
    pub client: Option<(&'a str, &'a str)>,
    /// What was decided about the caller.
    pub decision: Decision,
    /// The HTTP status.
    pub status: StatusCode,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the response's body.
    pub bytes_out: u64,
    /// From the request's head to the end of the response.
    pub duration: Duration,
}

/// What was decided about the caller of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Let in.
    Allowed,
    /// Refused before anybody asked who it is: Host, Origin, shape, or limits.
    Refused,
    /// No token, or not a good one (401).
    Unauthenticated,
    /// A good token that lacks a scope (403).
    InsufficientScope,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a result.
    Result,
    /// With a result that tells the model of a failure.
    ToolError,
    /// With a request for input; the client comes back with a new request.
    InputRequired,
    /// With a JSON-RPC error of this code.
    Error(i64),
    /// Without a message: accepted notifications, preflights, ended streams, refusals of HTTP.
    Nothing,
    /// The client went away or cancelled before the end.
    Cancelled,
}
