//! Tasks: calls that go on after they were answered
//! ([the extension `io.modelcontextprotocol/tasks`](https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md),
//! SEP-2663).
//!
//! A server may answer a `tools/call` of 2026-07-28 with a task instead of a result, if the request says that its client
//! understands that. The client then asks for the task until it has ended.

use indexmap::IndexMap;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::capabilities::ClientCapabilities;
use super::input::InputRequests;
use super::json::{Object, RawJson};
use crate::jsonrpc::ErrorObject;

/// What the extension is called in the capabilities of both sides. It has no settings.
pub const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What a client has to declare with each request that may be answered with a task, or is about one.
pub fn required_capabilities() -> ClientCapabilities {
    let extensions = [(EXTENSION.to_owned(), Object::new().into())].into_iter().collect();
    ClientCapabilities { extensions, ..ClientCapabilities::default() }
}

/// A task. `S` is what is said about how far it is: [`TaskStatus`] where it is created, [`TaskState`] from then on.
#[derive(Debug, Clone, PartialEq)]
pub struct Task<S> {
    /// What it is asked for by.
    pub task_id: String,
    /// How far it is.
    pub state: S,
    /// The same for people. The user or the model may read it.
    pub status_message: Option<String>,
    /// When it was created, as ISO 8601.
    pub created_at: String,
    /// When it last changed, as ISO 8601.
    pub last_updated_at: String,
    /// How long it is kept after its creation, in milliseconds; `None` for ever.
    pub ttl_ms: Option<u64>,
    /// How long to wait between two questions about it, in milliseconds.
    pub poll_interval_ms: Option<u64>,
}

/// How far a task is, as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatus {
    /// It is at work.
    Working,
    /// It waits for answers of the client.
    InputRequired,
    /// It has a result.
    Completed,
    /// It ended with a JSON-RPC error.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// How far a task is, and what comes with that.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// It is at work.
    Working,
    /// It waits for answers to all of these. A key stands for one question as long as the task lives.
    InputRequired(InputRequests),
    /// It has a result: that of the request which became the task. A tool's failure (`isError`) is one too.
    Completed(RawJson),
    /// It ended with a JSON-RPC error.
    Failed(ErrorObject),
    /// It was cancelled.
    Cancelled,
}

impl TaskStatus {
    const ALL: [Self; 5] =
        [Self::Working, Self::InputRequired, Self::Completed, Self::Failed, Self::Cancelled];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl TaskState {
    /// The word for it.
    pub const fn status(&self) -> TaskStatus {
        match self {
            Self::Working => TaskStatus::Working,
            Self::InputRequired(_) => TaskStatus::InputRequired,
            Self::Completed(_) => TaskStatus::Completed,
            Self::Failed(_) => TaskStatus::Failed,
            Self::Cancelled => TaskStatus::Cancelled,
        }
    }

    /// Whether it stays like this.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed(_) | Self::Cancelled)
    }
}

/// What a client asks about a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRequest {
    /// Which task. The header `Mcp-Name` repeats it.
    pub task_id: String,
    /// What about it.
    pub wanted: TaskWanted,
}

/// What a client wants of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskWanted {
    /// `tasks/get`: how far it is.
    Get,
    /// `tasks/update`: to answer some of its questions, by their keys. Raw, because the question says what type an
    /// answer has.
    Update(IndexMap<String, RawJson>),
    /// `tasks/cancel`: its end.
    Cancel,
}

impl TaskRequest {
    /// Its method.
    pub const fn method(&self) -> &'static str {
        match self.wanted {
            TaskWanted::Get => "tasks/get",
            TaskWanted::Update(_) => "tasks/update",
            TaskWanted::Cancel => "tasks/cancel",
        }
    }
}

/// What a server answers about tasks.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskResult {
    /// To `tools/call`: the call has become this task.
    Created(Task<TaskStatus>),
    /// To `tasks/get`.
    Found(Task<TaskState>),
    /// To `tasks/update` and `tasks/cancel`: received. What comes of it is seen on the task.
    Acknowledged,
}

impl<S> Task<S> {
    /// The same task, with something else said about how far it is.
    pub fn with_state<T>(self, state: T) -> Task<T> {
        let Self { task_id, state: _, status_message, created_at, last_updated_at, ttl_ms, poll_interval_ms } =
            self;
        Task { task_id, state, status_message, created_at, last_updated_at, ttl_ms, poll_interval_ms }
    }

    fn write<M: SerializeMap>(&self, status: TaskStatus, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("taskId", &self.task_id)?;
        map.serialize_entry("status", status.as_str())?;
        if let Some(message) = &self.status_message {
            map.serialize_entry("statusMessage", message)?;
        }
        map.serialize_entry("createdAt", &self.created_at)?;
        map.serialize_entry("lastUpdatedAt", &self.last_updated_at)?;
        // Null is a value here: for ever.
        map.serialize_entry("ttlMs", &self.ttl_ms)?;
        if let Some(interval) = self.poll_interval_ms {
            map.serialize_entry("pollIntervalMs", &interval)?;
        }
        Ok(())
    }
}

impl Task<TaskStatus> {
    pub(crate) fn write_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.write(self.state, map)
    }
}

