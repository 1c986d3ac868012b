//! What a restart of the host must not lose, as a trait: sessions, their servers, and the exchange log.
//!
//! Only digests of session ids come here: whoever reads the store cannot become a browser. Values are JSON documents of
//! the host's own making; a store keeps them and does not look inside.

mod memory;

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use memory::MemoryHostStore;

/// Digest (SHA-256, base64url) of the session id that a browser holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(String);

impl SessionKey {
    /// The key under which the session of that cookie is kept.
    #[must_use]
    pub fn of_cookie(cookie: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(cookie)))
    }

    /// A key as a store gives it back.
    #[must_use]
    pub fn from_store(digest: String) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One server of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredServer {
    /// Its id.
    pub id: String,
    /// When it was added; the order of the list.
    pub added_at: SystemTime,
    /// What the host knows of it, a JSON document: URL, and what was negotiated last.
    pub document: String,
}

/// One finished exchange of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredExchange {
    /// Its place in the server's log; grows.
    pub number: u64,
    /// The exchange as JSON, secrets masked.
    pub document: String,
}

/// The store did not do it.
#[derive(Debug, Error)]
#[error("the host's store failed while it tried to {doing}")]
pub struct HostStoreError {
    /// What it was asked to do.
    pub doing: &'static str,
    /// Why it could not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Durable state of the host. Every call is done when it returns.
#[async_trait]
pub trait HostStore: Send + Sync + 'static {
    /// Whether the store can be used now: `GET /readyz`.
    async fn ready(&self) -> Result<(), HostStoreError>;

    /// When the session was last seen; `None` if there is no such session.
    async fn session_seen(&self, session: &SessionKey) -> Result<Option<SystemTime>, HostStoreError>;

    /// Makes the session, or notes that it was seen.
    async fn save_session(&self, session: &SessionKey, seen: SystemTime) -> Result<(), HostStoreError>;

    /// The sessions that were last seen before that time.
    async fn sessions_seen_before(&self, time: SystemTime) -> Result<Vec<SessionKey>, HostStoreError>;

    /// Forgets the session with all that is its own, unless it was seen at or after that time meanwhile.
    async fn remove_session(
        &self,
        session: &SessionKey,
        seen_before: SystemTime,
    ) -> Result<(), HostStoreError>;

    /// The servers of a session, in the order they were added.
    async fn servers(&self, session: &SessionKey) -> Result<Vec<StoredServer>, HostStoreError>;

    /// Adds the server to the session, or replaces it.
    async fn save_server(&self, session: &SessionKey, server: &StoredServer) -> Result<(), HostStoreError>;

    /// Removes the server and its exchanges. One that is not there is removed already.
    async fn remove_server(&self, session: &SessionKey, server: &str) -> Result<(), HostStoreError>;

    /// Writes exchanges into a server's log, in the place of those with the same number, and drops what is older than the
    /// number `oldest`. Exchanges of a server that was removed meanwhile are dropped.
    async fn save_exchanges(
        &self,
        session: &SessionKey,
        server: &str,
        exchanges: &[StoredExchange],
        oldest: u64,
    ) -> Result<(), HostStoreError>;

    /// The log of a server, oldest first.
    async fn exchanges(
        &self,
        session: &SessionKey,
        server: &str,
    ) -> Result<Vec<StoredExchange>, HostStoreError>;

    /// Empties the log of a server.
    async fn clear_exchanges(&self, session: &SessionKey, server: &str) -> Result<(), HostStoreError>;
}
