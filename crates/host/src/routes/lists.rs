//! What a server has: `GET /api/servers/{id}/tools`, `…/resources`, `…/templates`, `…/prompts`; `POST …/complete`.
//!
//! These answer with what the server says now. They wait for it, as a browser can, and each is a request of its own.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Path, State};

use super::{Browser, Json};
use crate::api::{Complete, Completion, PromptList, ResourceList, TemplateList, ToolList};
use crate::error::ApiError;
use crate::host::App;
use crate::manager::{Link, Trouble, show_renewed};
use crate::session::Session;

/// Every page of the tools.
pub(crate) async fn tools(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<ToolList>, ApiError> {
    ask(&app, &session, &id, async |link| link.tools().await).await
}

/// Every page of the resources.
pub(crate) async fn resources(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<ResourceList>, ApiError> {
    ask(&app, &session, &id, async |link| link.resources().await).await
}

/// Every page of the resource templates.
pub(crate) async fn templates(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<TemplateList>, ApiError> {
    ask(&app, &session, &id, async |link| link.templates().await).await
}

/// Every page of the prompts.
pub(crate) async fn prompts(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<PromptList>, ApiError> {
    ask(&app, &session, &id, async |link| link.prompts().await).await
}

/// Values for an argument.
pub(crate) async fn complete(
    State(app): State<App>,
    Browser(session): Browser,
    Path(id): Path<String>,
    Json(request): Json<Complete>,
) -> Result<Answer<Completion>, ApiError> {
    ask(&app, &session, &id, async |link| link.complete(request).await).await
}

/// Asks the server. What that tells of the connection is not only this request's trouble.
async fn ask<T>(
    app: &App,
    session: &Session,
    id: &str,
    question: impl AsyncFnOnce(Arc<Link>) -> Result<T, Trouble>,
) -> Result<Answer<T>, ApiError> {
    let server = session.server(id)?;
    let link = server.link()?;
    let answer = question(link.clone()).await;
    show_renewed(app, &link, &server).await;
    answer.map(Answer).map_err(|trouble| {
        server.noticed(&trouble);
        trouble.into()
    })
}
