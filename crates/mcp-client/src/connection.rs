//! One connection: what was negotiated, what is known about the tools, and how messages travel.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use barewire_exchange::{Decision, Rpc, Step};
use barewire_mcp::client::{self, Incoming, Outgoing};
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::revision::Revision;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::operation::{Operation, Outcome};
use barewire_mcp::types::skills::{SkillsRequest, SkillsResult};
use barewire_mcp::types::subscriptions::Change;
use barewire_mcp::types::tasks::TaskResult;
use http::Method;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::authorized::{Authorized, Follow};
use crate::client::{CallOptions, RejectedTool, ServerInfo};
use crate::error::{Answered, CallError};
use crate::legacy::Legacy;
use crate::options::ClientOptions;
use crate::recording::{Purpose, Recording};
use crate::transport::{Events, Reply, Request};

/// Changes that nobody fetched in time are dropped; a subscriber that lags reads on with what is left.
const CHANGES: usize = 256;

/// A connection; shared by the clones of a client and by its background tasks.
pub(crate) struct Connection {
    pub(crate) url: Url,
    pub(crate) options: ClientOptions,
    pub(crate) authorized: Arc<Authorized>,
    pub(crate) spoken: Spoken,
    pub(crate) info: RwLock<ServerInfo>,
    pub(crate) changes: broadcast::Sender<Change>,
    /// Cancelled when the last handle of the application is gone, which ends what runs in the background.
    pub(crate) closed: CancellationToken,
    /// What the server is told of work that nobody waits for any more.
    farewells: TaskTracker,
    ids: AtomicI64,
    tools: Mutex<Tools>,
    /// Which running request a progress token belongs to.
    running: Mutex<HashMap<Id, Option<String>>>,
}

/// What is spoken, decided once.
pub(crate) enum Spoken {
    Modern(Revision),
    Legacy(Box<Legacy>),
}

/// What the last listing of tools said about headers.
#[derive(Default)]
struct Tools {
    mirrored: HashMap<String, MirroredParams>,
    rejected: Vec<RejectedTool>,
}

/// One request on its way.
pub(crate) struct Pending<'a> {
    pub(crate) id: &'a Id,
    pub(crate) method: &'a str,
    pub(crate) tag: Option<&'a str>,
}

/// A complete result, and the record of the exchange that brought it.
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) recording: Recording,
}

/// How a response came back.
pub(crate) struct Response {
    pub(crate) outcome: Result<RawJson, ErrorObject>,
    pub(crate) recording: Recording,
}

/// What came at once.
enum Read {
    /// The response that is waited for, whatever came with it.
    Response(Result<RawJson, ErrorObject>),
    /// Messages, and the response is not among them.
    Other,
    /// Not one message that can be read.
    Broken,
    /// A batch that is not taken apart.
    Batch(client::ServerFault),
}

impl Connection {
    pub(crate) fn new(
        url: Url,
        options: ClientOptions,
        authorized: Arc<Authorized>,
        spoken: Spoken,
        info: ServerInfo,
        first_id: i64,
    ) -> Arc<Self> {
        let (changes, _) = broadcast::channel(CHANGES);
        Arc::new(Self {
            url,
            options,
            authorized,
            spoken,
            info: RwLock::new(info),
            changes,
            closed: CancellationToken::new(),
            farewells: TaskTracker::new(),
            ids: AtomicI64::new(first_id),
            tools: Mutex::default(),
            running: Mutex::default(),
        })
    }

