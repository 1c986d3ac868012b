//! What every server has: health, a page that says what this is, and an answer for everything else.

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HeaderMap};
use http::{StatusCode, Uri};
use serde_json::json;

use crate::server::Parts;

/// The routes.
pub(crate) fn around(parts: Parts) -> Router {
    Router::new()
        .route("/", get(front_page))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(parts)
        .fallback(not_found)
}

async fn ready(State(parts): State<Parts>) -> (StatusCode, &'static str) {
    if parts.stopping.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if parts.blog.is_ready().await && parts.store.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "a database does not answer\n")
    }
}

/// No page of this server is shown inside of another site's.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

async fn front_page() -> Response {
    ([(CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(include_str!("front_page.html"))).into_response()
}

async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    let wants_page = headers.get(ACCEPT).is_some_and(|a| a.to_str().is_ok_and(|a| a.contains("text/html")));
    if wants_page {
        let page = Html(include_str!("not_found.html"));
        return (StatusCode::NOT_FOUND, [(CONTENT_SECURITY_POLICY, PAGE_POLICY)], page).into_response();
    }
    let message = format!("there is nothing at {}", uri.path());
    (StatusCode::NOT_FOUND, axum::Json(json!({ "error": "not_found", "message": message }))).into_response()
}
