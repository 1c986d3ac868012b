//! Failed logins.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{Digest, StoreError, Swap};

/// Failed logins of one account from one place. An attempt counts when it starts; success clears it, so parallel
/// guesses are counted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptsRecord {
    /// Digest over account and place. Unique.
    pub key: Digest,
    /// Attempts since the last success.
    pub count: u32,
    /// When the last one started.
    pub last_at: SystemTime,
}

/// Failed logins.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// The attempts under this key.
    async fn login_attempts(&self, key: Digest) -> Result<Option<AttemptsRecord>, StoreError>;
    /// Sets the record to `new` if it still is `expected` (`None`: there is none). Keeps at most `keep` records,
    /// those with the latest attempts.
    async fn count_login_attempt(
        &self,
        expected: Option<AttemptsRecord>,
        new: AttemptsRecord,
        keep: u32,
    ) -> Result<Swap, StoreError>;
    /// Removes the record if it still is `counted`, of an attempt that was the first.
    async fn uncount_login_attempt(&self, counted: AttemptsRecord) -> Result<Swap, StoreError>;
    /// Forgets the attempts under this key.
    async fn clear_login_attempts(&self, key: Digest) -> Result<(), StoreError>;
}
