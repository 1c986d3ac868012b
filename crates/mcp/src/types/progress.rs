//! Progress of a request
//! ([Progress](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress)).

use serde::{Deserialize, Serialize};

use super::json::number;
use crate::jsonrpc::Id;

/// What a requester chose to recognise the progress of its request by.
pub type ProgressToken = Id;

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The token of the request's `_meta`.
    pub progress_token: ProgressToken,
    /// Grows with every notification, even where the total is unknown.
    #[serde(serialize_with = "number::serialize")]
    pub progress: f64,
    /// What `progress` will be at the end.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::option::serialize")]
    pub total: Option<f64>,
    /// What is being done, for a human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
