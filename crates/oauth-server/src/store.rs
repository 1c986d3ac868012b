//! What must survive a restart, as traits; whoever implements them knows SQL, and nobody above does.
//!
//! The rules that every implementation keeps:
//!
//! * A write that decides something is a compare-and-set and says whether it took place ([`Swap`], [`Insert`]). Each
//!   method is one transaction: after a crash at any moment all of it happened or none of it.
//! * A method returns only once its writes are durable. Answers that depend on them leave after that.
//! * Codes, tokens and session ids are handed over as digests ([`Digest`]); the store never sees a live one.
//! * Times are kept to the microsecond.
//! * "Now" is an argument, so that a test owns the clock.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use barewire_oauth::client::{Client, Registration};
use barewire_oauth::grant::Holder;
use barewire_oauth::pushed::Pushed;
use zeroize::Zeroizing;

/// Everything the authorization server keeps. Implemented by whatever implements the parts.
pub trait Store:
    Users
    + Sessions
    + LoginAttempts
    + SecondFactors
    + Passkeys
    + Clients
    + Consents
    + PushedRequests
    + Codes
    + Grants
    + Families
    + Devices
    + Statements
    + Keys
    + Housekeeping
{
}

impl<T> Store for T where
    T: Users
        + Sessions
        + LoginAttempts
        + SecondFactors
        + Passkeys
        + Clients
        + Consents
        + PushedRequests
        + Codes
        + Grants
        + Families
        + Devices
        + Statements
        + Keys
        + Housekeeping
{
}

/// SHA-256 of a code, token or session id, the only form in which one is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Bytes that must not be printed: password hashes, private keys, sealed tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The store could not do its work: full disk, lost connection, damaged file. Never the peer's fault.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the driver's error.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// What became of a compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lost compare-and-set means that somebody else decided"]
pub enum Swap {
    /// The record was as expected and is now the new one.
    Done,
    /// The record was not as expected (or not there); nothing was changed.
    Lost,
}

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// It is there now.
    Inserted,
    /// One with this key was there already; nothing was changed.
    Exists,
}

// ---------------------------------------------------------------------------------------------------- users

/// A person who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Stable subject identifier, the `sub` of tokens. Unique.
    pub id: String,
    /// The name typed at login. Unique, compared byte for byte.
    pub name: String,
    /// Argon2id in PHC string form (UTF-8).
    pub password_hash: Secret,
    /// When it was created.
    pub created_at: SystemTime,
    /// When the password was last replaced.
    pub password_changed_at: Option<SystemTime>,
}

/// People.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user; [`Insert::Exists`] when the id or the name is taken.
    async fn insert_user(&self, user: &UserRecord) -> Result<Insert, StoreError>;
    /// The user with this login name.
    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError>;
    /// The user with this id.
    async fn user(&self, id: &str) -> Result<Option<UserRecord>, StoreError>;
    /// Replaces the password hash if it still is `expected`, and ends all sessions of the user: whoever logged in with the
    /// old one has to log in anew.
    async fn replace_password(
        &self,
        id: &str,
        expected: &Secret,
        new: &Secret,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
}

// ------------------------------------------------------------------------------------------------- sessions

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

// ------------------------------------------------------------------------------------------- login attempts

/// Failed logins of one account from one place. An attempt counts when it starts; success clears it, so parallel
/// guesses are counted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptsRecord {
    /// Digest over account and place. Unique.
    pub key: Digest,
    /// Attempts since the last success.
    pub count: u32,
    /// When the last one started.
    pub last_at: SystemTime,
}

/// Failed logins.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// The attempts under this key.
    async fn login_attempts(&self, key: Digest) -> Result<Option<AttemptsRecord>, StoreError>;
    /// Sets the record to `new` if it still is `expected` (`None`: there is none). Keeps at most `keep` records,
    /// those with the latest attempts.
    async fn count_login_attempt(
        &self,
        expected: Option<AttemptsRecord>,
        new: AttemptsRecord,
        keep: u32,
    ) -> Result<Swap, StoreError>;
    /// Removes the record if it still is `counted`, of an attempt that was the first.
    async fn uncount_login_attempt(&self, counted: AttemptsRecord) -> Result<Swap, StoreError>;
    /// Forgets the attempts under this key.
    async fn clear_login_attempts(&self, key: Digest) -> Result<(), StoreError>;
}

// ------------------------------------------------------------------------------------------- second factors

/// An authenticator app ([RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpRecord {
    /// Whose.
    pub user_id: String,
    /// What it shares with us. Keep it sealed: a copy of the store alone must not give it away.
    pub secret: Secret,
    /// When the secret was made.
    pub created_at: SystemTime,
    /// When its owner has shown that the app has it; before that it is not asked for.
    pub confirmed_at: Option<SystemTime>,
    /// The last step whose code was accepted.
    pub last_step: u64,
}

