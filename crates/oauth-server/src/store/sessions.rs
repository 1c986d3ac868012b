//! Browsers in which somebody is logged in.

use std::net::IpAddr;
use std::time::SystemTime;

use async_trait::async_trait;

use super::{Digest, Secret, StoreError, Swap};

/// A browser in which a user is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Digest of the cookie's value. Unique.
    pub digest: Digest,
    /// Who.
    pub user_id: String,
    /// When the password was last given.
    pub authenticated_at: SystemTime,
    /// When it stops to count.
    pub expires_at: SystemTime,
    /// From where the user logged in, where that is known.
    pub started_from: Option<IpAddr>,
    /// With which browser, in words.
    pub browser: Option<String>,
}

/// Browser sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The session with this digest, expired or not.
    async fn session(&self, digest: Digest) -> Result<Option<SessionRecord>, StoreError>;
    /// Starts `new` and ends `old` in one transaction, so that a login never leaves the earlier id alive
    /// (session fixation). Keeps the `keep` sessions of this user that expire last and deletes the others.
    /// [`Swap::Lost`], which changes nothing, when the user's password hash is not `password` any more: a login that
    /// waited while the password was changed starts nothing.
    async fn start_session(
        &self,
        old: Option<Digest>,
        new: &SessionRecord,
        keep: u32,
        password: &Secret,
    ) -> Result<Swap, StoreError>;
    /// Ends a session; nothing happens when there is none.
    async fn end_session(&self, digest: Digest) -> Result<(), StoreError>;
    /// The sessions of a user that have not expired at `now`, the latest login first.
    async fn sessions_of(&self, user_id: &str, now: SystemTime) -> Result<Vec<SessionRecord>, StoreError>;
    /// Ends all sessions of a user but `keep`. Returns how many there were.
    async fn end_sessions_of(&self, user_id: &str, keep: Option<Digest>) -> Result<u64, StoreError>;
}
