//! Revision 2026-07-28: no handshake and no session.
//!
//! This revision adds: `_meta` on every request with version, identity, capabilities and log level; `server/discover`;
//! `subscriptions/listen` with its acknowledgement; results that say what they are (`resultType`), how long they may
//! be kept (`ttlMs`, `cacheScope`) and who made them (`serverInfo` in `_meta`); unfinished results that ask for input
//! (`inputRequests`, `requestState`) and requests that bring the answers; headers that repeat method, name and chosen
//! arguments; structured content of any JSON type; the errors -32020, -32021 and -32022.
//!
//! This revision removes: `initialize`, `ping`, `logging/setLevel`, `resources/subscribe` and `unsubscribe`, every
//! request from server to client, sessions, the GET stream, resumption, tasks (now an extension), `elicitationId` and
//! its notification, `notifications/roots/list_changed`, the errors -32002 and -32042.
//!
//! An extension adds [tasks](crate::types::tasks): `tasks/get`, `tasks/update`, `tasks/cancel`, `notifications/tasks`,
//! the result type `task` of `tools/call`, and `taskIds` in a subscription.

mod meta;
mod results;

use bytes::Bytes;
use indexmap::IndexMap;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use self::meta::RawMeta;
pub use self::meta::{ClientMeta, RequestMeta, decode_meta, key};
pub use self::results::{
    Decoded, DiscoverResult, decode_discover, decode_result, decode_task_result, encode_discover,
    encode_listen_closed, encode_result,
};
use super::Kind::{Input, Notification as Note, Request as Ask};
use super::Sender::{Client, Server};
use super::{Method, decode_params, malformed, notifications, operations, row};
use crate::error::{Error, InvalidParams};
use crate::jsonrpc::{self, Id, write};
use crate::types::json::{self, RawJson};
use crate::types::notification::ServerNotification;
use crate::types::operation::Operation;
use crate::types::subscriptions::SubscriptionFilter;
use crate::types::tasks::{TaskRequest, TaskWanted};

/// Every method of this revision.
pub const METHODS: [Method; 21] = [
    row("server/discover", Client, Ask),
    row("tools/list", Client, Ask),
    row("tools/call", Client, Ask),
    row("resources/list", Client, Ask),
    row("resources/templates/list", Client, Ask),
    row("resources/read", Client, Ask),
    row("prompts/list", Client, Ask),
    row("prompts/get", Client, Ask),
    row("completion/complete", Client, Ask),
    row("subscriptions/listen", Client, Ask),
    row("notifications/subscriptions/acknowledged", Server, Note),
    row("notifications/tools/list_changed", Server, Note),
    row("notifications/prompts/list_changed", Server, Note),
    row("notifications/resources/list_changed", Server, Note),
    row("notifications/resources/updated", Server, Note),
    row("notifications/message", Server, Note),
    row("notifications/progress", Server, Note),
    // Only over stdio: over HTTP the client closes the stream.
    row("notifications/cancelled", Client, Note),
    row("elicitation/create", Server, Input),
    row("sampling/createMessage", Server, Input),
    row("roots/list", Server, Input),
];

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// `server/discover`
    Discover,
    /// `subscriptions/listen`
    Listen(SubscriptionFilter),
    /// `tasks/get`, `tasks/update` or `tasks/cancel`, of the extension of [`crate::types::tasks`].
    Task(TaskRequest),
    /// What every revision has.
    Operation(Operation),
}

impl Request {
    /// Its method.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Discover => "server/discover",
            Self::Listen(_) => "subscriptions/listen",
            Self::Task(request) => request.method(),
            Self::Operation(operation) => operation.method(),
        }
    }

    /// What the header `Mcp-Name` repeats.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Discover | Self::Listen(_) => None,
            Self::Task(request) => Some(&request.task_id),
            Self::Operation(operation) => operation.name(),
        }
    }
}

/// Decodes what a client asks for; [`decode_meta`] decodes the rest of the params.
///
/// # Errors
/// [`Error::MethodNotFound`] or [`Error::InvalidParams`].
pub fn decode_request(request: &jsonrpc::Request<'_>) -> Result<Request, Error> {
    let (method, params) = (&*request.method, request.params);
    Ok(match method {
        "server/discover" => Request::Discover,
        "subscriptions/listen" => Request::Listen(decode_params::<Listen>(method, params)?.notifications),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Request::Task(task_request(method, params)?),
        _ => {
            let operation = match operations::decode_skills(method, params)? {
                Some(skills) => Some(Operation::Skills(skills)),
                None => operations::decode(method, params)?,
            };
            let unknown = || Error::MethodNotFound { method: method.to_owned() };
            Request::Operation(operation.ok_or_else(unknown)?)
        }
    })
}

/// Writes a request of a client.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub fn encode_request(id: &Id, request: &Request, meta: &ClientMeta<'_>) -> Result<Bytes, serde_json::Error> {
    match request {
        Request::Discover | Request::Listen(_) | Request::Task(_) => {
            write::request(id, request.method(), &Plain { meta, request })
        }
        Request::Operation(operation) => {
            let params = operations::Params { operation, meta: Some(meta), with_answers: true };
            write::request(id, request.method(), &params)
        }
    }
}

/// Writes a notification of a server. On the stream of a subscription, `subscription` is the id of its request.
pub fn encode_notification(notification: &ServerNotification, subscription: Option<&Id>) -> Bytes {
    notifications::encode(notification, subscription)
}

/// Decodes a notification of a server, and the subscription that it belongs to.
///
/// # Errors
/// Its params are not what the method takes.
pub fn decode_server_notification(
    notification: &jsonrpc::Notification<'_>,
) -> Result<(ServerNotification, Option<Id>), InvalidParams> {
    notifications::decode_server(&notification.method, notification.params)
}

#[derive(Deserialize)]
struct Listen {
    #[serde(deserialize_with = "json::object")]
    notifications: SubscriptionFilter,
}

fn task_request(method: &str, params: Option<&RawValue>) -> Result<TaskRequest, InvalidParams> {
    let TaskParams { task_id, input_responses } = decode_params(method, params)?;
    let wanted = match (method, input_responses) {
        ("tasks/get", _) => TaskWanted::Get,
        ("tasks/cancel", _) => TaskWanted::Cancel,
        (_, Some(responses)) => TaskWanted::Update(responses),
        (_, None) => return Err(malformed(method, &"missing field `inputResponses`")),
    };
    Ok(TaskRequest { task_id, wanted })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskParams {
    task_id: String,
    input_responses: Option<IndexMap<String, RawJson>>,
}

/// Params of a method that has few.
struct Plain<'a> {
    meta: &'a ClientMeta<'a>,
    request: &'a Request,
}

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("_meta", self.meta)?;
        match self.request {
            Request::Discover | Request::Operation(_) => {}
            Request::Listen(filter) => map.serialize_entry("notifications", filter)?,
            Request::Task(request) => {
                map.serialize_entry("taskId", &request.task_id)?;
                if let TaskWanted::Update(responses) = &request.wanted {
                    map.serialize_entry("inputResponses", responses)?;
                }
            }
        }
        map.end()
    }
}
