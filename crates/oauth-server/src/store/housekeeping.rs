//! Work that goes on beside the requests: deleting what is over, and letting them write first.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::StoreError;

/// How long things that are over are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Codes and devices, after they expired (a replay of a code within this time still revokes).
    pub codes: Duration,
    /// Login attempts, after the last one.
    pub login_attempts: Duration,
    /// Dynamic clients that were never activated, after their registration.
    pub unused_clients: Duration,
    /// Dynamic clients that were activated and have no grant that can be renewed, after their last use.
    pub idle_clients: Duration,
    /// Grants, with their families, after they expired or were revoked.
    pub grants: Duration,
}

/// What work beside the requests needs.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// Deletes expired sessions, revoked access tokens, answered challenges, used statements and logins on their way, and
    /// whatever is older than `retention`, up to `most` records in one transaction; families go with their grants and are not counted. Returns how
    /// many went: fewer than `most` when nothing is left.
    ///
    /// Whoever calls it again lets others write in between, so that none of them waits for all of it.
    async fn sweep(&self, now: SystemTime, retention: Retention, most: u32) -> Result<u64, StoreError>;

    /// Whether somebody in this process writes at the moment. Whoever has no haste begins when nobody does.
    fn is_writing(&self) -> bool;
}
