//! What an operator can set. Every limit has its name here, and a default that is safe.

use std::time::Duration;

use barewire_oauth::authorize;
use barewire_oauth::client::{
    ApplicationType, Client, ClientAuthentication, ClientKeys, Demands, GrantType, RedirectKind, RedirectUri,
    Registration, SecretMethod, keys_url,
};
use barewire_oauth::client_authentication::secret_digest;
use barewire_oauth::dpop::ProofLimits;
use barewire_oauth::forgery::ForgeryLimits;
use barewire_oauth::jwk::JwkSet;
use barewire_oauth::jws::Algorithm;
use barewire_oauth::register::RegistrationPolicy;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::ClientSecret;
use barewire_oauth::token_exchange::Rule;
use barewire_oauth::token_family::FamilyLimits;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::resources::IssuedFor;
use crate::store::{PushedLimits, Retention, StatementLimits};
use crate::trusted_issuers::TrustedIssuer;
use crate::upstream::UpstreamConfig;

/// Longest accepted `access_token_ttl`: revocations have to be remembered that long.
pub(crate) const MAX_ACCESS_TOKEN_TTL: Duration = Duration::from_secs(24 * 3600);

/// Shortest accepted `client_secret`, in bytes. Nothing slows down guesses at `/token` (an attacker could otherwise shut
/// a client out), so a secret has to withstand them by itself
/// ([OAuth 2.1 §2.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4.1)).
const MIN_CLIENT_SECRET: usize = 22;

