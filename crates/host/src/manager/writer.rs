//! Writes finished exchanges of one server into the store, behind the work that made them.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Server;
use super::wire::Ended;
use crate::host::App;

/// Exchanges that may wait to be written.
pub(crate) const QUEUE: usize = 256;

/// Runs until the server is closed, then writes what is left.
pub(crate) async fn write(app: App, server: Arc<Server>, mut finished: mpsc::Receiver<Ended>) {
    let mut batch: Vec<Ended> = Vec::new();
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
        if let Some(oldest) = batch.iter().map(|it| it.oldest).max() {
            let exchanges: Vec<_> = batch.drain(..).map(|it| it.exchange).collect();
            if let Err(error) =
                app.store().save_exchanges(server.key(), server.id(), &exchanges, oldest).await
            {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an exchange will not survive a restart"
                );
            }
        }
        if finished.is_closed() {
            return;
        }
    }
}
