//! Deleting what is over, for as long as the server is there.

use std::sync::{Arc, Weak};

use crate::server::Inner;

/// Sweeps now and then until the server is dropped.
pub(crate) fn spawn(server: &Arc<Inner>) {
    let server = Arc::downgrade(server);
    tokio::spawn(async move {
        while let Some(interval) = sweep(&server).await {
            tokio::time::sleep(interval).await;
        }
    });
}

async fn sweep(server: &Weak<Inner>) -> Option<std::time::Duration> {
    let server = server.upgrade()?;
    match server.store.sweep(server.now(), server.config.retention()).await {
        Ok(0) => {}
        Ok(count) => tracing::debug!(count, "deleted what is over"),
        Err(failure) => tracing::warn!(error = &failure as &dyn std::error::Error, "sweeping failed"),
    }
    Some(server.config.sweep_interval)
}
