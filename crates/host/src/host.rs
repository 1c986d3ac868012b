//! The host as a value: configuration, store and sessions, and the router over them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use barewire_mcp_client::{ClientOptions, Clock, CredentialStore, LoginOptions, MemoryCredentials};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::assets::Assets;
use crate::config::{HostConfig, Limits, PublicOrigin};
use crate::manager::Budget;
use crate::routes;
use crate::session::Sessions;
use crate::store::{HostStore, MemoryHostStore};

/// The backend of the page. Cheap to clone; every clone is the same host.
#[derive(Clone)]
pub struct Host {
    app: App,
}

/// What every handler gets.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    config: HostConfig,
    origin: PublicOrigin,
    assets: Assets,
    store: Arc<dyn HostStore>,
    clock: Clock,
    client: ClientOptions,
    sessions: Sessions,
    budget: Arc<Budget>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Host {
    /// A host at that origin. Without stores of its own nothing outlives the process.
    #[must_use]
    pub fn builder(config: HostConfig, origin: PublicOrigin) -> HostBuilder {
        HostBuilder {
            config,
            origin,
            store: Arc::new(MemoryHostStore::default()),
            credentials: Arc::new(MemoryCredentials::new()),
            clock: Arc::new(SystemTime::now),
        }
    }

    /// Everything the host answers: the page, `/api`, `/callback`, `/healthz`, `/readyz`.
    pub fn router(&self) -> Router {
        routes::router(self.app.clone())
    }

    /// Ends event streams, connections and calls, and returns when what they left behind is in the store. Requests that
    /// come later are still answered.
    pub async fn shut_down(&self) {
        self.app.shutdown().cancel();
        self.app.tasks().close();
        self.app.tasks().wait().await;
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }
}

/// Parts of a [`Host`] that have a default.
pub struct HostBuilder {
    config: HostConfig,
    origin: PublicOrigin,
    store: Arc<dyn HostStore>,
    credentials: Arc<dyn CredentialStore>,
    clock: Clock,
}

impl HostBuilder {
    /// Keeps state there.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn HostStore>) -> Self {
        self.store = store;
        self
    }

    /// Keeps tokens and OAuth clients there.
    #[must_use]
    pub fn credentials(mut self, credentials: Arc<dyn CredentialStore>) -> Self {
        self.credentials = credentials;
        self
    }

    /// Takes the time from there.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The host. It starts nothing by itself: a session's servers are connected when its browser comes.
    #[must_use]
    pub fn build(self) -> Host {
        let sessions = Sessions::new(self.config.limits.sessions);
        let budget = Arc::new(Budget::new(self.config.limits.exchange_bytes));
        let client = self.client();
        let inner = Inner {
            client,
            assets: Assets::new(self.config.page.clone()),
            config: self.config,
            origin: self.origin,
            store: self.store,
            clock: self.clock,
            sessions,
            budget,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        Host { app: App(Arc::new(inner)) }
    }

    /// What the clients of all sessions share.
    fn client(&self) -> ClientOptions {
        let mut options = ClientOptions::new("barewire-host", env!("CARGO_PKG_VERSION"));
        options.identity.title = Some("Barewire host".to_owned());
        options.credentials = self.credentials.clone();
        options.clock = self.clock.clone();
        options.config = self.config.client.clone();
        options.login =
            LoginOptions { redirect_uri: self.origin.join("/callback"), ..self.config.login.clone() };
        options
    }
}

impl App {
    pub(crate) fn config(&self) -> &HostConfig {
        &self.0.config
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    pub(crate) fn origin(&self) -> &PublicOrigin {
        &self.0.origin
    }

    pub(crate) fn assets(&self) -> &Assets {
        &self.0.assets
    }

    pub(crate) fn store(&self) -> &Arc<dyn HostStore> {
        &self.0.store
    }

    /// What the clients of all sessions share.
    pub(crate) fn client(&self) -> &ClientOptions {
        &self.0.client
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// What the exchange logs of all servers share.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.0.budget
    }

    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0.clock)()
    }
}

/// Milliseconds since the Unix epoch, as the API has them.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
