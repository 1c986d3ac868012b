//! A handler at work: first without a stream, then perhaps with one, in the legacy era perhaps without a connection.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use barewire_mcp::http::sse;
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::Era;
use barewire_mcp::types::operation as mcp;
use barewire_mcp::types::tasks::TaskResult;
use bytes::Bytes;
use futures_util::Stream;
use http::Response;
use tokio::time::{Sleep, sleep};

use crate::answer::Answer;
use crate::body::{Body, Source, event_stream};
use crate::call::CallState;
use crate::config::Limits;
use crate::drain::UnderWay;
use crate::error::ToolError;
use crate::observer::Outcome;
use crate::registry::Work;
use crate::replay::Replay;
use crate::resumable::FirstStream;
use crate::server::Shared;
use crate::session::SessionKey;
use crate::shares::{Share, Shares};
use crate::tasks;
use crate::trail::Trail;

/// A handler at work and what belongs to it.
///
/// A handler that is ready at its first poll costs no timer, no entry in a map and no stream.
pub(crate) struct Running {
    work: Option<Work>,
    call: Arc<CallState>,
    /// Set at the first poll that does not finish.
    waiting: Option<Waiting>,
    /// It has lost its connection already. Dropped once more it ends: the runtime itself is going, and a task that is
    /// spawned from then on is dropped at once, and so on until the stack is full.
    detached: bool,
}

struct Waiting {
    deadline: Pin<Box<Sleep>>,
    too_late: &'static str,
    _findable: Option<Findable>,
}

/// Answers a call: as JSON if its handler says nothing before it is done, and as a stream otherwise, or when it has
/// been quiet for so long that a proxy may lose patience.
pub(crate) async fn respond(work: Work, call: Arc<CallState>, trail: Option<&mut Trail>) -> Response<Body> {
    let mut running = Running::new(work, call);
    let mut first_byte: Option<Pin<Box<Sleep>>> = None;
    let settled = std::future::poll_fn(|cx| {
        if let Poll::Ready(answer) = running.poll(cx) {
            // What the handler said on its way still needs a stream to be heard.
            let quiet = !running.call.outbox.has_messages();
            return Poll::Ready(Some((answer, quiet)));
        }
        if running.call.outbox.poll_ready(cx).is_ready() {
            return Poll::Ready(None);
        }
        let limit = running.call.server.limits.first_byte;
        first_byte.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx).map(|()| None)
    })
    .await;
    let last = match settled {
        Some((Some(answer), true)) => {
            return answer.into_response(trail);
        }
        Some((answer, _)) => Last::Settled(answer.map(Box::new)),
        None => Last::Open,
    };
    let keep_alive = running.call.server.limits.keep_alive;
    if let (Last::Open, Some(replay)) = (&last, running.call.server.replays.begin(&running.call)) {
        let call = running.call.clone();
        return event_stream(Box::new(FirstStream::new(call, running, replay)), keep_alive);
    }
    let messages = CallMessages { running, last, breath: false };
    event_stream(Box::new(CallStream { messages, outcome: None }), keep_alive)
}

impl Running {
    fn new(work: Work, call: Arc<CallState>) -> Self {
        Self { work: Some(work), call, waiting: None, detached: false }
    }

    pub(crate) fn call(&self) -> &Arc<CallState> {
        &self.call
    }

    /// Ready with the answer, or with none when the call was cancelled.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        self.call.cancel.register(cx.waker());
        if self.call.cancel.is_set() {
            self.work = None;
            return Poll::Ready(None);
        }
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        let result = match polled {
            Ok(Poll::Ready(result)) => result,
            Ok(Poll::Pending) => {
                if let Some(worker) = self.call.task.take_up().cloned() {
                    return Poll::Ready(Some(self.go_on_as(worker)));
                }
                let waiting = self.waiting.get_or_insert_with(|| Waiting::begin(&self.call));
                match waiting.deadline.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => Err(ToolError::internal(waiting.too_late)),
                }
            }
            // The message has been printed by the panic hook; the payload may be anything.
            Err(_) => Err(ToolError::internal("the handler panicked")),
        };
        self.work = None;
        Poll::Ready(Some(Answer::of(&self.call, result)))
    }

    /// The call has become a task: it is answered, and goes on without a connection.
    fn go_on_as(&mut self, worker: Arc<tasks::Worker>) -> Answer {
        let running = Self {
            work: self.work.take(),
            call: self.call.clone(),
            waiting: Some(Waiting::of_task(&self.call)),
            detached: true,
        };
        let created = TaskResult::Created(tasks::run(running, worker));
        Answer::result(&self.call, &mcp::Outcome::Task(Box::new(created)))
    }
}

