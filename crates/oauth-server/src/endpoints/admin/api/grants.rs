//! `/admin/api/grants`: what users have let applications do.

use axum::extract::{Path, State};
use axum::response::Response;
use barewire_oauth::scope::ScopeSet;
use http::StatusCode;
use serde::Deserialize;

use super::{Answer, Called, ListQuery, Sent, no_content};
use crate::administration::GrantFilter;
use crate::respond::json;
use crate::routes::ADMIN_API_GRANT;
use crate::server::AppState;

type Id = Path<String>;

/// What is to be left of a grant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    scope: ScopeSet,
}

/// `GET /admin/api/grants?user=&client=&cursor=&limit=`
pub(crate) async fn list(State(state): State<AppState>, query: ListQuery) -> Answer<Response> {
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
    Sent(Change { scope }): Sent<Change>,
) -> Answer<Response> {
    let left = state.administration.narrow(&caller.by(ADMIN_API_GRANT), &id, &scope).await?;
    Ok(json(StatusCode::OK, &left))
}

/// `DELETE /admin/api/grants/{id}`
pub(crate) async fn revoke(State(state): State<AppState>, caller: Called, Path(id): Id) -> Answer<Response> {
    state.administration.revoke(&caller.by(ADMIN_API_GRANT), &id).await?;
    Ok(no_content())
}