    /// Tells the server something in the background: whoever left does not wait for it.
    pub(crate) fn farewell(&self, telling: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.farewells.spawn_on(telling, &runtime);
        }
    }

    /// Waits until the server has been told all that, or does not listen.
    pub(crate) async fn said_farewell(&self) {
        self.farewells.close();
        let told = tokio::time::timeout(self.options.config.probe_timeout, self.farewells.wait()).await;
        if told.is_err() {
            tracing::debug!(server = %self.url, "the server could not be told that something is not needed");
        }
    }

    /// An id that this connection has not used.
    pub(crate) fn next_id(&self) -> Id {
        Id::from(self.ids.fetch_add(1, Ordering::Relaxed))
    }

    /// Does an operation in the era of the connection, to its end.
    pub(crate) async fn run(
        self: &Arc<Self>,
        operation: Operation,
        call: &CallOptions,
    ) -> Result<Done, CallError> {
        unless_cancelled(call, async {
            let revision = match &self.spoken {
                Spoken::Modern(revision) => *revision,
                Spoken::Legacy(legacy) => return self.run_legacy(legacy, operation, call).await,
            };
            let done = self.run_modern(revision, operation.clone(), call).await?;
            let Outcome::Task(result) = &done.outcome else { return Ok(done) };
            let TaskResult::Created(created) = &**result else { return Ok(done) };
            self.follow_task(revision, &operation, created, call).await
        })
        .await
    }

    /// The same, but a call that has become a task is not waited for.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        operation: Operation,
        call: &CallOptions,
    ) -> Result<Done, CallError> {
        unless_cancelled(call, async {
            match &self.spoken {
                Spoken::Modern(revision) => self.run_modern(*revision, operation, call).await,
                Spoken::Legacy(legacy) => self.run_legacy(legacy, operation, call).await,
            }
        })
        .await
    }

    /// POSTs one message, with the token, and again where that helps.
    pub(crate) async fn post(
        &self,
        follow: Follow,
        purpose: &Purpose,
        url: &Url,
        mut outgoing: impl FnMut() -> Result<Outgoing, CallError>,
    ) -> Result<(Reply, bool), CallError> {
        self.authorized
            .send(follow, || {
                let Outgoing { headers, body } = outgoing()?;
                Ok(Request {
                    purpose: purpose.clone(),
                    method: Method::POST,
                    url: url.clone(),
                    headers,
                    body: Some(body),
                    timeout: self.options.config.answer_timeout,
                })
            })
            .await
    }

    /// Reads the response out of one JSON body, which may be a batch.
    pub(crate) async fn read_message(
        self: &Arc<Self>,
        revision: Revision,
        pending: &Pending<'_>,
        reply: &mut Reply,
    ) -> Result<Response, CallError> {
        let recording = reply.recording.clone();
        let body = reply.body(self.options.config.max_answer_bytes).await.map_err(CallError::Transport)?;
        let status = reply.status;
        let answered = match self.read_messages(revision, Some(pending), &recording, &body) {
            Read::Response(outcome) => return Ok(Response { outcome, recording }),
            Read::Other => return Err(malformed(pending, "the body answers another request")),
            Read::Batch(fault) => return Err(malformed(pending, &fault.to_string())),
            Read::Broken => {
                let text = String::from_utf8_lossy(&body);
                let text = self.options.shared.masker.text(text.trim());
                crate::transport::describe(status, &reply.media_type(), &text)
            }
        };
        recording.decide(&Decision::NotMcp { answered: answered.to_string() });
        Err(CallError::Http(answered))
    }

    /// Reads one event of a response stream. `None` when it was not the response.
    pub(crate) fn read_event(
        self: &Arc<Self>,
        revision: Revision,
        pending: Option<&Pending<'_>>,
        events: &Events,
        data: &str,
    ) -> Result<Option<Result<RawJson, ErrorObject>>, CallError> {
        if data.trim().is_empty() {
            return Ok(None);
        }
        match self.read_messages(revision, pending, &events.recording, data.as_bytes()) {
            Read::Response(outcome) => Ok(Some(outcome)),
            // One message that breaks the protocol does not end a stream; the response may still come.
            Read::Other | Read::Broken => Ok(None),
            // What was in the batch does not come again.
            Read::Batch(fault) => pending.map_or(Ok(None), |it| Err(malformed(it, &fault.to_string()))),
        }
    }

    /// Reads what came at once: usually one message. All of a batch is read, whichever of it is the response.
    fn read_messages(
        self: &Arc<Self>,
        revision: Revision,
        pending: Option<&Pending<'_>>,
        recording: &Recording,
        text: &[u8],
    ) -> Read {
        let messages = match client::messages(revision, text, self.options.config.max_batch) {
            Ok(messages) => messages,
            Err(fault) => {
                tracing::warn!(%fault, server = %self.url, "a batch was refused");
                return Read::Batch(fault);
            }
        };
        let mut read = Read::Broken;
        for message in messages {
            match client::read(revision, message) {
                Ok(message) => {
                    let response = self.take_in(message, pending, recording);
                    match (response, &read) {
                        (Some(outcome), _) => read = Read::Response(outcome),
                        (None, Read::Broken) => read = Read::Other,
                        (None, _) => {}
                    }
                }
                Err(fault) => {
                    tracing::warn!(%fault, server = %self.url, "the server broke the protocol");
                }
            }
        }
        read
    }

    /// Gives a message to whom it concerns; back comes the response to what is pending.
    pub(crate) fn take_in(
        self: &Arc<Self>,
        message: Incoming,
        pending: Option<&Pending<'_>>,
        recording: &Recording,
    ) -> Option<Result<RawJson, ErrorObject>> {
        match message {
            Incoming::Response { id, outcome } => {
                // An error without an id is about a message that the server could not read; ours is the only one there is.
                pending.filter(|pending| id.as_ref().is_none_or(|id| id == pending.id))?;
                if let Err(error) = &outcome {
                    recording.decide(&rpc_error(error));
                }
                Some(outcome)
            }
            Incoming::Notification { notification, .. } => {
                self.notified(notification, pending.map(|pending| pending.tag));
                None
            }
            Incoming::Request { id, request } => {
                let tag = pending.and_then(|pending| pending.tag).map(str::to_owned);
                self.asked(id, request, tag);
                None
            }
        }
    }

    /// Tells the handler. `tag` is that of the request on whose stream it came; `None` when it came on another.
    pub(crate) fn notified(&self, notification: ServerNotification, tag: Option<Option<&str>>) {
        let handler = &self.options.handler;
        match notification {
            ServerNotification::Progress(progress) => {
                let running = self.running();
                if let Some(tag) = running.get(&progress.progress_token).cloned() {
                    drop(running);
                    handler.progress(tag.as_deref(), &progress);
                }
            }
            ServerNotification::Log(message) => handler.log(tag.flatten(), &message),
            ServerNotification::Change(change) => {
                handler.changed(&change);
                // Nobody listens: fine.
                let _ = self.changes.send(change);
            }
            ServerNotification::Cancelled(cancelled) => self.withdrawn(&cancelled.request_id),
            ServerNotification::Acknowledged(_)
            | ServerNotification::Task(_)
            | ServerNotification::ElicitationComplete { .. }
            | ServerNotification::Other { .. } => {}
        }
    }

    /// Lets progress of a request find its caller, as long as the guard lives.
    pub(crate) fn follow_progress(self: &Arc<Self>, id: &Id, tag: Option<&str>) -> Running {
        self.running().insert(id.clone(), tag.map(str::to_owned));
        Running { connection: Arc::clone(self), id: id.clone() }
    }

    /// Keeps what a listing said about headers.
    pub(crate) fn remember_tools(
        &self,
        mirrored: HashMap<String, MirroredParams>,
        rejected: Vec<RejectedTool>,
    ) {
        *self.tools() = Tools { mirrored, rejected };
    }

    pub(crate) fn rejected_tools(&self) -> Vec<RejectedTool> {
        self.tools().rejected.clone()
    }

    /// The headers of a call of this tool; the default where it was not listed.
    pub(crate) fn mirrored(&self, operation: &Operation) -> Result<MirroredParams, CallError> {
        let Operation::CallTool(request) = operation else { return Ok(MirroredParams::default()) };
        let tools = self.tools();
        if let Some(rejected) = tools.rejected.iter().find(|tool| tool.name == request.name) {
            let RejectedTool { name, reason } = rejected.clone();
            return Err(CallError::ToolRejected { name, reason });
        }
        Ok(tools.mirrored.get(&request.name).cloned().unwrap_or_default())
    }

    pub(crate) fn info(&self) -> ServerInfo {
        self.info.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tools(&self) -> MutexGuard<'_, Tools> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Id, Option<String>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaving drops the work: its stream closes, a legacy server is told, a task is cancelled.
async fn unless_cancelled(
    call: &CallOptions,
    work: impl Future<Output = Result<Done, CallError>>,
) -> Result<Done, CallError> {
    // In a box: it has a long way in it, whose state would be kept on the stack of everybody who awaits this.
    let work = Box::pin(work);
    tokio::select! {
        biased;
        () = call.cancel.cancelled() => Err(CallError::Cancelled),
        outcome = work => outcome,
    }
}

/// Keeps the way from a progress token to its caller.
pub(crate) struct Running {
    connection: Arc<Connection>,
    id: Id,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.connection.running().remove(&self.id);
    }
}

