//! What a peer may take, with defaults for a server that anybody can reach.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of connections, section `serve` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// How long a peer may take from connecting, or from the first byte of a further request, to the end of the head.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub header_timeout: Duration,
    /// How long a peer may make a handler wait for a request's body, all pauses together (408). Whoever sends more
    /// gets more, see `body_min_rate`.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub body_timeout: Duration,
    /// Bytes of a body that prolong `body_timeout` by a second.
    pub body_min_rate: NonZeroU32,
    /// How long a connection may stay open between two requests. Longer than a proxy in front keeps it, or the proxy
    /// sends a request into a connection that is just being closed.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub idle_timeout: Duration,
    /// How long a peer may take in nothing of what waits for it. A response that is read, however slowly, and a
    /// stream on which there is nothing to send are not affected.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub write_timeout: Duration,
    /// Connections at once. Beyond that, those make room that have kept the server waiting the longest; while all of
    /// them are being answered, new ones wait in the system's queue.
    pub max_connections: NonZeroUsize,
    /// How long a connection may keep a *full* server waiting (for a request, or for an answer to be read) before it
    /// has to make room.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub patience: Duration,
    /// Bytes of a request's head (431): of HTTP/1 as it is usually written, with one blank after each colon; of HTTP/2
    /// the names and values, and 32 for each.
    pub max_header_bytes: u32,
    /// Header lines of an HTTP/1 request (431).
    pub max_headers: usize,
    /// Requests at once on one HTTP/2 connection.
    pub max_concurrent_streams: u32,
    /// Pause between two pings on an HTTP/2 connection.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub ping_interval: Duration,
    /// How long the answer to one may take.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub ping_timeout: Duration,
    /// How long requests in flight have to end once the server is told to stop.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub shutdown_grace: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            body_min_rate: const { NonZeroU32::new(1024).expect("it is not zero") },
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(60),
            max_connections: const { NonZeroUsize::new(4096).expect("it is not zero") },
            patience: Duration::from_secs(1),
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_concurrent_streams: 200,
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(20),
            shutdown_grace: Duration::from_secs(8),
        }
    }
}
