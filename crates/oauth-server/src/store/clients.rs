//! Clients that are stored.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::client::Client;

use super::{Digest, StoreError};

/// A configured or dynamically registered client. Clients with a metadata document are not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRecord {
    /// The client, as the rules know it (keep it as one JSON column; `client.id` is the unique key).
    pub client: Client,
    /// Digest over the registered metadata of a public dynamic client: equal registrations are one client. Unique
    /// where present.
    pub fingerprint: Option<Digest>,
    /// Digest over the network it registered from, where that is known.
    pub source: Option<Digest>,
    /// When it registered, or last asked to and was there already.
    pub registered_at: SystemTime,
    /// When a code of it was first redeemed; before that it is a mere registration, and the first to be evicted.
    pub activated_at: Option<SystemTime>,
    /// When it last got a token.
    pub last_used_at: Option<SystemTime>,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It is there now.
    New,
    /// The same public client was there already; this is it.
    Existing(Box<ClientRecord>),
    /// There is no room: `max` clients with live grants.
    Full,
}

/// Clients.
#[async_trait]
pub trait Clients: Send + Sync {
    /// The client with this identifier.
    async fn client(&self, id: &str) -> Result<Option<ClientRecord>, StoreError>;
    /// Adds or replaces a configured client (`activated_at` and `last_used_at` of an existing one stay).
    async fn put_client(&self, client: &ClientRecord) -> Result<(), StoreError>;
    /// Deletes the configured clients whose identifiers are not among these: what an operator takes out of the
    /// configuration is no client any more.
    async fn keep_configured(&self, ids: &[&str]) -> Result<(), StoreError>;
    /// Registers a dynamic client, in one transaction: an existing one with the same fingerprint wins, and if it was
    /// never activated it takes over the new one's `source` and `registered_at`, so that it is not the next to go. At
    /// `max` dynamic clients, room is made by deleting first a never-activated one, the earliest of the source that has
    /// most of them (a flood from one place costs nobody else), then the one without a live grant that was used longest
    /// ago; configured clients are neither counted nor deleted.
    async fn register_client(&self, client: &ClientRecord, max: u32) -> Result<Registered, StoreError>;
    /// Marks a stored client activated and used: it has got a token that no grant is kept for.
    async fn use_client(&self, id: &str, at: SystemTime) -> Result<(), StoreError>;
}
