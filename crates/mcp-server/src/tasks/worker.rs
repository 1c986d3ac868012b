//! A handler at work on a task.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use barewire_mcp::error::Error;
use barewire_mcp::jsonrpc::{self, Message};
use barewire_mcp::revision::Era;
use barewire_mcp::types::input::InputRequest;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::tasks::{Task, TaskState, TaskStatus, required_capabilities};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::record::{Birth, Change, Record};
use super::{TaskOptions, Tasks, too_large, too_many};
use crate::answer::Answer;
use crate::ask::AskError;
use crate::auth::Principal;
use crate::call::CallState;
use crate::drain::UnderWay;
use crate::error::{Kind, ToolError};
use crate::observer::Outcome;
use crate::running::Running;
use crate::seal::random_bytes;
use crate::server::Shared;
use crate::shares::Share;
use crate::tasks::TaskRoom;

/// The place in a call for the task that it may become.
#[derive(Default)]
pub(crate) struct TaskSlot(OnceLock<Arc<Worker>>);

/// What one task has in this process.
pub(crate) struct Worker {
    id: String,
    call: Weak<CallState>,
    created: Task<TaskStatus>,
    /// Whether the call has been answered, and its handler goes on in the background.
    detached: AtomicBool,
    went_on: Notify,
    /// The task may have changed in the store.
    changed: Notify,
    /// What it has asked.
    asked: Mutex<HashMap<String, InputRequest>>,
    progress: Mutex<Reported>,
    _place: Share,
    _under_way: UnderWay,
}

#[derive(Default)]
struct Reported {
    /// What the store does not have yet.
    message: Option<String>,
    written: Option<Instant>,
}

impl TaskSlot {
    pub(crate) fn get(&self) -> Option<&Arc<Worker>> {
        self.0.get()
    }

    /// The task whose call is not answered yet, once.
    pub(crate) fn take_up(&self) -> Option<&Arc<Worker>> {
        self.get().filter(|worker| !worker.detached.swap(true, Ordering::AcqRel))
    }
}

/// Makes a task of a call, if its client understands that and the server has tasks. Comes back when the call is
/// answered.
pub(crate) async fn start(call: &Arc<CallState>, options: TaskOptions) -> Result<bool, ToolError> {
    if call.task.get().is_some() {
        return Ok(true);
    }
    let server = &call.server;
    let Some(tasks) = &server.tasks else { return Ok(false) };
    let Some(tool) = call.asks.tool() else { return Ok(false) };
    if call.revision.era() == Era::Legacy || call.capabilities.missing(&required_capabilities()).is_some() {
        return Ok(false);
    }
    // While the server is about to stop nothing new begins; the call itself is waited for.
    let Some(under_way) = server.drain.enter() else { return Ok(false) };
    let account = call.owner();
    let place = tasks.places.take(account.as_deref()).map_err(|_| too_many())?;
    let (limits, now) = (&server.limits, server.now());
    let record = Record::new(Birth {
        id: URL_SAFE_NO_PAD.encode(random_bytes::<16>()),
        owner: Principal::binding(call.principal.as_deref()),
        account: account.unwrap_or_default(),
        tool: tool.to_owned(),
        message: options.message,
        now,
        keep: limits.task_timeout.saturating_add(limits.task_ttl),
        lease: limits.task_lease,
        poll_interval: options.poll_interval.unwrap_or(limits.task_poll_interval),
    });
    let each = if server.guard.is_some() { limits.max_kept_tasks_per_principal } else { usize::MAX };
    let room = TaskRoom { now, all: limits.max_kept_tasks, each };
    if !tasks.store.insert(&record.stored(), room).await.map_err(ToolError::internal)? {
        return Err(too_many());
    }
    let worker = Arc::new(Worker {
        id: record.task.task_id.clone(),
        call: Arc::downgrade(call),
        created: record.task.with_state(TaskStatus::Working),
        detached: AtomicBool::new(false),
        went_on: Notify::new(),
        changed: Notify::new(),
        asked: Mutex::default(),
        progress: Mutex::default(),
        _place: place,
        _under_way: under_way,
    });
    let worker = call.task.0.get_or_init(|| worker);
    // The handler may have started this elsewhere than where it is polled.
    call.cancel.wake();
    worker.went_on.notified().await;
    Ok(true)
}

