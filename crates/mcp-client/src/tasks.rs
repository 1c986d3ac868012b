//! Calls that the server goes on with after it has answered
//! ([the extension `io.modelcontextprotocol/tasks`](https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md)).
//!
//! Whoever waits for a task listens for what the server tells of it (`notices.rs`), and asks: often where the server tells
//! nothing, and seldom where it does, since a message may be lost.

mod notices;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use barewire_exchange::{Decision, Step};
use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::input::{InputRequests, InputRequired};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::operation::{Operation, Outcome};
use barewire_mcp::types::tasks::{Task, TaskRequest, TaskResult, TaskState, TaskStatus, TaskWanted};
use barewire_mcp::types::tools::{CallToolRequest, CallToolResult};
use barewire_mcp::wire::v2026_07_28::{self as wire, Request};
use indexmap::IndexMap;
use tokio::time::sleep;

use self::notices::{Heard, Notices};
use crate::client::{CallOptions, Handle, another};
use crate::connection::{Connection, Done, Response, Spoken, conclude};
use crate::error::{Answered, CallError, TransportError};
use crate::recording::Recording;

/// What a call has come to at once: see [`Client::begin_tool`](crate::Client::begin_tool).
#[derive(Debug)]
pub enum Begun {
    /// It is done.
    Done(CallToolResult),
    /// The server goes on with it.
    Task(TaskHandle),
}

/// A task of the server's. Dropping the handle does nothing to the task: its id can be kept, and asked for again
/// ([`Client::task`](crate::Client::task)).
#[derive(Clone)]
pub struct TaskHandle {
    id: String,
    client: Arc<Handle>,
}

impl std::fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskHandle").field("id", &self.id).finish_non_exhaustive()
    }
}

impl TaskHandle {
    pub(crate) fn new(client: Arc<Handle>, id: String) -> Self {
        Self { id, client }
    }

    /// Its id. Together with the user's login it is all that is needed to ask for the task again.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How far it is.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Rpc`] with -32602 when there is no such task, or not any more.
    pub async fn get(&self) -> Result<Task<TaskState>, CallError> {
        let connection = &self.client.connection;
        let (task, _) = connection.get_task(modern(connection)?, &self.id, &CallOptions::default()).await?;
        Ok(task)
    }

    /// Answers some of its questions, by their keys.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn answer(&self, responses: IndexMap<String, RawJson>) -> Result<(), CallError> {
        let connection = &self.client.connection;
        let wanted = TaskWanted::Update(responses);
        connection.tell_task(modern(connection)?, &self.id, wanted, &CallOptions::default()).await
    }

    /// Says that it is not needed any more. Whether the server stops, and when, is its own decision.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn cancel(&self) -> Result<(), CallError> {
        let connection = &self.client.connection;
        connection.tell_task(modern(connection)?, &self.id, TaskWanted::Cancel, &CallOptions::default()).await
    }

    /// Waits for its end; questions on the way go to the handler. When the options' token is cancelled or the future is
    /// dropped, the task goes on.
    ///
    /// # Errors
    /// [`CallError`]: that of the task, or [`CallError::Cancelled`] when it was cancelled.
    pub async fn wait(&self, options: CallOptions) -> Result<CallToolResult, CallError> {
        let connection = &self.client.connection;
        let operation = Operation::CallTool(CallToolRequest::default());
        // Whoever has the id may ask for the task again, so nothing is told to the server.
        let abandon = Abandon { connection: None, revision: modern(connection)?, id: self.id.clone() };
        let end = connection.end_of_task(&operation, None, abandon, &options);
        let done = tokio::select! {
            biased;
            () = options.cancel.cancelled() => return Err(CallError::Cancelled),
            done = end => done?,
        };
        match done.outcome {
            Outcome::CallTool(result) => Ok(result),
            _ => Err(another("tasks/get")),
        }
    }
}

/// The revision in which there are tasks.
fn modern(connection: &Connection) -> Result<Revision, CallError> {
    match &connection.spoken {
        Spoken::Modern(revision) => Ok(*revision),
        Spoken::Legacy(_) => {
            Err(CallError::NotInRevision { what: "a task", revision: connection.info().revision.to_string() })
        }
    }
}

