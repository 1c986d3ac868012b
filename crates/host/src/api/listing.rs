//! What a server has: tools, resources, templates, prompts, and completion of their arguments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All tools, every page fetched, in the server's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ToolList {
    /// The tools that can be called.
    pub tools: Vec<ToolView>,
    /// The tools that were left out.
    pub rejected: Vec<RejectedTool>,
    /// The server has more than the host was willing to fetch.
    pub truncated: bool,
}

/// A tool whose definition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RejectedTool {
    /// Its name.
    pub name: String,
    /// What is wrong with its definition.
    pub reason: String,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ToolView {
    /// Name for programs.
    pub name: String,
    /// Name for people.
    pub title: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
    /// JSON Schema of the structured result.
    pub output_schema: Option<Value>,
    /// Hints about its effects; never to be trusted for security.
    pub annotations: Option<ToolAnnotations>,
    /// Scopes that the tool needs and the token lacks, where the server tells: the first call will ask for them.
    pub missing_scopes: Vec<String>,
    /// Icons.
    pub icons: Vec<Icon>,
    /// The definition as it was on the wire.
    pub raw: Value,
}

/// What a server says about the effects of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ToolAnnotations {
    /// Name for people.
    pub title: Option<String>,
    /// Changes nothing.
    pub read_only: Option<bool>,
    /// May destroy something.
    pub destructive: Option<bool>,
    /// Doing it twice is like doing it once.
    pub idempotent: Option<bool>,
    /// Reaches beyond the server.
    pub open_world: Option<bool>,
}

/// A picture for a server, tool, resource or prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Icon {
    /// `https:` or `data:` URL. The page's content security policy lets it load `data:` only.
    pub src: String,
    /// Media type.
    pub mime_type: Option<String>,
    /// Sizes such as `48x48`, or `any`.
    pub sizes: Vec<String>,
}

/// All resources, every page fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ResourceList {
    /// The resources.
    pub resources: Vec<ResourceView>,
    /// The server has more than the host was willing to fetch.
    pub truncated: bool,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ResourceView {
    /// Its URI.
    pub uri: String,
    /// Name for programs.
    pub name: String,
    /// Name for people.
    pub title: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Media type.
    pub mime_type: Option<String>,
    /// Bytes, if known.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub size: Option<u64>,
}

/// All resource templates, every page fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TemplateList {
    /// The templates.
    pub templates: Vec<TemplateView>,
    /// The server has more than the host was willing to fetch.
    pub truncated: bool,
}

/// One resource template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TemplateView {
    /// URI template (RFC 6570).
    pub uri_template: String,
    /// Name for programs.
    pub name: String,
    /// Name for people.
    pub title: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Media type.
    pub mime_type: Option<String>,
    /// The variables of the template, in order; each can be completed.
    pub variables: Vec<String>,
}

/// All prompts, every page fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PromptList {
    /// The prompts.
    pub prompts: Vec<PromptView>,
    /// The server has more than the host was willing to fetch.
    pub truncated: bool,
}

/// One prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PromptView {
    /// Name for programs.
    pub name: String,
    /// Name for people.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its arguments.
    pub arguments: Vec<ArgumentView>,
}

/// One argument of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ArgumentView {
    /// Name for programs.
    pub name: String,
    /// Name for people.
    pub title: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Must be given.
    pub required: bool,
}

/// Asks for values of an argument: `POST /api/servers/{id}/complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Complete {
    /// Of what.
    pub reference: CompleteReference,
    /// Name of the argument or template variable.
    pub argument: String,
    /// What was typed so far.
    pub value: String,
    /// The other arguments that are filled in already.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
}

/// Whose argument is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum CompleteReference {
    /// An argument of a prompt.
    Prompt {
        /// Name of the prompt.
        name: String,
    },
    /// A variable of a resource template.
    Resource {
        /// The URI template.
        uri: String,
    },
}

/// Values that the server suggests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Completion {
    /// The values, best first, at most 100.
    pub values: Vec<String>,
    /// How many there are in all, if the server knows.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub total: Option<u64>,
    /// There are more.
    pub has_more: bool,
}