/// The section `auth`. Durations are written `500ms`, `8s`, `10m`, `12h`, `30d`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// How long an access token counts; at most a day.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub access_token_ttl: Duration,
    /// How long a refresh token counts if it is not used.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub refresh_token_ttl: Duration,
    /// How long a replaced refresh token still leads to the *same* successor, so that concurrent callers and lost
    /// answers do no harm. After that, its use revokes the grant. `0s` is never: of requests that are under way together
    /// one gets tokens, and whoever asks again after a lost answer has to log in anew.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub refresh_grace: Duration,
    /// How many replaced refresh tokens of one grant are remembered within the grace.
    pub max_replaced_tokens: usize,
    /// How long a grant lasts, however much it is used.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub grant_ttl: Duration,
    /// How long an authorization code can be redeemed.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub code_ttl: Duration,
    /// How long a redeemed or expired code is remembered, so that a replay revokes its grant.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub code_memory: Duration,
    /// How long a browser stays logged in.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub session_ttl: Duration,
    /// In how many browsers one user can be logged in; the oldest login ends.
    pub max_sessions_per_user: u32,

    /// MCP servers elsewhere for which tokens are issued here, each with its own scopes; beside those that are part of this
    /// program.
    pub resources: Vec<IssuedFor>,

    /// Whether clients can register themselves (RFC 7591), and manage that (RFC 7592).
    pub dynamic_registration: bool,
    /// How many registrations, pushed requests and devices that begin wait for their turn, of one network, before others
    /// are told to come back.
    pub registration_queue: usize,
    /// How many self-registered clients are kept. Never used ones make room first.
    pub max_clients: u32,
    /// After what time a registration that was never used is deleted.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub unused_client_ttl: Duration,
    /// After what time without a token a registration is deleted whose client was used, once it has no grant any more that
    /// can be renewed. At least `access_token_ttl`.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub idle_client_ttl: Duration,
    /// Whether redirect URIs with a private-use scheme (`com.example.app:/callback`) can be registered. The MCP
    /// specification allows `https` and loopback only.
    pub private_use_redirects: bool,
    /// Clients that the operator knows.
    pub clients: Vec<ConfiguredClient>,
    /// Clients that may have tokens for themselves (`client_credentials`), by identifier, with the scopes of those tokens.
    /// Each has to authenticate. Registered and documented ones can be named, too.
    #[cfg_attr(feature = "schema", schemars(example = serde_json::json!({ "reports": "posts:read" })))]
    pub own_access: IndexMap<String, ScopeSet>,
    /// Clients that may exchange a token that was sent to them for one of their own, for a call to another resource
    /// (RFC 8693), by identifier. Each has to authenticate.
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "examples": ["reports"] })))]
    pub token_exchange: IndexMap<String, Rule>,
    /// How often a token can be exchanged for another one: so many servers may call one another for one user.
    pub token_exchange_depth: u32,
    /// Those whose word is worth a token (RFC 7523): identity providers of organisations, and platforms of workloads.
    pub trusted_issuers: Vec<TrustedIssuer>,

    /// Identity providers at which people log in, by name. The name is part of the address that is registered there:
    /// `{issuer of this server}/login/upstream/NAME/callback`.
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "pattern": "^[a-z0-9-]{1,32}$", "examples": ["corporate"] })))]
    pub upstream: IndexMap<String, UpstreamConfig>,
    /// Whether people can log in here, too, with passwords and passkeys of this server.
    pub local_logins: bool,
    /// How long a person may take at an identity provider.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub upstream_login_ttl: Duration,
    /// Logins on their way through identity providers. Beyond that, the network with most of them makes room.
    pub max_upstream_logins: u32,
    /// How long an identity provider may take to answer.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub upstream_timeout: Duration,
    /// How large an answer of an identity provider may be, in bytes.
    pub upstream_max_bytes: usize,
    /// Requests to identity providers at once.
    pub upstream_requests: usize,

    /// Whether a client can be named by the URL of its own metadata document.
    pub client_documents: bool,
    /// Hosts whose documents are accepted; empty means all public ones.
    #[cfg_attr(feature = "schema", schemars(example = ["clients.example.com"]))]
    pub client_document_hosts: Vec<String>,
    /// For development: documents on this machine (`http://localhost:…`) are accepted.
    pub client_documents_from_loopback: bool,
    /// How long fetching a document may take.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub client_document_timeout: Duration,
    /// How large a document may be, in bytes.
    pub client_document_max_bytes: usize,
    /// How many documents are remembered.
    pub client_document_cache: usize,
    /// How long a document is remembered at least, whatever its cache headers say.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub client_document_min_ttl: Duration,
    /// How long a document is remembered at most.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub client_document_max_ttl: Duration,
    /// How many documents are fetched at once; as many again at URLs that the operator has configured.
    pub client_document_fetches: usize,

    /// Whether a device without a browser can log in by a code that its user types elsewhere (RFC 8628). Whoever is talked
    /// into typing somebody else's code gives that device access; the page says so.
    pub device_flow: bool,
    /// How long such a code counts.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub device_code_ttl: Duration,
    /// How long a device waits between two questions.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub device_poll_interval: Duration,
    /// How many devices wait at once. Beyond that, the network with most of them makes room.
    pub max_device_codes: u32,

    /// How far the clocks of those who sign statements (clients, identity providers) may be off.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub clock_leeway: Duration,
    /// How far ahead the end of a client's signed statement (`private_key_jwt`) may lie: an hour is what some libraries take.
    /// That long it is remembered that it was used.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub client_assertion_max_ttl: Duration,
    /// How many used statements of one client or issuer are remembered; beyond that, it has to wait until some have ended.
    pub used_statements_per_signer: u32,
    /// How many used statements are remembered altogether.
    pub max_used_statements: u32,

    /// Whether access tokens can be bound to a key of their client ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)), so
    /// that a stolen one is of no use. Most clients do not know it yet; they are served as before where it is offered.
    pub dpop: Dpop,
    /// How far the time in a proof may be from ours, in both directions; a nonce counts for twice as long. At least `1s`.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub dpop_window: Duration,
    /// Proofs that are remembered, some 40 bytes each, so that none counts twice. When there are more, the oldest are
    /// forgotten, and proofs as old as those are refused.
    pub dpop_remembered: usize,
    /// Whether every proof needs a nonce of this server. Otherwise only those do that were not made just now by our clock,
    /// or that we could have forgotten.
    pub dpop_nonces: bool,

    /// Whether authorization requests have to be pushed ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)). They can be
    /// in any case. Most clients do not know it yet.
    pub require_pushed_authorization_requests: bool,
    /// How long a browser may take to come with the reference to a pushed request.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub pushed_request_ttl: Duration,
    /// How long the login may take then, from the push on.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub pushed_login_ttl: Duration,
    /// Pushed requests of one network that were not answered yet.
    pub max_pushed_requests_per_source: u32,
    /// Pushed requests that are kept; the earliest of the network that has most make room.
    pub max_pushed_requests: u32,

    /// Argon2id: memory per password, in KiB.
    pub password_memory_kib: u32,
    /// Argon2id: passes.
    pub password_passes: u32,
    /// How many passwords are hashed at once; 0 means as many as half of the processors.
    pub password_hashers: usize,
    /// How many logins wait for that before others are told to come back.
    pub password_queue: usize,
    /// How many logins of one account from one place wait for their turn before others are told to come back.
    pub login_queue: usize,
    /// Wrong passwords of one account from one place before each further one has to wait.
    pub login_free_attempts: u32,
    /// How long the first one has to wait; the time doubles with each.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub login_delay: Duration,
    /// How long it has to wait at most.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub login_max_delay: Duration,
    /// After what time without an attempt the count starts anew.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub login_memory: Duration,
    /// How many places with wrong passwords are remembered.
    pub max_login_records: u32,
    /// How long the page that asks for a code of the authenticator app counts, at a login and when the app is set up.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub second_factor_ttl: Duration,
    /// How many recovery codes are made at once.
    pub recovery_codes: u32,
    /// Whether passkeys (WebAuthn) can be used, where the server has a name and not only an address.
    pub passkeys: bool,
    /// How many passkeys one user can have.
    pub max_passkeys_per_user: u32,
    /// How long a browser has to answer with a passkey.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub passkey_timeout: Duration,
    /// How many characters a password has at least that a person chooses here.
    pub min_password_length: usize,
    /// Whether administrators find pages at `/admin` and an API at `/admin/api`.
    pub administration: bool,
    /// How long after the login an administrator can change something there, or allow an application to; then the login is
    /// asked for again.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub admin_login_max_age: Duration,
    /// The request header in which a proxy puts the address of its client (the last entry counts). Set it only
    /// behind a proxy that overwrites or appends to it. Without it, the address of the connection counts. The audit
    /// log names the same address.
    #[cfg_attr(feature = "schema", schemars(example = &"X-Forwarded-For"))]
    pub client_address_header: Option<String>,

    /// How long a key signs access tokens before the next one takes over; `0s` is until `barewire key rotate`.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub signing_key_period: Duration,
    /// How long a key is published before it signs: at least `jwks_max_age` and twice `signing_key_poll`.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub signing_key_announcement: Duration,
    /// How often the store is asked which signing keys there are.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub signing_key_poll: Duration,
    /// How long others may keep a copy of `/jwks`. That long a key that was retired may still count with them.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub jwks_max_age: Duration,

    /// Signature checks of access tokens that may fail per second. Beyond that, tokens are answered with 503 that are
    /// not of known callers.
    pub failed_signatures_per_second: u32,
    /// As many of them may fail at once, after a quiet time.
    pub failed_signatures_at_once: u32,
    /// Signature checks that may fail per minute for a known caller beyond that.
    pub failed_signatures_per_caller: u32,
    /// Callers with a good token (user, client and grant) that are known again.
    pub known_callers: usize,
    /// Forged access tokens that are known again, and refused without another check.
    pub known_forgeries: usize,
    /// How many revocations are remembered at once. Beyond that, all tokens issued before the oldest of them are
    /// refused, which costs their clients a refresh.
    pub revocation_cache: usize,
    /// How often the store is asked what other processes have revoked, narrowed or disabled, the command line among them;
    /// `0s` is never.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub revocation_poll: Duration,
    /// Largest accepted request body, in bytes.
    pub max_body_bytes: usize,
    /// How long a client may take to send a request body (408).
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub body_timeout: Duration,
    /// Longest accepted query, in bytes.
    pub max_query_bytes: usize,
    /// How often what is over is deleted.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub sweep_interval: Duration,
    /// How many records are deleted in one transaction. Between two of them, requests are served.
    pub sweep_batch: u32,
}