impl Connection {
    /// Waits for the end of a task that nobody else knows of: when it is not waited for any more, it is cancelled.
    pub(crate) async fn follow_task(
        self: &Arc<Self>,
        revision: Revision,
        operation: &Operation,
        created: &Task<TaskStatus>,
        call: &CallOptions,
    ) -> Result<Done, CallError> {
        let abandon = Abandon { connection: Some(Arc::clone(self)), revision, id: created.task_id.clone() };
        self.options.handler.task(call.tag.as_deref(), created);
        self.end_of_task(operation, created.poll_interval_ms, abandon, call).await
    }

    /// `abandon` goes off unless the task is known to have ended.
    async fn end_of_task(
        self: &Arc<Self>,
        operation: &Operation,
        mut interval: Option<u64>,
        abandon: Abandon,
        call: &CallOptions,
    ) -> Result<Done, CallError> {
        let (revision, id) = (abandon.revision, abandon.id.clone());
        let id = id.as_str();
        let config = &self.options.config;
        let mut answered = HashSet::new();
        let mut failures = 0;
        let mut shown = None;
        let mut notices = Notices::of(self, revision, id, call.tag.as_deref());
        loop {
            let least = if notices.are_agreed() { config.watched_task_poll_interval } else { Duration::ZERO };
            let pause = pause(interval, failures, config.task_poll_interval, config.max_task_poll_interval);
            let heard = tokio::select! {
                heard = notices.next() => heard,
                () = sleep(pause.max(least)) => Heard::Nothing,
            };
            let (task, recording) = match heard {
                Heard::Task(task, recording) => (*task, recording),
                // What happened before the server began to tell is asked for.
                Heard::Agreed | Heard::Nothing => match self.get_task(revision, id, call).await {
                    Ok(found) => found,
                    // The task goes on whether or not one question about it arrives.
                    Err(error) if is_passing(&error) && failures < config.max_task_failures => {
                        tracing::debug!(%error, task = id, "asking again later");
                        failures += 1;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            failures = 0;
            interval = task.poll_interval_ms;
            let state = Task { state: task.state.status(), ..task.clone().with_state(TaskStatus::Working) };
            if shown.as_ref() != Some(&state) {
                self.options.handler.task(call.tag.as_deref(), &state);
                shown = Some(state);
            }
            match task.state {
                TaskState::Working => {
                    let message = task.status_message.map(|message| message.chars().take(500).collect());
                    recording.decide(&Decision::TaskGoesOn { message });
                }
                TaskState::InputRequired(requests) => {
                    let open: InputRequests =
                        requests.into_iter().filter(|(key, _)| !answered.contains(key)).collect();
                    if open.is_empty() {
                        continue;
                    }
                    if answered.len() + open.len() > config.max_task_questions {
                        recording.decide(&Decision::TaskQuestionLimit { questions: answered.len() });
                        return Err(CallError::TooManyRounds { rounds: answered.len() });
                    }
                    recording.decide(&Decision::TaskAsks { questions: open.len() });
                    answered.extend(open.keys().cloned());
                    let required = InputRequired { requests: open, state: None };
                    let answers = self.answer_all(revision, required, call.tag.as_deref()).await?;
                    self.tell_task(revision, id, TaskWanted::Update(answers.responses), call).await?;
                }
                TaskState::Completed(result) => {
                    abandon.disarm();
                    return complete(operation, &result, recording);
                }
                TaskState::Failed(error) => {
                    abandon.disarm();
                    recording.decide(&failed(&error));
                    return Err(CallError::Rpc(error));
                }
                TaskState::Cancelled => {
                    abandon.disarm();
                    recording.decide(&Decision::TaskCancelled);
                    return Err(CallError::Cancelled);
                }
            }
        }
    }

    async fn get_task(
        self: &Arc<Self>,
        revision: Revision,
        id: &str,
        call: &CallOptions,
    ) -> Result<(Task<TaskState>, Recording), CallError> {
        match self.about_task(revision, id, TaskWanted::Get, call).await? {
            (TaskResult::Found(task), recording) if task.task_id == id => Ok((task, recording)),
            _ => Err(CallError::Malformed {
                method: "tasks/get".to_owned(),
                detail: "the result is about another task".to_owned(),
            }),
        }
    }

    async fn tell_task(
        self: &Arc<Self>,
        revision: Revision,
        id: &str,
        wanted: TaskWanted,
        call: &CallOptions,
    ) -> Result<(), CallError> {
        self.about_task(revision, id, wanted, call).await.map(drop)
    }

    async fn about_task(
        self: &Arc<Self>,
        revision: Revision,
        id: &str,
        wanted: TaskWanted,
        call: &CallOptions,
    ) -> Result<(TaskResult, Recording), CallError> {
        let step = match wanted {
            TaskWanted::Get => Step::GetTask,
            TaskWanted::Update(_) => Step::AnswerTask,
            TaskWanted::Cancel => Step::CancelTask,
        };
        let request = TaskRequest { task_id: id.to_owned(), wanted };
        let asked = Request::Task(request.clone());
        let Response { outcome, recording } = self.ask_modern(revision, step, &asked, call, None).await?;
        let result = outcome.map_err(CallError::Rpc)?;
        let decoded = wire::decode_task_result(&request, result.as_raw()).map_err(|fault| {
            CallError::Malformed { method: request.method().to_owned(), detail: fault.to_string() }
        })?;
        Ok((decoded, recording))
    }
}

/// The result of a task is that of the call that became it.
fn complete(operation: &Operation, result: &RawJson, recording: Recording) -> Result<Done, CallError> {
    let malformed = |detail: String| CallError::Malformed { method: operation.method().to_owned(), detail };
    let decoded =
        wire::decode_result(operation, result.as_raw()).map_err(|fault| malformed(fault.to_string()))?;
    if matches!(decoded.outcome, Outcome::Task(_) | Outcome::InputRequired(_)) {
        return Err(malformed("a task ended with something that is not an end".to_owned()));
    }
    recording.decide(&Decision::TaskCompleted);
    conclude(&decoded.outcome, &recording);
    Ok(Done { outcome: decoded.outcome, recording })
}

fn failed(error: &ErrorObject) -> Decision {
    Decision::TaskFailed { code: error.code, message: error.message.chars().take(500).collect() }
}

/// How long to wait before the next question: as the server says, within bounds; longer after failures; and never the
/// same for many clients that began together.
fn pause(wanted: Option<u64>, failures: u32, default: Duration, most: Duration) -> Duration {
    const LEAST: Duration = Duration::from_millis(50);
    let wanted = wanted.map_or(default, Duration::from_millis);
    let wanted = wanted.saturating_mul(1 << failures.min(10)).min(most).max(LEAST);
    wanted.mul_f64(1.0 + 0.1 * rand::random::<f64>())
}

/// Whether the same question may well be answered a little later.
fn is_passing(error: &CallError) -> bool {
    match error {
        CallError::Transport(error) => {
            matches!(
                error,
                TransportError::Connect { .. }
                    | TransportError::Timeout { .. }
                    | TransportError::Broken { .. }
            )
        }
        CallError::Http(Answered::StreamEnded) => true,
        CallError::Http(
            Answered::Html { status }
            | Answered::Empty { status }
            | Answered::MediaType { status, .. }
            | Answered::NotJsonRpc { status }
            | Answered::Status { status, .. },
        ) => status.is_server_error() || status.as_u16() == 429,
        _ => false,
    }
}

/// Tells the server when nobody waits for a task any more: the call's own stream has long ended.
struct Abandon {
    connection: Option<Arc<Connection>>,
    revision: Revision,
    id: String,
}

impl Abandon {
    fn disarm(mut self) {
        self.connection = None;
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let (revision, id) = (self.revision, std::mem::take(&mut self.id));
        connection.clone().farewell(async move {
            let options = CallOptions::default();
            if let Err(error) = connection.tell_task(revision, &id, TaskWanted::Cancel, &options).await {
                tracing::debug!(%error, task = id, "the server could not be told that the task is not needed");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_the_servers_within_bounds() {
        let seconds = Duration::from_secs;
        let check = |wanted: Option<u64>, failures, least: Duration| {
            let pause = pause(wanted, failures, seconds(1), seconds(60));
            assert!(pause >= least && pause <= least.mul_f64(1.1), "{wanted:?} {failures}: {pause:?}");
        };
        check(None, 0, seconds(1));
        check(Some(5_000), 0, seconds(5));
        check(Some(0), 0, Duration::from_millis(50));
        check(Some(u64::MAX), 0, seconds(60));
        check(Some(5_000), 2, seconds(20));
        check(Some(5_000), u32::MAX, seconds(60));
    }
}
