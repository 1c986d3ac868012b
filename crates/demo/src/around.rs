//! What every server has: health, a page that says what this is, and an answer for everything else.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, StatusCode, Uri};
use serde_json::json;

use crate::endpoint::{MCP, SSE};
use crate::server::Parts;
use crate::setup::Setup;

/// The routes.
pub(crate) fn around(front_page: Bytes, parts: Parts) -> Router {
    let page = async move || (PAGE_HEADERS, Html(front_page)).into_response();
    Router::new()
        .route("/", get(page))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(parts)
        .fallback(not_found)
}

async fn ready(State(parts): State<Parts>) -> (StatusCode, &'static str) {
    if parts.stopping.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if parts.answers().await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "a database does not answer\n")
    }
}

impl Parts {
    async fn answers(&self) -> bool {
        for store in &self.stores {
            if !store.is_ready().await {
                return false;
            }
        }
        match &self.blog {
            Some(blog) => blog.is_ready().await,
            None => true,
        }
    }
}

/// No page of this server is shown inside of another site's, or taken for something else than a page.
const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (X_FRAME_OPTIONS, "DENY"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What a person reads who opens the server's address in a browser.
pub(crate) fn front_page(setup: &Setup, origin: &str) -> Bytes {
    if setup.sample {
        return Bytes::from_static(include_bytes!("front_page.html"));
    }
    let what = match (setup.server.authorization_server, setup.has_blog()) {
        (true, true) => "This is an MCP server and its authorization server.",
        (true, false) => "This is an authorization server for MCP servers.",
        (false, _) => "This is an MCP server; people log in elsewhere.",
    };
    let mut items = String::new();
    let mut item = |text: String| {
        let _ = writeln!(items, "  <li>{text}</li>");
    };
    if setup.has_blog() {
        item(format!(
            "The MCP server is <code>{origin}{MCP}</code>: give a client this address. One that knows nothing newer than \
             2024-11-05 takes <code>{origin}{SSE}</code>."
        ));
        item(format!(
            "REST: <code>/users/me/</code>, <code>/posts</code>, with the same token. For machines: \
             <a href=\"/.well-known/oauth-protected-resource{MCP}\">the resource's metadata</a>."
        ));
    }
    if setup.server.authorization_server {
        item(
            "<a href=\"/account\">Your account</a>: what you have allowed, and where you are signed in."
                .into(),
        );
        item("For machines: <a href=\"/.well-known/oauth-authorization-server\">the authorization server's metadata</a>.".into());
        for resource in &setup.auth.resources {
            let (url, name) = (escaped(&resource.url), resource.name.as_deref().map(escaped));
            item(format!(
                "It lets people into <code>{url}</code>{}.",
                name.map_or_else(String::new, |name| format!(", {name}"))
            ));
        }
    }
    for issuer in setup.external.issuers() {
        item(format!("Tokens of <code>{}</code> are taken.", escaped(issuer)));
    }
    item("<a href=\"/healthz\">Health</a>, <a href=\"/readyz\">readiness</a>.".into());
    let page = include_str!("served.html");
    page.replace("{name}", &escaped(&setup.server.name))
        .replace("{what}", what)
        .replace("{items}", items.trim_end())
        .into()
}

/// Text of the settings as a part of a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    let wants_page = headers.get(ACCEPT).is_some_and(|a| a.to_str().is_ok_and(|a| a.contains("text/html")));
    if wants_page {
        let page = Html(include_str!("not_found.html"));
        return (StatusCode::NOT_FOUND, PAGE_HEADERS, page).into_response();
    }
    let message = format!("there is nothing at {}", uri.path());
    (StatusCode::NOT_FOUND, axum::Json(json!({ "error": "not_found", "message": message }))).into_response()
}
