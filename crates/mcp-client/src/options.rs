//! What an application decides about its client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_exchange::Limits;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::{apps, tasks};
use barewire_oauth::client_flow::DpopUse;
use serde::{Deserialize, Serialize};

use crate::credentials::{CredentialStore, MemoryCredentials};
use crate::handler::{Handler, Silent};
use crate::login::{Authorizer, PreRegistered};
use crate::recorder::{NoRecorder, Recorder};
use crate::shared::Shared;
use crate::unattended::Unattended;

/// Where the time comes from; a test owns it.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Everything a connection needs beside its URL. Clones share their parts: verdicts about servers, running refreshes,
/// connections and the memory of secrets. An application makes one and clones it for each connection.
#[derive(Clone)]
pub struct ClientOptions {
    /// Who the client says it is.
    pub identity: Implementation,
    /// Who answers when the server asks.
    pub handler: Arc<dyn Handler>,
    /// Who watches the wire.
    pub recorder: Arc<dyn Recorder>,
    /// Where grants and registrations are kept.
    pub credentials: Arc<dyn CredentialStore>,
    /// Who opens the browser. Without one a login comes back as
    /// [`ConnectError::LoginRequired`](crate::ConnectError) or [`CallError`](crate::CallError).
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// How to log in.
    pub login: LoginOptions,
    /// How to get tokens without anybody at a browser; then no [`Authorizer`] is asked.
    pub unattended: Option<Unattended>,
    /// Whose grants to use; see [`GrantKey`](crate::GrantKey).
    pub owner: String,
    /// Whether the application shows apps ([MCP Apps](barewire_mcp::types::apps)), which servers are told then. Default no.
    pub shows_apps: bool,
    /// Which era to try.
    pub era: EraChoice,
    /// The newest revision to speak: the newest there is, unless the application wants to be an older client. Then that
    /// is what `initialize` proposes, and a server that wants a newer one is not understood. An older one than
    /// 2026-07-28 leaves the handshake only, whatever the era.
    pub newest: Revision,
    /// Names the work that everything outside of a call belongs to, in recorded exchanges.
    pub tag: Option<String>,
    /// Limits and times.
    pub config: ClientConfig,
    /// The time.
    pub clock: Clock,
    /// What clones have in common; nothing to set.
    pub shared: Arc<Shared>,
}

impl ClientOptions {
    /// Sensible options: nobody watches, nobody answers, grants live in memory.
    #[must_use]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            identity: Implementation::new(name, version),
            handler: Arc::new(Silent),
            recorder: Arc::new(NoRecorder),
            credentials: Arc::new(MemoryCredentials::new()),
            authorizer: None,
            login: LoginOptions::default(),
            unattended: None,
            owner: String::new(),
            shows_apps: false,
            era: EraChoice::default(),
            newest: Revision::LATEST_MODERN,
            tag: None,
            config: ClientConfig::default(),
            clock: Arc::new(SystemTime::now),
            shared: Arc::new(Shared::new()),
        }
    }

    /// What is declared in a handshake: what the handler can do, and apps.
    pub(crate) fn handshake_capabilities(&self) -> ClientCapabilities {
        let mut capabilities = self.handler.capabilities();
        if self.shows_apps {
            capabilities.extensions.extend(apps::required_capabilities().extensions);
        }
        capabilities
    }

    /// What is declared to servers without one: also tasks, and the extension by which tokens are got.
    pub(crate) fn capabilities(&self) -> ClientCapabilities {
        let mut capabilities = self.handshake_capabilities();
        capabilities.extensions.entry(tasks::EXTENSION).or_insert_with(|| serde_json::json!({}));
        if let Some(name) = self.unattended.as_ref().and_then(Unattended::extension) {
            capabilities.extensions.entry(name.to_owned()).or_insert_with(|| serde_json::json!({}));
        }
        capabilities
    }
}

/// Which era to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EraChoice {
    /// The modern one, and `initialize` when the server is older. What an application wants.
    #[default]
    Either,
    /// Without handshake only.
    Modern,
    /// With handshake only.
    Legacy,
}

/// How to become a client of an authorization server, and how the browser comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LoginOptions {
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// The name users see when they consent.
    pub client_name: String,
    /// The home page shown there.
    #[cfg_attr(feature = "schema", schemars(example = &"https://mcp.example.com"))]
    pub client_uri: Option<String>,
    /// The https URL of this client's metadata document, if it has one (CIMD).
    #[cfg_attr(feature = "schema", schemars(example = &"https://mcp.example.com/client.json"))]
    pub client_document: Option<String>,
    /// The client that this application is, wherever it logs in. At another issuer than its own, a login ends in an
    /// error rather than as somebody else; without an issuer, it stays with the first one that a server names.
    pub client: Option<PreRegistered>,
    /// Clients that were registered by hand, each with an issuer and used there only.
    pub pre_registered: Vec<PreRegistered>,
    /// Whether tokens are bound to a key of this client's (`DPoP`).
    pub dpop: DpopUse,
    /// Whether to ask for `offline_access` where the authorization server offers it.
    pub offline_access: bool,
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self {
            redirect_uri: "http://localhost:5173/callback".to_owned(),
            client_name: "Barewire".to_owned(),
            client_uri: None,
            client_document: None,
            client: None,
            pre_registered: Vec::new(),
            dpop: DpopUse::default(),
            offline_access: true,
        }
    }
}