impl Drop for Running {
    /// The client is gone before the answer. From 2026-07-28 on that cancels the call; before, it
    /// [must not](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server),
    /// so the work goes on without a reader.
    fn drop(&mut self) {
        let Some(work) = self.work.take() else {
            // A task has nobody who reads what it says on the way.
            if self.call.task.get().is_some() {
                self.call.outbox.close();
            }
            return;
        };
        self.call.outbox.close();
        if self.call.revision.era() == Era::Legacy && !self.call.cancel.is_set() && !self.detached {
            let running = Self {
                work: Some(work),
                call: self.call.clone(),
                waiting: self.waiting.take(),
                detached: true,
            };
            if let Some(detached) = RunningCalls::detach(running) {
                tokio::spawn(detached.finish());
            }
            return;
        }
        self.call.cancel.set();
    }
}

impl Waiting {
    fn begin(call: &Arc<CallState>) -> Self {
        let deadline = Box::pin(sleep(call.server.limits.call_timeout));
        let too_late = "the handler took longer than call_timeout";
        Self { deadline, too_late, _findable: Findable::enter(call) }
    }

    fn of_task(call: &CallState) -> Self {
        let deadline = Box::pin(sleep(call.server.limits.task_timeout));
        Self { deadline, too_late: "the handler of a task took longer than task_timeout", _findable: None }
    }
}

/// A call as its messages: what it says, and then its answer.
struct CallMessages {
    running: Running,
    last: Last,
    /// Whether the reader has been given a moment between the last notification and the answer.
    breath: bool,
}

/// A message of a call.
enum CallMessage {
    Said(Bytes),
    /// The last one.
    Answer(Box<Answer>),
}

enum Last {
    /// The handler is at work.
    Open,
    /// It is done; what it said before goes out first. `None`: cancelled, and nothing follows.
    Settled(Option<Box<Answer>>),
}

impl CallMessages {
    /// The next message; `None` after the answer, or when the call was cancelled.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<CallMessage>> {
        if matches!(self.last, Last::Open)
            && let Poll::Ready(answer) = self.running.poll(cx)
        {
            self.last = Last::Settled(answer.map(Box::new));
        }
        while let Poll::Ready(said) = self.running.call.outbox.poll_next(cx) {
            // Who could not come back stays.
            let Some(message) = said.into_message() else { continue };
            self.breath = false;
            return Poll::Ready(Some(CallMessage::Said(message)));
        }
        match &mut self.last {
            Last::Open => Poll::Pending,
            // Some clients lose a notification that arrives in one piece with the answer. Giving way once lets what has
            // been written leave first.
            Last::Settled(Some(_)) if !std::mem::replace(&mut self.breath, true) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Last::Settled(answer) => Poll::Ready(answer.take().map(CallMessage::Answer)),
        }
    }
}

/// A call with its trail, as a stream of its messages, among others. What it holds, `T`, comes with its answer.
pub(crate) struct Tracked<T> {
    messages: CallMessages,
    trail: Option<Box<Trail>>,
    held: Option<T>,
}

impl<T> Tracked<T> {
    pub(crate) fn new(work: Work, call: Arc<CallState>, trail: Option<Box<Trail>>, held: T) -> Self {
        let messages = CallMessages { running: Running::new(work, call), last: Last::Open, breath: false };
        Self { messages, trail, held: Some(held) }
    }

    pub(crate) fn cancel(&self) {
        self.messages.running.call.cancel.set();
    }
}

impl<T: Unpin> Stream for Tracked<T> {
    type Item = (Bytes, Option<T>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.messages.poll_next(cx).map(|message| match message? {
            CallMessage::Said(message) => Some((message, None)),
            CallMessage::Answer(answer) => {
                if let Some(mut trail) = this.trail.take() {
                    answer.note(&mut trail);
                    trail.bytes_out = answer.message.len() as u64;
                }
                Some((answer.message, this.held.take()))
            }
        })
    }
}

/// The stream of a call that cannot be resumed.
struct CallStream {
    messages: CallMessages,
    /// Of the answer, once it has gone out.
    outcome: Option<Outcome>,
}

