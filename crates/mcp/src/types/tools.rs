//! Tools ([Tools](https://modelcontextprotocol.io/specification/2026-07-28/server/tools)).

use serde::{Deserialize, Serialize};

use super::content::ContentBlock;
use super::implementation::Icon;
use super::input::InputAnswers;
use super::json::{Meta, RawJson};

/// A tool as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// What it is called by: 1 to 128 characters of `A-Z a-z 0-9 _ - .` to be safe with every client.
    pub name: String,
    /// The name that humans read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// JSON Schema of the arguments; its root has `"type": "object"`. Passed through untouched.
    pub input_schema: RawJson,
    /// JSON Schema of the structured content. Passed through untouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<RawJson>,
    /// Hints on what it does to the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<ToolAnnotations>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

impl Tool {
    /// A tool without arguments; set the rest on the fields.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: Some(description.into()),
            icons: Vec::new(),
            input_schema: RawJson::parse(r#"{"type":"object","additionalProperties":false}"#)
                .expect("the literal is JSON"),
            output_schema: None,
            annotations: None,
            meta: Meta::new(),
        }
    }
}

/// Hints on a tool's effects. Untrusted unless the server is
/// ([ToolAnnotations](https://modelcontextprotocol.io/specification/2026-07-28/schema#toolannotations)).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolAnnotations {
    /// The name that humans read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Changes nothing. Absent means false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// May destroy something. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// Twice is the same as once. Absent means false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// Reaches out to things beyond the server. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

/// Lists the tools ([ListToolsResult](https://modelcontextprotocol.io/specification/2026-07-28/schema#listtoolsresult)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListToolsResult {
    /// This page of them, in an order that stays.
    pub tools: Vec<Tool>,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Calls a tool
/// ([CallToolRequestParams](https://modelcontextprotocol.io/specification/2026-07-28/schema#calltoolrequestparams)).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallToolRequest {
    /// The tool.
    pub name: String,
    /// Its arguments: a JSON object, raw, or nothing.
    pub arguments: Option<RawJson>,
    /// Answers to what an earlier attempt asked for; empty in the handshake era.
    pub answers: InputAnswers,
}

/// What a tool returned
/// ([CallToolResult](https://modelcontextprotocol.io/specification/2026-07-28/schema#calltoolresult)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallToolResult {
    /// For the model.
    #[serde(default)]
    pub content: Vec<ContentBlock>,
    /// For programs: what the tool's output schema describes. Any JSON from 2026-07-28 on, an object before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<RawJson>,
    /// The tool failed, and the model shall know.
    #[serde(default, skip_serializing_if = "super::json::is_false")]
    pub is_error: bool,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

impl CallToolResult {
    /// One block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![ContentBlock::text(text)], ..Self::default() }
    }

    /// A failure that the model shall read.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }
}