/// What a POST with this message is for.
pub(crate) fn purpose(
    step: Step,
    method: &str,
    id: Option<&Id>,
    name: Option<&str>,
    revision: Option<Revision>,
    tag: Option<&str>,
) -> Purpose {
    let rpc = Rpc {
        method: Some(method.to_owned()),
        id: id.map(ToString::to_string),
        name: name.map(str::to_owned),
        revision: revision.map(|revision| revision.to_string()),
    };
    Purpose { step, phase: None, tag: tag.map(str::to_owned), repeats: None, rpc: Some(rpc) }
}

/// The step of an operation.
pub(crate) fn step_of(operation: &Operation) -> Step {
    match operation {
        Operation::ListTools(_) => Step::ListTools,
        Operation::CallTool(_) => Step::CallTool,
        Operation::ListResources(_) => Step::ListResources,
        Operation::ListResourceTemplates(_) => Step::ListResourceTemplates,
        Operation::ReadResource(_) => Step::ReadResource,
        Operation::ListPrompts(_) => Step::ListPrompts,
        Operation::GetPrompt(_) => Step::GetPrompt,
        Operation::Complete(_) => Step::Complete,
        Operation::Skills(SkillsRequest::List(_)) => Step::ListSkills,
        Operation::Skills(SkillsRequest::Get { .. }) => Step::GetSkill,
        Operation::Skills(SkillsRequest::ReadDirectory { .. }) => Step::ReadDirectory,
    }
}

