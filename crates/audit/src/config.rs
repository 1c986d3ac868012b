//! Settings.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The settings of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Whether requests are recorded.
    pub enabled: bool,
    /// What happens to a request whose record finds no room, because the disk is slow, full or gone. This is about requests of
    /// MCP; events of the authorization server are counted in any case.
    pub when_full: WhenFull,
    /// Bytes of records that may wait to be written. Beyond that, `when_full` says what happens.
    pub queue_bytes: usize,
    /// Bytes of waiting records that are written at once, without waiting for `flush_interval`.
    pub batch_bytes: usize,
    /// How long a record waits at most before it is written: what a power cut or `kill -9` can cost.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub flush_interval: Duration,
    /// After what time records are deleted. A checkpoint keeps the rest verifiable.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub retention: Duration,
    /// Bytes that the log may take on the disk; the oldest records make room. 0 is no limit.
    pub max_bytes: u64,
    /// How often what is over is deleted.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub sweep_interval: Duration,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            when_full: WhenFull::Count,
            queue_bytes: 16 * 1024 * 1024,
            batch_bytes: 256 * 1024,
            flush_interval: Duration::from_millis(500),
            retention: Duration::from_secs(365 * 24 * 3600),
            max_bytes: 8 * 1024 * 1024 * 1024,
            sweep_interval: Duration::from_secs(3600),
        }
    }
}

/// What happens to a request whose record finds no room, because the disk is slow, full or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// It is answered, and the log says later how many records are missing and from when to when.
    Count,
    /// It is refused with 503 before anything is done: nothing happens that is not recorded.
    Refuse,
}

/// The settings of the connection funnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FunnelConfig {
    /// Whether attempts to connect are put together from the records (they are kept in the audit log's file, so not
    /// without it).
    pub enabled: bool,
    /// After what silence an attempt is given up, and until when what was seen of a client without an id belongs to what
    /// it does next.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub window: Duration,
    /// Attempts that are kept apart while they go on, in memory: a quarter of them for clients that have no id yet, a quarter
    /// for those that have only registered. Networks share the room.
    pub max_attempts: usize,
    /// Attempts that are kept on the disk, and a quarter as many of clients that never had an id.
    pub max_stored: u32,
    /// After what time attempts are deleted.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub retention: Duration,
    /// How long a change of an attempt waits at most before it is written.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub flush_interval: Duration,
}

impl Default for FunnelConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            window: Duration::from_secs(15 * 60),
            max_attempts: 10_000,
            max_stored: 100_000,
            retention: Duration::from_secs(30 * 24 * 3600),
            flush_interval: Duration::from_secs(1),
        }
    }
}

/// The settings of the metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Where Prometheus finds `/metrics`, for example `localhost:9464`. Nowhere unless set. Metrics name tools, so an
    /// address that others can reach is a decision.
    #[cfg_attr(feature = "schema", schemars(example = &"localhost:9464"))]
    pub listen: Option<String>,
    /// How many combinations of labels are counted apart; what comes later is counted together.
    pub max_series: usize,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { listen: None, max_series: 2000 }
    }
}
