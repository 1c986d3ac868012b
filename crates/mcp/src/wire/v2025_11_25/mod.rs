//! Revision 2025-11-25, the last one with a handshake.
//!
//! This revision adds, over 2025-06-18: icons, elicitation by URL and its completion notification, titled and
//! multiple choices with defaults in forms, tools in sampling, tasks (experimental, not offered here), event ids that
//! let a server close a stream and have the client poll it.
//!
//! This revision removes: nothing.
//!
//! What it has and 2026-07-28 has not: `initialize` and `ping`, sessions, requests from the server to the client,
//! `logging/setLevel`, `resources/subscribe`, cancellation by notification.
//!
//! What it cannot say: structured content and output schemas that are not objects.

mod handshake;
mod results;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::handshake::{InitializeRequest, InitializeResult};
pub use self::results::{decode_result, encode_initialize, encode_result};
use super::Kind::{NotOffered, Notification as Note};
use super::Sender::{Both, Server};
use super::{Method, adding, decode_params, notifications, operations, row, v2025_06_18};
use crate::error::{Error, InvalidParams};
use crate::jsonrpc::{self, Id, write};
use crate::types::elicitation::ElicitRequest;
use crate::types::input::InputRequest;
use crate::types::json;
use crate::types::logging::LoggingLevel;
use crate::types::notification::{ClientNotification, ServerNotification};
use crate::types::operation::Operation;
use crate::types::progress::ProgressToken;
use crate::types::trace::{self, TraceParent};

/// Every method of this revision: those of 2025-06-18, and these.
pub const METHODS: [Method; 31] = adding(
    v2025_06_18::METHODS,
    [
        row("notifications/elicitation/complete", Server, Note),
        row("tasks/get", Both, NotOffered),
        row("tasks/result", Both, NotOffered),
        row("tasks/list", Both, NotOffered),
        row("tasks/cancel", Both, NotOffered),
        row("notifications/tasks/status", Both, NotOffered),
    ],
);

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// `initialize`
    Initialize(Box<InitializeRequest>),
    /// `ping`
    Ping,
    /// `logging/setLevel`
    SetLevel(LoggingLevel),
    /// `resources/subscribe`
    Subscribe {
        /// The resource.
        uri: String,
    },
    /// `resources/unsubscribe`
    Unsubscribe {
        /// The resource.
        uri: String,
    },
    /// What every revision has.
    Operation(Operation),
}

impl Request {
    /// Its method.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Initialize(_) => "initialize",
            Self::Ping => "ping",
            Self::SetLevel(_) => "logging/setLevel",
            Self::Subscribe { .. } => "resources/subscribe",
            Self::Unsubscribe { .. } => "resources/unsubscribe",
            Self::Operation(operation) => operation.method(),
        }
    }
}

/// The `_meta` of a request.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestMeta {
    /// Asks for progress notifications with this token.
    pub progress_token: Option<ProgressToken>,
    /// The trace it belongs to. No part of this revision, and sent by its clients.
    #[serde(rename = "traceparent", default, deserialize_with = "trace::lenient")]
    pub trace: Option<TraceParent>,
}

/// Decodes a request of a client.
///
/// # Errors
/// [`Error::MethodNotFound`] or [`Error::InvalidParams`].
pub fn decode_request(request: &jsonrpc::Request<'_>) -> Result<(Request, RequestMeta), Error> {
    let (method, params) = (&*request.method, request.params);
    let decoded = match method {
        "initialize" => Request::Initialize(decode_params(method, params)?),
        "ping" => Request::Ping,
        "logging/setLevel" => Request::SetLevel(decode_params::<SetLevel>(method, params)?.level),
        "resources/subscribe" => Request::Subscribe { uri: decode_params::<Uri>(method, params)?.uri },
        "resources/unsubscribe" => Request::Unsubscribe { uri: decode_params::<Uri>(method, params)?.uri },
        _ => {
            let operation = operations::decode(method, params)?
                .ok_or_else(|| Error::MethodNotFound { method: method.to_owned() })?;
            Request::Operation(without_answers(operation))
        }
    };
    Ok((decoded, decode_meta(method, params)?))
}

/// Decodes a notification of a client.
///
/// # Errors
/// Its params are not what the method takes.
pub fn decode_notification(
    notification: &jsonrpc::Notification<'_>,
) -> Result<ClientNotification, InvalidParams> {
    notifications::decode_client(&notification.method, notification.params)
}