impl Default for AuthConfig {
    fn default() -> Self {
        let (minutes, hours, days) = (60, 3600, 86_400);
        let (forgeries, proofs) = (ForgeryLimits::default(), ProofLimits::default());
        Self {
            access_token_ttl: Duration::from_secs(15 * minutes),
            refresh_token_ttl: Duration::from_secs(30 * days),
            refresh_grace: Duration::from_secs(30),
            max_replaced_tokens: 8,
            grant_ttl: Duration::from_secs(180 * days),
            code_ttl: Duration::from_secs(60),
            code_memory: Duration::from_secs(days),
            session_ttl: Duration::from_secs(12 * hours),
            max_sessions_per_user: 50,
            resources: Vec::new(),
            dynamic_registration: true,
            registration_queue: 256,
            max_clients: 10_000,
            unused_client_ttl: Duration::from_secs(7 * days),
            idle_client_ttl: Duration::from_secs(90 * days),
            private_use_redirects: false,
            clients: Vec::new(),
            own_access: IndexMap::new(),
            token_exchange: IndexMap::new(),
            token_exchange_depth: 4,
            trusted_issuers: Vec::new(),
            upstream: IndexMap::new(),
            local_logins: true,
            upstream_login_ttl: Duration::from_secs(10 * minutes),
            max_upstream_logins: 10_000,
            upstream_timeout: Duration::from_secs(10),
            upstream_max_bytes: 256 * 1024,
            upstream_requests: 64,
            client_documents: true,
            client_document_hosts: Vec::new(),
            client_documents_from_loopback: false,
            client_document_timeout: Duration::from_secs(5),
            client_document_max_bytes: 16 * 1024,
            client_document_cache: 1_000,
            client_document_min_ttl: Duration::from_secs(minutes),
            client_document_max_ttl: Duration::from_secs(days),
            client_document_fetches: 8,
            device_flow: true,
            device_code_ttl: Duration::from_secs(10 * minutes),
            device_poll_interval: Duration::from_secs(5),
            max_device_codes: 10_000,
            clock_leeway: Duration::from_secs(10),
            client_assertion_max_ttl: Duration::from_secs(hours),
            used_statements_per_signer: 10_000,
            max_used_statements: 1_000_000,
            dpop: Dpop::default(),
            dpop_window: proofs.window,
            dpop_remembered: proofs.remembered,
            dpop_nonces: proofs.nonces,
            require_pushed_authorization_requests: false,
            pushed_request_ttl: Duration::from_secs(minutes),
            pushed_login_ttl: Duration::from_secs(15 * minutes),
            max_pushed_requests_per_source: 500,
            max_pushed_requests: 10_000,
            password_memory_kib: 19_456,
            password_passes: 2,
            password_hashers: 0,
            password_queue: 64,
            login_queue: 256,
            login_free_attempts: 5,
            login_delay: Duration::from_secs(1),
            login_max_delay: Duration::from_secs(5 * minutes),
            login_memory: Duration::from_secs(hours),
            max_login_records: 100_000,
            second_factor_ttl: Duration::from_secs(10 * minutes),
            recovery_codes: 10,
            passkeys: true,
            max_passkeys_per_user: 20,
            passkey_timeout: Duration::from_secs(10 * minutes),
            min_password_length: 8,
            administration: true,
            admin_login_max_age: Duration::from_secs(15 * minutes),
            client_address_header: None,
            signing_key_period: Duration::from_secs(90 * days),
            signing_key_announcement: Duration::from_secs(days),
            signing_key_poll: Duration::from_secs(5),
            jwks_max_age: Duration::from_secs(5 * minutes),
            failed_signatures_per_second: forgeries.failures_per_second,
            failed_signatures_at_once: forgeries.failures_at_once,
            failed_signatures_per_caller: forgeries.failures_per_caller,
            known_callers: forgeries.known_callers,
            known_forgeries: forgeries.known_forgeries,
            revocation_cache: 20_000,
            revocation_poll: Duration::from_secs(1),
            max_body_bytes: 64 * 1024,
            body_timeout: Duration::from_secs(30),
            max_query_bytes: 8 * 1024,
            sweep_interval: Duration::from_secs(5 * minutes),
            sweep_batch: 250,
        }
    }
}

