//! What one side tells the other without waiting for an answer.

use serde::{Deserialize, Serialize};

use super::logging::LoggingMessage;
use super::progress::Progress;
use super::subscriptions::{Change, SubscriptionFilter};
use super::tasks::{Task, TaskState};
use crate::jsonrpc::Id;

/// What a server tells a client, whatever the revision.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerNotification {
    /// How far a request is.
    Progress(Progress),
    /// A log message.
    Log(LoggingMessage),
    /// Something that the client keeps a copy of has changed.
    Change(Change),
    /// A request of the server's is not needed any more. Only in the handshake era.
    Cancelled(Cancelled),
    /// What of a subscription the server will send. From 2026-07-28 on.
    Acknowledged(SubscriptionFilter),
    /// How far a task is. From 2026-07-28 on, by an extension.
    Task(Box<Task<TaskState>>),
    /// The user has done what an address was for. Only in 2025-11-25.
    ElicitationComplete {
        /// Which elicitation.
        elicitation_id: String,
    },
    /// One that this build does not know; it is ignored.
    Other {
        /// Its method.
        method: String,
    },
}

/// What a client tells a server.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientNotification {
    /// The handshake is complete. Only in the handshake era.
    Initialized,
    /// A request is not needed any more. Over HTTP only in the handshake era: from 2026-07-28 on the client closes
    /// the stream.
    Cancelled(Cancelled),
    /// How far a request of the server's is. Only in the handshake era.
    Progress(Progress),
    /// The roots changed. Only in the handshake era.
    RootsListChanged,
    /// One that this build does not know; it is ignored.
    Other {
        /// Its method.
        method: String,
    },
}

/// A request that is not needed any more
/// ([Cancellation](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    /// Which request.
    pub request_id: Id,
    /// Why, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
