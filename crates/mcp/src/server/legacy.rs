//! Messages of the handshake era: all but `initialize` belong to a session
//! ([Streamable HTTP](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http)).

use std::collections::HashSet;

use http::header::HeaderMap;
use http::request::Parts;

use super::{HeaderRevision, Rejection, header_revision};
use crate::error::{Error, TransportFault};
use crate::http::headers;
use crate::jsonrpc::{self, EnvelopeFault, ErrorObject, Id, Message};
use crate::revision::{Era, Revision};
use crate::types::json::RawJson;
use crate::types::notification::ClientNotification;
use crate::wire::v2025_11_25::{self as wire, Request, RequestMeta};
use crate::wire::v2026_07_28::RawMeta;

/// What a POST of this era brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The session. Absent with [`Request::Initialize`], and allowed to be absent elsewhere: what needs none (a list, a
    /// call that asks nothing) a server may answer without one.
    pub session: Option<String>,
    /// What the version header says, where there is one. It is a revision that this build speaks, and it ought to be
    /// the session's.
    pub revision: Option<Revision>,
    /// The message.
    pub message: Incoming,
}

/// A message of a client.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// It asks.
    Request {
        /// What the answer carries.
        id: Id,
        /// What for.
        request: Request,
        /// What it says about itself.
        meta: RequestMeta,
    },
    /// It tells.
    Notification(ClientNotification),
    /// It answers what the server asked.
    Response {
        /// Of which request. Absent in an error about a message that the client could not read.
        id: Option<Id>,
        /// The raw result, or the error.
        outcome: Result<RawJson, ErrorObject>,
    },
}

/// A POST whose body is an array. Whether that is a batch is known once its revision is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchHead {
    /// The session, which says the revision.
    pub session: Option<String>,
    /// What the version header says, where there is one.
    pub revision: Option<Revision>,
}

/// A member of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its length in bytes.
    pub bytes: usize,
    /// The message, or why it is none. The other members are none the worse for it.
    pub message: Result<Incoming, Rejection>,
    /// Whether it is answered: it is a request, or nobody can tell what it is.
    pub is_answered: bool,
}

/// A GET that opens a stream of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The session.
    pub session: String,
    /// The last event that the client saw, where it resumes a stream.
    pub last_event_id: Option<String>,
}

/// Takes an admitted GET.
///
/// # Errors
/// 400 without a session or with an unknown version, 404 where no session can have that id.
pub fn accept_get(parts: &Parts) -> Result<Listen, Rejection> {
    let session = in_session(parts)?;
    let last_event_id = parts.headers.get(&headers::LAST_EVENT_ID);
    let last_event_id = last_event_id.and_then(|id| id.to_str().ok()).map(str::to_owned);
    Ok(Listen { session, last_event_id })
}

/// Takes an admitted DELETE and gives the session that it ends.
///
/// # Errors
/// 400 without a session or with an unknown version, 404 where no session can have that id.
pub fn accept_delete(parts: &Parts) -> Result<String, Rejection> {
    in_session(parts)
}

/// Takes the body of a [`BatchHead`] whose revision
/// [has batches](crate::wire::legacy::has_batches)
/// ([Sending messages](https://modelcontextprotocol.io/specification/2025-03-26/basic/transports#sending-messages-to-the-server)).
/// Requests, notifications and responses may be mixed, although a client ought to keep responses apart.
///
/// # Errors
/// What makes no sense as a whole: more than `max` members, none, one that is an array or `initialize`, or two requests
/// with one id. Nothing of it is to be done then.
pub fn accept_batch(body: &[u8], max: usize) -> Result<Vec<Member>, Rejection> {
    let refuse = |fault: EnvelopeFault| Rejection::new(None, Era::Legacy, fault);
    let mut ids = HashSet::new();
    let mut members = Vec::new();
    for raw in jsonrpc::parse_batch(body, max).map_err(refuse)? {
        let raw = raw.get().as_bytes();
        let (message, is_answered) = match jsonrpc::parse(raw) {
            Err(error) => {
                (Err(Rejection { id: error.id, era: Era::Legacy, error: error.fault.into() }), true)
            }
            Ok(Message::Request(request)) if request.method == "initialize" => {
                return Err(refuse(EnvelopeFault::HandshakeInBatch));
            }
            Ok(Message::Request(request)) if RawMeta::find(request.params).names_version() => {
                // It says that it is of the era without batches.
                (Err(Rejection::new(Some(&request.id), Era::Legacy, EnvelopeFault::Batch)), true)
            }
            Ok(message) => {
                let is_answered = matches!(message, Message::Request(_));
                (incoming(message), is_answered)
            }
        };
        let id = match &message {
            Ok(Incoming::Request { id, .. }) => Some(id),
            Err(refused) => refused.id.as_ref(),
            Ok(_) => None,
        };
        if let Some(id) = id
            && !ids.insert(id.clone())
        {
            return Err(refuse(EnvelopeFault::SameId));
        }
        members.push(Member { bytes: raw.len(), message, is_answered });
    }
    Ok(members)
}

