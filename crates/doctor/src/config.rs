//! What an examination may cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one examination. Whatever the server does, it ends within them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DoctorConfig {
    /// How long one answer may take, from connecting to its last byte.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub request_timeout: Duration,
    /// How long everything may take. What was not asked by then is reported as not asked.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub deadline: Duration,
    /// How long the first event of a stream may take before the stream counts as held back.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub stream_wait: Duration,
    /// How many requests are sent at most.
    pub max_requests: usize,
    /// Bytes read of one answer, and of one event.
    pub max_answer_bytes: usize,
    /// Bytes of each body that are kept as evidence.
    pub max_evidence_bytes: usize,
    /// Pages read of one list.
    pub max_pages: usize,
    /// Tools that are looked at.
    pub max_tools: usize,
    /// Authorization servers that are looked at.
    pub max_authorization_servers: usize,
}

impl Default for DoctorConfig {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(120),
            stream_wait: Duration::from_secs(3),
            max_requests: 200,
            max_answer_bytes: 4 * 1024 * 1024,
            max_evidence_bytes: 16 * 1024,
            max_pages: 20,
            max_tools: 2_000,
            max_authorization_servers: 3,
        }
    }
}