impl AuthConfig {
    pub(crate) fn family_limits(&self) -> FamilyLimits {
        FamilyLimits {
            grace: self.refresh_grace,
            ttl: self.refresh_token_ttl,
            max_replaced: self.max_replaced_tokens,
        }
    }

    pub(crate) fn forgery_limits(&self) -> ForgeryLimits {
        ForgeryLimits {
            failures_per_second: self.failed_signatures_per_second,
            failures_at_once: self.failed_signatures_at_once,
            failures_per_caller: self.failed_signatures_per_caller,
            known_callers: self.known_callers,
            known_forgeries: self.known_forgeries,
        }
    }

    /// The resources that a client serves, and about whose tokens it may ask.
    pub(crate) fn introspects(&self, client_id: &str) -> Vec<Resource> {
        let client = self.clients.iter().find(|client| client.client_id == client_id);
        client
            .into_iter()
            .flat_map(|client| &client.introspects)
            .filter_map(|one| Resource::parse(one).ok())
            .collect()
    }

    pub(crate) fn registration_policy(&self) -> RegistrationPolicy {
        RegistrationPolicy {
            private_use_redirects: self.private_use_redirects,
            keys_from_loopback: self.client_documents_from_loopback,
            no_bound_tokens: self.dpop == Dpop::Off,
        }
    }

