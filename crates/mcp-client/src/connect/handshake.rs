//! The handshake of the older revisions
//! ([Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)).

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::legacy::{HandshakeFault, Session};
use barewire_mcp::client::{self, Incoming};
use barewire_mcp::error::code;
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::v2025_11_25::InitializeResult;
use http::header::HeaderMap;
use http::{Method, StatusCode};
use url::Url;

use super::http_sse::Opened;
use super::{answered_by, refusal_of, supported};
use crate::authorized::{Authorized, Follow};
use crate::connection::{purpose, rpc_error};
use crate::error::{Answered, CallError, ConnectError, TransportError};
use crate::modern::unfit;
use crate::options::ClientOptions;
use crate::recording::Recording;
use crate::transport::{Events, Reply, Request};

/// What a handshake led to.
pub(crate) enum Handshake {
    Established(Box<Established>),
    /// 401 or 403 that was not followed.
    Refused(Box<Reply>),
    /// Another status that is no success: behind it may be a server that only knows an older transport.
    Failed {
        status: StatusCode,
        error: ConnectError,
    },
}

/// A session.
pub(crate) struct Established {
    pub(crate) result: InitializeResult,
    pub(crate) session: Session,
    /// Over the transport of 2024-11-05: its stream.
    pub(crate) opened: Option<Opened>,
    pub(super) raw: RawJson,
}

/// Sends `initialize` and reads its answer.
pub(crate) async fn handshake(
    authorized: &Authorized,
    options: &ClientOptions,
    url: &Url,
    id: &Id,
    follow: Follow,
) -> Result<Handshake, ConnectError> {
    let mut reply = propose(authorized, options, url, id, follow).await?;
    if matches!(reply.status, StatusCode::UNAUTHORIZED) {
        return Ok(Handshake::Refused(Box::new(reply)));
    }
    let (status, recording, headers) = (reply.status, reply.recording.clone(), reply.headers.clone());
    let failed = |error| match status.is_success() {
        true => Err(error),
        false => Ok(Handshake::Failed { status, error }),
    };
    match first_response(&mut reply, id, options).await {
        Ok(Ok(result)) => {
            let established = established(result, &headers, url, options, &recording)?;
            Ok(Handshake::Established(Box::new(established)))
        }
        Ok(Err(error)) => failed(refused(error, &recording)),
        Err(CallError::Http(answered)) => {
            recording.decide(&Decision::NotMcp { answered: answered.to_string() });
            let forbidden = matches!(&answered, Answered::Status { status, .. } if *status == 403);
            let later = matches!(&answered, Answered::Status { status, .. } if status.is_server_error() || *status == 429);
            failed(match forbidden || later {
                true => ConnectError::Refused { answered },
                false => ConnectError::NotMcp { url: url.to_string(), answered },
            })
        }
        Err(error) => Err(refusal_of(error)),
    }
}

/// Sends `initialize`.
pub(super) async fn propose(
    authorized: &Authorized,
    options: &ClientOptions,
    url: &Url,
    id: &Id,
    follow: Follow,
) -> Result<Reply, ConnectError> {
    let proposed = options.newest.proposal();
    let tag = options.tag.as_deref();
    let purpose = purpose(Step::Initialize, "initialize", Some(id), None, Some(proposed), tag);
    let sent = authorized.send(follow, || {
        let capabilities = options.handshake_capabilities();
        let outgoing = client::legacy::initialize(id, proposed, capabilities, options.identity.clone())
            .map_err(|fault| unfit(&fault))?;
        Ok(Request {
            purpose: purpose.clone(),
            method: Method::POST,
            url: url.clone(),
            headers: outgoing.headers,
            body: Some(outgoing.body),
            timeout: options.config.probe_timeout,
        })
    });
    sent.await.map(|(reply, _)| reply).map_err(refusal_of)
}

/// Reads the result of `initialize`.
pub(super) fn established(
    raw: RawJson,
    headers: &HeaderMap,
    url: &Url,
    options: &ClientOptions,
    recording: &Recording,
) -> Result<Established, ConnectError> {
    match client::legacy::established(&raw, headers, options.newest.proposal()) {
        Ok((result, session)) => {
            recording.decide(&Decision::Legacy {
                revision: session.revision.to_string(),
                session: session.id.is_some(),
            });
            Ok(Established { result, session, opened: None, raw })
        }
        Err(HandshakeFault::Version { version }) => Err(ConnectError::Revision { offered: vec![version] }),
        Err(HandshakeFault::Malformed { .. } | HandshakeFault::SessionId) => {
            let answered = Answered::NotJsonRpc { status: StatusCode::OK };
            recording.decide(&Decision::NotMcp { answered: answered.to_string() });
            Err(ConnectError::NotMcp { url: url.to_string(), answered })
        }
    }
}

/// A server may refuse a proposal, and name what it speaks, rather than answer with what it speaks
/// ([Error Handling](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#error-handling)).
pub(super) fn refused(error: ErrorObject, recording: &Recording) -> ConnectError {
    recording.decide(&rpc_error(&error));
    let about_revisions = [code::INVALID_PARAMS, code::UNSUPPORTED_PROTOCOL_VERSION].contains(&error.code);
    match supported(&error).filter(|_| about_revisions) {
        Some(offered) => ConnectError::Revision { offered },
        None => ConnectError::Rpc(error),
    }
}

/// The response to the handshake, in a body or in a stream. An error in a stream is an answer like any other.
async fn first_response(
    reply: &mut Reply,
    id: &Id,
    options: &ClientOptions,
) -> Result<Result<RawJson, ErrorObject>, CallError> {
    let limit = options.config.max_answer_bytes;
    if reply.is_stream() {
        let mut events = reply.take_events(limit);
        let heard = heard(&mut events, id, options).await.map_err(CallError::Transport)?;
        events.recording.finish();
        return heard.ok_or(CallError::Http(Answered::StreamEnded));
    }
    let body = reply.body(limit).await.map_err(CallError::Transport)?;
    if let Some(outcome) = response_to(id, options, &body) {
        return Ok(outcome);
    }
    let text = options.shared.masker.text(String::from_utf8_lossy(&body).trim());
    Err(CallError::Http(answered_by(reply, &text)))
}

/// The response to the handshake among the events of a stream; `None` when it ended before.
pub(super) async fn heard(
    events: &mut Events,
    id: &Id,
    options: &ClientOptions,
) -> Result<Option<Result<RawJson, ErrorObject>>, TransportError> {
    while let Some(event) = events.next().await? {
        if let Some(outcome) = response_to(id, options, event.data.as_bytes()) {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

fn response_to(id: &Id, options: &ClientOptions, message: &[u8]) -> Option<Result<RawJson, ErrorObject>> {
    match client::read(options.newest.proposal(), message) {
        Ok(Incoming::Response { id: answered, outcome }) if answered.as_ref().is_none_or(|a| a == id) => {
            Some(outcome)
        }
        _ => None,
    }
}
