//! Authorization codes.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::grant::Holder;

use super::{Digest, FamilyRecord, GrantRecord, Insert, StoreError, Swap};

/// An authorization code, from its issue until replays of it no longer matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRecord {
    /// Digest of the code. Unique.
    pub digest: Digest,
    /// For whom.
    pub client_id: String,
    /// The client's name at that time.
    pub client_name: Option<String>,
    /// By whom.
    pub user_id: String,
    /// Where it was sent, byte for byte.
    pub redirect_uri: String,
    /// The granted scopes, separated by spaces.
    pub scope: String,
    /// The resource that the tokens are for.
    pub resource: String,
    /// The PKCE challenge (S256).
    pub code_challenge: String,
    /// Whether a refresh token belongs to it.
    pub refreshable: bool,
    /// Whether the client's own document says that it has keys; then it has to sign to redeem it.
    pub client_has_keys: bool,
    /// The id of the grant it becomes. Fixed at issue, so that a replay knows what to revoke.
    pub grant_id: String,
    /// When it was issued.
    pub issued_at: SystemTime,
    /// When it can no longer be redeemed.
    pub expires_at: SystemTime,
    /// When it was redeemed.
    pub redeemed_at: Option<SystemTime>,
    /// Who may redeem it.
    pub holder: Holder,
}

/// Authorization codes.
#[async_trait]
pub trait Codes: Send + Sync {
    /// Keeps a new code.
    async fn insert_code(&self, code: &CodeRecord) -> Result<Insert, StoreError>;
    /// The code with this digest, whatever its state.
    async fn code(&self, digest: Digest) -> Result<Option<CodeRecord>, StoreError>;
    /// Redeems a code that has not been redeemed, in one transaction: sets `redeemed_at`, inserts the grant and the
    /// family, and marks the client activated and used (if it is a stored one). [`Swap::Lost`] changes nothing.
    async fn redeem_code(
        &self,
        digest: Digest,
        redeemed_at: SystemTime,
        grant: &GrantRecord,
        family: Option<&FamilyRecord>,
    ) -> Result<Swap, StoreError>;
}
