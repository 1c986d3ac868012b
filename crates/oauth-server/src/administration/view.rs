//! Users, clients and grants as the API and `--json` show them. No field holds a secret.

use std::fmt;
use std::time::SystemTime;

use barewire_oauth::client::{ClientAuthentication, Registration};
use barewire_oauth::client_document::DocumentUrl;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::store::{
    COUNTED, ClientOverview, Digest, GrantOverview, LinkedAccount, SessionRecord, UserRecord,
};

/// A part of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// What leads to the next ones; nothing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Cuts `found`, of which one more was asked for than fits, to `size`.
    pub(super) fn cut<R>(
        mut found: Vec<R>,
        size: u32,
        cursor: impl FnOnce(&R) -> String,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let next_cursor = found.last().filter(|_| more).map(cursor);
        Self { items: found.into_iter().map(view).collect(), next_cursor }
    }
}

/// A time, as RFC 3339 writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(pub SystemTime);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from(self.0).truncate_to_second().format(&Rfc3339);
        f.write_str(text.as_deref().unwrap_or("-"))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A person.
#[derive(Debug, Clone, Serialize)]
pub struct UserView {
    /// The subject of tokens.
    pub id: String,
    /// The name that is typed at the login.
    pub name: String,
    /// Whether there is a password; without one they sign in at an identity provider only.
    pub has_password: bool,
    /// Whether this is an administrator.
    pub administrator: bool,
    /// When they were disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Stamp>,
    /// When they were added.
    pub created_at: Stamp,
    /// When their password was last replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_changed_at: Option<Stamp>,
}

impl From<UserRecord> for UserView {
    fn from(user: UserRecord) -> Self {
        Self {
            has_password: user.password().is_some(),
            id: user.id,
            name: user.name,
            administrator: user.administrator,
            disabled_at: user.disabled_at.map(Stamp),
            created_at: Stamp(user.created_at),
            password_changed_at: user.password_changed_at.map(Stamp),
        }
    }
}

/// A person, and what they sign in with.
#[derive(Debug, Clone, Serialize)]
pub struct UserDetails {
    /// Who.
    #[serde(flatten)]
    pub user: UserView,
    /// Whether a code of an app is asked for after the password.
    pub authenticator_app: bool,
    /// Recovery codes that were not used.
    pub recovery_codes_left: u32,
    /// Passkeys.
    pub passkeys: usize,
    /// Accounts at identity providers that they sign in with.
    pub accounts: Vec<AccountView>,
    /// Browsers in which they are signed in.
    pub sessions: Vec<SessionView>,
}

/// An account at an identity provider.
#[derive(Debug, Clone, Serialize)]
pub struct AccountView {
    /// The provider, as its tokens name it.
    pub issuer: String,
    /// Who they are there, for good.
    pub subject: String,
    /// Since when it is theirs.
    pub linked_at: Stamp,
}

impl From<LinkedAccount> for AccountView {
    fn from(linked: LinkedAccount) -> Self {
        let (account, linked_at) = (linked.account, Stamp(linked.linked_at));
        Self { issuer: account.issuer, subject: account.subject, linked_at }
    }
}

/// A browser in which somebody is signed in.
#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    /// A digest of its cookie, which is of no use to anybody.
    pub id: String,
    /// Which browser, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// From where the login came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_from: Option<String>,
    /// When.
    pub authenticated_at: Stamp,
    /// When it ends.
    pub expires_at: Stamp,
}

impl From<SessionRecord> for SessionView {
    fn from(session: SessionRecord) -> Self {
        let Digest(digest) = session.digest;
        Self {
            id: URL_SAFE_NO_PAD.encode(digest),
            browser: session.browser,
            started_from: session.started_from.map(|address| address.to_string()),
            authenticated_at: Stamp(session.authenticated_at),
            expires_at: Stamp(session.expires_at),
        }
    }
}

/// A client.
#[derive(Debug, Clone, Serialize)]
pub struct ClientView {
    /// Its identifier.
    pub id: String,
    /// What it calls itself. Unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it became known: `configured`, `added` by an administrator, `registered` by itself, `document` at its own
    /// identifier; `gone` where only its grants, or that it is disabled, remain.
    pub known_by: &'static str,
    /// When it was disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Stamp>,
    /// When it registered or was configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Stamp>,
    /// When it last got a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Stamp>,
    /// How many of its grants are not revoked.
    pub grants: u32,
    /// Whether there may be more of them: they are counted up to a hundred.
    pub more_grants: bool,
    /// How it proves who it is: `none`, `client_secret_basic`, `client_secret_post`, `private_key_jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<&'static str>,
    /// Where answers may be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// What it may exchange for tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_types: Vec<&'static str>,
}

impl From<ClientOverview> for ClientView {
    fn from(overview: ClientOverview) -> Self {
        let record = overview.record.as_ref();
        let known_by = match record.map(|record| (record.client.registration, record.added)) {
            Some((Registration::Preregistered, false)) => "configured",
            Some((Registration::Preregistered, true)) => "added",
            Some((Registration::Dynamic, _)) => "registered",
            Some((Registration::Document, _)) => "document",
            None if DocumentUrl::looks_like_one(&overview.id) => "document",
            None => "gone",
        };
        let client = record.map(|record| &record.client);
        Self {
            known_by,
            disabled_at: overview.disabled_at.map(Stamp),
            registered_at: record.map(|record| Stamp(record.registered_at)),
            last_used_at: overview.last_used_at.map(Stamp),
            grants: overview.grants,
            more_grants: overview.grants >= COUNTED,
            token_endpoint_auth_method: client
                .map(|client| ClientAuthentication::method(&client.authentication)),
            redirect_uris: client
                .map(|client| client.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect())
                .unwrap_or_default(),
            grant_types: client
                .map(|client| client.grant_types.iter().map(|grant| grant.as_str()).collect())
                .unwrap_or_default(),
            id: overview.id,
            name: overview.name,
        }
    }
}

/// A grant: what one user has let one client do.
#[derive(Debug, Clone, Serialize)]
pub struct GrantView {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user: String,
    /// Which client.
    pub client: String,
    /// What that called itself. Unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// What it may do.
    pub scope: String,
    /// Where.
    pub resource: String,
    /// When it was given.
    pub created_at: Stamp,
    /// When it last led to a token.
    pub last_used_at: Stamp,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_from: Option<String>,
    /// When it ends whatever happens.
    pub expires_at: Stamp,
    /// Until when it can be renewed, unless it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewable_until: Option<Stamp>,
    /// When scopes were last taken from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrowed_at: Option<Stamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Stamp>,
    /// And why: `client`, `user`, `operator`, `code_replay`, `refresh_reuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_reason: Option<&'static str>,
}

impl From<GrantOverview> for GrantView {
    fn from(overview: GrantOverview) -> Self {
        let own = overview.client.and_then(|client| client.name);
        let grant = overview.grant;
        Self {
            client_name: grant.client_name.or(own),
            created_at: Stamp(grant.created_at),
            last_used_at: Stamp(grant.last_used_at),
            last_used_from: grant.last_used_from.map(|address| address.to_string()),
            expires_at: Stamp(grant.expires_at),
            renewable_until: overview.renewable_until.map(Stamp),
            narrowed_at: grant.narrowed.map(|narrowing| Stamp(narrowing.at)),
            revoked_at: grant.revoked.map(|revocation| Stamp(revocation.at)),
            revoked_reason: grant.revoked.map(|revocation| revocation.reason.as_str()),
            id: grant.id,
            user: grant.user_id,
            client: grant.client_id,
            scope: grant.scope,
            resource: grant.resource,
        }
    }
}
