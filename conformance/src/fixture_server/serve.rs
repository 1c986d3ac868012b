//! Serving it until it is asked to end.

use std::future::Future;

use axum::Router;
use axum::routing::get;
use barewire_mcp_server::McpServer;
use barewire_serve::{Listeners, ServeConfig};

use super::{MESSAGES, SSE};

/// Answers on `listeners` until `shutdown` is ready; then refuses what is new and lets what is in flight end.
pub async fn serve(server: McpServer, listeners: Listeners, shutdown: impl Future<Output = ()> + Send) {
    let mut app = Router::new()
        .route_service("/mcp", server.service())
        .route_service("/mcp/", server.service())
        .route("/healthz", get(async || "ok\n"));
    if let Some((streams, messages)) = server.sse_services() {
        app = app.route_service(SSE, streams).route_service(MESSAGES, messages);
    }
    let stopped = async {
        shutdown.await;
        let _calls = server.drain();
    };
    barewire_serve::serve(listeners, app, ServeConfig::default(), stopped).await;
}
