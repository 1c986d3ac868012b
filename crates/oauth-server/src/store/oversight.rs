//! What administrators see of all users and clients, and do about them.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{ClientRecord, Insert, Revocation, Secret, StoreError, Swap, UserRecord};

/// Which users are listed: in the order of their names, and so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsersWanted<'a> {
    /// Those whose name begins with this, in capitals or not.
    pub begins: &'a str,
    /// Those that come after this name.
    pub after: Option<&'a str>,
    /// How many at most.
    pub limit: u32,
}

/// Which clients are listed, and so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientsWanted<'a> {
    /// Which, and in which order.
    pub by: ClientsBy<'a>,
    /// How many at most.
    pub limit: u32,
}

/// Which clients are listed, in which order, and after which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientsBy<'a> {
    /// Those that are stored, and those with a document that have a grant, whose identifier begins so; by identifier.
    Id {
        /// How it begins.
        begins: &'a str,
        /// The identifier of the last one.
        after: Option<&'a str>,
    },
    /// Those that are stored and whose name begins so, in capitals or not; by name and identifier.
    Name {
        /// How it begins.
        begins: &'a str,
        /// Name and identifier of the last one.
        after: Option<(&'a str, &'a str)>,
    },
}

/// A client, and what an administrator wants to know besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOverview {
    /// Its identifier.
    pub id: String,
    /// Its record; one with a document has none.
    pub record: Option<ClientRecord>,
    /// What it calls itself.
    pub name: Option<String>,
    /// When it was disabled.
    pub disabled_at: Option<SystemTime>,
    /// When it last got a token.
    pub last_used_at: Option<SystemTime>,
    /// How many of its grants are not revoked; counted up to [`COUNTED`].
    pub grants: u32,
}

/// Further than this the grants of a client are not counted.
pub const COUNTED: u32 = 100;

/// The place of a grant in a list: when it was made, and its id.
pub type GrantPlace = (SystemTime, String);

/// Users and clients, as an administrator has them.
#[async_trait]
pub trait Oversight: Send + Sync {
    /// A page of users.
    async fn users(&self, wanted: &UsersWanted<'_>) -> Result<Vec<UserRecord>, StoreError>;
    /// Makes a user an administrator, or none; [`Swap::Lost`] for one that is not there, or where `by` is an administrator no
    /// more: two that do it to each other at once must not both get through.
    async fn set_administrator(
        &self,
        id: &str,
        administrator: bool,
        by: Option<&str>,
    ) -> Result<Swap, StoreError>;
    /// Disables a user, in one transaction: ends all sessions, deletes the codes and devices that were allowed and have no
    /// tokens yet, and adds a change. [`Swap::Lost`] for one that is disabled, or not there, or where `by` is an
    /// administrator no more.
    async fn disable_user(&self, id: &str, by: Option<&str>, at: SystemTime) -> Result<Swap, StoreError>;
    /// Enables a user, and adds a change; [`Swap::Lost`] for one that is enabled, or not there.
    async fn enable_user(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError>;
    /// Replaces the password hash, whatever it was, and ends all sessions; [`Swap::Lost`] for a user that is not there.
    async fn reset_password(&self, id: &str, new: &Secret, at: SystemTime) -> Result<Swap, StoreError>;
    /// Removes the authenticator app, the recovery codes and the passkeys of a user, in one transaction. How many
    /// records went.
    async fn reset_second_factors(&self, id: &str) -> Result<u64, StoreError>;

    /// A page of clients.
    async fn clients(&self, wanted: &ClientsWanted<'_>) -> Result<Vec<ClientOverview>, StoreError>;
    /// The client with this identifier, if it is stored, has a grant, or is disabled.
    async fn client_overview(&self, id: &str) -> Result<Option<ClientOverview>, StoreError>;
    /// Adds a client that no configuration names, and a change: whatever had this identifier before is over.
    async fn add_client(&self, client: &ClientRecord) -> Result<Insert, StoreError>;
    /// Disables a client, stored or not, and adds a change; [`Swap::Lost`] for one that is disabled.
    async fn disable_client(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError>;
    /// Enables a client, and adds a change; [`Swap::Lost`] for one that is not disabled.
    async fn enable_client(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError>;
    /// When a client was disabled, stored or not.
    async fn client_disabled(&self, id: &str) -> Result<Option<SystemTime>, StoreError>;
    /// Deletes a client that is stored, with all consents to it, and adds a change that ends its tokens;
    /// [`Swap::Lost`] for one that is not there, or configured.
    async fn remove_client(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError>;
    /// Revokes those of the first `limit` grants of a client after `after` that are not revoked, the earliest first. The
    /// place of the last one that was looked at, and how many were revoked; `None` when there are no more.
    async fn revoke_grants_of_client(
        &self,
        client_id: &str,
        after: Option<&GrantPlace>,
        revocation: Revocation,
        limit: u32,
    ) -> Result<Option<(GrantPlace, u64)>, StoreError>;
}
