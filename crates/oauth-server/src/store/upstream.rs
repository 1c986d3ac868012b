//! Logins at an identity provider: on their way, and what is kept of those that went well.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::upstream::callback::Pending;
use barewire_oauth::upstream::id_token::Account;

use super::{Digest, Insert, Secret, SessionRecord, StoreError, Swap, UserRecord};

/// A login on its way through a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamLoginRecord {
    /// Digest of the `state` that was sent. Unique.
    pub state: Digest,
    /// The login, as the rules know it.
    pub pending: Pending,
    /// The query of the login page: what the person logs in for.
    pub query: String,
    /// Digest over the network it came from, where that is known.
    pub source: Option<Digest>,
}

/// What a provider said of somebody at a login, and what there is to ask it again. It lives as long as the browser's
/// session, or a grant that came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSessionRecord {
    /// Random identifier. Unique.
    pub id: String,
    /// The provider, by its name in the settings.
    pub provider: String,
    /// Who they are there.
    pub account: Account,
    /// Who they are here.
    pub user_id: String,
    /// What they may have, separated by spaces.
    pub scope: String,
    /// To ask again. Keep it sealed: a copy of the store alone must not give it away.
    pub refresh_token: Option<Secret>,
    /// When they logged in.
    pub started_at: SystemTime,
    /// When the provider last said yes.
    pub checked_at: SystemTime,
    /// When it was last asked.
    pub tried_at: SystemTime,
    /// When it said no.
    pub refused_at: Option<SystemTime>,
    /// Counts changes; what the compare-and-set compares.
    pub generation: u64,
}

/// An account of somebody at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedAccount {
    /// Who they are there.
    pub account: Account,
    /// Since when it is theirs.
    pub linked_at: SystemTime,
}

/// Logins at identity providers.
#[async_trait]
pub trait Upstreams: Send + Sync {
    /// Keeps a login that begins. At `max` of them, room is made by deleting those that are over when it starts, and then
    /// the earliest of the source that has most: a flood from one place costs nobody else.
    async fn insert_upstream_login(
        &self,
        login: &UpstreamLoginRecord,
        max: u32,
    ) -> Result<Insert, StoreError>;
    /// The login with this state, whatever became of it.
    async fn upstream_login(&self, state: Digest) -> Result<Option<UpstreamLoginRecord>, StoreError>;
    /// Uses a login that was not used; [`Swap::Lost`] when it was.
    async fn use_upstream_login(&self, state: Digest, at: SystemTime) -> Result<Swap, StoreError>;

    /// The user who has this account, and nobody else: names and addresses do not count.
    async fn upstream_user(&self, account: &Account) -> Result<Option<UserRecord>, StoreError>;
    /// Adds a user with their account; [`Insert::Exists`], which changes nothing, when the account, the id or the name is
    /// taken.
    async fn insert_upstream_user(&self, user: &UserRecord, account: &Account) -> Result<Insert, StoreError>;
    /// Gives an account to a user who is there; [`Insert::Exists`] when it is somebody's.
    async fn link_upstream_account(
        &self,
        user_id: &str,
        account: &Account,
        at: SystemTime,
    ) -> Result<Insert, StoreError>;
    /// Takes an account away from the user who has it; [`Swap::Lost`] when it is not theirs. What came of it ends as if the
    /// provider had said no.
    async fn unlink_upstream_account(
        &self,
        user_id: &str,
        account: &Account,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
    /// The accounts of a user, in the order in which they were linked.
    async fn upstream_accounts(&self, user_id: &str) -> Result<Vec<LinkedAccount>, StoreError>;

    /// [`Sessions::start_session`](super::Sessions::start_session) together with what the provider said, in one
    /// transaction: no session is ever without its bounds. [`Swap::Lost`] also when the account is not this user's any more.
    async fn start_upstream_session(
        &self,
        old: Option<Digest>,
        new: &SessionRecord,
        keep: u32,
        password: &Secret,
        upstream: &UpstreamSessionRecord,
    ) -> Result<Swap, StoreError>;
    /// What the provider said when this browser session began; `None` for one that began here.
    async fn upstream_session(&self, browser: Digest) -> Result<Option<UpstreamSessionRecord>, StoreError>;
    /// Whether there is any.
    async fn has_upstream_sessions(&self) -> Result<bool, StoreError>;
    /// Replaces it if its generation still is `expected`.
    async fn update_upstream_session(
        &self,
        expected: u64,
        new: &UpstreamSessionRecord,
    ) -> Result<Swap, StoreError>;

    /// Ties a grant that will come of a code to what the provider said; [`Swap::Lost`] when that is gone. It is untied when
    /// the grant, or the code that nobody redeemed, is deleted.
    async fn tie_grant(&self, grant_id: &str, upstream_id: &str) -> Result<Swap, StoreError>;
    /// [`Devices::decide_device`](super::Devices::decide_device) for a user with bounds: the device is left with this
    /// scope, and its grant is tied, in one transaction.
    async fn allow_device_within(
        &self,
        device_code: Digest,
        user_id: &str,
        scope: &str,
        upstream_id: &str,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
    /// What the provider said of the user of this grant; `None` for one that no provider has to do with.
    async fn upstream_of_grant(&self, grant_id: &str) -> Result<Option<UpstreamSessionRecord>, StoreError>;
}
