//! The handshake of the older revisions
//! ([Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)).

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::legacy::{HandshakeFault, Session};
use barewire_mcp::client::{self, Incoming};
use barewire_mcp::error::code;
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::revision::Revision;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::v2025_11_25::InitializeResult;
use http::header::HeaderMap;
use http::{Method, StatusCode};
use url::Url;

use super::{answered_by, refusal_of, supported};
use crate::authorized::{Authorized, Follow};
use crate::connection::{purpose, rpc_error};
use crate::error::{Answered, CallError, ConnectError};
use crate::modern::unfit;
use crate::options::ClientOptions;
use crate::recording::Recording;
use crate::transport::{Reply, Request};

/// What a handshake led to.
pub(crate) enum Handshake {
    Established(Box<Established>),
    /// 401 or 403 that was not followed.
    Refused(Box<Reply>),
}

/// A session.
pub(crate) struct Established {
    pub(crate) result: InitializeResult,
    pub(crate) session: Session,
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
    let proposed = options.newest.proposal();
    let purpose =
        purpose(Step::Initialize, "initialize", Some(id), None, Some(proposed), options.tag.as_deref());
    let (mut reply, _) = authorized
        .send(follow, || {
            let capabilities = options.handler.capabilities();
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
        })
        .await
        .map_err(refusal_of)?;
    if matches!(reply.status, StatusCode::UNAUTHORIZED) {
        return Ok(Handshake::Refused(Box::new(reply)));
    }
    let recording = reply.recording.clone();
    let headers = reply.headers.clone();
    let outcome = first_response(&mut reply, id, options).await;
    let result = match outcome {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => {
            recording.decide(&rpc_error(&error));
            return Err(refused(error));
        }
        Err(CallError::Http(answered)) => {
            recording.decide(&Decision::NotMcp { answered: answered.to_string() });
            let forbidden = matches!(&answered, Answered::Status { status, .. } if *status == 403);
            let later = matches!(&answered, Answered::Status { status, .. } if status.is_server_error() || *status == 429);
            return Err(match forbidden || later {
                true => ConnectError::Refused { answered },
                false => ConnectError::NotMcp { url: url.to_string(), answered },
            });
        }
        Err(error) => return Err(refusal_of(error)),
    };
    established(result, &headers, url, &recording, proposed)
}

fn established(
    raw: RawJson,
    headers: &HeaderMap,
    url: &Url,
    recording: &Recording,
    proposed: Revision,
) -> Result<Handshake, ConnectError> {
    match client::legacy::established(&raw, headers, proposed) {
        Ok((result, session)) => {
            recording.decide(&Decision::Legacy {
                revision: session.revision.to_string(),
                session: session.id.is_some(),
            });
            Ok(Handshake::Established(Box::new(Established { result, session, raw })))
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
fn refused(error: ErrorObject) -> ConnectError {
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
    let ours = |message: &[u8]| match client::read(options.newest.proposal(), message) {
        Ok(Incoming::Response { id: answered, outcome }) if answered.as_ref().is_none_or(|a| a == id) => {
            Some(outcome)
        }
        _ => None,
    };
    if reply.is_stream() {
        let mut events = reply.take_events(limit);
        while let Some(event) = events.next().await.map_err(CallError::Transport)? {
            if let Some(outcome) = ours(event.data.as_bytes()) {
                events.recording.finish();
                return Ok(outcome);
            }
        }
        return Err(CallError::Http(Answered::StreamEnded));
    }
    let body = reply.body(limit).await.map_err(CallError::Transport)?;
    if let Some(outcome) = ours(&body) {
        return Ok(outcome);
    }
    let text = options.shared.masker.text(String::from_utf8_lossy(&body).trim());
    Err(CallError::Http(answered_by(reply, &text)))
}
