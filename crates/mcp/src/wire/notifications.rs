//! The notifications of every revision.

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{decode_params, malformed};
use crate::error::InvalidParams;
use crate::jsonrpc::{Id, write};
use crate::types::notification::{Cancelled, ClientNotification, ServerNotification};
use crate::types::subscriptions::{Change, SubscriptionFilter};
use crate::types::tasks::{Task, TaskState};

pub(crate) const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// Writes a notification of a server; `subscription` goes into its `_meta`.
pub(crate) fn encode(notification: &ServerNotification, subscription: Option<&Id>) -> Bytes {
    let bytes = match notification {
        ServerNotification::Progress(progress) => write::notification("notifications/progress", progress),
        ServerNotification::Log(message) => write::notification("notifications/message", message),
        ServerNotification::Change(change) => {
            let uri = match change {
                Change::Resource { uri } => Some(uri.as_str()),
                Change::Tools | Change::Prompts | Change::Resources => None,
            };
            write::notification(change.method(), &Notice { subscription, uri, filter: None })
        }
        ServerNotification::Cancelled(cancelled) => write::notification("notifications/cancelled", cancelled),
        ServerNotification::Acknowledged(filter) => write::notification(
            "notifications/subscriptions/acknowledged",
            &Notice { subscription, uri: None, filter: Some(filter) },
        ),
        ServerNotification::Task(task) => {
            write::notification("notifications/tasks", &TaskNotice { subscription, task })
        }
        ServerNotification::ElicitationComplete { elicitation_id } => write::notification(
            "notifications/elicitation/complete",
            &serde_json::json!({ "elicitationId": elicitation_id }),
        ),
        ServerNotification::Other { method } => write::notification(method, &serde_json::json!({})),
    };
    bytes.expect("strings, numbers, booleans and JSON that is already written always serialise")
}

/// Decodes a notification of a server, and the subscription that it belongs to.
pub(crate) fn decode_server(
    method: &str,
    params: Option<&RawValue>,
) -> Result<(ServerNotification, Option<Id>), InvalidParams> {
    let subscription = decode_params::<OnlyMeta>(method, params)?.meta.unwrap_or_default().subscription;
    let notification = match method {
        "notifications/progress" => ServerNotification::Progress(decode_params(method, params)?),
        "notifications/message" => ServerNotification::Log(decode_params(method, params)?),
        "notifications/tools/list_changed" => ServerNotification::Change(Change::Tools),
        "notifications/prompts/list_changed" => ServerNotification::Change(Change::Prompts),
        "notifications/resources/list_changed" => ServerNotification::Change(Change::Resources),
        "notifications/resources/updated" => {
            let uri = member(method, "uri", params)?;
            ServerNotification::Change(Change::Resource { uri })
        }
        "notifications/cancelled" => ServerNotification::Cancelled(decode_params(method, params)?),
        "notifications/subscriptions/acknowledged" => {
            ServerNotification::Acknowledged(member(method, "notifications", params)?)
        }
        "notifications/tasks" => ServerNotification::Task(Box::new(decode_params(method, params)?)),
        "notifications/elicitation/complete" => {
            let elicitation_id = member(method, "elicitationId", params)?;
            ServerNotification::ElicitationComplete { elicitation_id }
        }
        _ => ServerNotification::Other { method: method.to_owned() },
    };
    Ok((notification, subscription))
}

/// Decodes a notification of a client.
pub(crate) fn decode_client(
    method: &str,
    params: Option<&RawValue>,
) -> Result<ClientNotification, InvalidParams> {
    Ok(match method {
        "notifications/initialized" => ClientNotification::Initialized,
        "notifications/cancelled" => {
            ClientNotification::Cancelled(decode_params::<Cancelled>(method, params)?)
        }
        "notifications/progress" => ClientNotification::Progress(decode_params(method, params)?),
        "notifications/roots/list_changed" => ClientNotification::RootsListChanged,
        _ => ClientNotification::Other { method: method.to_owned() },
    })
}

/// Writes a notification of a client.
pub(crate) fn encode_client(notification: &ClientNotification) -> Bytes {
    let empty = serde_json::json!({});
    let bytes = match notification {
        ClientNotification::Initialized => write::notification("notifications/initialized", &empty),
        ClientNotification::Cancelled(cancelled) => write::notification("notifications/cancelled", cancelled),
        ClientNotification::Progress(progress) => write::notification("notifications/progress", progress),
        ClientNotification::RootsListChanged => {
            write::notification("notifications/roots/list_changed", &empty)
        }
        ClientNotification::Other { method } => write::notification(method, &empty),
    };
    bytes.expect("strings, numbers and booleans always serialise")
}

/// The params of a notification that says little.
struct Notice<'a> {
    subscription: Option<&'a Id>,
    uri: Option<&'a str>,
    filter: Option<&'a SubscriptionFilter>,
}

impl Serialize for Notice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = self.subscription {
            map.serialize_entry("_meta", &serde_json::json!({ SUBSCRIPTION_ID: id }))?;
        }
        if let Some(uri) = self.uri {
            map.serialize_entry("uri", uri)?;
        }
        if let Some(filter) = self.filter {
            map.serialize_entry("notifications", filter)?;
        }
        map.end()
    }
}

/// The params of a notification about a task.
struct TaskNotice<'a> {
    subscription: Option<&'a Id>,
    task: &'a Task<TaskState>,
}

impl Serialize for TaskNotice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = self.subscription {
            map.serialize_entry("_meta", &serde_json::json!({ SUBSCRIPTION_ID: id }))?;
        }
        self.task.write_members(&mut map)?;
        map.end()
    }
}

#[derive(Deserialize)]
struct OnlyMeta {
    #[serde(rename = "_meta")]
    meta: Option<SubscriptionMeta>,
}

#[derive(Default, Deserialize)]
struct SubscriptionMeta {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId")]
    subscription: Option<Id>,
}

fn member<T: DeserializeOwned>(
    method: &str,
    name: &str,
    params: Option<&RawValue>,
) -> Result<T, InvalidParams> {
    let mut object: serde_json::Map<String, serde_json::Value> = decode_params(method, params)?;
    let value = object.remove(name).ok_or_else(|| malformed(method, &format_args!("missing `{name}`")))?;
    serde_json::from_value(value).map_err(|error| malformed(method, &error))
}
