//! Notifications that a client opts into
//! ([Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)).

use serde::{Deserialize, Serialize};

use super::json::is_false;

/// Which notifications a client wants, or which of them a server agreed to send.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionFilter {
    /// The list of tools changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tools_list_changed: bool,
    /// The list of prompts changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prompts_list_changed: bool,
    /// The list of resources changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub resources_list_changed: bool,
    /// One of these resources changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_subscriptions: Vec<String>,
    /// One of these tasks changed: the extension of [`super::tasks`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_ids: Vec<String>,
}

impl SubscriptionFilter {
    /// Whether this change is wanted.
    pub fn wants(&self, change: &Change) -> bool {
        match change {
            Change::Tools => self.tools_list_changed,
            Change::Prompts => self.prompts_list_changed,
            Change::Resources => self.resources_list_changed,
            Change::Resource { uri } => self.resource_subscriptions.iter().any(|wanted| wanted == uri),
        }
    }
}

/// Something that clients keep a copy of has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources.
    Resources,
    /// One resource.
    Resource {
        /// Its address.
        uri: String,
    },
}

impl Change {
    /// The method of its notification, the same in every revision.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources => "notifications/resources/list_changed",
            Self::Resource { .. } => "notifications/resources/updated",
        }
    }
}
