//! `GET /healthz` (the process is up) and `GET /readyz` (it can serve).

use axum::extract::State;
use http::StatusCode;

use crate::host::App;

/// Up.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Able to serve: not on the way out, and the store answers.
pub(crate) async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.shutdown().is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");
    }
    match app.store().ready().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}
