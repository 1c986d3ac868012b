//! What a server has: `GET /api/servers/{id}/tools`, `…/resources`, `…/templates`, `…/prompts`; `POST …/complete`.
//!
//! These answer with what the server says now. They wait for it, as a browser can, and each is a request of its own.

use axum::Json as Answer;
use axum::extract::Path;

use super::{Browser, Json};
use crate::api::{Complete, Completion, PromptList, ResourceList, TemplateList, ToolList};
use crate::error::ApiError;

pub(crate) async fn tools(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<ToolList>, ApiError> {
    Ok(Answer(session.server(&id)?.link()?.tools().await?))
}

pub(crate) async fn resources(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<ResourceList>, ApiError> {
    Ok(Answer(session.server(&id)?.link()?.resources().await?))
}

pub(crate) async fn templates(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<TemplateList>, ApiError> {
    Ok(Answer(session.server(&id)?.link()?.templates().await?))
}

pub(crate) async fn prompts(
    Browser(session): Browser,
    Path(id): Path<String>,
) -> Result<Answer<PromptList>, ApiError> {
    Ok(Answer(session.server(&id)?.link()?.prompts().await?))
}

pub(crate) async fn complete(
    Browser(session): Browser,
    Path(id): Path<String>,
    Json(request): Json<Complete>,
) -> Result<Answer<Completion>, ApiError> {
    Ok(Answer(session.server(&id)?.link()?.complete(request).await?))
}