    pub(crate) fn statement_limits(&self) -> StatementLimits {
        StatementLimits { per_owner: self.used_statements_per_signer, total: self.max_used_statements }
    }

    pub(crate) fn proof_limits(&self) -> ProofLimits {
        ProofLimits { window: self.dpop_window, remembered: self.dpop_remembered, nonces: self.dpop_nonces }
    }

    pub(crate) fn pushed_limits(&self) -> PushedLimits {
        PushedLimits { per_source: self.max_pushed_requests_per_source, total: self.max_pushed_requests }
    }

    pub(crate) fn retention(&self) -> Retention {
        Retention {
            codes: self.code_memory,
            login_attempts: self.login_memory,
            unused_clients: self.unused_client_ttl,
            idle_clients: self.idle_client_ttl,
            // As long as revocations have to be known to the verifier.
            grants: MAX_ACCESS_TOKEN_TTL,
        }
    }

    /// The first setting that cannot be, in a sentence for the operator.
    #[must_use]
    pub fn mistake(&self) -> Option<&'static str> {
        let positive =
            [self.access_token_ttl, self.refresh_token_ttl, self.grant_ttl, self.code_ttl, self.session_ttl];
        if positive.iter().any(|ttl| ttl.as_secs() == 0) {
            return Some(
                "auth.access_token_ttl, refresh_token_ttl, grant_ttl, code_ttl, session_ttl: at least 1s",
            );
        }
        if self.access_token_ttl > MAX_ACCESS_TOKEN_TTL {
            return Some("auth.access_token_ttl: at most 24h");
        }
        if self.idle_client_ttl < self.access_token_ttl {
            return Some("auth.idle_client_ttl: at least access_token_ttl");
        }
        if self.device_code_ttl.as_secs() == 0 || self.device_poll_interval.as_secs() == 0 {
            return Some("auth.device_code_ttl, device_poll_interval: at least 1s");
        }
        let short = |secret: &ClientSecret| secret.expose().len() < MIN_CLIENT_SECRET;
        if self.clients.iter().any(|client| client.client_secret.as_ref().is_some_and(short)) {
            return Some(
                "auth.clients: a client_secret has at least 22 characters (128 random bits in base64)",
            );
        }
        let ways = |client: &ConfiguredClient| {
            [client.client_secret.is_some(), client.jwks.is_some(), client.jwks_uri.is_some()]
        };
        if self.clients.iter().any(|client| ways(client).into_iter().filter(|way| *way).count() > 1) {
            return Some("auth.clients: a client has one of client_secret, jwks and jwks_uri");
        }
        if self
            .clients
            .iter()
            .any(|client| client.jwks_uri.as_ref().is_some_and(|url| keys_url(url, true).is_none()))
        {
            return Some("auth.clients: a jwks_uri is an https URL (http only on this machine)");
        }
        if self.trusted_issuers.iter().any(|issuer| keys_url(&issuer.jwks_uri, true).is_none()) {
            return Some("auth.trusted_issuers: a jwks_uri is an https URL (http only on this machine)");
        }
        if self.signing_key_poll.is_zero() {
            return Some("auth.signing_key_poll: more than 0s");
        }
        // The JWKS that a copy was made of may be as old as the pause between two looks at the store.
        if self.signing_key_announcement < self.jwks_max_age + 2 * self.signing_key_poll {
            return Some("auth.signing_key_announcement: at least jwks_max_age and twice signing_key_poll");
        }
        let period = self.signing_key_period;
        let shown = self.access_token_ttl.saturating_add(self.signing_key_announcement);
        if !period.is_zero() && (period < self.signing_key_announcement || period < shown / 8) {
            return Some(
                "auth.signing_key_period: 0s, or at least signing_key_announcement and an eighth of it and access_token_ttl together",
            );
        }
        let failures = [
            self.failed_signatures_per_second,
            self.failed_signatures_at_once,
            self.failed_signatures_per_caller,
        ];
        if failures.contains(&0) {
            return Some(
                "auth.failed_signatures_per_second, failed_signatures_at_once, failed_signatures_per_caller: at least 1",
            );
        }
        if self.second_factor_ttl.as_secs() == 0 || self.passkey_timeout.as_secs() == 0 {
            return Some("auth.second_factor_ttl, passkey_timeout: at least 1s");
        }
        if !(1..=100).contains(&self.recovery_codes) {
            return Some("auth.recovery_codes: 1 to 100");
        }
        if !(1..=64).contains(&self.min_password_length) {
            return Some("auth.min_password_length: 1 to 64");
        }
        let insists = |client: &ConfiguredClient| client.demands.dpop_bound_access_tokens;
        if self.dpop == Dpop::Off && self.clients.iter().any(insists) {
            return Some("auth.clients: dpop_bound_access_tokens needs auth.dpop to be offered or required");
        }
        let short = [self.dpop_window, self.pushed_request_ttl].iter().any(|time| time.as_secs() == 0);
        if short {
            return Some("auth.dpop_window, pushed_request_ttl: at least 1s");
        }
        if self.upstream_login_ttl.as_secs() == 0 || self.upstream_timeout.is_zero() {
            return Some("auth.upstream_login_ttl, upstream_timeout: at least 1s");
        }
        if !self.local_logins && self.upstream.is_empty() {
            return Some(
                "auth.local_logins: without an identity provider in auth.upstream nobody could log in",
            );
        }
        if self.admin_login_max_age.as_secs() == 0 {
            return Some("auth.admin_login_max_age: at least 1s");
        }
        if self.sweep_interval.is_zero() {
            return Some("auth.sweep_interval: more than 0s");
        }
        if self.sweep_batch == 0 {
            return Some("auth.sweep_batch: at least 1");
        }
        None
    }
}

