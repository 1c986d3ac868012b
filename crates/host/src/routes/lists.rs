//! What a server has: `GET /api/servers/{id}/tools`, `…/resources`, `…/templates`, `…/prompts`; `POST …/complete`.
//!
//! These answer with what the server says now. They wait for it, as a browser can, and each is a request of its own.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::Path;

use super::{Browser, Json};
use crate::api::{Complete, Completion, PromptList, ResourceList, TemplateList, ToolList};
use crate::error::ApiError;
use crate::manager::{Link, Trouble};
use crate::session::Session;

/// Every page of the tools.
pub(crate) async fn tools(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<ToolList>, ApiError> {
    ask(&session, &id, async |link| link.tools().await).await
}

/// Every page of the resources.
pub(crate) async fn resources(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<ResourceList>, ApiError> {
    ask(&session, &id, async |link| link.resources().await).await
}

/// Every page of the resource templates.
pub(crate) async fn templates(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<TemplateList>, ApiError> {
    ask(&session, &id, async |link| link.templates().await).await
}

/// Every page of the prompts.
pub(crate) async fn prompts(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<PromptList>, ApiError> {
    ask(&session, &id, async |link| link.prompts().await).await
}

/// Values for an argument.
pub(crate) async fn complete(
    Browser(session): Browser,
    Path(id): Path<String>,
    Json(request): Json<Complete>,
) -> Result<Answer<Completion>, ApiError> {
    ask(&session, &id, async |link| link.complete(request).await).await
}

/// Asks the server. What that tells of the connection is not only this request's trouble.
async fn ask<T>(
    session: &Session,
    id: &str,
    question: impl AsyncFnOnce(Arc<Link>) -> Result<T, Trouble>,
) -> Result<Answer<T>, ApiError> {
    let server = session.server(id)?;
    let answer = question(server.link()?).await;
    answer.map(Answer).map_err(|trouble| {
        server.noticed(&trouble);
        trouble.into()
    })
}