/// Authenticator apps and recovery codes. What a user's password is asked for takes place only while `password` is still
/// its hash: whoever knew the one before it changes nothing any more.
#[async_trait]
pub trait SecondFactors: Send + Sync {
    /// The app of a user, confirmed or not.
    async fn totp(&self, user_id: &str) -> Result<Option<TotpRecord>, StoreError>;
    /// Keeps a secret that is not confirmed yet, in place of another such one; [`Swap::Lost`] when there is a confirmed
    /// one. `confirmed_at` and `last_step` of `new` are not looked at.
    async fn begin_totp(&self, new: &TotpRecord, password: &Secret) -> Result<Swap, StoreError>;
    /// Confirms a secret that is not confirmed, with the step whose code showed it, and replaces the recovery codes.
    /// [`Swap::Lost`] when another secret has taken its place. Of `app`, user and secret are looked at.
    async fn confirm_totp(
        &self,
        app: &TotpRecord,
        step: u64,
        at: SystemTime,
        recovery_codes: &[Digest],
    ) -> Result<Swap, StoreError>;
    /// Uses up the code of a step of a confirmed app; [`Swap::Lost`] when it, or a later one, was used before.
    async fn use_totp(&self, user_id: &str, step: u64) -> Result<Swap, StoreError>;
    /// Removes the app and the recovery codes; [`Swap::Lost`] only when the password is another one.
    async fn remove_totp(&self, user_id: &str, password: &Secret) -> Result<Swap, StoreError>;
    /// Replaces the recovery codes; [`Swap::Lost`] for a user without a confirmed app.
    async fn replace_recovery_codes(
        &self,
        user_id: &str,
        codes: &[Digest],
        password: &Secret,
    ) -> Result<Swap, StoreError>;
    /// Uses up a recovery code; [`Swap::Lost`] when there is no such one, or it was used.
    async fn use_recovery_code(
        &self,
        user_id: &str,
        code: Digest,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
    /// How many recovery codes were not used yet.
    async fn recovery_codes_left(&self, user_id: &str) -> Result<u32, StoreError>;
}

// ------------------------------------------------------------------------------------------------- passkeys

/// A passkey ([Web Authentication](https://www.w3.org/TR/webauthn-3/)): what is kept of it is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// Its identifier (credential id). Unique.
    pub id: Vec<u8>,
    /// Whose.
    pub user_id: String,
    /// What its owner calls it.
    pub name: String,
    /// How it signs, as a number of the COSE registry.
    pub algorithm: i32,
    /// The public key, `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// How often it has signed; 0 for those that do not count.
    pub counter: u32,
    /// Whether it was kept somewhere else too when it was made.
    pub backed_up: bool,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was last used.
    pub last_used_at: Option<SystemTime>,
}

/// A challenge that was answered. It is remembered until it is over, so that no answer counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsweredChallenge {
    /// Digest of the challenge. Unique.
    pub digest: Digest,
    /// When it is over anyway.
    pub expires_at: SystemTime,
}

/// What became of a new passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a passkey that was not inserted must not be shown as one"]
pub enum NewPasskey {
    /// It is there now.
    Inserted,
    /// One with this identifier was there already, whoever's.
    Exists,
    /// Its challenge was answered before.
    Answered,
    /// The user has as many as there may be.
    Full,
}

/// Passkeys.
#[async_trait]
pub trait Passkeys: Send + Sync {
    /// The passkeys of a user, the oldest first.
    async fn passkeys_of(&self, user_id: &str) -> Result<Vec<PasskeyRecord>, StoreError>;
    /// The passkey with this identifier.
    async fn passkey(&self, id: &[u8]) -> Result<Option<PasskeyRecord>, StoreError>;
    /// Adds a passkey and uses its challenge up; unless it is [`NewPasskey::Inserted`], nothing is changed.
    async fn insert_passkey(
        &self,
        new: &PasskeyRecord,
        challenge: AnsweredChallenge,
        max: u32,
    ) -> Result<NewPasskey, StoreError>;
    /// Notes the use of a passkey whose counter still is `expected`, and uses the challenge up. [`Swap::Lost`], which
    /// changes nothing, when the counter is another one or the challenge was answered before.
    async fn use_passkey(
        &self,
        id: &[u8],
        expected: u32,
        counter: u32,
        at: SystemTime,
        challenge: AnsweredChallenge,
    ) -> Result<Swap, StoreError>;
    /// Removes a passkey of this user; [`Swap::Lost`] when there is no such one, or the user's password hash is not
    /// `password` any more.
    async fn remove_passkey(&self, user_id: &str, id: &[u8], password: &Secret) -> Result<Swap, StoreError>;
}

