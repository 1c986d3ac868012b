//! `/admin/api/clients`: applications.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::{Answer, Called, ListQuery, no_content};
use crate::administration::NewClient;
use crate::respond::json;
use crate::routes::{ADMIN_API_CLIENT, ADMIN_API_CLIENTS};
use crate::server::AppState;
use crate::witness::Sender;

/// Its identifier; that of a client with a document is a URL, with every slash encoded.
type Id = Path<String>;

/// What is to be changed of a client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    disabled: bool,
}

/// `GET /admin/api/clients?search=&cursor=&limit=`
pub(crate) async fn list(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer<Response> {
    let query = ListQuery::parse(query.as_deref());
    let search = query.one("search")?.unwrap_or_default();
    let found = state.administration.clients(search, query.one("cursor")?, query.limit()?).await?;
    Ok(json(StatusCode::OK, &found))
}

/// `POST /admin/api/clients`
pub(crate) async fn add(
    State(state): State<AppState>,
    caller: Called,
    sender: Sender,
    body: Result<Json<NewClient>, JsonRejection>,
) -> Answer<Response> {
    let Json(new) = body?;
    let added = state.administration.add_client(&caller.by(ADMIN_API_CLIENTS, &sender), new).await?;
    Ok(json(StatusCode::CREATED, &added))
}

/// `GET /admin/api/clients/{id}`
pub(crate) async fn show(State(state): State<AppState>, Path(id): Id) -> Answer<Response> {
    Ok(json(StatusCode::OK, &state.administration.client(&id).await?))
}

/// `PATCH /admin/api/clients/{id}`
pub(crate) async fn change(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    sender: Sender,
    body: Result<Json<Change>, JsonRejection>,
) -> Answer<Response> {
    let Json(Change { disabled }) = body?;
    let by = caller.by(ADMIN_API_CLIENT, &sender);
    state.administration.set_client_disabled(&by, &id, disabled).await?;
    Ok(no_content())
}

/// `DELETE /admin/api/clients/{id}`
pub(crate) async fn delete(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    sender: Sender,
) -> Answer<Response> {
    state.administration.delete_client(&caller.by(ADMIN_API_CLIENT, &sender), &id).await?;
    Ok(no_content())
}
