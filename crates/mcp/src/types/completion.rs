//! Completion of arguments
//! ([Completion](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion)).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::json::{self, Meta};

/// At most this many values are in one answer.
pub const MAX_VALUES: usize = 100;

/// Asks how an argument could go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteRequest {
    /// Whose argument it is.
    #[serde(rename = "ref")]
    pub reference: CompletionReference,
    /// The argument, and what is typed so far.
    #[serde(deserialize_with = "json::object")]
    pub argument: CompletionArgument,
    /// What is known already.
    #[serde(default, deserialize_with = "json::object", skip_serializing_if = "CompletionContext::is_empty")]
    pub context: CompletionContext,
}

/// What the argument belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CompletionReference {
    /// A prompt.
    #[serde(rename = "ref/prompt")]
    Prompt {
        /// The prompt's name.
        name: String,
        /// The name that humans read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    /// A resource template.
    #[serde(rename = "ref/resource")]
    Resource {
        /// The template, or an address.
        uri: String,
    },
}

/// An argument that is being typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionArgument {
    /// Its name.
    pub name: String,
    /// What is typed so far.
    pub value: String,
}

/// The arguments that have values already.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CompletionContext {
    /// Name to value.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub arguments: IndexMap<String, String>,
}

impl CompletionContext {
    fn is_empty(&self) -> bool {
        self.arguments.is_empty()
    }
}

/// How an argument could go on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CompleteResult {
    /// The values.
    pub completion: Completion,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Values for an argument.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    /// At most [`MAX_VALUES`] of them.
    pub values: Vec<String>,
    /// How many there are in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether there are more than these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
}

impl Completion {
    /// The first [`MAX_VALUES`] of all that fit, with the count of all.
    pub fn of(mut values: Vec<String>) -> Self {
        let total = values.len();
        values.truncate(MAX_VALUES);
        Self { values, total: Some(total as u64), has_more: Some(total > MAX_VALUES) }
    }
}