/// Lets the handler of a task go on in the background, and says what its client gets now.
pub(crate) fn run(mut running: Running, worker: Arc<Worker>) -> Task<TaskStatus> {
    let created = worker.created.clone();
    let call = running.call().clone();
    if let Some(tasks) = &call.server.tasks {
        let mut at_work = tasks.at_work();
        at_work.workers.insert(worker.id.clone(), worker.clone());
        if !std::mem::replace(&mut at_work.beating, true) {
            tokio::spawn(beat(call.server.clone()));
        }
    }
    tokio::spawn(async move {
        let here = Here { server: call.server.clone(), id: worker.id.clone() };
        worker.went_on.notify_one();
        let answer = std::future::poll_fn(|cx| running.poll(cx)).await;
        drop(running);
        // Whoever cancelled it has written that.
        if let (Some(answer), Some(tasks)) = (answer, &call.server.tasks) {
            finish(tasks, &call.server, &worker.id, end_of(&answer)).await;
        }
        drop(here);
    });
    created
}

/// How the task has ended: with exactly what its call would have been answered.
fn end_of(answer: &Answer) -> TaskState {
    match jsonrpc::parse(&answer.message) {
        // A handler that kept a question's error from before it was a task, and gave it back at the end.
        Ok(_) if answer.outcome == Outcome::InputRequired => {
            TaskState::Failed(Error::Internal.object(Era::Modern))
        }
        Ok(Message::Response(response)) => match response.outcome {
            Ok(result) => TaskState::Completed(RawJson::from(result)),
            Err(error) => TaskState::Failed(error),
        },
        _ => TaskState::Failed(Error::Internal.object(Era::Modern)),
    }
}

/// Pauses between attempts to write down how a task ended.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

async fn finish(tasks: &Tasks, server: &Shared, id: &str, state: TaskState) {
    let (keep, most) = (server.limits.task_ttl, server.limits.max_task_bytes);
    let end = |record: &mut Record| {
        let before = record.clone();
        let change = record.end(state.clone(), server.now(), keep);
        if change == Change::Made && record.stored().document.len() > most {
            *record = before;
            tracing::error!(tool = record.tool, most, "the result of a task is larger than max_task_bytes");
            return Ok(record.end(TaskState::Failed(too_large()), server.now(), keep));
        }
        Ok(change)
    };
    let mut pauses = PAUSES.into_iter();
    while let Err(error) = tasks.change(server, id, end).await {
        tracing::error!(?error, "the end of a task could not be written down");
        let Some(pause) = pauses.next() else { return };
        sleep(pause).await;
    }
}

/// A task's place among those at work here.
struct Here {
    server: Arc<Shared>,
    id: String,
}

impl Drop for Here {
    fn drop(&mut self) {
        if let Some(tasks) = &self.server.tasks {
            tasks.at_work().workers.remove(&self.id);
        }
    }
}

/// Says of all tasks at work here that they are, and looks what happened to them elsewhere, as long as there are any.
async fn beat(server: Arc<Shared>) {
    let Some(tasks) = &server.tasks else { return };
    loop {
        sleep(server.limits.task_lease / 3).await;
        let workers: Vec<Arc<Worker>> = {
            let mut at_work = tasks.at_work();
            if at_work.workers.is_empty() {
                at_work.beating = false;
                return;
            }
            at_work.workers.values().cloned().collect()
        };
        let ids: Vec<String> = workers.iter().map(|worker| worker.id.clone()).collect();
        match tasks.store.renew(&ids, server.now() + server.limits.task_lease).await {
            Ok(alive) => {
                for worker in &workers {
                    // What has ended elsewhere was cancelled, or given up for dead.
                    if alive.contains(&worker.id) { worker.look() } else { worker.stop() }
                }
            }
            Err(error) => tracing::error!(%error, "the leases of tasks could not be renewed"),
        }
        for worker in &workers {
            worker.write_progress(tasks, &server, Duration::ZERO).await;
        }
    }
}

