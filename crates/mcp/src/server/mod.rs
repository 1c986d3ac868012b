//! What a server does with an HTTP request, as functions.
//!
//! [`admit`] looks at the head alone, before a token is checked and the body is read. [`accept_post`] takes the body and
//! decides, for this request alone, which era it belongs to. [`reply`] writes the answer. What lies between (who the
//! caller is, which session, running the handler, streaming) is the caller's.
//!
//! ```
//! use barewire_mcp::revision::Era;
//! use barewire_mcp::server::{Accepted, Policy, accept, reply};
//! use barewire_mcp::wire::v2026_07_28::{DiscoverResult, Request, encode_discover};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let body = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{
//!     "io.modelcontextprotocol/protocolVersion":"2026-07-28",
//!     "io.modelcontextprotocol/clientCapabilities":{}}}}"#;
//! let (parts, ()) = http::Request::post("/mcp")
//!     .header("content-type", "application/json")
//!     .header("accept", "application/json, text/event-stream")
//!     .header("mcp-protocol-version", "2026-07-28")
//!     .header("mcp-method", "server/discover")
//!     .body(())?
//!     .into_parts();
//!
//! let response = match accept(&parts, &body.into(), &Policy::default()) {
//!     Ok(Accepted::Call(call)) if call.request == Request::Discover => {
//!         let offer = DiscoverResult { supported_versions: vec![call.revision.to_string()], ..Default::default() };
//!         reply(&call.id, Era::Modern, Ok(encode_discover(&call.id, &offer)?))
//!     }
//!     Ok(_) => unreachable!("the body says what it is"),
//!     Err(rejection) => rejection.response(),
//! };
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```

pub mod http_sse;
pub mod legacy;
pub mod modern;
mod usual;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::error::{Error, TransportFault};
use crate::http::headers;
use crate::http::origin::OriginPolicy;
use crate::jsonrpc::{self, EnvelopeFault, Id, Message, write};
use crate::revision::{Era, Revision};
use crate::wire;
use crate::wire::v2026_07_28::RawMeta;

/// What a server allows.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Where requests may come from and what they may be addressed to.
    pub origin: OriginPolicy,
}

/// What a request to the MCP endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// POST: brings a message; go on with [`accept_post`].
    Post,
    /// GET: opens a stream of the handshake era; go on with [`legacy::accept_get`].
    Get,
    /// DELETE: ends a session of the handshake era; go on with [`legacy::accept_delete`].
    Delete,
}

/// What a POST brings.
#[derive(Debug)]
pub enum Accepted {
    /// A request of the modern era.
    Call(Box<modern::Call>),
    /// A notification of the modern era: there is none that means anything over HTTP. Answer with [`accepted`].
    Notification,
    /// A message of the handshake era.
    Legacy(Box<legacy::Post>),
    /// An array of what may be messages of a session that has batches; go on with [`legacy::accept_batch`].
    Batch(legacy::BatchHead),
}

/// A request that is refused before a method runs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Rejection {
    /// The request's id, where it could be read; the answer echoes it.
    pub id: Option<Id>,
    /// The era that the answer is written for.
    pub era: Era,
    /// Why.
    pub error: Error,
}

impl Rejection {
    pub(crate) fn new(id: Option<&Id>, era: Era, error: impl Into<Error>) -> Self {
        Self { id: id.cloned(), era, error: error.into() }
    }

    /// The answer.
    pub fn response(&self) -> Response<Bytes> {
        let mut response = error_response(self.id.as_ref(), &self.error, self.era);
        let hint = match self.error {
            Error::Transport(TransportFault::Method) => Some((ALLOW, "POST, GET, DELETE")),
            Error::Transport(TransportFault::ContentEncoding) => Some((ACCEPT_ENCODING, "identity")),
            _ => None,
        };
        if let Some((name, value)) = hint {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Looks at the head of a request: who it comes from, what it is addressed to, what it is for, and whether the body
/// and the answer have forms that both sides know.
///
/// # Errors
/// 403, 405, 406 or 415.
pub fn admit(parts: &Parts, policy: &Policy) -> Result<Verb, Rejection> {
    let refuse = |fault: TransportFault| Rejection::new(None, Era::Modern, fault);
    policy.origin.check(&parts.headers, &parts.uri).map_err(refuse)?;
    match parts.method {
        Method::POST => {
            headers::check_content_type(&parts.headers).map_err(refuse)?;
            headers::check_content_encoding(&parts.headers).map_err(refuse)?;
            headers::check_accept(&parts.headers).map_err(refuse)?;
            Ok(Verb::Post)
        }
        // The modern era has neither; who speaks it is told so.
        Method::GET | Method::DELETE if header_revision(&parts.headers).is_modern() => {
            Err(refuse(TransportFault::Method))
        }
        Method::GET => {
            headers::check_accept_stream(&parts.headers).map_err(refuse)?;
            Ok(Verb::Get)
        }
        Method::DELETE => Ok(Verb::Delete),
        _ => Err(refuse(TransportFault::Method)),
    }
}

/// Takes the body of an admitted POST.
///
/// The era is decided by the request alone: one whose `_meta` names a version is modern, and so is one whose version
/// header names a modern revision or whose method only the modern era has. `initialize` without such a `_meta` opens
/// the handshake era, whatever the headers say. Everything else belongs to a session.
///
/// # Errors
/// The body is not a message, or breaks a rule of its era.
pub fn accept_post(parts: &Parts, body: &Bytes) -> Result<Accepted, Rejection> {
    match usual::read(&parts.headers, body) {
        Some(accepted) => Ok(accepted),
        None => step_by_step(parts, body),
    }
}

/// The whole of what can come, good or bad.
fn step_by_step(parts: &Parts, body: &[u8]) -> Result<Accepted, Rejection> {
    let header = header_revision(&parts.headers);
    let message = match jsonrpc::parse(body) {
        Ok(message) => message,
        Err(error) if error.fault == EnvelopeFault::Batch && header.may_have_batches() => {
            return legacy::batch_head(&parts.headers, &header).map(Accepted::Batch);
        }
        Err(error) => {
            return Err(Rejection { id: error.id, era: Era::Modern, error: error.fault.into() });
        }
    };
    match &message {
        Message::Request(request) => {
            let meta = RawMeta::find(request.params);
            let handshake = request.method == "initialize";
            let modern_method = matches!(&*request.method, "server/discover" | "subscriptions/listen");
            if meta.names_version() || (!handshake && (header.is_modern() || modern_method)) {
                return modern::accept(&parts.headers, request, meta)
                    .map(|call| Accepted::Call(Box::new(call)))
                    .map_err(|error| Rejection::new(Some(&request.id), Era::Modern, error));
            }
        }
        Message::Notification(_) if header.is_modern() => return Ok(Accepted::Notification),
        Message::Response(_) if header.is_modern() => {
            return Err(Rejection::new(None, Era::Modern, TransportFault::UnexpectedResponse));
        }
        Message::Notification(_) | Message::Response(_) => {}
    }
    legacy::accept(&parts.headers, &header, message).map(|post| Accepted::Legacy(Box::new(post)))
}

/// [`admit`] and [`accept_post`] in one, for a POST whose head and body are both there.
///
/// # Errors
/// Those of the two.
pub fn accept(parts: &Parts, body: &Bytes, policy: &Policy) -> Result<Accepted, Rejection> {
    match admit(parts, policy)? {
        Verb::Post => accept_post(parts, body),
        Verb::Get | Verb::Delete => Err(Rejection::new(None, Era::Legacy, TransportFault::Method)),
    }
}

/// The answer to a request: the bytes that [`crate::wire`] wrote, or an error.
pub fn reply(id: &Id, era: Era, outcome: Result<Bytes, &Error>) -> Response<Bytes> {
    match outcome {
        Ok(message) => json(StatusCode::OK, message),
        Err(error) => error_response(Some(id), error, era),
    }
}

/// The bytes of an error, for a stream that has begun and cannot have another status any more.
pub fn error_message(id: &Id, error: &Error, era: Era) -> Bytes {
    write::error(Some(id), &error.object(era))
}

/// The answer to a notification, and to a response of the handshake era: 202 and nothing else.
pub fn accepted() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn error_response(id: Option<&Id>, error: &Error, era: Era) -> Response<Bytes> {
    json(error.codes(era).1, write::error(id, &error.object(era)))
}

fn json(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(headers::JSON));
    response
}

/// What the version header of a request says.
pub(crate) enum HeaderRevision {
    Absent,
    Known(Revision),
    Unknown(String),
}

impl HeaderRevision {
    fn is_modern(&self) -> bool {
        matches!(self, Self::Known(revision) if revision.era() == Era::Modern)
    }

    /// Without a header, it is for the session to say.
    fn may_have_batches(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Known(revision) => wire::legacy::has_batches(*revision),
            Self::Unknown(_) => false,
        }
    }
}

fn header_revision(headers: &HeaderMap) -> HeaderRevision {
    match headers::single(headers, &headers::PROTOCOL_VERSION) {
        Ok(None) => HeaderRevision::Absent,
        Ok(Some(name)) => Revision::parse(name)
            .map_or_else(|| HeaderRevision::Unknown(name.to_owned()), HeaderRevision::Known),
        Err(_) => HeaderRevision::Unknown(String::new()),
    }
}
