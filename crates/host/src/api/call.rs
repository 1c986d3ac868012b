//! Calls: a tool, a resource or a prompt, run in the background; with questions on the way.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Starts a call: `POST /api/servers/{id}/calls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum StartCall {
    /// `tools/call`
    Tool {
        /// Name of the tool.
        name: String,
        /// Its arguments; without it, `{}`.
        #[serde(default)]
        #[cfg_attr(test, ts(type = "{ [key: string]: unknown }"))]
        arguments: Map<String, Value>,
    },
    /// `resources/read`
    Resource {
        /// URI of the resource, a template already expanded.
        uri: String,
    },
    /// `prompts/get`
    Prompt {
        /// Name of the prompt.
        name: String,
        /// Its arguments, all strings.
        #[serde(default)]
        #[cfg_attr(test, ts(type = "{ [key: string]: unknown }"))]
        arguments: Map<String, Value>,
    },
}

/// One call, from its start to its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CallView {
    /// Opaque id.
    pub id: String,
    /// Id of the server.
    pub server: String,
    /// What is called.
    pub kind: CallKind,
    /// Name of the tool or prompt, URI of the resource.
    pub name: String,
    /// The arguments as they were given.
    #[cfg_attr(test, ts(type = "{ [key: string]: unknown }"))]
    pub arguments: Map<String, Value>,
    /// How it stands.
    pub status: CallStatus,
    /// When it was started.
    #[cfg_attr(test, ts(type = "number"))]
    pub started_at: u64,
    /// When it ended.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub finished_at: Option<u64>,
    /// The last progress notification.
    pub progress: Option<Progress>,
    /// The log messages that the server sent for it, the newest last; bounded.
    pub logs: Vec<LogLine>,
    /// With `done`: what came back. A tool that reports an error of its own is `done` too, with `is_error`.
    pub result: Option<CallResult>,
    /// With `failed`: why.
    pub error: Option<CallError>,
    /// Ids of the exchanges that were made for it, in order: retries, refreshes and rounds included.
    pub exchanges: Vec<String>,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum CallKind {
    /// `tools/call`
    Tool,
    /// `resources/read`
    Resource,
    /// `prompts/get`
    Prompt,
}

/// How a call stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum CallStatus {
    /// On the wire.
    Running,
    /// The server asks something: `POST /api/calls/{id}/answer` for each request, then it runs on.
    InputRequired {
        /// What is asked.
        requests: Vec<InputRequest>,
    },
    /// The token lacks scopes: `POST /api/servers/{id}/login` with them; the call goes on after the callback.
    ScopeRequired {
        /// Scopes that are missing.
        scopes: Vec<String>,
        /// What the server said about it.
        message: String,
    },
    /// There is a result.
    Done,
    /// There is an error.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

/// One question of the server in the middle of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InputRequest {
    /// Which question; given back with the answer.
    pub key: String,
    /// What is asked, and with what.
    #[serde(flatten)]
    pub input: InputKind,
}

/// The kinds of questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum InputKind {
    /// Elicitation by a form.
    Form {
        /// What the server says.
        message: String,
        /// JSON Schema of the answer: an object of primitive properties.
        schema: Value,
    },
    /// Elicitation at a URL that the person opens, after having seen its whole host name.
    Url {
        /// What the server says.
        message: String,
        /// Where to go.
        url: String,
    },
    /// The server asks for a completion of a language model; the person plays the model, or declines.
    Sampling {
        /// The params of `sampling/createMessage` as they were on the wire.
        params: Value,
    },
}

/// Answers a question: `POST /api/calls/{id}/answer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Answer {
    /// Which question.
    pub key: String,
    /// Yes, no, or neither.
    pub action: Action,
    /// With `accept` of a form: the object that was filled in. With `accept` of sampling: `{"text": …}`.
    #[serde(default)]
    #[cfg_attr(test, ts(optional))]
    pub content: Option<Value>,
}

/// What the person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Action {
    /// Answered.
    Accept,
    /// Said no.
    Decline,
    /// Went away without a decision.
    Cancel,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Progress {
    /// So much is done; only ever grows.
    pub progress: f64,
    /// Of so much, if the server knows.
    pub total: Option<f64>,
    /// What it is doing.
    pub message: Option<String>,
}

/// One log message of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogLine {
    /// When it arrived.
    #[cfg_attr(test, ts(type = "number"))]
    pub at: u64,
    /// `debug` … `emergency` (RFC 5424).
    pub level: String,
    /// Which part of the server speaks.
    pub logger: Option<String>,
    /// What it says: any JSON.
    pub data: Value,
}

/// What a call gave. The members are the wire's own, so that "raw" and "structured" show the same thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum CallResult {
    /// `CallToolResult`
    Tool {
        /// Content blocks as on the wire: `{"type": "text" | "image" | "audio" | "resource_link" | "resource", …}`.
        content: Vec<Value>,
        /// The structured result.
        structured_content: Option<Value>,
        /// The tool ran and reports a failure.
        is_error: bool,
    },
    /// `ReadResourceResult`
    Resource {
        /// Contents as on the wire: `{"uri", "mimeType", "text" | "blob"}`.
        contents: Vec<Value>,
    },
    /// `GetPromptResult`
    Prompt {
        /// What the prompt is.
        description: Option<String>,
        /// Messages as on the wire: `{"role", "content"}`.
        messages: Vec<Value>,
    },
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CallError {
    /// What happened.
    pub message: String,
    /// What the person can do about it.
    pub what_next: Option<String>,
    /// The JSON-RPC error code, if the server answered with one.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub code: Option<i64>,
    /// The JSON-RPC error's data.
    pub data: Option<Value>,
}
