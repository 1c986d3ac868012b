//! The two endpoints of 2024-11-05: a GET opens a stream that first says where to POST, and everything that the server
//! says comes on that stream
//! ([HTTP with SSE](https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse)).
//!
//! The messages are those of the handshake era. Which of its revisions a session speaks is agreed on as ever: clients of
//! newer ones come this way, too.

use http::Method;
use http::request::Parts;

use super::legacy::{Incoming, incoming, spoken};
use super::{Policy, Rejection, header_revision};
use crate::error::TransportFault;
use crate::http::headers;
use crate::jsonrpc;
use crate::revision::{Era, Revision};

/// The kind of the event that says where to POST: the first one of a stream.
pub const ENDPOINT: &str = "endpoint";
/// The kind of every other event.
pub const MESSAGE: &str = "message";

/// Looks at the head of a request for a stream.
///
/// # Errors
/// 403, 405 or 406. A client that first tries a POST takes the 405 for what it is: an older server.
pub fn admit_stream(parts: &Parts, policy: &Policy) -> Result<(), Rejection> {
    policy.origin.check(&parts.headers, &parts.uri).map_err(refuse)?;
    if parts.method != Method::GET {
        return Err(refuse(TransportFault::Method));
    }
    headers::check_accept_stream(&parts.headers).map_err(refuse)
}

/// Looks at the head of a request that brings a message. `Accept` says nothing here: the answer comes elsewhere.
///
/// # Errors
/// 403, 405 or 415.
pub fn admit_message(parts: &Parts, policy: &Policy) -> Result<(), Rejection> {
    policy.origin.check(&parts.headers, &parts.uri).map_err(refuse)?;
    if parts.method != Method::POST {
        return Err(refuse(TransportFault::Method));
    }
    headers::check_content_type(&parts.headers).map_err(refuse)?;
    headers::check_content_encoding(&parts.headers).map_err(refuse)
}

/// The data of the event [`ENDPOINT`]: where to POST the messages of a session. `path` is where clients find the
/// endpoint for messages, and `session` holds only characters that need no escape in a query.
pub fn endpoint(path: &str, session: &str) -> String {
    format!("{path}?sessionId={session}")
}

/// The session that a POST is for.
///
/// # Errors
/// 400: it names none.
pub fn session(parts: &Parts) -> Result<&str, Rejection> {
    let query = parts.uri.query().unwrap_or_default();
    let named = query.split('&').find_map(|pair| pair.strip_prefix("sessionId="));
    named.ok_or_else(|| refuse(TransportFault::SessionParameter))
}

/// What a client speaks that has not, or not in this session, said so in a handshake: what its header says, and
/// otherwise the revision of this transport.
///
/// # Errors
/// 400: the header names none that has a handshake.
pub fn revision(parts: &Parts) -> Result<Revision, Rejection> {
    // With a session, as every message here has one.
    let said = spoken(&header_revision(&parts.headers), Some(""));
    let said = said.map_err(|error| Rejection { id: None, era: Era::Legacy, error })?;
    Ok(said.unwrap_or(Revision::V2024_11_05))
}

/// Takes the body of a POST. There are no batches here: the one revision that has them came with another transport.
///
/// # Errors
/// It is not a message, or not one of the handshake era. With an id, it is the answer to a request.
pub fn accept_message(body: &[u8]) -> Result<Incoming, Rejection> {
    let message = jsonrpc::parse(body).map_err(|error| Rejection {
        id: error.id,
        era: Era::Legacy,
        error: error.fault.into(),
    })?;
    incoming(message)
}

fn refuse(fault: TransportFault) -> Rejection {
    Rejection::new(None, Era::Legacy, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_in_the_query() {
        let check = |uri: &str, expected: Option<&str>| {
            let (parts, ()) = http::Request::post(uri).body(()).unwrap().into_parts();
            assert_eq!(session(&parts).ok(), expected, "{uri}");
        };
        check(&endpoint("/messages", "abc"), Some("abc"));
        check("/messages?x=1&sessionId=abc&y=2", Some("abc"));
        check("/messages?sessionId=", Some(""));
        check("/messages?session_id=abc", None);
        check("/messages", None);
    }
}