// -------------------------------------------------------------------------------------------------- clients

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

// ------------------------------------------------------------------------------------------------- consents

/// What a user has allowed a client, so that the same question is not asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// Who allowed.
    pub user_id: String,
    /// Whom.
    pub client_id: String,
    /// For which resource (its `resource` identifier).
    pub resource: String,
    /// With the answer going to this host (or private-use scheme).
    pub redirect_host: String,
    /// The allowed scopes, separated by spaces.
    pub scope: String,
    /// When it was last given.
    pub granted_at: SystemTime,
}

/// Remembered consents, unique by user, client, resource and redirect host.
#[async_trait]
pub trait Consents: Send + Sync {
    /// The consent under this key.
    async fn consent(
        &self,
        user_id: &str,
        client_id: &str,
        resource: &str,
        redirect_host: &str,
    ) -> Result<Option<ConsentRecord>, StoreError>;
    /// Adds or replaces a consent. Losing a race here only means to ask again.
    async fn put_consent(&self, consent: &ConsentRecord) -> Result<(), StoreError>;
}

// -------------------------------------------------------------------------------------------- pushed requests

/// A pushed authorization request ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRecord {
    /// Digest of the reference. Unique.
    pub digest: Digest,
    /// The request.
    pub pushed: Pushed,
    /// Digest over the network it came from, where that is known.
    pub source: Option<Digest>,
}

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushedLimits {
    /// Of one source.
    pub per_source: u32,
    /// Altogether.
    pub total: u32,
}

/// Pushed authorization requests.
#[async_trait]
pub trait PushedRequests: Send + Sync {
    /// Keeps a new request, in one transaction: those that have expired by its time of push are not counted. One beyond
    /// `per_source` of its source is [`Insert::Exists`], and nothing is changed. At `total`, room is made by deleting the
    /// earliest of the source that has most, so a flood from one place costs nobody else.
    async fn insert_pushed(&self, request: &PushedRecord, most: PushedLimits) -> Result<Insert, StoreError>;
    /// The request with this digest, whatever its state.
    async fn pushed(&self, digest: Digest) -> Result<Option<PushedRecord>, StoreError>;
    /// Lets a request that was not used last until then.
    async fn extend_pushed(&self, digest: Digest, until: SystemTime) -> Result<(), StoreError>;
    /// Uses a request that was not used and has not expired; [`Swap::Lost`] when it was or has.
    async fn use_pushed(&self, digest: Digest, at: SystemTime) -> Result<Swap, StoreError>;
}

// ---------------------------------------------------------------------------------------------------- codes

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

// -------------------------------------------------------------------------------------------------- devices

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

// --------------------------------------------------------------------------------------------------- grants

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
        }
    }

    /// The reason with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Client, Self::CodeReplay, Self::RefreshReuse, Self::User, Self::Operator]
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
    /// Ids, times and scopes of the grants narrowed at or after `since`.
    async fn grants_narrowed_since(
        &self,
        since: SystemTime,
    ) -> Result<Vec<(String, SystemTime, String)>, StoreError>;
    /// Revokes a grant that is not revoked yet; [`Swap::Lost`] when it is, or is unknown. If a person did it
    /// ([`RevocationReason::User`], [`RevocationReason::Operator`]), what the same user allowed the same client at the
    /// same resource is forgotten.
    async fn revoke_grant(&self, id: &str, revocation: Revocation) -> Result<Swap, StoreError>;
    /// Ends what the user of this grant has let its client do at its resource, in one transaction: revokes all of their
    /// grants that are not over at the time of the revocation, forgets the consents, and deletes the codes and devices that
    /// were allowed and have no tokens yet. The ids of the grants that it revoked.
    async fn disconnect(&self, id: &str, revocation: Revocation) -> Result<Vec<String>, StoreError>;
    /// Ids and times of the grants revoked at or after `since`.
    async fn grants_revoked_since(&self, since: SystemTime) -> Result<Vec<(String, SystemTime)>, StoreError>;
    /// Notes that one access token (its `jti`) no longer counts, until it expires anyway. Idempotent.
    async fn revoke_access_token(
        &self,
        jti: &str,
        expires_at: SystemTime,
        at: SystemTime,
    ) -> Result<(), StoreError>;
    /// The `jti`s and times of the access tokens revoked at or after `since`.
    async fn access_tokens_revoked_since(
        &self,
        since: SystemTime,
    ) -> Result<Vec<(String, SystemTime)>, StoreError>;
}

// ------------------------------------------------------------------------------------------ refresh families

