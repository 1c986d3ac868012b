//! What is noted about a request on its way, for the [`Observer`](crate::Observer).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use barewire_mcp::revision::Revision;
use barewire_mcp::types::trace::{TRACEPARENT, TraceParent};
use http::header::{HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::auth::Principal;
use crate::observer::{Decision, METADATA, Observer, Outcome, Record};
use crate::reason::Reason;

/// The record in the making. Made only where somebody observes; reports when it is dropped, whatever the way there.
pub(crate) struct Trail {
    observer: Arc<dyn Observer>,
    started: Instant,
    http_method: Method,
    address: Option<IpAddr>,
    /// As the connection has it: a copy would be one for each request.
    user_agent: Option<HeaderValue>,
    trace: Option<TraceParent>,
    pub(crate) principal: Option<Arc<Principal>>,
    pub(crate) revision: Option<Revision>,
    pub(crate) method: Option<&'static str>,
    pub(crate) name: Option<String>,
    arguments: Option<[u8; 16]>,
    pub(crate) client: Option<(String, String)>,
    pub(crate) decision: Decision,
    pub(crate) reason: Option<Reason>,
    pub(crate) status: StatusCode,
    pub(crate) outcome: Outcome,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    streaming_after: Option<Duration>,
    /// It is about a member of a batch.
    batched: bool,
}

impl Trail {
    pub(crate) fn begin(observer: Option<&Arc<dyn Observer>>, head: &Parts) -> Option<Box<Self>> {
        observer.map(|observer| {
            let trace = head.headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
            Box::new(Self {
                address: observer.begin(head),
                observer: observer.clone(),
                started: Instant::now(),
                http_method: head.method.clone(),
                user_agent: head.headers.get(USER_AGENT).cloned(),
                trace: trace.and_then(TraceParent::parse),
                principal: None,
                revision: None,
                method: None,
                name: None,
                arguments: None,
                client: None,
                decision: Decision::Refused,
                reason: None,
                status: StatusCode::OK,
                outcome: Outcome::Nothing,
                bytes_in: 0,
                bytes_out: 0,
                streaming_after: None,
                batched: false,
            })
        })
    }

    /// The record of one member of the batch that this request brings.
    pub(crate) fn member(&self, bytes_in: usize) -> Box<Self> {
        Box::new(Self {
            observer: self.observer.clone(),
            started: self.started,
            http_method: self.http_method.clone(),
            address: self.address,
            user_agent: self.user_agent.clone(),
            trace: self.trace,
            principal: self.principal.clone(),
            revision: self.revision,
            method: None,
            name: None,
            arguments: None,
            client: self.client.clone(),
            decision: self.decision,
            reason: None,
            status: StatusCode::OK,
            outcome: Outcome::Nothing,
            bytes_in: bytes_in as u64,
            bytes_out: 0,
            streaming_after: None,
            batched: true,
        })
    }

    /// Whether the observer lets the request go on.
    pub(crate) fn is_admitted(&self) -> bool {
        self.observer.admits()
    }

    /// The trace that the request itself names. It counts more than the header, which may be a proxy's.
    pub(crate) fn joins(&mut self, trace: Option<TraceParent>) {
        self.trace = trace.or(self.trace);
    }

    /// Notes that there are arguments, and not which.
    pub(crate) fn note_arguments(&mut self, arguments: &str) {
        self.arguments = self.observer.digest(arguments);
    }

    /// The metadata of the resource is read, which everybody may.
    pub(crate) fn note_metadata(&mut self) {
        self.decision = Decision::Allowed;
        self.name = Some(METADATA.to_owned());
    }

    /// The answer is a stream.
    pub(crate) fn note_stream(&mut self) {
        self.streaming_after = Some(self.started.elapsed());
        self.observer.streaming();
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.observer.record(&Record {
            http_method: &self.http_method,
            address: self.address,
            user_agent: self.user_agent.as_ref().and_then(|agent| agent.to_str().ok()),
            trace: self.trace,
            principal: self.principal.as_deref(),
            revision: self.revision,
            method: self.method,
            name: self.name.as_deref(),
            arguments: self.arguments,
            client: self.client.as_ref().map(|(name, version)| (name.as_str(), version.as_str())),
            decision: self.decision,
            reason: self.reason.as_ref().map(|reason| reason.word),
            needed: self.reason.as_ref().and_then(|reason| reason.needed.as_ref()),
            status: self.status,
            outcome: self.outcome,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            duration: self.started.elapsed(),
            streaming_after: self.streaming_after,
            batched: self.batched,
        });
    }
}
