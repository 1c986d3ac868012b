//! `POST /api/servers`, `DELETE /api/servers/{id}`, `POST /api/servers/{id}/connect`.

use axum::extract::{Path, State};
use http::StatusCode;

use super::{Browser, Json};
use crate::api::{AddServer, ServerView};
use crate::error::ApiError;
use crate::host::App;
use crate::manager::{Command, Server, Spoken, forget_login, parse_url};

/// Adds a server, which starts to connect. One that is there already is given back as it is.
pub(crate) async fn add(
    State(app): State<App>,
    Browser(session): Browser,
    Json(request): Json<AddServer>,
) -> Result<axum::Json<ServerView>, ApiError> {
    let url = parse_url(&request.url)?;
    if !app.config().allows_server(&url, app.origin()) {
        return Err(ApiError::Forbidden(
            "this host connects to the servers that it offers, and to no others",
        ));
    }
    let limit = app.limits().servers_per_session;
    let spoken = Spoken { era: request.era.unwrap_or_default(), newest: request.newest };
    let make = || Server::add(&app, &session, url.clone(), spoken);
    let (server, new) = session.add_server(limit, |it| *it.url() == url && it.spoken() == spoken, make)?;
    if new {
        // In this order: a server without its session could not be found again.
        app.store().save_session(session.key(), app.now()).await?;
        app.store().save_server(session.key(), &server.stored()).await?;
    }
    Ok(axum::Json(server.view()))
}

/// Revokes its tokens where that can be done, ends its connection and forgets it with its calls and exchanges.
pub(crate) async fn remove(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let server = session.server(&id)?;
    // The same endpoint in another revision has the same tokens.
    let shared = session.servers().iter().any(|it| it.url() == server.url() && it.id() != id);
    let forgotten = if shared { Ok(()) } else { forget_login(&app, &server).await };
    session.remove_server(&id);
    app.store().remove_server(session.key(), &id).await?;
    forgotten?;
    Ok(StatusCode::NO_CONTENT)
}

/// Connects again, now.
pub(crate) async fn connect(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<axum::Json<ServerView>, ApiError> {
    let server = session.server(&id)?;
    server.command(Command::Connect);
    Ok(axum::Json(server.view()))
}
