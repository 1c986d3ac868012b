//! Log messages that a server sends to a client
//! ([Logging](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging)).

use serde::{Deserialize, Serialize};

use super::json::RawJson;

/// Severity, least first, as in [RFC 5424](https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoggingLevel {
    /// Details for whoever debugs.
    Debug,
    /// Something went as it should.
    Info,
    /// Normal, but worth a look.
    Notice,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
    /// A part does not work.
    Critical,
    /// Somebody has to act now.
    Alert,
    /// Nothing works.
    Emergency,
}

/// One log message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggingMessage {
    /// How severe it is.
    pub level: LoggingLevel,
    /// Which part of the server speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The message: any JSON.
    pub data: RawJson,
}
