//! The handshake
//! ([Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)).

use serde::{Deserialize, Serialize};

use crate::types::capabilities::{ClientCapabilities, ServerCapabilities};
use crate::types::implementation::Implementation;
use crate::types::json::{self, Meta};

/// What a client says first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitializeRequest {
    /// The newest revision that the client speaks, whatever it is called.
    pub protocol_version: String,
    /// What it can be asked for, for the whole session.
    #[serde(deserialize_with = "json::object")]
    pub capabilities: ClientCapabilities,
    /// Who it is.
    #[serde(deserialize_with = "json::object")]
    pub client_info: Implementation,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitializeResult {
    /// The revision that is spoken from now on; see [`crate::revision::negotiate_initialize`].
    pub protocol_version: String,
    /// What it offers.
    pub capabilities: ServerCapabilities,
    /// Who it is.
    pub server_info: Implementation,
    /// How to use it, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}