/// Writes a notification of a server.
pub fn encode_notification(notification: &ServerNotification) -> Bytes {
    notifications::encode(notification, None)
}

/// Writes a request of a server. This revision wants an id on an elicitation by URL; without one, the request's own
/// id is taken.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_server_request(id: &Id, request: &InputRequest) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct WithId<'a> {
        elicitation_id: &'a str,
        #[serde(flatten)]
        request: &'a ElicitRequest,
    }
    let method = request.method();
    match request {
        InputRequest::Elicit(request @ ElicitRequest::Url(url)) => {
            let own = id.to_string();
            let elicitation_id = url.elicitation_id.as_deref().unwrap_or(&own);
            write::request(id, method, &WithId { elicitation_id, request })
        }
        InputRequest::Elicit(params) => write::request(id, method, params),
        InputRequest::Sample(params) => write::request(id, method, params),
        InputRequest::Roots(params) => write::request(id, method, params),
    }
}

/// What a server asks a client for.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerRequest {
    /// Elicitation, sampling or roots.
    Input(Box<InputRequest>),
    /// `ping`
    Ping,
}

/// Decodes a request of a server.
///
/// # Errors
/// [`Error::MethodNotFound`] or [`Error::InvalidParams`].
pub fn decode_server_request(request: &jsonrpc::Request<'_>) -> Result<ServerRequest, Error> {
    let (method, params) = (&*request.method, request.params);
    Ok(ServerRequest::Input(Box::new(match method {
        "ping" => return Ok(ServerRequest::Ping),
        "elicitation/create" => InputRequest::Elicit(decode_params(method, params)?),
        "sampling/createMessage" => InputRequest::Sample(decode_params(method, params)?),
        "roots/list" => InputRequest::Roots(decode_params(method, params)?),
        _ => return Err(Error::MethodNotFound { method: method.to_owned() }),
    })))
}

/// Decodes a notification of a server.
///
/// # Errors
/// Its params are not what the method takes.
pub fn decode_server_notification(
    notification: &jsonrpc::Notification<'_>,
) -> Result<ServerNotification, InvalidParams> {
    notifications::decode_server(&notification.method, notification.params).map(|(decoded, _)| decoded)
}

/// Writes a notification of a client.
pub fn encode_client_notification(notification: &ClientNotification) -> Bytes {
    notifications::encode_client(notification)
}

/// Writes a request of a client.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_request(
    id: &Id,
    request: &Request,
    progress_token: Option<&ProgressToken>,
) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta<'a> {
        progress_token: &'a ProgressToken,
    }
    let (method, meta) = (request.method(), progress_token.map(|progress_token| Meta { progress_token }));
    match request {
        Request::Initialize(params) => write::request(id, method, params),
        Request::Ping => write::request(id, method, &serde_json::json!({})),
        Request::SetLevel(level) => write::request(id, method, &SetLevel { level: *level }),
        Request::Subscribe { uri } | Request::Unsubscribe { uri } => {
            write::request(id, method, &Uri { uri: uri.clone() })
        }
        Request::Operation(operation) => {
            let params = operations::Params { operation, meta: meta.as_ref(), with_answers: false };
            write::request(id, method, &params)
        }
    }
}

/// Params of this revision that look like answers to input requests mean nothing: they are some extension's.
fn without_answers(mut operation: Operation) -> Operation {
    match &mut operation {
        Operation::CallTool(request) => request.answers = Default::default(),
        Operation::ReadResource(request) => request.answers = Default::default(),
        Operation::GetPrompt(request) => request.answers = Default::default(),
        Operation::ListTools(_)
        | Operation::ListResources(_)
        | Operation::ListResourceTemplates(_)
        | Operation::ListPrompts(_)
        | Operation::Complete(_)
        | Operation::Skills(_) => {}
    }
    operation
}

fn decode_meta(method: &str, params: Option<&RawValue>) -> Result<RequestMeta, InvalidParams> {
    #[derive(Deserialize)]
    struct OnlyMeta {
        #[serde(rename = "_meta", default, deserialize_with = "json::optional_object")]
        meta: Option<RequestMeta>,
    }
    decode_params::<OnlyMeta>(method, params).map(|only| only.meta.unwrap_or_default())
}

#[derive(Serialize, Deserialize)]
struct SetLevel {
    level: LoggingLevel,
}

#[derive(Serialize, Deserialize)]
struct Uri {
    uri: String,
}
