//! Asking the client something in the middle of a call: its user, its model, its roots.
//!
//! Towards a legacy revision that is a request on the call's stream, and the handler waits for the answer.
//! Towards 2026-07-28 the call ends with an `input_required` result, and when the client comes back with the answers
//! the handler runs again from the start; `AskBook` then hands out what was answered before
//! ([Multi round-trip requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr)).
//! A call that has become a task asks by way of it, and the handler waits.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use barewire_mcp::error::InvalidParams;
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::revision::Era;
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::input::{InputAnswers, InputRequest, InputRequests, InputRequired};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::operation::Operation;
use barewire_mcp::wire::legacy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::auth::Principal;
use crate::call::CallState;
use crate::config::Limits;
use crate::outbox::Said;
use crate::seal::{Purpose, random_bytes};
use crate::session::SessionKey;
use crate::shares::{Share, Shares};
use crate::tasks;

/// Why an answer did not come.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The client has to be asked first. Carried out of the handler with `?`, it becomes the `input_required` result,
    /// and the handler runs again with the answer. Not a failure.
    #[error("the client has to answer first")]
    InputRequired,
    /// The client did not declare that it can be asked this, so it was not asked.
    #[error("the client does not support this")]
    Unsupported {
        /// What it would have to declare.
        missing: Box<ClientCapabilities>,
    },
    /// The client has no session in which its answer could be recognised.
    #[error("the client has no session to answer in")]
    NoSession,
    /// The client answered with an error.
    #[error("the client refused: {}", .0.message)]
    Refused(ErrorObject),
    /// The client gave answers that do not fit what was asked, each time.
    #[error("the client's answers to {key} were not valid")]
    InvalidAnswers {
        /// The question.
        key: String,
    },
    /// The client did not answer in time.
    #[error("the client did not answer in time")]
    TimedOut,
    /// The call was cancelled, or its client is gone.
    #[error("cancelled")]
    Cancelled,
    /// Too many questions are waiting for an answer.
    #[error("too many questions are waiting for an answer")]
    TooMany,
    /// A handler used one key for two different questions.
    #[error("the key {key} stands for two questions")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The question does not serialise.
    #[error("the question does not serialise")]
    Encoding(#[source] serde_json::Error),
    /// The call has become a task, and its question could not be written down.
    #[error("the question could not be stored")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What was asked and answered in one call. Untouched by calls that ask nothing.
pub(crate) struct AskBook {
    /// What `requestState` is bound to besides its principal.
    subject: Subject,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    /// What came with this request. Unchecked.
    responses: IndexMap<String, RawJson>,
    /// What was answered, now or in an earlier round, and fitted the question.
    answered: IndexMap<String, RawJson>,
    /// Results of steps that must not run twice.
    memos: IndexMap<String, RawJson>,
    /// What is still needed.
    wanted: InputRequests,
}

/// The salient part of a request: a `requestState` of one is not good for another.
#[derive(Default)]
pub(crate) struct Subject {
    method: &'static str,
    name: String,
    arguments: Arguments,
}

#[derive(Default)]
enum Arguments {
    #[default]
    None,
    Tool(RawJson),
    Prompt(IndexMap<String, String>),
}

impl Subject {
    /// Kept for the three methods that can be answered with `input_required`.
    pub(crate) fn of(operation: &Operation) -> Self {
        let (name, arguments) = match operation {
            Operation::CallTool(request) => {
                (&request.name, request.arguments.clone().map_or(Arguments::None, Arguments::Tool))
            }
            Operation::GetPrompt(request) => (&request.name, Arguments::Prompt(request.arguments.clone())),
            Operation::ReadResource(request) => (&request.uri, Arguments::None),
            _ => return Self::default(),
        };
        Self { method: operation.method(), name: name.clone(), arguments }
    }

    /// The same for every way to write the same JSON. What a tool may take and this cannot decode (a number beyond all
    /// bounds, in a member that nobody reads) counts as it is written.
    fn digest(&self) -> String {
        let arguments = match &self.arguments {
            Arguments::None => String::new(),
            Arguments::Tool(raw) => {
                raw.decode().map_or_else(|_| raw.as_str().to_owned(), |value| sorted(value).to_string())
            }
            Arguments::Prompt(map) => {
                sorted(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()).to_string()
            }
        };
        let mut hash = Sha256::new();
        for part in [self.method, self.name.as_str(), arguments.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}

/// The value with the members of its objects in one order. No deeper than the parser lets a value be.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        simple => simple,
    }
}

/// The inside of a `requestState`.
#[derive(Serialize, Deserialize)]
struct RequestState {
    #[serde(rename = "d")]
    digest: String,
    #[serde(rename = "a", default, skip_serializing_if = "IndexMap::is_empty")]
    answered: IndexMap<String, RawJson>,
    #[serde(rename = "m", default, skip_serializing_if = "IndexMap::is_empty")]
    memos: IndexMap<String, RawJson>,
}

impl AskBook {
    pub(crate) fn new(subject: Subject) -> Self {
        Self { subject, pages: Mutex::default() }
    }

    /// Takes in what a repeated request brought along.
    ///
    /// # Errors
    /// The state is not one of ours, not for this principal, not for this request, or too old: the client hears the
    /// same in each case.
    pub(crate) fn load(&self, call: &CallState, answers: InputAnswers) -> Result<(), InvalidParams> {
        if answers.is_empty() {
            return Ok(());
        }
        let mut pages = self.lock();
        pages.responses = answers.responses;
        let Some(sealed) = answers.state else { return Ok(()) };
        let bound_to = Principal::binding(call.principal.as_deref());
        let now = call.server.now();
        let state = call
            .server
            .keys
            .load()
            .open(Purpose::RequestState, &bound_to, now, &sealed)
            .ok()
            .and_then(|json| serde_json::from_slice::<RequestState>(&json).ok())
            .filter(|state| state.digest == self.subject.digest())
            .ok_or(InvalidParams::RequestState)?;
        pages.answered = state.answered;
        pages.memos = state.memos;
        Ok(())
    }

    /// The `input_required` result of a handler that could not go on.
    pub(crate) fn close(&self, call: &CallState) -> Result<InputRequired, TooLarge> {
        let mut pages = self.lock();
        let state = RequestState {
            digest: self.subject.digest(),
            answered: std::mem::take(&mut pages.answered),
            memos: std::mem::take(&mut pages.memos),
        };
        let json = serde_json::to_vec(&state).expect("maps of raw JSON always serialise");
        let limits = &call.server.limits;
        if json.len() > limits.max_request_state_bytes {
            return Err(TooLarge { bytes: json.len() });
        }
        let bound_to = Principal::binding(call.principal.as_deref());
        let until = call.server.now() + limits.request_state_ttl;
        let state = call.server.keys.load().seal(Purpose::RequestState, &bound_to, until, &json);
        Ok(InputRequired { requests: std::mem::take(&mut pages.wanted), state: Some(state) })
    }

    /// The tool that is called.
    pub(crate) fn tool(&self) -> Option<&str> {
        (self.subject.method == "tools/call").then_some(self.subject.name.as_str())
    }

    pub(crate) fn memo(&self, key: &str) -> Option<RawJson> {
        self.lock().memos.get(key).cloned()
    }

    pub(crate) fn remember(&self, key: &str, result: RawJson) {
        self.lock().memos.insert(key.to_owned(), result);
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers and memoised steps of one call became larger than [`Limits::max_request_state_bytes`](crate::Limits).
#[derive(Debug, thiserror::Error)]
#[error("the request's state has {bytes} bytes, which is more than the limit")]
pub(crate) struct TooLarge {
    bytes: usize,
}

/// Asks one question. `read` says which object is a good answer; another one is asked for again.
pub(crate) async fn ask<T>(
    call: &CallState,
    key: &str,
    request: InputRequest,
    read: impl Fn(&RawJson) -> Option<T> + Send,
) -> Result<T, AskError> {
    let read = |raw: &RawJson| raw.is_object().then(|| read(raw))?;
    {
        let mut pages = call.asks.lock();
        let given = pages.answered.get(key).or_else(|| pages.responses.get(key)).cloned();
        if let Some((answer, raw)) = given.and_then(|raw| Some((read(&raw)?, raw))) {
            pages.answered.insert(key.to_owned(), raw);
            return Ok(answer);
        }
    }
    if let Some(missing) = call.capabilities.missing(&request.required_capabilities()) {
        return Err(AskError::Unsupported { missing: Box::new(missing) });
    }
    if let Some(worker) = call.task.get() {
        let raw = tasks::ask(call, worker, key, &request).await?;
        let answer = read(&raw).ok_or_else(|| AskError::InvalidAnswers { key: key.to_owned() })?;
        call.asks.lock().answered.insert(key.to_owned(), raw);
        return Ok(answer);
    }
    match call.revision.era() {
        Era::Modern => {
            let mut pages = call.asks.lock();
            match pages.wanted.get(key) {
                Some(known) if *known != request => Err(AskError::DuplicateKey { key: key.to_owned() }),
                _ => {
                    pages.wanted.insert(key.to_owned(), request);
                    Err(AskError::InputRequired)
                }
            }
        }
        Era::Legacy => {
            for _ in 0..call.server.limits.ask_attempts.max(1) {
                let raw = ask_on_stream(call, &request).await?;
                if let Some(answer) = read(&raw) {
                    call.asks.lock().answered.insert(key.to_owned(), raw);
                    return Ok(answer);
                }
            }
            Err(AskError::InvalidAnswers { key: key.to_owned() })
        }
    }
}

/// Sends the question as a request and waits for the POST that answers it.
async fn ask_on_stream(call: &CallState, request: &InputRequest) -> Result<RawJson, AskError> {
    let session = call.session.as_ref().ok_or(AskError::NoSession)?;
    let (id, mut pending) = call.server.pending.open(session.key, call.owner().as_deref())?;
    let message = legacy::encode_server_request(call.revision, &id, request).map_err(AskError::Encoding)?;
    let message = message
        .ok_or_else(|| AskError::Unsupported { missing: Box::new(request.required_capabilities()) })?;
    // The call's own stream; when its connection is lost, the session's GET stream.
    if !call.outbox.send(Said::Question(message.clone())).await
        && !call.server.hub.send_to_session(&session.key, &message)
    {
        return Err(AskError::Cancelled);
    }
    tokio::select! {
        answer = pending.answer() => answer,
        () = call.cancel.wait() => Err(AskError::Cancelled),
        () = tokio::time::sleep(call.server.limits.ask_timeout) => Err(AskError::TimedOut),
    }
}

/// Questions on streams that wait for their answer in a later POST. Bounded; a question leaves with its asker.
pub(crate) struct PendingAsks {
    waiting: Mutex<HashMap<(SessionKey, Id), oneshot::Sender<Answer>>>,
    places: Arc<Shares>,
}

type Answer = Result<RawJson, ErrorObject>;

/// One waiting question.
pub(crate) struct Pending<'a> {
    asks: &'a PendingAsks,
    key: (SessionKey, Id),
    receiver: oneshot::Receiver<Answer>,
    _place: Share,
}

impl PendingAsks {
    pub(crate) fn new(limits: &Limits) -> Self {
        let places = Shares::new(limits.max_pending_asks, limits.max_pending_asks_per_principal);
        Self { waiting: Mutex::default(), places }
    }

    fn open(&self, session: SessionKey, owner: Option<&[u8]>) -> Result<(Id, Pending<'_>), AskError> {
        let place = self.places.take(owner).map_err(|_| AskError::TooMany)?;
        // Random, because the session may talk to several replicas whose questions must not share an id.
        let id = Id::from(URL_SAFE_NO_PAD.encode(random_bytes::<12>()).as_str());
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert((session, id.clone()), sender);
        Ok((id.clone(), Pending { asks: self, key: (session, id), receiver, _place: place }))
    }

    /// Gives an answer to whoever asked. `false` when nobody in this process asked this of this session.
    pub(crate) fn answer(&self, session: SessionKey, id: &Id, answer: Answer) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = waiting.remove(&(session, id.clone()));
        drop(waiting);
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }
}

impl Pending<'_> {
    async fn answer(&mut self) -> Result<RawJson, AskError> {
        match (&mut self.receiver).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(AskError::Refused(error)),
            Err(_) => Err(AskError::Cancelled),
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.asks.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Asks two things at once: one round instead of two.
///
/// # Errors
/// The first of their errors; both questions have been asked by then.
pub async fn both<A, B>(
    a: impl Future<Output = Result<A, AskError>>,
    b: impl Future<Output = Result<B, AskError>>,
) -> Result<(A, B), AskError> {
    let (a, b) = futures_util::future::join(a, b).await;
    Ok((a?, b?))
}

/// Asks three things at once.
///
/// # Errors
/// The first of their errors; all questions have been asked by then.
pub async fn all_three<A, B, C>(
    a: impl Future<Output = Result<A, AskError>>,
    b: impl Future<Output = Result<B, AskError>>,
    c: impl Future<Output = Result<C, AskError>>,
) -> Result<(A, B, C), AskError> {
    let (a, b, c) = futures_util::future::join3(a, b, c).await;
    Ok((a?, b?, c?))
}
