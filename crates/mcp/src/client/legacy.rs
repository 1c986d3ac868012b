//! Messages of the handshake era.

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use serde::Serialize;

use super::{BuildFault, Outgoing, post_headers};
use crate::error::Error;
use crate::http::headers;
use crate::jsonrpc::{Id, write};
use crate::revision::{Era, Revision, accept_initialize_result};
use crate::types::capabilities::ClientCapabilities;
use crate::types::implementation::Implementation;
use crate::types::json::RawJson;
use crate::types::notification::ClientNotification;
use crate::types::progress::ProgressToken;
use crate::wire::legacy as wire;
use crate::wire::v2025_11_25::{self, InitializeRequest, InitializeResult, Request};

/// What the handshake established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session's id, where the server gave one.
    pub id: Option<HeaderValue>,
    /// The revision that is spoken.
    pub revision: Revision,
}

/// An answer to `initialize` that a client cannot go on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFault {
    /// It has not the shape of the result.
    #[error("malformed result of initialize: {detail}")]
    Malformed {
        /// What the parser says.
        detail: String,
    },
    /// The server answered with a revision that this client does not read: newer than proposed, or unknown.
    #[error("the server speaks revision `{version}`, which this client does not")]
    Version {
        /// The revision.
        version: String,
    },
    /// The session's id holds something other than visible ASCII.
    #[error("the server gave an invalid session id")]
    SessionId,
}

/// The request of a handshake that proposes a revision.
///
/// # Errors
/// Something of the application's cannot be written.
pub fn initialize(
    id: &Id,
    revision: Revision,
    capabilities: ClientCapabilities,
    client_info: Implementation,
) -> Result<Outgoing, BuildFault> {
    let request = InitializeRequest { protocol_version: revision.to_string(), capabilities, client_info };
    Ok(Outgoing { headers: post_headers(), body: wire::encode_initialize_request(revision, id, request)? })
}

/// A request in a session.
///
/// # Errors
/// Something of the application's cannot be written.
pub fn request(
    id: &Id,
    request: &Request,
    progress_token: Option<&ProgressToken>,
    session: &Session,
) -> Result<Outgoing, BuildFault> {
    let body = wire::encode_request(session.revision, id, request, progress_token)?;
    Ok(Outgoing { headers: in_session(session, post_headers()), body })
}

/// A notification.
pub fn notification(notification: &ClientNotification, session: &Session) -> Outgoing {
    let body = v2025_11_25::encode_client_notification(notification);
    Outgoing { headers: in_session(session, post_headers()), body }
}

/// The answer to what the server asked.
///
/// # Errors
/// The `Serialize` of the result refuses.
pub fn response<R: Serialize + ?Sized>(
    id: &Id,
    result: &R,
    session: &Session,
) -> Result<Outgoing, BuildFault> {
    Ok(Outgoing { headers: in_session(session, post_headers()), body: write::result(id, result)? })
}

/// The refusal of what the server asked.
pub fn refusal(id: &Id, error: &Error, session: &Session) -> Outgoing {
    let body = write::error(Some(id), &error.object(Era::Legacy));
    Outgoing { headers: in_session(session, post_headers()), body }
}

/// The headers of a GET that may open the stream of the transport of 2024-11-05, before there is a session.
pub fn open() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(headers::EVENT_STREAM))])
}

/// The headers of a GET that opens the stream of a session, or resumes the stream that ended with this event.
pub fn listen(session: &Session, last_event_id: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = open();
    if let Some(id) = last_event_id {
        headers.insert(headers::LAST_EVENT_ID, id.clone());
    }
    in_session(session, headers)
}

/// The headers of a DELETE that ends a session.
pub fn end(session: &Session) -> HeaderMap {
    in_session(session, HeaderMap::new())
}

/// Reads the answer to an `initialize` that proposed a revision: its body, and the headers that it came with.
///
/// # Errors
/// The client cannot go on from it.
pub fn established(
    result: &RawJson,
    headers: &HeaderMap,
    proposed: Revision,
) -> Result<(InitializeResult, Session), HandshakeFault> {
    let result: InitializeResult =
        result.decode().map_err(|error| HandshakeFault::Malformed { detail: error.to_string() })?;
    let revision = accept_initialize_result(&result.protocol_version, proposed)
        .ok_or_else(|| HandshakeFault::Version { version: result.protocol_version.clone() })?;
    let id = headers.get(headers::SESSION_ID).cloned();
    if id.as_ref().is_some_and(|id| !id.to_str().is_ok_and(headers::is_session_id)) {
        return Err(HandshakeFault::SessionId);
    }
    Ok((result, Session { id, revision }))
}

fn in_session(session: &Session, mut headers: HeaderMap) -> HeaderMap {
    if let Some(id) = &session.id {
        headers.insert(headers::SESSION_ID, id.clone());
    }
    if session.revision.has_version_header() {
        headers.insert(headers::PROTOCOL_VERSION, HeaderValue::from_static(session.revision.as_str()));
    }
    headers
}
