//! Roots: where in the user's files a server may work
//! ([Roots](https://modelcontextprotocol.io/specification/2026-07-28/client/roots)).

use serde::{Deserialize, Serialize};

use super::json::Meta;

/// One root.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Root {
    /// A `file:` address.
    pub uri: String,
    /// The name that humans read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// The client's roots.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ListRootsResult {
    /// All of them; there are no pages.
    pub roots: Vec<Root>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}
