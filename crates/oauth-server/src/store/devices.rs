//! Devices that wait for their user.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::client::Registration;

use super::{Digest, FamilyRecord, GrantRecord, Insert, StoreError, Swap};

/// A device that waits for its user, from its first request until a while after it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Digest of what it asks with. Unique.
    pub device_code: Digest,
    /// Digest of what its user types. Unique.
    pub user_code: Digest,
    /// Which client it is.
    pub client_id: String,
    /// The client's name at that time.
    pub client_name: Option<String>,
    /// How the client was known at that time.
    pub registration: Registration,
    /// Whether the client's own document says that it has keys; then it has to sign.
    pub client_has_keys: bool,
    /// The scopes it asks for, separated by spaces.
    pub scope: String,
    /// The resource that the tokens are for.
    pub resource: String,
    /// Whether a refresh token belongs to it.
    pub refreshable: bool,
    /// Whether its client takes no tokens but those that are bound to a key
    /// ([RFC 9449 §5.2](https://www.rfc-editor.org/rfc/rfc9449#section-5.2)).
    pub proof_required: bool,
    /// Digest over the network it asked from, where that is known.
    pub source: Option<Digest>,
    /// The id of the grant it becomes.
    pub grant_id: String,
    /// When it began.
    pub issued_at: SystemTime,
    /// When it is over.
    pub expires_at: SystemTime,
    /// What was decided.
    pub decision: Option<DeviceDecision>,
    /// When it got its tokens.
    pub redeemed_at: Option<SystemTime>,
}

/// What was decided about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceDecision {
    /// Who allowed it; `None` when it was denied.
    pub user_id: Option<String>,
    /// When.
    pub at: SystemTime,
}

/// Devices that wait.
#[async_trait]
pub trait Devices: Send + Sync {
    /// Keeps a new one; [`Insert::Exists`] when a code is taken. At `max` devices, room is made by deleting those that are
    /// over at `device.issued_at`, and then the earliest of the source that has most of them.
    async fn insert_device(&self, device: &DeviceRecord, max: u32) -> Result<Insert, StoreError>;
    /// The one that asks with this code, whatever its state.
    async fn device(&self, device_code: Digest) -> Result<Option<DeviceRecord>, StoreError>;
    /// The one whose user types this code, whatever its state.
    async fn device_by_user_code(&self, user_code: Digest) -> Result<Option<DeviceRecord>, StoreError>;
    /// Decides about one that is not over and about which nobody has decided: allowed by a user, or denied.
    async fn decide_device(
        &self,
        device_code: Digest,
        allowed_by: Option<&str>,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
    /// Gives tokens to one that was allowed and has none, in one transaction: sets `redeemed_at`, inserts the grant and
    /// the family, and marks the client activated and used (if it is a stored one). [`Swap::Lost`] changes nothing.
    async fn redeem_device(
        &self,
        device_code: Digest,
        redeemed_at: SystemTime,
        grant: &GrantRecord,
        family: Option<&FamilyRecord>,
    ) -> Result<Swap, StoreError>;
}