/// Tells the record what a complete result means, where there is something to tell.
pub(crate) fn conclude(outcome: &Outcome, recording: &Recording) {
    let next = match outcome {
        Outcome::CallTool(result) if result.is_error => return recording.decide(&Decision::ToolFailed),
        Outcome::ListTools(result) => &result.next_cursor,
        Outcome::ListResources(result) => &result.next_cursor,
        Outcome::ListResourceTemplates(result) => &result.next_cursor,
        Outcome::ListPrompts(result) => &result.next_cursor,
        Outcome::Skills(SkillsResult::List(result)) => &result.next_cursor,
        Outcome::Skills(SkillsResult::Directory(result)) => &result.next_cursor,
        _ => return,
    };
    if next.is_some() {
        recording.decide(&Decision::NextPage);
    }
}

pub(crate) fn rpc_error(error: &ErrorObject) -> Decision {
    Decision::RpcError { code: error.code, message: error.message.chars().take(500).collect() }
}

pub(crate) fn malformed(pending: &Pending<'_>, detail: &str) -> CallError {
    CallError::Malformed { method: pending.method.to_owned(), detail: detail.to_owned() }
}

/// An answer that is HTTP and not MCP.
pub(crate) async fn not_mcp(mut reply: Reply) -> CallError {
    let answered: Answered = reply.describe().await;
    reply.recording.decide(&Decision::NotMcp { answered: answered.to_string() });
    CallError::Http(answered)
}

/// The level of a request, unless it is the one that was set already.
pub(crate) fn newly_wanted(wanted: Option<LoggingLevel>, set: Option<LoggingLevel>) -> Option<LoggingLevel> {
    wanted.filter(|wanted| Some(*wanted) != set)
}
