//! Serving it until it is asked to end.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use barewire_mcp_server::McpServer;
use tokio::net::TcpListener;

/// How long calls in flight have after the signal to end.
const GRACE: Duration = Duration::from_secs(8);

/// Answers on `listener` until `shutdown` is ready; then refuses what is new and lets what is in flight end.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    server: McpServer,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = Router::new()
        .route_service("/mcp", server.service())
        .route_service("/mcp/", server.service())
        .route("/healthz", get(async || "ok\n"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        let _ = stopped.await;
    });
    let serving = tokio::spawn(serving.into_future());
    shutdown.await;
    let drained = server.drain();
    let _ = stop.send(());
    let ended = async {
        drained.wait().await;
        serving.await
    };
    match tokio::time::timeout(GRACE, ended).await {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(std::io::Error::other(panicked)),
        Err(_) => {
            tracing::warn!("some calls did not end in time and were cut off");
            Ok(())
        }
    }
}
