//! `POST /api/servers/{id}/calls`; `GET` and `DELETE /api/calls/{id}`; `POST /api/calls/{id}/cancel` and `…/answer`.

use axum::extract::{Path, State};
use http::StatusCode;

use super::{Browser, Json};
use crate::api::{Answer, CallView, StartCall};
use crate::error::ApiError;
use crate::host::{App, millis};
use crate::manager::start_call;

/// Starts a call and answers at once; what becomes of it comes as events.
pub(crate) async fn start(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
    Json(request): Json<StartCall>,
) -> Result<axum::Json<CallView>, ApiError> {
    let server = session.server(&id)?;
    Ok(axum::Json(start_call(&app, &session, &server, request)?.view()))
}

/// As it is now.
pub(crate) async fn one(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<axum::Json<CallView>, ApiError> {
    Ok(axum::Json(session.call(&id)?.view()))
}

/// Takes a finished call out of the list.
pub(crate) async fn remove(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    if !session.call(&id)?.is_finished() {
        return Err(ApiError::Conflict {
            message: "this call has not ended".to_owned(),
            what_next: Some("Cancel it first.".to_owned()),
        });
    }
    session.remove_call(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a call. One that has ended stays as it ended.
pub(crate) async fn cancel(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<axum::Json<CallView>, ApiError> {
    let call = session.call(&id)?;
    call.cancel(millis(app.now()));
    Ok(axum::Json(call.view()))
}

/// Answers a question of the server.
pub(crate) async fn answer(
    Browser(session): Browser,
    Path(id): Path<String>,
    Json(answer): Json<Answer>,
) -> Result<axum::Json<CallView>, ApiError> {
    let call = session.call(&id)?;
    call.answer(answer)?;
    Ok(axum::Json(call.view()))
}
