//! Listening, and leaving in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_client::CredentialStore;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::config::{ConfigError, HostConfig};
use crate::host::Host;
use crate::store::HostStore;

/// How often idle sessions are looked for.
const CLEAN_EVERY: Duration = Duration::from_secs(3600);

/// Why the host did not start.
#[derive(Debug, Error)]
pub enum RunError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}; is another host running?")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Runs the host until `shutdown` is done, then lets requests in flight end.
///
/// # Errors
/// If it cannot start; once it listens it does not fail.
pub async fn run(
    config: HostConfig,
    store: Arc<dyn HostStore>,
    credentials: Arc<dyn CredentialStore>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let listeners = bind(&config).await?;
    let port = listeners.first().and_then(|it| it.local_addr().ok()).map_or(0, |it| it.port());
    let origin = config.origin(port)?;
    tracing::info!(origin = origin.as_str(), "the host listens");
    let host = Host::builder(config, origin).store(store).credentials(credentials).build();
    serve(host, listeners, shutdown).await;
    Ok(())
}

/// Takes the addresses. Of two loopback addresses one is enough: not every machine has IPv6.
///
/// # Errors
/// If none of them can be taken, or one is taken by somebody else.
pub async fn bind(config: &HostConfig) -> Result<Vec<TcpListener>, RunError> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for mut address in config.addresses()? {
        if address.port() == 0
            && let Some(first) = listeners.first().and_then(|it| it.local_addr().ok())
        {
            address.set_port(first.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(source) if !listeners.is_empty() && source.kind() != std::io::ErrorKind::AddrInUse => {
                tracing::debug!(%address, error = %source, "not listening there");
            }
            Err(source) => return Err(RunError::Listen { address, source }),
        }
    }
    Ok(listeners)
}

/// Serves the host on those listeners until `shutdown` is done; then event streams and connections end, requests in
/// flight have the grace time, and what is left of the exchange log is written.
pub async fn serve(host: Host, listeners: Vec<TcpListener>, shutdown: impl Future<Output = ()> + Send) {
    let app = host.app().clone();
    let tracker = TaskTracker::new();
    for listener in listeners {
        let stopped = app.shutdown().clone().cancelled_owned();
        let server = axum::serve(listener, host.router()).with_graceful_shutdown(stopped);
        tracker.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "a listener failed");
            }
        });
    }
    tracker.close();
    let cleaner = app.clone();
    let clean = async move {
        loop {
            if let Err(error) = cleaner.forget_idle_sessions().await {
                tracing::error!(error = &error as &dyn std::error::Error, "idle sessions were not forgotten");
            }
            tokio::time::sleep(CLEAN_EVERY).await;
        }
    };
    tokio::select! {
        () = shutdown => {}
        () = tracker.wait() => {}
        () = clean => {}
    }
    let end = async {
        host.shut_down().await;
        tracker.wait().await;
    };
    if tokio::time::timeout(app.limits().shutdown_grace, end).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}
