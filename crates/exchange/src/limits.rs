//! How much of an exchange is kept.

use serde::{Deserialize, Serialize};

/// Bounds of one recorded exchange. What is cut off is counted, so a reader sees that something is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes kept of a request or response body.
    pub max_body_bytes: usize,
    /// Events kept of a stream; the oldest leave first.
    pub max_events: usize,
    /// Bytes kept of one event's data.
    pub max_event_bytes: usize,
    /// Header lines kept per message.
    pub max_headers: usize,
    /// Bytes kept of one header value, and of a URL.
    pub max_header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 256 * 1024,
            max_events: 500,
            max_event_bytes: 64 * 1024,
            max_headers: 100,
            max_header_bytes: 8 * 1024,
        }
    }
}