impl Task<TaskState> {
    pub(crate) fn write_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.write(self.state.status(), map)?;
        match &self.state {
            TaskState::InputRequired(requests) => map.serialize_entry("inputRequests", requests),
            TaskState::Completed(result) => map.serialize_entry("result", result),
            TaskState::Failed(error) => map.serialize_entry("error", error),
            TaskState::Working | TaskState::Cancelled => Ok(()),
        }
    }
}

impl Serialize for Task<TaskState> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write_members(&mut map)?;
        map.end()
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    task_id: String,
    status: String,
    status_message: Option<String>,
    created_at: String,
    last_updated_at: String,
    #[serde(default)]
    ttl_ms: Option<u64>,
    poll_interval_ms: Option<u64>,
    input_requests: Option<InputRequests>,
    result: Option<RawJson>,
    error: Option<ErrorObject>,
}

impl Wire {
    fn status<E: de::Error>(&self) -> Result<TaskStatus, E> {
        TaskStatus::parse(&self.status)
            .ok_or_else(|| E::custom(format_args!("unknown status `{}`", self.status)))
    }

    fn into_task<S>(self, state: S) -> Task<S> {
        Task {
            task_id: self.task_id,
            state,
            status_message: self.status_message,
            created_at: self.created_at,
            last_updated_at: self.last_updated_at,
            ttl_ms: self.ttl_ms,
            poll_interval_ms: self.poll_interval_ms,
        }
    }
}

impl<'de> Deserialize<'de> for Task<TaskStatus> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire: Wire = super::json::object(deserializer)?;
        let status = wire.status()?;
        Ok(wire.into_task(status))
    }
}

impl<'de> Deserialize<'de> for Task<TaskState> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut wire: Wire = super::json::object(deserializer)?;
        let state = match wire.status()? {
            TaskStatus::Working => TaskState::Working,
            TaskStatus::InputRequired => {
                let requests = wire.input_requests.take();
                TaskState::InputRequired(requests.ok_or_else(|| de::Error::missing_field("inputRequests"))?)
            }
            TaskStatus::Completed => {
                let result = wire.result.take();
                TaskState::Completed(result.ok_or_else(|| de::Error::missing_field("result"))?)
            }
            TaskStatus::Failed => {
                let error = wire.error.take();
                TaskState::Failed(error.ok_or_else(|| de::Error::missing_field("error"))?)
            }
            TaskStatus::Cancelled => TaskState::Cancelled,
        };
        Ok(wire.into_task(state))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn task(extra: &Value) -> Value {
        let mut task = json!({
            "taskId": "786512e2", "createdAt": "2025-11-25T10:30:00Z", "lastUpdatedAt": "2025-11-25T10:50:00Z",
            "ttlMs": 3_600_000, "pollIntervalMs": 5_000,
        });
        task.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        task
    }

    #[test]
    fn each_status_brings_its_own_members() {
        let check = |extra: Value, is_final| {
            let text = task(&extra).to_string();
            let read: Task<TaskState> = serde_json::from_str(&text).unwrap();
            assert_eq!(read.state.is_final(), is_final);
            assert_eq!(read.state.status().as_str(), extra["status"]);
            assert_eq!(serde_json::to_value(&read).unwrap(), task(&extra));
            let created: Task<TaskStatus> = serde_json::from_str(&text).unwrap();
            assert_eq!(created, read.clone().with_state(read.state.status()));
        };
        let question = json!({ "method": "elicitation/create", "params": {
            "mode": "form", "message": "Who?", "requestedSchema": { "type": "object", "properties": {} },
        } });
        check(json!({ "status": "working", "statusMessage": "Half of it." }), false);
        check(json!({ "status": "input_required", "inputRequests": { "name": question } }), false);
        check(json!({ "status": "completed", "result": { "content": [], "isError": true } }), true);
        check(json!({ "status": "failed", "error": { "code": -32603, "message": "no" } }), true);
        check(json!({ "status": "cancelled" }), true);
    }

    #[test]
    fn for_ever_is_null() {
        let check = |ttl: Value| {
            let mut text = task(&json!({ "status": "working" }));
            text["ttlMs"] = ttl;
            let read: Task<TaskState> = serde_json::from_str(&text.to_string()).unwrap();
            assert_eq!(read.ttl_ms, None);
            assert_eq!(serde_json::to_value(&read).unwrap()["ttlMs"], Value::Null);
        };
        check(Value::Null);
    }

    #[test]
    fn what_is_missing_is_said() {
        let check = |extra: Value, expected: &str| {
            let error = serde_json::from_str::<Task<TaskState>>(&task(&extra).to_string()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(json!({ "status": "completed" }), "missing field `result`");
        check(json!({ "status": "failed" }), "missing field `error`");
        check(json!({ "status": "input_required" }), "missing field `inputRequests`");
        check(json!({ "status": "paused" }), "unknown status `paused`");
        check(json!({ "status": "working", "ttlMs": -1 }), "invalid value");
        check(json!({}), "missing field `status`");
        assert!(serde_json::from_str::<Task<TaskState>>("[]").is_err());
    }
}
