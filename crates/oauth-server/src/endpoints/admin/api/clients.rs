//! `/admin/api/clients`: applications.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::{Answer, Called, ListQuery, Sent, no_content};
use crate::administration::NewClient;
use crate::respond::json;
use crate::routes::{ADMIN_API_CLIENT, ADMIN_API_CLIENTS};
use crate::server::AppState;

/// Its identifier; that of a client with a document is a URL, with every slash encoded.
type Id = Path<String>;

/// What is to be changed of a client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    disabled: bool,
}

/// `GET /admin/api/clients?search=&cursor=&limit=`
pub(crate) async fn list(State(state): State<AppState>, query: ListQuery) -> Answer<Response> {
    let search = query.one("search")?.unwrap_or_default();
    let found = state.administration.clients(search, query.one("cursor")?, query.limit()?).await?;
    Ok(json(StatusCode::OK, &found))
}

/// `POST /admin/api/clients`
pub(crate) async fn add(
    State(state): State<AppState>,
    caller: Called,
    Sent(new): Sent<NewClient>,
) -> Answer<Response> {
    let added = state.administration.add_client(&caller.by(ADMIN_API_CLIENTS), new).await?;
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
    Sent(Change { disabled }): Sent<Change>,
) -> Answer<Response> {
    state.administration.set_client_disabled(&caller.by(ADMIN_API_CLIENT), &id, disabled).await?;
    Ok(no_content())
}

/// `DELETE /admin/api/clients/{id}`
pub(crate) async fn delete(State(state): State<AppState>, caller: Called, Path(id): Id) -> Answer<Response> {
    state.administration.delete_client(&caller.by(ADMIN_API_CLIENT), &id).await?;
    Ok(no_content())
}