/// Whether access tokens are bound to a key of their client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Dpop {
    /// Never; proofs are not looked at.
    Off,
    /// Where the client proves to have a key.
    #[default]
    Offered,
    /// Always; a client that proves nothing gets nothing.
    Required,
}

/// A client that the operator knows.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfiguredClient {
    /// Its identifier; not a URL.
    #[cfg_attr(feature = "schema", schemars(example = &"reports"))]
    pub client_id: String,
    /// Its secret, at least 22 random characters (`client_secret_basic` or `client_secret_post`). Whoever has neither secret
    /// nor keys is a public client.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"at least 22 random characters"))]
    pub client_secret: Option<ClientSecret>,
    /// Its public keys instead, if it signs (`private_key_jwt`).
    #[serde(default)]
    pub jwks: Option<JwkSet>,
    /// Or where its public keys are. A host of the operator's own network is fine here.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"https://reports.internal.example/jwks"))]
    pub jwks_uri: Option<String>,
    /// With keys: the only algorithm that is accepted.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"ES256"))]
    pub token_endpoint_auth_signing_alg: Option<Algorithm>,
    /// The name that users are shown.
    #[cfg_attr(feature = "schema", schemars(example = &"Reports"))]
    pub client_name: String,
    /// What it may exchange; `authorization_code` and `refresh_token` if nothing is said. For the device flow, also
    /// `urn:ietf:params:oauth:grant-type:device_code`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["authorization_code", "refresh_token"]))]
    pub grant_types: Vec<GrantType>,
    /// Where answers may go. Private-use schemes are fine here.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["https://reports.example/callback"]))]
    pub redirect_uris: Vec<RedirectUri>,
    /// The resources that it serves: it may ask about their tokens (RFC 7662).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["https://reports.example/mcp"]))]
    pub introspects: Vec<String>,
    /// What is insisted on when it comes.
    #[serde(default)]
    pub demands: Demands,
}

