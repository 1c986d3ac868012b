//! The wire: `GET` and `DELETE /api/exchanges?server={id}`, `GET /api/exchanges/{id}/curl`,
//! `GET /api/servers/{id}/export.har`.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use barewire_exchange::{Exchange, curl, har};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::Browser;
use crate::api::ExchangeList;
use crate::error::ApiError;
use crate::host::App;

#[derive(Deserialize)]
pub(crate) struct Of {
    server: String,
}

/// Everything that is kept of one server.
pub(crate) async fn list(
    Browser(session): Browser,
    Query(of): Query<Of>,
) -> Result<axum::Json<ExchangeList>, ApiError> {
    Ok(axum::Json(session.server(&of.server)?.wire().list()))
}

/// Forgets what is kept of one server.
pub(crate) async fn clear(
    State(app): State<App>,
    Browser(session): Browser,
    Query(of): Query<Of>,
) -> Result<StatusCode, ApiError> {
    session.server(&of.server)?.wire().clear();
    app.store().clear_exchanges(session.key(), &of.server).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A request as a command line, with variables where secrets were.
pub(crate) async fn curl(Browser(session): Browser, Path(id): Path<String>) -> Result<Response, ApiError> {
    let found = session.servers().iter().find_map(|it| it.wire().find(&id));
    let exchange = found.ok_or(ApiError::NotFound("exchange"))?;
    let text = curl::to_curl(&exchange) + "\n";
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text).into_response())
}

/// The whole log as a file that other tools read.
pub(crate) async fn har(Browser(session): Browser, Path(id): Path<String>) -> Result<Response, ApiError> {
    let server = session.server(&id)?;
    let exchanges: Vec<Exchange> = server.wire().list().exchanges.into_iter().map(|it| it.exchange).collect();
    let har = har::export(&exchanges, env!("CARGO_PKG_VERSION"));
    let file = format!("attachment; filename=\"{}\"", file_name(server.url().host_str().unwrap_or("server")));
    let mut response = axum::Json(har).into_response();
    if let Ok(value) = HeaderValue::from_str(&file) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn file_name(host: &str) -> String {
    let plain: String =
        host.chars().map(|it| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' }).collect();
    format!("{plain}.har")
}
