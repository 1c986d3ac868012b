//! Clients that are stored.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::client::Client;

use super::{Digest, StoreError, Swap};

/// A configured or dynamically registered client. Clients with a metadata document are not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRecord {
    /// The client, as the rules know it (keep it as one JSON column; `client.id` is the unique key).
    pub client: Client,
    /// Digest over the registered metadata of a public dynamic client: equal registrations are one client. Unique
    /// where present.
    pub fingerprint: Option<Digest>,
    /// Digest of the token with which it manages its registration, if it does.
    pub registration_token: Option<Digest>,
    /// Digest over the network it registered from, where that is known.
    pub source: Option<Digest>,
    /// When it registered, or last asked to and was there already.
    pub registered_at: SystemTime,
    /// When a code of it was first redeemed; before that it is a mere registration, and the first to be evicted.
    pub activated_at: Option<SystemTime>,
    /// When it last got a token.
    pub last_used_at: Option<SystemTime>,
    /// Whether an administrator added it: the configuration, which does not name it, does not delete it.
    pub added: bool,
    /// When it was disabled. Not looked at in what is written; [`super::Oversight`] is for that.
    pub disabled_at: Option<SystemTime>,
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

/// The end of a client by its own wish ([RFC 7592 §2.3](https://www.rfc-editor.org/rfc/rfc7592#section-2.3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion<'a> {
    /// Which client.
    pub client_id: &'a str,
    /// Digest of the token that it has to have.
    pub registration_token: Digest,
    /// When.
    pub at: SystemTime,
    /// What the tokens belong to that it got for itself; there is no record of it, so it is noted as a token that no longer
    /// counts.
    pub own_grant: &'a str,
    /// Until when that has to be remembered.
    pub own_grant_until: SystemTime,
}

/// A grant that ended with its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedGrant {
    /// Which.
    pub id: String,
    /// Whose it was.
    pub user_id: String,
}

/// Clients.
#[async_trait]
pub trait Clients: Send + Sync {
    /// The client with this identifier.
    async fn client(&self, id: &str) -> Result<Option<ClientRecord>, StoreError>;
    /// Adds or replaces a configured client (`activated_at` and `last_used_at` of an existing one stay).
    async fn put_client(&self, client: &ClientRecord) -> Result<(), StoreError>;
    /// Deletes the configured clients whose identifiers are not among these: what an operator takes out of the
    /// configuration is no client any more. Those that were added stay.
    async fn keep_configured(&self, ids: &[&str]) -> Result<(), StoreError>;
    /// Registers a dynamic client, in one transaction: an existing one with the same fingerprint wins, and if it was
    /// never activated it takes over the new one's `source` and `registered_at`, so that it is not the next to go. At
    /// `max` dynamic clients, room is made by deleting first a never-activated one, the earliest of the source that has
    /// most of them (a flood from one place costs nobody else), then the one without a live grant that was used longest
    /// ago; configured clients are neither counted nor deleted. A never-activated one may take up to a hundredth of `max`
    /// others of its source with it, so that not each registration has to find out who has most.
    async fn register_client(&self, client: &ClientRecord, max: u32) -> Result<Registered, StoreError>;
    /// Marks a stored client activated and used: it has got a token that no grant is kept for.
    async fn use_client(&self, id: &str, at: SystemTime) -> Result<(), StoreError>;
    /// Puts `client` in the place of the one with its id, and the token `next` in the place of `expected`. [`Swap::Lost`]
    /// when it has another token, or none, or is not there.
    async fn replace_client(
        &self,
        client: &Client,
        expected: Digest,
        next: Digest,
    ) -> Result<Swap, StoreError>;
    /// Deletes a client with everything it has, in one transaction: revokes its grants that are neither revoked nor over,
    /// and what it got for itself, and deletes its consents, and its codes, devices and pushed requests that have no tokens
    /// yet. The grants that it revoked; `None`, and nothing is changed, when the client has another token, or none, or is
    /// not there.
    async fn delete_client(&self, deletion: &Deletion<'_>) -> Result<Option<Vec<EndedGrant>>, StoreError>;
}
