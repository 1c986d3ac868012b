//! Authorization requests that clients pushed.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::pushed::Pushed;

use super::{Digest, Insert, StoreError, Swap};

/// A pushed authorization request ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRecord {
    /// Digest of the reference. Unique.
    pub digest: Digest,
    /// The request.
    pub pushed: Pushed,
    /// Digest over the network it came from, where that is known.
    pub source: Option<Digest>,
}

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushedLimits {
    /// Of one source.
    pub per_source: u32,
    /// Altogether.
    pub total: u32,
}

/// Pushed authorization requests.
#[async_trait]
pub trait PushedRequests: Send + Sync {
    /// Keeps a new request, in one transaction: those that have expired by its time of push are not counted. One beyond
    /// `per_source` of its source is [`Insert::Exists`], and nothing is changed. At `total`, room is made by deleting the
    /// earliest of the source that has most, so a flood from one place costs nobody else.
    async fn insert_pushed(&self, request: &PushedRecord, most: PushedLimits) -> Result<Insert, StoreError>;
    /// The request with this digest, whatever its state.
    async fn pushed(&self, digest: Digest) -> Result<Option<PushedRecord>, StoreError>;
    /// Lets a request that was not used last until then.
    async fn extend_pushed(&self, digest: Digest, until: SystemTime) -> Result<(), StoreError>;
    /// Uses a request that was not used and has not expired; [`Swap::Lost`] when it was or has.
    async fn use_pushed(&self, digest: Digest, at: SystemTime) -> Result<Swap, StoreError>;
}