/// The refresh tokens of one grant: one is current, a few recent ones still lead to their successor.
///
/// A refresh token consists of a handle, the same for the whole family, and a secret. Only their digests are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyRecord {
    /// Digest of the handle. Unique.
    pub handle: Digest,
    /// The grant it belongs to. Unique.
    pub grant_id: String,
    /// Counts rotations; what the compare-and-set compares.
    pub generation: u64,
    /// Digest of the current secret.
    pub current: Digest,
    /// When the current token stops to count unless it is used.
    pub expires_at: SystemTime,
    /// Recently replaced tokens, oldest first, a handful (a JSON column or a table, as you like).
    pub replaced: Vec<ReplacedToken>,
    /// Who may use them.
    pub holder: Holder,
}

/// A refresh token that was replaced a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedToken {
    /// Digest of its secret.
    pub digest: Digest,
    /// When it was replaced.
    pub at: SystemTime,
    /// Its successor, sealed under a key that only the replaced token itself yields: the database alone gives no
    /// live token away.
    pub sealed_successor: Secret,
}

/// Refresh families.
#[async_trait]
pub trait Families: Send + Sync {
    /// The family with this handle, with its grant.
    async fn family(&self, handle: Digest) -> Result<Option<(FamilyRecord, GrantRecord)>, StoreError>;
    /// Replaces the family by `new` if its generation still is `expected` and its grant is not revoked; sets
    /// `last_used_at` of the grant and of its client to `at`, and `last_used_from` of the grant, in the same transaction.
    async fn rotate_family(
        &self,
        expected: u64,
        new: &FamilyRecord,
        at: SystemTime,
        from: Option<IpAddr>,
    ) -> Result<Swap, StoreError>;
}

// ----------------------------------------------------------------------------------------- signed statements

/// A signed statement that counts once, and was used: of a client about itself, of an identity provider about a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedStatement {
    /// Digest over who signed it and its identifier. Unique.
    pub digest: Digest,
    /// Digest over who signed it.
    pub owner: Digest,
    /// When it no longer counts anyway.
    pub until: SystemTime,
}

/// How many used statements are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementLimits {
    /// Of one owner.
    pub per_owner: u32,
    /// Of all together.
    pub total: u32,
}

/// What became of the use of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a statement that was used before, or cannot be remembered, must not count"]
pub enum Use {
    /// It was not used before, and is now.
    First,
    /// It was used before.
    Again,
    /// There is no room to remember it; nothing was changed.
    Full,
}

/// Statements that were used.
#[async_trait]
pub trait Statements: Send + Sync {
    /// Uses a statement. What no longer counts at `now` is forgotten first, and makes room; so one that ends now is
    /// answered with [`Use::Again`], whether it was used or not.
    async fn use_statement(
        &self,
        used: &UsedStatement,
        limits: StatementLimits,
        now: SystemTime,
    ) -> Result<Use, StoreError>;
}

// ----------------------------------------------------------------------------------------------------- keys

/// A key that signs access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// RFC 7638 thumbprint. Unique.
    pub kid: String,
    /// `ES256`.
    pub algorithm: String,
    /// The private key, PKCS#8 DER.
    pub private_key: Secret,
    /// When it was made.
    pub created_at: SystemTime,
    /// When a newer one took over. `None` for the one that signs.
    pub retired_at: Option<SystemTime>,
}

/// Signing keys and the server's own secrets.
#[async_trait]
pub trait Keys: Send + Sync {
    /// All signing keys, the newest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;
    /// Makes `new` the signing key and retires the current one, if the current one's `kid` still is `expected`
    /// (`None`: there is none, so that two processes that start at once end up with one key).
    async fn insert_signing_key(
        &self,
        expected: Option<&str>,
        new: &SigningKeyRecord,
    ) -> Result<Swap, StoreError>;
    /// The secret with this name; `fresh` becomes it when there is none.
    async fn secret(&self, name: &str, fresh: &Secret) -> Result<Secret, StoreError>;
}

// --------------------------------------------------------------------------------------------- housekeeping

/// How long things that are over are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Codes and devices, after they expired (a replay of a code within this time still revokes).
    pub codes: Duration,
    /// Login attempts, after the last one.
    pub login_attempts: Duration,
    /// Dynamic clients that were never activated, after their registration.
    pub unused_clients: Duration,
    /// Grants, with their families, after they expired or were revoked.
    pub grants: Duration,
}

/// Deleting what is over.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// Deletes expired sessions, revoked access tokens, answered challenges and used statements, and whatever is older than `retention`. Returns how many
    /// records went.
    async fn sweep(&self, now: SystemTime, retention: Retention) -> Result<u64, StoreError>;
}