impl Worker {
    /// The task may have been answered.
    pub(crate) fn look(&self) {
        self.changed.notify_waiters();
    }

    /// The task has ended without its handler.
    pub(crate) fn stop(&self) {
        if let Some(call) = self.call.upgrade() {
            call.cancel.set();
        }
    }

    /// Says how far the task is. Written at most once in the time in which clients ask, the rest with the next beat.
    pub(crate) async fn report(&self, server: &Shared, message: &str) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).message = Some(message.to_owned());
        if let Some(tasks) = &server.tasks {
            self.write_progress(tasks, server, server.limits.task_poll_interval).await;
        }
    }

    async fn write_progress(&self, tasks: &Tasks, server: &Shared, pause: Duration) {
        let message = {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            if progress.written.is_some_and(|written| written.elapsed() < pause) {
                return;
            }
            let Some(message) = progress.message.take() else { return };
            progress.written = Some(Instant::now());
            message
        };
        let report = |record: &mut Record| Ok(record.report(&message, server.now()));
        if let Err(error) = tasks.change(server, &self.id, report).await {
            tracing::warn!(?error, "the progress of a task could not be written down");
        }
    }

    /// Notes a question. `Ok` for one that is new, or the same as before.
    fn note_question(&self, key: &str, request: &InputRequest, most: usize) -> Result<(), AskError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match asked.get(key) {
            Some(known) if known != request => Err(AskError::DuplicateKey { key: key.to_owned() }),
            Some(_) => Ok(()),
            None if asked.len() >= most => Err(AskError::TooMany),
            None => {
                asked.insert(key.to_owned(), request.clone());
                Ok(())
            }
        }
    }
}

/// Asks the client by way of its task, and waits for the answer.
pub(crate) async fn ask(
    call: &CallState,
    worker: &Worker,
    key: &str,
    request: &InputRequest,
) -> Result<RawJson, AskError> {
    let server = &call.server;
    let Some(tasks) = &server.tasks else { return Err(AskError::Cancelled) };
    worker.note_question(key, request, server.limits.max_task_questions)?;
    let most = server.limits.max_task_bytes;
    let put = |record: &mut Record| {
        let change = record.ask(key, request, server.now());
        if record.stored().document.len() > most {
            return Err(ToolError::internal("the questions of a task are larger than max_task_bytes"));
        }
        Ok(change)
    };
    let failed = |error: ToolError| match *error.0 {
        Kind::Internal(cause) => AskError::Store(cause),
        _ => AskError::Cancelled,
    };
    tasks.change(server, &worker.id, put).await.map_err(failed)?;
    let mut open = Open { server: server.clone(), id: worker.id.clone(), key: key.to_owned(), waiting: true };
    let mut deadline = std::pin::pin!(sleep(server.limits.ask_timeout));
    loop {
        let mut changed = std::pin::pin!(worker.changed.notified());
        // Registered before the look, so that an answer in between is not missed.
        changed.as_mut().enable();
        let record = tasks.find(&worker.id).await.map_err(failed)?;
        let Some(record) = record.filter(|record| !record.task.state.is_final()) else {
            open.waiting = false;
            return Err(AskError::Cancelled);
        };
        if let Some(answer) = record.answer_to(key) {
            open.waiting = false;
            return Ok(answer.clone());
        }
        tokio::select! {
            () = changed => {}
            () = call.cancel.wait() => return Err(AskError::Cancelled),
            () = &mut deadline => return Err(AskError::TimedOut),
        }
    }
}

/// An open question. When nobody waits for its answer any more, the client need not give one.
struct Open {
    server: Arc<Shared>,
    id: String,
    key: String,
    waiting: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.waiting {
            return;
        }
        let (server, id, key) =
            (self.server.clone(), std::mem::take(&mut self.id), std::mem::take(&mut self.key));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let Some(tasks) = &server.tasks else { return };
                let withdraw = |record: &mut Record| Ok(record.withdraw(&key, server.now()));
                if let Err(error) = tasks.change(&server, &id, withdraw).await {
                    tracing::warn!(?error, "a question of a task could not be withdrawn");
                }
            });
        }
    }
}
