//! The recorded exchange, as the page, the trace and the exports read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::narration::{Narration, Step};

/// One HTTP request and what became of it. Every text in it is masked; see [`crate::mask`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Exchange {
    /// Unique within its recorder.
    pub id: String,
    /// When the request was sent: milliseconds since 1970-01-01T00:00:00Z.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub at: u64,
    /// How long it took, in milliseconds; absent while it runs.
    pub duration_ms: Option<f64>,
    /// Which part of the conversation it belongs to.
    pub phase: Phase,
    /// Which step of that part it is.
    pub step: Step,
    /// Who sent the request.
    pub from: Party,
    /// Who answered.
    pub to: Party,
    /// Whether it is running, finished or failed.
    pub status: Status,
    /// What was sent.
    pub request: Request,
    /// What came back; absent while nothing did.
    pub response: Option<Response>,
    /// Why nothing, or not all of it, came back.
    pub failure: Option<Failure>,
    /// The JSON-RPC side of it, when the body is a message.
    pub rpc: Option<Rpc>,
    /// What the step is, what was decided and why.
    pub narration: Narration,
    /// The exchange that this one repeats (after a refresh, with an answer, in another revision, …).
    pub repeats: Option<String>,
    /// What the caller named the work this belongs to, such as the id of a call.
    pub tag: Option<String>,
    /// The readable parts of the signed tokens that passed through, without their signatures.
    pub tokens: Vec<DecodedToken>,
}

/// Which part of the conversation an exchange belongs to; the page groups by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Phase {
    /// Finding out who protects the server.
    Discover,
    /// Becoming a client of the authorization server.
    Register,
    /// The user logs in and consents; the code becomes a token.
    LogIn,
    /// Agreeing on a protocol revision.
    Negotiate,
    /// Reading the lists.
    List,
    /// Tools, resources and prompts at work.
    Call,
    /// Long-lived streams.
    Stream,
    /// Renewing the access token.
    Refresh,
    /// Asking for more scope.
    StepUp,
    /// Anything else.
    Other,
}

/// A lane of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Party {
    /// The user's browser.
    Browser,
    /// The MCP client: the host, the command line.
    Client,
    /// The OAuth authorization server.
    AuthorizationServer,
    /// The MCP server.
    McpServer,
}

/// How far the exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Status {
    /// The answer is not complete; a stream stays here while it grows.
    Running,
    /// The answer is complete, whatever it says.
    Finished,
    /// There is no complete answer.
    Failed,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Request {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// The full URL.
    pub url: String,
    /// The header lines in order.
    pub headers: Vec<Header>,
    /// The body, if there was one.
    pub body: Option<Body>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header lines in order.
    pub headers: Vec<Header>,
    /// The body of an answer that is not a stream.
    pub body: Option<Body>,
    /// The events of a stream, growing while it runs.
    pub events: Vec<StreamEvent>,
    /// Older events that were dropped because of the bound.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub events_dropped: u64,
    /// Milliseconds from the request to the first byte.
    pub first_byte_ms: Option<f64>,
}

/// One header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Header {
    /// Lower case.
    pub name: String,
    /// Masked where it is a secret.
    pub value: String,
    /// Whether the protocol gives it a meaning here; the page shows these on top.
    pub matters: bool,
}

/// A body as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Body {
    /// The media type without parameters, lower case; empty when there was none.
    pub media_type: String,
    /// The text, masked; absent when it is not text.
    pub text: Option<String>,
    /// How many bytes there were on the wire.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub bytes: u64,
    /// Whether `text` is only the beginning.
    pub truncated: bool,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StreamEvent {
    /// Counts from 0 in its stream; dropped events keep their numbers.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub seq: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub at: u64,
    /// The `event` field.
    pub event: Option<String>,
    /// The `id` field.
    pub id: Option<String>,
    /// The `retry` field in milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub retry: Option<u64>,
    /// The data, masked.
    pub data: String,
    /// Whether `data` is only the beginning.
    pub truncated: bool,
}

/// Why there is no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Failure {
    /// What kind of thing went wrong.
    pub kind: FailureKind,
    /// What the network said.
    pub message: String,
}

/// Kinds of failures below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum FailureKind {
    /// The name does not resolve, nothing listens, or TLS fails.
    Connect,
    /// It took too long.
    Timeout,
    /// The answer broke off or is not HTTP.
    Broken,
    /// The answer is larger than the client accepts.
    TooLarge,
    /// We closed it: a cancelled call, the end of a subscription.
    Closed,
    /// A rule of the client forbids to send it.
    Forbidden,
}

/// The JSON-RPC side of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Rpc {
    /// The method; absent when the request is an answer to the server.
    pub method: Option<String>,
    /// The id as JSON text.
    pub id: Option<String>,
    /// The tool, resource or prompt.
    pub name: Option<String>,
    /// The protocol revision it was sent in.
    pub revision: Option<String>,
}

/// The readable part of a JSON Web Token. The signature is never kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DecodedToken {
    /// Where it was, such as `request header authorization` or `response body access_token`.
    pub place: String,
    /// What stands at its place, so that the two can be matched.
    pub mask: String,
    /// The header.
    #[cfg_attr(feature = "ts", ts(type = "unknown"))]
    pub header: Value,
    /// The claims; absent when they are encrypted.
    #[cfg_attr(feature = "ts", ts(type = "unknown"))]
    pub claims: Option<Value>,
}
