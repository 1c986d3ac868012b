//! Grants, and what has become of them.

use std::net::IpAddr;
use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::client::Client;

use super::{Insert, StoreError, Swap};

/// What one user allowed one client in one authorization; tokens point at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRecord {
    /// Random identifier. Unique.
    pub id: String,
    /// Who allowed.
    pub user_id: String,
    /// Whom.
    pub client_id: String,
    /// The client's name at that time; a client that is known by its document has no other record here.
    pub client_name: Option<String>,
    /// The scopes that it has, separated by spaces.
    pub scope: String,
    /// The resource that the tokens are for.
    pub resource: String,
    /// Whether the client's own document says that it has keys; then it has to sign to refresh.
    pub client_has_keys: bool,
    /// When it was given.
    pub created_at: SystemTime,
    /// When a token of it was last issued.
    pub last_used_at: SystemTime,
    /// To whom, where that is known.
    pub last_used_from: Option<IpAddr>,
    /// When it ends whatever happens.
    pub expires_at: SystemTime,
    /// When it was last narrowed, and from what it was at first.
    pub narrowed: Option<Narrowing>,
    /// When and why it was revoked.
    pub revoked: Option<Revocation>,
}

/// That a grant has not all of its scopes any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowing {
    /// When the last of them was taken.
    pub at: SystemTime,
    /// The scopes that were granted at first, separated by spaces.
    pub granted_scope: String,
}

/// When and why a grant ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: SystemTime,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a grant ended early. Stored by [`RevocationReason::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationReason {
    /// The client asked ([RFC 7009](https://datatracker.ietf.org/doc/html/rfc7009)).
    Client,
    /// Its authorization code came again.
    CodeReplay,
    /// A refresh token came again, too late to be a concurrent use.
    RefreshReuse,
    /// The user ended it.
    User,
    /// The operator ended it.
    Operator,
    /// The user's identity provider said that they may not any more.
    Upstream,
}

impl RevocationReason {
    /// The stable name under which it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::CodeReplay => "code_replay",
            Self::RefreshReuse => "refresh_reuse",
            Self::User => "user",
            Self::Operator => "operator",
            Self::Upstream => "upstream",
        }
    }

    /// The reason with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Client, Self::CodeReplay, Self::RefreshReuse, Self::User, Self::Operator, Self::Upstream]
            .into_iter()
            .find(|reason| reason.as_str() == name)
    }
}

/// A grant, and what a person wants to know about it besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantOverview {
    /// The grant.
    pub grant: GrantRecord,
    /// Until when its refresh token counts unless it is used; `None` without one.
    pub renewable_until: Option<SystemTime>,
    /// Its client, if that is a stored one.
    pub client: Option<Client>,
}

/// When a grant has to live, and what that depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// At this time.
    pub at: SystemTime,
    /// Access tokens that were issued until then have expired.
    pub expired_until: SystemTime,
}

impl GrantOverview {
    /// Whether the grant can be of any use: it is neither revoked nor over, and it has a refresh token that counts, or an
    /// access token that may.
    #[must_use]
    pub fn is_live(&self, live: Live) -> bool {
        let renewable = self.renewable_until.is_some_and(|until| until > live.at);
        let stands = self.grant.revoked.is_none() && self.grant.expires_at > live.at;
        stands && (renewable || self.grant.last_used_at > live.expired_until)
    }
}

/// Which grants are listed: the newest first, and so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantsWanted<'a> {
    /// Those of this user; `None`: of all.
    pub user_id: Option<&'a str>,
    /// Those of this client.
    pub client_id: Option<&'a str>,
    /// Those that can be of use then ([`GrantOverview::is_live`]).
    pub live: Option<Live>,
    /// Those that come after the one with this time of creation and id.
    pub after: Option<(SystemTime, &'a str)>,
    /// How many at most.
    pub limit: u32,
}

/// Grants, and single access tokens that were revoked.
#[async_trait]
pub trait Grants: Send + Sync {
    /// The grant with this id.
    async fn grant(&self, id: &str) -> Result<Option<GrantRecord>, StoreError>;
    /// Adds a grant that no code and no device has led to, and marks the client activated and used (if it is a stored
    /// one).
    async fn insert_grant(&self, grant: &GrantRecord) -> Result<Insert, StoreError>;
    /// The same, with what a person wants to know besides.
    async fn grant_overview(&self, id: &str) -> Result<Option<GrantOverview>, StoreError>;
    /// A page of grants.
    async fn grants(&self, wanted: &GrantsWanted<'_>) -> Result<Vec<GrantOverview>, StoreError>;
    /// Leaves a grant with the scopes `left` if it has the scopes `expected` and is not revoked. What the same user
    /// allowed the same client at the same resource is remembered only as far as it is within `left`: nobody gets back
    /// unasked what was taken away.
    async fn narrow_grant(
        &self,
        id: &str,
        expected: &str,
        left: &str,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
    /// Revokes a grant that is not revoked yet; [`Swap::Lost`] when it is, or is unknown. If a person did it
    /// ([`RevocationReason::User`], [`RevocationReason::Operator`]), what the same user allowed the same client at the
    /// same resource is forgotten.
    async fn revoke_grant(&self, id: &str, revocation: Revocation) -> Result<Swap, StoreError>;
    /// Ends what the user of this grant has let its client do at its resource, in one transaction: revokes all of their
    /// grants that are not over at the time of the revocation, forgets the consents, and deletes the codes and devices that
    /// were allowed and have no tokens yet. The ids of the grants that it revoked.
    async fn disconnect(&self, id: &str, revocation: Revocation) -> Result<Vec<String>, StoreError>;
    /// Notes that one access token (its `jti`) no longer counts, until it expires anyway. Idempotent.
    async fn revoke_access_token(
        &self,
        jti: &str,
        expires_at: SystemTime,
        at: SystemTime,
    ) -> Result<(), StoreError>;
}
