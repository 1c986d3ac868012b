//! What clients ask about tasks: `tasks/get`, `tasks/update`, `tasks/cancel`, and to be told of changes.

use std::sync::Arc;

use barewire_mcp::error::{Error, code};
use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::tasks::{TaskRequest, TaskResult, TaskState, TaskWanted, required_capabilities};

use super::record::Record;
use crate::auth::Principal;
use crate::call::CallState;
use crate::error::{Kind, ToolError};
use crate::registry::Work;
use crate::server::Shared;

/// Begins to answer a request about a task.
///
/// # Errors
/// This server has no tasks, or the client does not say that it understands them.
pub(crate) fn begin(call: &Arc<CallState>, request: TaskRequest) -> Result<Work, ToolError> {
    if call.server.tasks.is_none() {
        return Err(Error::MethodNotFound { method: call.method.to_owned() }.into());
    }
    declared(&call.capabilities).map_err(|missing| ToolError(Box::new(Kind::Capability(missing))))?;
    let call = call.clone();
    Ok(Box::pin(async move { answer(&call, request).await.map(|result| Outcome::Task(Box::new(result))) }))
}

async fn answer(call: &Arc<CallState>, request: TaskRequest) -> Result<TaskResult, ToolError> {
    let server = &call.server;
    let Some(tasks) = &server.tasks else { return Err(Error::Internal.into()) };
    let TaskRequest { task_id, wanted } = request;
    let record = tasks.permitted(server, call.principal.as_deref(), &task_id).await?;
    let now = server.now();
    match wanted {
        TaskWanted::Get => return Ok(TaskResult::Found(record.task)),
        TaskWanted::Update(responses) => {
            let most = server.limits.max_task_bytes;
            let take = |record: &mut Record| {
                let change = record.answer(&responses, now).map_err(Error::from)?;
                if record.stored().document.len() > most {
                    let error = ErrorObject::new(code::INVALID_PARAMS, "The answers are too large");
                    return Err(ToolError::protocol(error));
                }
                Ok(change)
            };
            tasks.change(server, &task_id, take).await?;
            if let Some(worker) = tasks.worker(&task_id) {
                worker.look();
            }
        }
        TaskWanted::Cancel => {
            let keep = server.limits.task_ttl;
            let end = |record: &mut Record| Ok(record.end(TaskState::Cancelled, now, keep));
            let ended = tasks.change(server, &task_id, end).await?;
            let cancelled = ended.is_some_and(|record| record.task.state == TaskState::Cancelled);
            if let Some(worker) = tasks.worker(&task_id).filter(|_| cancelled) {
                worker.stop();
            }
        }
    }
    Ok(TaskResult::Acknowledged)
}

/// Of the tasks that a client wants to watch, those that it may.
///
/// # Errors
/// The client does not say that it understands tasks.
pub(crate) async fn watched(
    server: &Shared,
    caller: Option<&Principal>,
    capabilities: &ClientCapabilities,
    wanted: &[String],
) -> Result<Vec<String>, Error> {
    let Some(tasks) = &server.tasks else { return Ok(Vec::new()) };
    declared(capabilities).map_err(|required| Error::MissingClientCapability { required })?;
    let mut watched = Vec::new();
    // Nobody has more than that many.
    for id in wanted.iter().take(server.limits.max_kept_tasks_per_principal) {
        if tasks.look(server, caller, id).await.is_some() {
            watched.push(id.clone());
        }
    }
    Ok(watched)
}

fn declared(capabilities: &ClientCapabilities) -> Result<(), Box<ClientCapabilities>> {
    capabilities.missing(&required_capabilities()).map_or(Ok(()), |missing| Err(Box::new(missing)))
}