impl ConfiguredClient {
    pub(crate) fn client(&self) -> Client {
        let native = self.redirect_uris.iter().any(|uri| uri.kind() != RedirectKind::Https);
        Client {
            id: self.client_id.clone(),
            registration: Registration::Preregistered,
            name: Some(self.client_name.clone()),
            uri: None,
            redirect_uris: self.redirect_uris.clone(),
            grant_types: if self.grant_types.is_empty() {
                vec![GrantType::AuthorizationCode, GrantType::RefreshToken]
            } else {
                self.grant_types.clone()
            },
            application_type: if native { ApplicationType::Native } else { ApplicationType::Web },
            authentication: self.authentication(),
            demands: self.demands,
        }
    }

    fn authentication(&self) -> ClientAuthentication {
        let keys = match (&self.jwks, &self.jwks_uri) {
            (Some(set), _) => Some(ClientKeys::Jwks(set.clone())),
            (None, Some(url)) => Some(ClientKeys::JwksUri(url.clone())),
            (None, None) => None,
        };
        match (&self.client_secret, keys) {
            (Some(secret), _) => ClientAuthentication::Secret {
                sha256: secret_digest(secret),
                method: SecretMethod::ClientSecretBasic,
            },
            (None, Some(keys)) => {
                ClientAuthentication::PrivateKeyJwt { keys, algorithm: self.token_endpoint_auth_signing_alg }
            }
            (None, None) => ClientAuthentication::None,
        }
    }
}

/// What a scope without a description of its own is called on the consent page.
pub(crate) fn describe_scope(scope: &str) -> Option<&'static str> {
    (scope == authorize::OFFLINE_ACCESS).then_some("Keep this access while you are not there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_wrong_ones_named() {
        let config: AuthConfig = serde_json::from_str(
            r#"{"access_token_ttl":"8s","clients":[{"client_id":"c","client_secret":"a-secret-that-nobody-guesses","client_name":"C",
                "redirect_uris":["http://localhost:1/cb"]}]}"#,
        )
        .unwrap();
        assert_eq!(config.access_token_ttl, Duration::from_secs(8));
        assert_eq!(config.refresh_grace, AuthConfig::default().refresh_grace);
        assert!(!config.clients[0].client().is_public());
        assert!(!format!("{config:?}").contains("nobody-guesses"));
        assert_eq!(config.mistake(), None);
        let unknown =
            serde_json::from_str::<AuthConfig>(r#"{"acess_token_ttl":"8s"}"#).unwrap_err().to_string();
        assert!(unknown.contains("acess_token_ttl"), "{unknown}");
        let long = AuthConfig { access_token_ttl: Duration::from_secs(86_401), ..AuthConfig::default() };
        assert!(long.mistake().is_some());
        let no_codes = AuthConfig { recovery_codes: 0, ..AuthConfig::default() };
        let no_time = AuthConfig { second_factor_ttl: Duration::ZERO, ..AuthConfig::default() };
        let no_password = AuthConfig { min_password_length: 0, ..AuthConfig::default() };
        let hasty = AuthConfig { idle_client_ttl: Duration::from_secs(899), ..AuthConfig::default() };
        let no_sweep = AuthConfig { sweep_batch: 0, ..AuthConfig::default() };
        let wrong = [no_codes, no_time, no_password, hasty, no_sweep];
        assert!(wrong.iter().all(|config| config.mistake().is_some()));
        let mut guessable = config;
        guessable.clients[0].client_secret = Some("x".repeat(21).into());
        assert!(guessable.mistake().is_some_and(|mistake| mistake.contains("client_secret")));
    }
}
