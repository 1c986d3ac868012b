//! `/admin/api/grants`: what users have let applications do.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use barewire_oauth::scope::ScopeSet;
use http::StatusCode;
use serde::Deserialize;

use super::{Answer, Called, ListQuery, no_content};
use crate::administration::GrantFilter;
use crate::respond::json;
use crate::routes::ADMIN_API_GRANT;
use crate::server::AppState;
use crate::witness::Sender;

type Id = Path<String>;

/// What is to be left of a grant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    scope: ScopeSet,
}

/// `GET /admin/api/grants?user=&client=&cursor=&limit=`
pub(crate) async fn list(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer<Response> {
    let query = ListQuery::parse(query.as_deref());
    let filter = GrantFilter { user: query.one("user")?, client: query.one("client")? };
    let found = state.administration.grants(filter, query.one("cursor")?, query.limit()?).await?;
    Ok(json(StatusCode::OK, &found))
}

/// `GET /admin/api/grants/{id}`
pub(crate) async fn show(State(state): State<AppState>, Path(id): Id) -> Answer<Response> {
    Ok(json(StatusCode::OK, &state.administration.grant(&id).await?))
}

/// `PATCH /admin/api/grants/{id}`
pub(crate) async fn narrow(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    sender: Sender,
    body: Result<Json<Change>, JsonRejection>,
) -> Answer<Response> {
    let Json(Change { scope }) = body?;
    let left = state.administration.narrow(&caller.by(ADMIN_API_GRANT, &sender), &id, &scope).await?;
    Ok(json(StatusCode::OK, &left))
}

/// `DELETE /admin/api/grants/{id}`
pub(crate) async fn revoke(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    sender: Sender,
) -> Answer<Response> {
    state.administration.revoke(&caller.by(ADMIN_API_GRANT, &sender), &id).await?;
    Ok(no_content())
}
