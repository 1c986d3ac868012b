//! Signed statements that count once.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{Digest, StoreError};

/// A signed statement that counts once, and was used: of a client about itself, of an identity provider about a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedStatement {
    /// Digest over who signed it and its identifier. Unique.
    pub digest: Digest,
    /// Digest over who signed it.
    pub owner: Digest,
    /// When it no longer counts anyway.
    pub until: SystemTime,
}

/// How many used statements are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementLimits {
    /// Of one owner.
    pub per_owner: u32,
    /// Of all together.
    pub total: u32,
}

/// What became of the use of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a statement that was used before, or cannot be remembered, must not count"]
pub enum Use {
    /// It was not used before, and is now.
    First,
    /// It was used before.
    Again,
    /// There is no room to remember it; nothing was changed.
    Full,
}

/// Statements that were used.
#[async_trait]
pub trait Statements: Send + Sync {
    /// Uses a statement. What no longer counts at `now` is forgotten first, and makes room; so one that ends now is
    /// answered with [`Use::Again`], whether it was used or not.
    async fn use_statement(
        &self,
        used: &UsedStatement,
        limits: StatementLimits,
        now: SystemTime,
    ) -> Result<Use, StoreError>;
}
