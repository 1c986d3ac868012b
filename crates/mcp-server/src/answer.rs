//! From what a handler returned to what the client reads.

use barewire_mcp::error::{Error, code};
use barewire_mcp::jsonrpc::{ErrorObject, Id, write};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::server::reply;
use barewire_mcp::types::content::ContentBlock;
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::tasks::TaskResult;
use barewire_mcp::types::tools::CallToolResult;
use barewire_mcp::wire::{legacy, v2026_07_28};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::auth::access;
use crate::body::Body;
use crate::call::CallState;
use crate::error::{Kind, ToolError};
use crate::lists::cache_hint;
use crate::observer::{self, Decision};
use crate::reason::Reason;
use crate::trail::Trail;

/// The end of a call: the whole JSON-RPC message, and what HTTP adds while it still can.
pub(crate) struct Answer {
    pub(crate) message: Bytes,
    pub(crate) status: StatusCode,
    pub(crate) challenge: Option<HeaderValue>,
    pub(crate) outcome: observer::Outcome,
    /// Why it is not what was asked for.
    pub(crate) reason: Option<Reason>,
}

impl Answer {
    /// Turns what a handler returned into the answer.
    pub(crate) fn of(call: &CallState, result: Result<Outcome, ToolError>) -> Self {
        match result {
            Ok(outcome) => Self::result(call, &outcome),
            Err(error) => Self::failure(call, error),
        }
    }

    pub(crate) fn result(call: &CallState, outcome: &Outcome) -> Self {
        let encoded = match call.revision {
            Revision::V2026_07_28 => v2026_07_28::encode_result(
                &call.id,
                outcome,
                cache_hint(call, outcome),
                Some(&call.server.short_info),
            ),
            handshake => legacy::encode_result(handshake, &call.id, outcome),
        };
        match encoded {
            Ok(message) => Self {
                outcome: match outcome {
                    Outcome::CallTool(result) if result.is_error => observer::Outcome::ToolError,
                    Outcome::InputRequired(_) => observer::Outcome::InputRequired,
                    Outcome::Task(result) if matches!(**result, TaskResult::Created(_)) => {
                        observer::Outcome::Task
                    }
                    _ => observer::Outcome::Result,
                },
                ..Self::encoded(message)
            },
            Err(error) => {
                tracing::error!(%error, method = call.method, "a result does not serialise");
                Self::error(call, &Error::Internal)
            }
        }
    }

    /// A result that is encoded already, as a whole message.
    pub(crate) fn encoded(message: Bytes) -> Self {
        Self {
            message,
            status: StatusCode::OK,
            challenge: None,
            outcome: observer::Outcome::Result,
            reason: None,
        }
    }

    pub(crate) fn error(call: &CallState, error: &Error) -> Self {
        let era = call.revision.era();
        let object = error.object(era);
        Self {
            status: error.codes(era).1,
            outcome: observer::Outcome::Error(object.code),
            message: write::error(Some(&call.id), &object),
            challenge: None,
            reason: Some(Reason::from(error)),
        }
    }

    fn failure(call: &CallState, error: ToolError) -> Self {
        match *error.0 {
            Kind::Tool(content) => Self::tool_error(call, content),
            Kind::Protocol(error) => Self::error(call, &error),
            Kind::Hidden(error) => Self { reason: Some(Reason::HIDDEN), ..Self::error(call, &error) },
            Kind::Internal(cause) => {
                tracing::error!(cause = &*cause, method = call.method, "a handler failed");
                Self::error(call, &Error::Internal)
            }
            Kind::Scopes(scopes) => {
                let Some(guard) = &call.server.guard else {
                    tracing::error!(
                        method = call.method,
                        "a handler asked for scopes, and nobody checks them"
                    );
                    return Self::error(call, &Error::Internal);
                };
                let refusal = access::challenge(guard, call.principal.as_deref(), &scopes);
                let object = ErrorObject::new(code::INVALID_REQUEST, refusal.error.to_string());
                Self {
                    message: write::error(Some(&call.id), &object),
                    status: refusal.status,
                    challenge: refusal.challenge,
                    outcome: observer::Outcome::Error(object.code),
                    reason: Some(Reason::from(&refusal.error)),
                }
            }
            Kind::InputRequired => Self::input_required(call),
            Kind::Capability(required) => match (call.revision.era(), call.method) {
                // The code of 2026-07-28 does not exist yet, and a model can tell its user what is missing.
                (Era::Legacy, "tools/call") => Self::tool_error(
                    call,
                    vec![ContentBlock::text("This tool needs something that this client does not support")],
                ),
                _ => Self::error(call, &Error::MissingClientCapability { required }),
            },
            Kind::Cancelled => Self::error(call, &Error::Internal),
        }
    }

    fn tool_error(call: &CallState, content: Vec<ContentBlock>) -> Self {
        if call.method == "tools/call" {
            let result = CallToolResult { content, is_error: true, ..CallToolResult::default() };
            return Self::result(call, &Outcome::CallTool(result));
        }
        let text = content.iter().find_map(ContentBlock::as_text).unwrap_or("The request failed");
        let error = Error::Application(Box::new(ErrorObject::new(code::INVALID_PARAMS, text)));
        Self::error(call, &error)
    }

    fn input_required(call: &CallState) -> Self {
        if !matches!(call.method, "tools/call" | "resources/read" | "prompts/get") {
            tracing::error!(
                method = call.method,
                "a handler asked for input where the protocol has no way to"
            );
            return Self::error(call, &Error::Internal);
        }
        match call.asks.close(call) {
            Ok(required) => Self::result(call, &Outcome::InputRequired(required)),
            Err(error) => {
                tracing::error!(%error, method = call.method, "a handler remembers too much");
                Self::error(call, &Error::Internal)
            }
        }
    }

    /// Tells the trail how the call ended.
    pub(crate) fn note(&self, trail: &mut Trail) {
        trail.outcome = self.outcome;
        trail.reason.clone_from(&self.reason);
        if let Some(decision) = self.decision() {
            trail.decision = decision;
        }
    }

    /// What the answer says about the caller, if it was not simply let in.
    fn decision(&self) -> Option<Decision> {
        match &self.challenge {
            Some(_) if self.status == StatusCode::FORBIDDEN => Some(Decision::InsufficientScope),
            Some(_) => Some(Decision::Unauthenticated),
            None => (self.reason == Some(Reason::HIDDEN)).then_some(Decision::Hidden),
        }
    }

    /// The answer as one JSON body, and a note about it.
    pub(crate) fn into_response(self, trail: Option<&mut Trail>) -> Response<Body> {
        if let Some(trail) = trail {
            self.note(trail);
        }
        let mut response = Response::new(Body::whole(self.message));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(barewire_mcp::http::headers::JSON));
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// The same, where the message ends with bytes that many answers share.
    pub(crate) fn followed_by(self, rest: Bytes, trail: Option<&mut Trail>) -> Response<Body> {
        let mut response = self.into_response(trail);
        response.body_mut().end_with(rest);
        response
    }
}

/// The answer of a method that runs no handler.
pub(crate) fn written(id: &Id, era: Era, encoded: Result<Bytes, serde_json::Error>) -> Response<Body> {
    match encoded {
        Ok(message) => reply(id, era, Ok(message)),
        Err(_) => reply(id, era, Err(&Error::Internal)),
    }
    .map(Body::whole)
}
