//! Listening, and leaving in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_client::CredentialStore;
use barewire_serve::{BindError, Listeners, ServeConfig};
use thiserror::Error;

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
    /// The address, `host.listen`.
    #[error(transparent)]
    Listen(#[from] BindError),
}

/// Runs the host until `shutdown` is done, then lets requests in flight end.
///
/// # Errors
/// If it cannot start; once it listens it does not fail.
pub async fn run(
    config: HostConfig,
    limits: ServeConfig,
    store: Arc<dyn HostStore>,
    credentials: Arc<dyn CredentialStore>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let listeners = barewire_serve::bind(&config.listen).await?;
    let origin = config.origin(listeners.loopback_origin().as_deref())?;
    tracing::info!(origin = origin.as_str(), "the host listens");
    let host = Host::builder(config, origin).store(store).credentials(credentials).build();
    serve(host, listeners, limits, shutdown).await;
    Ok(())
}

/// Serves the host on those listeners until `shutdown` is done; then event streams and connections end, requests in
/// flight have the grace time, and what is left of the exchange log is written.
pub async fn serve(
    host: Host,
    listeners: Listeners,
    limits: ServeConfig,
    shutdown: impl Future<Output = ()> + Send,
) {
    let app = host.app();
    let clean = async {
        loop {
            if let Err(error) = app.forget_idle_sessions().await {
                tracing::error!(error = &error as &dyn std::error::Error, "idle sessions were not forgotten");
            }
            tokio::time::sleep(CLEAN_EVERY).await;
        }
    };
    let stopped = async {
        tokio::select! {
            () = shutdown => {}
            () = clean => {}
        }
        // Event streams do not end by themselves.
        app.shutdown().cancel();
    };
    let grace = limits.shutdown_grace;
    let left_behind = async {
        app.shutdown().cancelled().await;
        if tokio::time::timeout(grace, host.shut_down()).await.is_err() {
            tracing::warn!("some calls did not end in time");
        }
    };
    tokio::join!(barewire_serve::serve(listeners, host.router(), limits, stopped), left_behind);
}
