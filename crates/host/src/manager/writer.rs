//! Writes finished exchanges of one server into the store, behind the work that made them.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Server;
use crate::host::App;
use crate::store::StoredExchange;

/// Exchanges that may wait to be written.
pub(crate) const QUEUE: usize = 256;

/// Runs until the server is closed, then writes what is left.
pub(crate) async fn write(app: App, server: Arc<Server>, mut finished: mpsc::Receiver<StoredExchange>) {
    let keep = app.limits().exchanges_per_server;
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            received = finished.recv_many(&mut batch, QUEUE) => if received == 0 { return },
            () = server.closed().cancelled() => {
                finished.close();
                while let Ok(exchange) = finished.try_recv() {
                    batch.push(exchange);
                }
            }
        }
        if !batch.is_empty()
            && let Err(error) = app.store().append_exchanges(server.key(), server.id(), &batch, keep).await
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                server = server.id(),
                "an exchange was not kept"
            );
        }
        batch.clear();
        if finished.is_closed() {
            return;
        }
    }
}