/// Which POST of an array may be a batch, by its head.
pub(super) fn batch_head(headers: &HeaderMap, version: &HeaderRevision) -> Result<BatchHead, Rejection> {
    let refuse = |error| Rejection { id: None, era: Era::Legacy, error };
    let session = headers::session_id(headers).map_err(|fault| refuse(fault.into()))?;
    let revision = spoken(version, session).map_err(refuse)?;
    Ok(BatchHead { session: session.map(str::to_owned), revision })
}

pub(super) fn accept(
    headers: &HeaderMap,
    version: &HeaderRevision,
    message: Message<'_>,
) -> Result<Post, Rejection> {
    let id = match &message {
        Message::Request(request) => Some(request.id.clone()),
        Message::Notification(_) | Message::Response(_) => None,
    };
    let refuse = |error| Rejection { id: id.clone(), era: Era::Legacy, error };
    let opens = matches!(&message, Message::Request(request) if request.method == "initialize");
    let (session, revision) = if opens {
        // A new session, whatever the client still remembers of an old one.
        (None, None)
    } else {
        let session = headers::session_id(headers).map_err(|fault| refuse(fault.into()))?;
        let revision = spoken(version, session).map_err(refuse)?;
        (session.map(str::to_owned), revision)
    };
    Ok(Post { session, revision, message: incoming(message)? })
}

/// What a message means.
pub(super) fn incoming(message: Message<'_>) -> Result<Incoming, Rejection> {
    Ok(match message {
        Message::Request(request) => {
            let decoded = wire::decode_request(&request);
            let (decoded, meta) = decoded.map_err(|error| Rejection {
                id: Some(request.id.clone()),
                era: Era::Legacy,
                error,
            })?;
            Incoming::Request { id: request.id, request: decoded, meta }
        }
        Message::Notification(notification) => {
            // A notification that cannot be read is answered with a status only.
            let decoded = wire::decode_notification(&notification);
            Incoming::Notification(decoded.map_err(|error| Rejection::new(None, Era::Modern, error))?)
        }
        Message::Response(response) => {
            Incoming::Response { id: response.id, outcome: response.outcome.map(RawJson::from) }
        }
    })
}

fn in_session(parts: &Parts) -> Result<String, Rejection> {
    let refuse = |error| Rejection { id: None, era: Era::Legacy, error };
    let session = headers::session_id(&parts.headers).map_err(|fault| refuse(fault.into()))?;
    spoken(&header_revision(&parts.headers), session).map_err(refuse)?;
    session.map(str::to_owned).ok_or_else(|| refuse(TransportFault::SessionRequired.into()))
}

/// Without a session, an unknown version is most likely a newer client's, which can use the list of what is spoken.
pub(super) fn spoken(version: &HeaderRevision, session: Option<&str>) -> Result<Option<Revision>, Error> {
    match version {
        HeaderRevision::Absent => Ok(None),
        HeaderRevision::Known(revision) if revision.is_spoken() && revision.era() == Era::Legacy => {
            Ok(Some(*revision))
        }
        HeaderRevision::Unknown(name) if session.is_none() => {
            Err(Error::UnsupportedVersion { requested: name.clone() })
        }
        HeaderRevision::Known(_) | HeaderRevision::Unknown(_) => Err(TransportFault::Version.into()),
    }
}
