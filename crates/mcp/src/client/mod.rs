//! What a client sends and what it makes of the answers, as functions.
//!
//! [`modern`] and [`legacy`] build the head and the body of a request, [`read`] decodes what comes back, and
//! [`probe`] tells from the answer to a first modern request what kind of server is there.

pub mod legacy;
pub mod modern;
pub mod probe;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::error::{Error, code};
use crate::http::headers;
use crate::http::mirrored::UnfitArgument;
use crate::jsonrpc::{self, EnvelopeError, EnvelopeFault, ErrorObject, Id, Message};
use crate::revision::{Era, Revision};
use crate::types::json::RawJson;
use crate::types::notification::ServerNotification;
use crate::wire::{legacy as legacy_wire, v2025_11_25, v2026_07_28};

/// A POST to the MCP endpoint, without what the transport adds (`Host`, `Authorization`).
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The headers.
    pub headers: HeaderMap,
    /// One message.
    pub body: Bytes,
}

/// A request that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BuildFault {
    /// What the application gave refuses to serialise.
    #[error("the request cannot be serialised")]
    Serialise(#[from] serde_json::Error),
    /// An argument cannot be put into its header.
    #[error(transparent)]
    Argument(#[from] UnfitArgument),
}

/// A message of a server, decoded as far as it can be without knowing what is pending.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// It answers a request. The request's method says how the result is decoded.
    Response {
        /// Of which request. Absent in an error about a message that the server could not read.
        id: Option<Id>,
        /// The raw result, or the error.
        outcome: Result<RawJson, ErrorObject>,
    },
    /// It tells something.
    Notification {
        /// What.
        notification: ServerNotification,
        /// The subscription that it belongs to.
        subscription: Option<Id>,
    },
    /// It asks for something. Only in the handshake era.
    Request {
        /// What the answer carries.
        id: Id,
        /// What for, or why it cannot be answered.
        request: Result<v2025_11_25::ServerRequest, Error>,
    },
}

/// A message of a server that breaks the protocol.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ServerFault {
    /// It is not a message.
    #[error("the server sent something that is not a JSON-RPC message: {0}")]
    Envelope(#[from] EnvelopeError),
    /// It is a batch that cannot be one.
    #[error("the server sent a batch that cannot be read: {0}")]
    Batch(EnvelopeFault),
    /// A notification whose params are not what its method takes.
    #[error("the server sent a malformed notification: {0}")]
    Notification(crate::error::InvalidParams),
    /// The modern era has no requests from the server.
    #[error("the server sent the request `{method}`, which this revision does not have")]
    UnexpectedRequest {
        /// Its method.
        method: String,
    },
}

/// Takes apart what came in one body or in one event: a message, or where the revision has batches several, of which
/// there may be `max`.
///
/// # Errors
/// A batch that is empty, that is not JSON, or that has too many messages.
pub fn messages(revision: Revision, text: &[u8], max: usize) -> Result<Vec<&[u8]>, ServerFault> {
    let is_array = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_array || !legacy_wire::has_batches(revision) {
        return Ok(vec![text]);
    }
    let messages = jsonrpc::parse_batch(text, max).map_err(ServerFault::Batch)?;
    Ok(messages.into_iter().map(|message| message.get().as_bytes()).collect())
}

/// Decodes one message of a server that speaks this revision.
///
/// # Errors
/// The message breaks the protocol.
pub fn read(revision: Revision, message: &[u8]) -> Result<Incoming, ServerFault> {
    let modern = revision.era() == Era::Modern;
    Ok(match jsonrpc::parse(message)? {
        Message::Response(response) => {
            Incoming::Response { id: response.id, outcome: response.outcome.map(RawJson::from) }
        }
        Message::Notification(notification) if modern => {
            let (notification, subscription) =
                v2026_07_28::decode_server_notification(&notification).map_err(ServerFault::Notification)?;
            Incoming::Notification { notification, subscription }
        }
        Message::Notification(notification) => {
            let notification = legacy_wire::decode_server_notification(revision, &notification)
                .map_err(ServerFault::Notification)?;
            Incoming::Notification { notification, subscription: None }
        }
        Message::Request(request) if modern => {
            return Err(ServerFault::UnexpectedRequest { method: request.method.into_owned() });
        }
        Message::Request(request) => {
            let decoded = legacy_wire::decode_server_request(revision, &request);
            Incoming::Request { id: request.id, request: decoded }
        }
    })
}

/// Whether an error says that a resource does not exist. Servers of both eras are understood.
pub fn is_resource_not_found(error: &ErrorObject) -> bool {
    let names_uri = error.data.as_ref().is_some_and(|data| data.get("uri").is_some());
    error.code == code::LEGACY_RESOURCE_NOT_FOUND || (error.code == code::INVALID_PARAMS && names_uri)
}

/// The headers that every POST has.
fn post_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(headers::JSON));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers
}
