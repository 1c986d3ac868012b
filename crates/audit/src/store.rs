//! Where a log is kept.

use std::error::Error;

use async_trait::async_trait;

use crate::chain::Head;
use crate::entry::Time;
use crate::segment::Segment;

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be read or written")]
pub struct StoreError(#[source] Box<dyn Error + Send + Sync>);

impl StoreError {
    /// Wraps what the store says.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Keeps the segments of one log.
#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// The end of the log.
    async fn head(&self) -> Result<Head, StoreError>;

    /// Adds segments and deletes those that end at or before the record `forget`, all or nothing. `false`, and nothing
    /// done, where the log does not end at `expected`: somebody else has written to it.
    async fn append(
        &self,
        expected: Head,
        segments: &[Segment],
        forget: Option<u64>,
    ) -> Result<bool, StoreError>;

    /// The next segments after the record `after`, in order, at most `limit`; those of which every record is earlier
    /// than `since` may be left out.
    async fn segments(&self, after: u64, since: Option<Time>, limit: u32)
    -> Result<Vec<Segment>, StoreError>;

    /// How many bytes the log takes.
    async fn size(&self) -> Result<u64, StoreError>;

    /// The end of the oldest segments, at most `limit` of them, all of whose records are earlier than `before`; of any
    /// age without it. Never the newest segment.
    async fn oldest(&self, before: Option<Time>, limit: u32) -> Result<Option<Head>, StoreError>;
}
