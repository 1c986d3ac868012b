//! One record per request, for whoever wants to know
//! (audit, metrics and spans are views of it).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use barewire_mcp::revision::Revision;
use barewire_mcp::types::trace::TraceParent;
use barewire_oauth::scope::ScopeSet;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::auth::Principal;

/// Receives one [`Record`] per HTTP request, refusals included, when its answer has been sent or given up. A batch has
/// one for each of its members besides.
///
/// Everything here is called on the task that serves the request: be quick, and hand anything slow to another one.
pub trait Observer: Send + Sync + 'static {
    /// Called once, when the server is built: what it offers.
    fn attached(&self, offers: &Offers<'_>) {
        let _ = offers;
    }

    /// Who observes another endpoint of the same server, at `path` as its clients see it: those of
    /// [`sse_transport`](crate::McpServerBuilder::sse_transport), and where the metadata of the resource is. Called once for
    /// each when the server is built; `None` leaves them to this one, which then cannot tell where a request came in.
    fn at(&self, path: &str) -> Option<Arc<dyn Observer>> {
        let _ = path;
        None
    }

    /// A request has come; each is followed by one [`Observer::record`] that is not [`batched`](Record::batched). Says
    /// where it came from, which only the application knows: from an extension that its listener set, or from a header of its own proxy.
    fn begin(&self, head: &Parts) -> Option<IpAddr> {
        let _ = head;
        None
    }

    /// Whether a request may go on. An observer that must not miss anything says no while it could not keep the record;
    /// the request is refused with 503 then.
    fn admits(&self) -> bool {
        true
    }

    /// A digest of the arguments of a call, for [`Record::arguments`]: they are nobody's to keep, and an observer may
    /// still want to tell two calls apart. Called once at most per request.
    fn digest(&self, arguments: &str) -> Option<[u8; 16]> {
        let _ = arguments;
        None
    }

    /// The answer became a stream, and its end may be far away.
    fn streaming(&self) {}

    /// The request is over.
    fn record(&self, record: &Record<'_>);
}

/// [`Record::name`] of a request for the resource's metadata ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)).
pub const METADATA: &str = "oauth-protected-resource";

/// What a server offers. Only these names are fit for labels; others come from clients, who can invent any number.
#[derive(Debug)]
#[non_exhaustive]
pub struct Offers<'a> {
    /// Names of tools.
    pub tools: Vec<&'a str>,
    /// Names of prompts.
    pub prompts: Vec<&'a str>,
}

/// What happened to one request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The HTTP method.
    pub http_method: &'a Method,
    /// Where it came from, as far as the observer said.
    pub address: Option<IpAddr>,
    /// The header `User-Agent`, as it came. Unverified.
    pub user_agent: Option<&'a str>,
    /// The trace it belongs to, as its `_meta` says, or else its header.
    pub trace: Option<TraceParent>,
    /// Who called, once that was established.
    pub principal: Option<&'a Principal>,
    /// The revision spoken, once that was known.
    pub revision: Option<Revision>,
    /// The JSON-RPC method, once it was known.
    pub method: Option<&'static str>,
    /// The tool, prompt or resource, or the id of the task that is asked about; [`METADATA`] where the metadata of the
    /// resource is read.
    pub name: Option<&'a str>,
    /// What [`Observer::digest`] made of the arguments.
    pub arguments: Option<[u8; 16]>,
    /// Name and version that the client gives itself. Unverified.
    pub client: Option<(&'a str, &'a str)>,
    /// What was decided about the caller.
    pub decision: Decision,
    /// The rule by which it was refused or failed: a word out of a fixed set, such as `expired_token`.
    pub reason: Option<&'static str>,
    /// The scopes that it would have needed, where that is the reason.
    pub needed: Option<&'a ScopeSet>,
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
    /// From the request's head to the head of a response that is a stream.
    pub streaming_after: Option<Duration>,
    /// It is about one member of a batch. The request that brought the batch has a record of its own, with neither
    /// method nor name, and with the bytes of all members.
    pub batched: bool,
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
    /// A good token, and what it asks for exists, but this caller is not to know that.
    Hidden,
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
    /// With a task: the work goes on, and the client asks for it.
    Task,
    /// With a JSON-RPC error of this code.
    Error(i64),
    /// Without a message: accepted notifications, preflights, ended streams, refusals of HTTP.
    Nothing,
    /// The client went away or cancelled before the end.
    Cancelled,
}
