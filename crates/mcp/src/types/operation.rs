//! What a client asks for, and what it gets, in every revision.
//!
//! A handler is written once against these two enums. What belongs to one era only (a handshake, `ping`,
//! `server/discover`, `subscriptions/listen`) is in the enum `Request` of that revision's folder in [`crate::wire`].

use super::completion::{CompleteRequest, CompleteResult};
use super::input::InputRequired;
use super::prompts::{GetPromptRequest, GetPromptResult, ListPromptsResult};
use super::resources::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceRequest, ReadResourceResult,
};
use super::skills::{SkillsRequest, SkillsResult};
use super::tasks::TaskResult;
use super::tools::{CallToolRequest, CallToolResult, ListToolsResult};

/// A page of a list; no cursor means the first one
/// ([Pagination](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// What the page before gave as `nextCursor`.
    pub cursor: Option<String>,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// `tools/list`
    ListTools(Page),
    /// `tools/call`
    CallTool(CallToolRequest),
    /// `resources/list`
    ListResources(Page),
    /// `resources/templates/list`
    ListResourceTemplates(Page),
    /// `resources/read`
    ReadResource(ReadResourceRequest),
    /// `prompts/list`
    ListPrompts(Page),
    /// `prompts/get`
    GetPrompt(GetPromptRequest),
    /// `completion/complete`
    Complete(CompleteRequest),
    /// What the skills extension adds, from 2026-07-28 on.
    Skills(SkillsRequest),
}

impl Operation {
    /// Its method, the same in every revision.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::ListTools(_) => "tools/list",
            Self::CallTool(_) => "tools/call",
            Self::ListResources(_) => "resources/list",
            Self::ListResourceTemplates(_) => "resources/templates/list",
            Self::ReadResource(_) => "resources/read",
            Self::ListPrompts(_) => "prompts/list",
            Self::GetPrompt(_) => "prompts/get",
            Self::Complete(_) => "completion/complete",
            Self::Skills(request) => request.method(),
        }
    }

    /// What the header `Mcp-Name` repeats: the tool, the prompt or the resource.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::CallTool(request) => Some(&request.name),
            Self::ReadResource(request) => Some(&request.uri),
            Self::GetPrompt(request) => Some(&request.name),
            Self::ListTools(_)
            | Self::ListResources(_)
            | Self::ListResourceTemplates(_)
            | Self::ListPrompts(_)
            | Self::Complete(_)
            | Self::Skills(_) => None,
        }
    }
}

/// What it gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Of `tools/list`
    ListTools(ListToolsResult),
    /// Of `tools/call`
    CallTool(CallToolResult),
    /// Of `resources/list`
    ListResources(ListResourcesResult),
    /// Of `resources/templates/list`
    ListResourceTemplates(ListResourceTemplatesResult),
    /// Of `resources/read`
    ReadResource(ReadResourceResult),
    /// Of `prompts/list`
    ListPrompts(ListPromptsResult),
    /// Of `prompts/get`
    GetPrompt(GetPromptResult),
    /// Of `completion/complete`
    Complete(CompleteResult),
    /// Of what the skills extension adds.
    Skills(SkillsResult),
    /// Of `tools/call`, `resources/read` and `prompts/get` from 2026-07-28 on: something is needed first.
    InputRequired(InputRequired),
    /// Of `tools/call`, where it has become a task, and of what is asked about one. Only in 2026-07-28, by an extension.
    Task(Box<TaskResult>),
}