/// Limits and times of a client. Times are written `500ms`, `8s`, `15m`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ClientConfig {
    /// How long to wait for a connection.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub connect_timeout: Duration,
    /// How long to wait for the head of an answer.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub answer_timeout: Duration,
    /// How long a probe, a metadata document or a token may take.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub probe_timeout: Duration,
    /// How long a stream may be silent before it counts as broken, and how long a body that is no stream may take from its
    /// head to its end.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub stream_idle_timeout: Duration,
    /// How long the verdict about a server's era is believed.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub era_ttl: Duration,
    /// How many origins are remembered.
    pub max_eras: usize,
    /// How long before its end an access token is renewed.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub refresh_margin: Duration,
    /// How many logins one operation may lead to.
    pub max_logins: usize,
    /// How many rounds of questions one call may take.
    pub max_input_rounds: usize,
    /// How long to wait between two questions about a task where the server does not say.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub task_poll_interval: Duration,
    /// The longest such pause of a server that is respected.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub max_task_poll_interval: Duration,
    /// How long to wait between two questions about a task of which the server tells by itself (`notifications/tasks`), if it
    /// does not want a longer pause.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub watched_task_poll_interval: Duration,
    /// How many questions about a task may fail in a row before its call does.
    pub max_task_failures: u32,
    /// How many questions of one task are answered.
    pub max_task_questions: usize,
    /// How many pages of a list are read.
    pub max_pages: usize,
    /// How many entries of a list are kept.
    pub max_entries: usize,
    /// Bytes of a JSON answer or of one event.
    pub max_answer_bytes: usize,
    /// Bytes of an app's page.
    pub max_app_bytes: usize,
    /// Bytes of a metadata document, registration or token answer.
    pub max_oauth_bytes: usize,
    /// How long to wait for the stream of the transport of 2024-11-05 to name its endpoint.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub endpoint_timeout: Duration,
    /// How many messages a batch may have; only servers of 2025-03-26 send any.
    pub max_batch: usize,
    /// How often a stream is resumed without a new event before the call fails.
    pub max_resumes: usize,
    /// The shortest wait before a stream is opened again, whatever `retry` a server names.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub min_retry: Duration,
    /// The longest `retry` of a server that is respected.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub max_retry: Duration,
    /// The wait before a stream is resumed when the server names none.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub default_retry: Duration,
    /// How long a connection waits for the older revisions' stream to open.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub stream_open_timeout: Duration,
    /// How many servers' nonces for proofs of possession are remembered.
    pub max_nonces: usize,
    /// How often one request is sent again because a server gives another nonce for its proof.
    pub max_nonce_rounds: usize,
    /// Whether what a public server names, its authorization server first of all, has to be at public addresses too,
    /// and is reached without a proxy.
    pub public_addresses_only: bool,
    /// What is kept of each recorded exchange.
    pub exchange: Limits,
}

impl ClientConfig {
    /// The wait before a stream is opened again: what the server asked for, within bounds.
    pub(crate) fn retry(&self, asked: Duration) -> Duration {
        asked.max(self.min_retry).min(self.max_retry)
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            probe_timeout: Duration::from_secs(15),
            stream_idle_timeout: Duration::from_secs(300),
            era_ttl: Duration::from_secs(600),
            max_eras: 256,
            refresh_margin: Duration::from_secs(30),
            max_logins: 3,
            max_input_rounds: 10,
            task_poll_interval: Duration::from_secs(1),
            max_task_poll_interval: Duration::from_secs(60),
            watched_task_poll_interval: Duration::from_secs(15),
            max_task_failures: 5,
            max_task_questions: 32,
            max_pages: 100,
            max_entries: 10_000,
            max_answer_bytes: 16 * 1024 * 1024,
            max_app_bytes: 4 * 1024 * 1024,
            max_oauth_bytes: 256 * 1024,
            endpoint_timeout: Duration::from_secs(10),
            max_batch: 100,
            max_resumes: 5,
            min_retry: Duration::from_millis(100),
            max_retry: Duration::from_secs(60),
            default_retry: Duration::from_secs(1),
            stream_open_timeout: Duration::from_millis(500),
            max_nonces: 256,
            max_nonce_rounds: 2,
            public_addresses_only: true,
            exchange: Limits::default(),
        }
    }
}
