//! `POST /api/servers/{id}/login` and `POST /api/servers/{id}/logout`.

use axum::extract::{Path, State};

use super::{Browser, Json};
use crate::api::{LoginStarted, ServerView, StartLogin};
use crate::error::ApiError;
use crate::host::App;
use crate::manager::{log_out, start_login};

/// Finds out where to log in, becomes a client there if need be, and says where the browser goes.
pub(crate) async fn start(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
    Json(request): Json<StartLogin>,
) -> Result<axum::Json<LoginStarted>, ApiError> {
    let server = session.server(&id)?;
    let authorize_url = start_login(&app, &server, &request.scopes.unwrap_or_default()).await?;
    Ok(axum::Json(LoginStarted { authorize_url }))
}

/// Revokes and forgets the tokens, and asks the server again, without one.
pub(crate) async fn logout(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<axum::Json<ServerView>, ApiError> {
    let server = session.server(&id)?;
    log_out(&app, &server).await?;
    Ok(axum::Json(server.view()))
}