impl Source for CallStream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.outcome.is_some() {
            return Poll::Ready(None);
        }
        self.messages.poll_next(cx).map(|message| match message {
            Some(CallMessage::Said(message)) => Some(sse::message(&message)),
            Some(CallMessage::Answer(answer)) => {
                self.outcome = Some(answer.outcome);
                Some(sse::message(&answer.message))
            }
            None => {
                self.outcome = Some(Outcome::Cancelled);
                None
            }
        })
    }

    fn is_breathing(&self) -> bool {
        self.messages.breath
    }

    fn conclude(&self, trail: &mut Trail) {
        if let Some(outcome) = self.outcome {
            trail.outcome = outcome;
        }
    }
}

/// Legacy calls that take their time, by session and id, for `notifications/cancelled`; and how many of them have lost
/// their connection.
pub(crate) struct RunningCalls {
    findable: Mutex<HashMap<(SessionKey, Id), Weak<CallState>>>,
    detached: Arc<Shares>,
}

struct Findable {
    call: Weak<CallState>,
    key: (SessionKey, Id),
}

impl RunningCalls {
    pub(crate) fn new(limits: &Limits) -> Self {
        let detached = Shares::new(limits.max_detached_calls, limits.max_detached_calls_per_principal);
        Self { findable: Mutex::default(), detached }
    }

    /// Cancels a call of this session. Unknown ids are ignored, as the specification has it.
    pub(crate) fn cancel(&self, session: SessionKey, id: &Id) {
        let findable = self.findable.lock().unwrap_or_else(PoisonError::into_inner);
        let call = findable.get(&(session, id.clone())).and_then(Weak::upgrade);
        drop(findable);
        if let Some(call) = call {
            call.cancel.set();
        }
    }

    /// Lets a call go on whose stream was lost, and keeps what it says for a while.
    pub(crate) fn go_on(call: &Arc<CallState>, running: Option<Running>, replay: Arc<Replay>) {
        let Some(detached) = running.map(Self::detach) else {
            // The call is over; whether its end arrived is not known.
            if tokio::runtime::Handle::try_current().is_ok() {
                tokio::spawn(linger(call.server.clone(), replay));
            }
            return;
        };
        let Some(mut detached) = detached else { return call.server.replays.forget(&replay) };
        let server = call.server.clone();
        tokio::spawn(async move {
            std::future::poll_fn(|cx| detached.running.pump(&replay, cx)).await;
            drop(detached);
            linger(server, replay).await;
        });
    }

    /// Counts a call among those without a connection. When there are too many, or no runtime is left to run it, the
    /// call is cancelled.
    fn detach(mut running: Running) -> Option<Detached> {
        let server = running.call.server.clone();
        let place = server.running.detached.take(running.call.owner().as_deref());
        let (Ok(place), Ok(_)) = (place, tokio::runtime::Handle::try_current()) else {
            running.call.cancel.set();
            running.work = None;
            return None;
        };
        running.detached = true;
        Some(Detached { running, _place: place, _under_way: server.drain.enter() })
    }
}

/// A call without a connection.
struct Detached {
    running: Running,
    _place: Share,
    _under_way: Option<UnderWay>,
}

impl Detached {
    async fn finish(mut self) {
        std::future::poll_fn(|cx| self.running.poll(cx)).await;
    }
}

/// Keeps a log for a client that may still come back for its end.
async fn linger(server: Arc<Shared>, replay: Arc<Replay>) {
    sleep(server.limits.resume_ttl).await;
    server.replays.forget(&replay);
}

impl Findable {
    fn enter(call: &Arc<CallState>) -> Option<Self> {
        let key = (call.session.as_ref()?.key, call.id.clone());
        let mut findable = call.server.running.findable.lock().unwrap_or_else(PoisonError::into_inner);
        findable.insert(key.clone(), Arc::downgrade(call));
        Some(Self { call: Arc::downgrade(call), key })
    }
}

impl Drop for Findable {
    fn drop(&mut self) {
        let Some(call) = self.call.upgrade() else { return };
        let mut findable = call.server.running.findable.lock().unwrap_or_else(PoisonError::into_inner);
        // A client that uses an id twice has replaced the entry; that one stays.
        if findable.get(&self.key).is_some_and(|entry| Weak::ptr_eq(entry, &self.call)) {
            findable.remove(&self.key);
        }
    }
}
