//! Serving it until it is asked to end.

use std::future::Future;

use axum::Router;
use axum::routing::get;
use barewire_mcp_server::McpServer;
use barewire_serve::{Listeners, ServeConfig};

/// Answers on `listeners` until `shutdown` is ready; then refuses what is new and lets what is in flight end.
pub async fn serve(server: McpServer, listeners: Listeners, shutdown: impl Future<Output = ()> + Send) {
    let app = Router::new()
        .route_service("/mcp", server.service())
        .route_service("/mcp/", server.service())
        .route_service("/sse", server.sse_service("/messages"))
        .route_service("/messages", server.messages_service())
        .route("/healthz", get(async || "ok\n"));
    let stopped = async {
        shutdown.await;
        let _calls = server.drain();
    };
    barewire_serve::serve(listeners, app, ServeConfig::default(), stopped).await;
}
