//! Refresh tokens.

use std::net::IpAddr;
use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::grant::Holder;

use super::{Digest, GrantRecord, Secret, StoreError, Swap};

/// The refresh tokens of one grant: one is current, a few recent ones still lead to their successor.
///
/// A refresh token consists of a handle, the same for the whole family, and a secret. Only their digests are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyRecord {
    /// Digest of the handle. Unique.
    pub handle: Digest,
    /// The grant it belongs to. Unique.
    pub grant_id: String,
    /// Counts rotations; what the compare-and-set compares.
    pub generation: u64,
    /// Digest of the current secret.
    pub current: Digest,
    /// When the current token stops to count unless it is used.
    pub expires_at: SystemTime,
    /// Recently replaced tokens, oldest first, a handful (a JSON column or a table, as you like).
    pub replaced: Vec<ReplacedToken>,
    /// Who may use them.
    pub holder: Holder,
    /// Whether the user or the client of the grant is disabled just now. Not looked at in what is written.
    pub suspended: bool,
}

/// A refresh token that was replaced a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedToken {
    /// Digest of its secret.
    pub digest: Digest,
    /// When it was replaced.
    pub at: SystemTime,
    /// Its successor, sealed under a key that only the replaced token itself yields: the database alone gives no
    /// live token away.
    pub sealed_successor: Secret,
}

/// Refresh families.
#[async_trait]
pub trait Families: Send + Sync {
    /// The family with this handle, with its grant.
    async fn family(&self, handle: Digest) -> Result<Option<(FamilyRecord, GrantRecord)>, StoreError>;
    /// Replaces the family by `new` if its generation still is `expected` and its grant is not revoked; sets
    /// `last_used_at` of the grant and of its client to `at`, and `last_used_from` of the grant, in the same transaction.
    async fn rotate_family(
        &self,
        expected: u64,
        new: &FamilyRecord,
        at: SystemTime,
        from: Option<IpAddr>,
    ) -> Result<Swap, StoreError>;
}
