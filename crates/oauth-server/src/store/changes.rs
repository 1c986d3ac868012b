//! What verifiers have to know of, in the order in which it happened.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::scope::ScopeSet;

use super::StoreError;

/// Something that changes what tokens allow that are out there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: SystemTime,
    /// What.
    pub what: Changed,
}

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The grant with this id was revoked.
    GrantRevoked(String),
    /// A grant was narrowed.
    GrantNarrowed {
        /// Which.
        id: String,
        /// The scopes that it has left.
        left: ScopeSet,
    },
    /// The access token with this `jti` was revoked.
    TokenRevoked(String),
    /// The user with this id was disabled.
    UserDisabled(String),
    /// The user with this id was enabled.
    UserEnabled(String),
    /// The client with this id was disabled, or deleted.
    ClientDisabled(String),
    /// The client with this id was enabled.
    ClientEnabled(String),
}

/// Changes, numbered in the order in which they became durable, whoever made them: a process that knows all up to one
/// number asks for those after it, and misses none. Each is written in the transaction that it is about.
#[async_trait]
pub trait Changes: Send + Sync {
    /// The changes after number `after` (0: from the beginning), the earliest first, with their numbers; `limit` of them
    /// at most.
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<(u64, Change)>, StoreError>;
    /// The number of the last one; 0 when there is none.
    async fn last_change(&self) -> Result<u64, StoreError>;
}
