//! What a replay may cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one replay. Whatever the server does, it ends within them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ReplayConfig {
    /// How long one answer may take, from connecting to its last byte.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub request_timeout: Duration,
    /// How long a step waits for a message on a stream that stays open.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub stream_wait: Duration,
    /// How long everything may take. What was not replayed by then is reported as not replayed.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub deadline: Duration,
    /// Bytes read of one answer.
    pub max_answer_bytes: usize,
    /// Events read of one stream.
    pub max_events: usize,
    /// Bytes of each body that are kept as evidence.
    pub max_evidence_bytes: usize,
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            stream_wait: Duration::from_secs(5),
            deadline: Duration::from_secs(300),
            max_answer_bytes: 4 * 1024 * 1024,
            max_events: 500,
            max_evidence_bytes: 16 * 1024,
        }
    }
}
