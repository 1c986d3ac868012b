//! The lifecycle of one server: a task that connects, waits, comes back after a loss, and does what it is told.
//!
//! ```text
//!   connecting ──> ready ──lost──> disconnected ──pause──> connecting …
//!       ├──> login_required ──logged in──> connecting
//!       ├──> refused, failed ──told to──> connecting
//!       └──> disconnected (nothing answers)
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Server;
use super::link::{self, Link};
use super::run;
use super::trouble::Trouble;
use crate::api::{Authorization, ServerStatusKind};
use crate::host::{App, millis};

/// What the driver can be told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Connect (again): somebody asked, logged in or logged out.
    Connect,
    /// A call found out that the connection is no good any more.
    Troubled(Trouble),
}

/// Where the lifecycle is, between two waits.
enum Phase {
    Connecting,
    Ready(Arc<Link>),
    /// Nothing happens until somebody says so.
    Waiting,
    /// Tries again by itself.
    Pausing(Duration),
}

/// Runs until the server is closed.
pub(crate) async fn drive(app: App, server: Arc<Server>, commands: mpsc::Receiver<Command>) {
    let closed = server.closed().clone();
    let mut driver = Driver { app, server, commands, pause: None };
    let mut phase = Phase::Connecting;
    loop {
        tokio::select! {
            biased;
            () = closed.cancelled() => break,
            next = driver.step(phase) => phase = next,
        }
    }
    driver.leave().await;
}

struct Driver {
    app: App,
    server: Arc<Server>,
    commands: mpsc::Receiver<Command>,
    /// The last pause before a new attempt; `None` after a success.
    pause: Option<Duration>,
}

impl Driver {
    async fn step(&mut self, phase: Phase) -> Phase {
        match phase {
            Phase::Connecting => self.connect().await,
            Phase::Ready(link) => self.watch(link).await,
            Phase::Waiting => self.wait().await,
            Phase::Pausing(pause) => {
                tokio::select! {
                    phase = self.wait() => phase,
                    () = tokio::time::sleep(pause) => Phase::Connecting,
                }
            }
        }
    }

    async fn connect(&mut self) -> Phase {
        self.leave().await;
        self.server.set_status(ServerStatusKind::Connecting, "Connecting.", None, |_| {});
        let trouble = match Link::connect(&self.app, &self.server).await {
            Ok(link) => {
                let link = Arc::new(link);
                self.pause = None;
                self.ready(&link).await;
                return Phase::Ready(link);
            }
            Err(trouble) => trouble,
        };
        self.troubled(trouble)
    }

    async fn ready(&self, link: &Arc<Link>) {
        self.server.set_link(Some(link.clone()));
        self.server.set_login_required(None);
        link::show_grant(link, &self.server).await;
        self.server.set_status(ServerStatusKind::Ready, "Connected.", None, |view| link.describe(view));
        let (app, shown, server) = (self.app.clone(), link.clone(), self.server.clone());
        self.app.tasks().spawn(async move { link::show_user(&app, &shown, &server).await });
        if let Err(error) = self.app.store().save_server(self.server.key(), &self.server.stored()).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a server's name was not kept");
        }
        run::resume(&self.app, &self.server);
    }

    /// Until the connection is lost or somebody says something.
    async fn watch(&mut self, link: Arc<Link>) -> Phase {
        tokio::select! {
            biased;
            command = self.commands.recv() => self.told(command).await,
            trouble = link.lost() => {
                self.leave().await;
                self.troubled(trouble)
            }
        }
    }

    async fn wait(&mut self) -> Phase {
        let command = self.commands.recv().await;
        self.told(command).await
    }

    async fn told(&mut self, command: Option<Command>) -> Phase {
        match command {
            Some(Command::Connect) => {
                self.pause = None;
                Phase::Connecting
            }
            Some(Command::Troubled(trouble)) => {
                self.leave().await;
                self.troubled(trouble)
            }
            // The server holds the other end, and this task the server.
            None => std::future::pending().await,
        }
    }

    fn troubled(&mut self, trouble: Trouble) -> Phase {
        match trouble {
            Trouble::LoginRequired { login, message } => {
                let challenge = login.challenge.as_ref();
                let scopes = challenge.and_then(|it| it.parameters.get("scope")).cloned().unwrap_or_default();
                self.server.set_login_required(Some(*login));
                self.server.set_status(
                    ServerStatusKind::LoginRequired,
                    message,
                    Some("Log in: you are sent to the authorization server and come back here."),
                    |view| {
                        view.authorization = Authorization::Required;
                        view.scopes_supported = scopes.split_whitespace().map(ToOwned::to_owned).collect();
                    },
                );
                Phase::Waiting
            }
            Trouble::Lost { message, what_next } => {
                let limits = self.app.limits();
                let pause =
                    self.pause.map_or(limits.reconnect_after, |it| (it * 2).min(limits.reconnect_at_most));
                self.pause = Some(pause);
                let retry_at = millis(self.app.now() + pause);
                self.server.set_status(
                    ServerStatusKind::Disconnected,
                    message,
                    what_next.as_deref(),
                    |view| view.status.retry_at = Some(retry_at),
                );
                Phase::Pausing(pause)
            }
            Trouble::Refused { message, what_next } => {
                self.server.set_status(ServerStatusKind::Refused, message, what_next.as_deref(), |_| {});
                Phase::Waiting
            }
            trouble => {
                let (message, what_next) = trouble.sentences();
                self.server.set_status(ServerStatusKind::Failed, message, what_next.as_deref(), |_| {});
                Phase::Waiting
            }
        }
    }

    async fn leave(&self) {
        let link = self.server.link().ok();
        self.server.set_link(None);
        if let Some(link) = link {
            link.close().await;
        }
    }
}
