//! The handshake era: sessions, the server's own stream, questions on it, and streams that break and go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::legacy::{self as message, Session};
use barewire_mcp::error::{Error, code};
use barewire_mcp::jsonrpc::{self, ErrorObject, Id};
use barewire_mcp::revision::Era;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::notification::{Cancelled, ClientNotification};
use barewire_mcp::types::operation::{Operation, Outcome};
use barewire_mcp::wire::v2025_11_25::{self as wire, Request, ServerRequest};
use http::header::HeaderValue;
use http::{Method, StatusCode};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::authorized::Follow;
use crate::client::CallOptions;
use crate::connect;
use crate::connection::{Connection, Pending, Response, conclude, newly_wanted, not_mcp, purpose, step_of};
use crate::error::{Answered, CallError, TransportError};
use crate::handler::{Asked, InputRefused};
use crate::input::{self, NoAnswer};
use crate::modern::unfit;
use crate::options::seconds;
use crate::recording::Purpose;
use crate::transport::{Events, Reply, Request as HttpRequest};

/// So many questions of a server may be open at once; further ones are refused.
const MAX_QUESTIONS: usize = 32;
/// A stream that lived so long was not refused, even when it said nothing.
const LIVED: Duration = Duration::from_secs(30);

/// What the handshake era remembers.
pub(crate) struct Legacy {
    state: RwLock<State>,
    /// One reopening at a time.
    reopening: tokio::sync::Mutex<()>,
    level: Mutex<Option<LoggingLevel>>,
    questions: Mutex<HashMap<Id, CancellationToken>>,
}

#[derive(Clone)]
struct State {
    session: Session,
    /// Counts sessions, so that of several callers who lost the same one only the first opens another.
    generation: u64,
    /// Ends the stream of this session.
    stream: CancellationToken,
}

impl Legacy {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            state: RwLock::new(State { session, generation: 0, stream: CancellationToken::new() }),
            reopening: tokio::sync::Mutex::default(),
            level: Mutex::default(),
            questions: Mutex::default(),
        }
    }

    pub(crate) fn session(&self) -> Session {
        self.state().session
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, session: Session) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.stream.cancel();
        *state = State { session, generation: state.generation + 1, stream: CancellationToken::new() };
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Connection {
    /// Does an operation; when the session is gone, in a new one, once.
    pub(crate) async fn run_legacy(
        self: &Arc<Self>,
        legacy: &Legacy,
        operation: Operation,
        call: &CallOptions,
    ) -> Result<Outcome, CallError> {
        self.want_level(legacy, call).await;
        let step = step_of(&operation);
        let name = operation.name().map(str::to_owned);
        let request = Request::Operation(operation.clone());
        let response = self.ask_legacy(legacy, step, &request, name.as_deref(), call).await?;
        let result = response.outcome.map_err(CallError::Rpc)?;
        let outcome = wire::decode_result(&operation, result.as_raw()).map_err(|fault| {
            CallError::Malformed { method: operation.method().to_owned(), detail: fault.to_string() }
        })?;
        conclude(&outcome, &response.recording);
        Ok(outcome)
    }

    /// Sends a request of this era and reads its response.
    pub(crate) async fn ask_legacy(
        self: &Arc<Self>,
        legacy: &Legacy,
        step: Step,
        request: &Request,
        name: Option<&str>,
        call: &CallOptions,
    ) -> Result<Response, CallError> {
        let tag = call.tag.as_deref().or(self.options.tag.as_deref());
        let mut repeats: Option<String> = None;
        loop {
            let State { session, generation, .. } = legacy.state();
            let id = self.next_id();
            let _running = self.follow_progress(&id, call.tag.as_deref());
            let mut purpose = purpose(step, request.method(), Some(&id), name, session.revision, tag);
            purpose.repeats.clone_from(&repeats);
            let progress = matches!(request, Request::Operation(Operation::CallTool(_))).then_some(&id);
            let abandon = Abandon::new(self, &id);
            let (reply, _) = self
                .post(Follow::Everything, &purpose, || {
                    message::request(&id, request, progress, &session).map_err(|fault| unfit(&fault))
                })
                .await?;
            let pending = Pending { id: &id, method: request.method(), tag: call.tag.as_deref() };
            let outcome = self.read_legacy(legacy, &pending, reply, session.id.is_some()).await;
            abandon.disarm();
            match outcome? {
                Heard::Response(response) => return Ok(response),
                Heard::SessionLost(lost) if repeats.is_none() => {
                    repeats = lost.or(Some(String::new()));
                    self.reopen(legacy, generation).await?;
                }
                Heard::SessionLost(_) => return Err(CallError::Http(Answered::NotFound)),
            }
        }
    }

    async fn read_legacy(
        self: &Arc<Self>,
        legacy: &Legacy,
        pending: &Pending<'_>,
        mut reply: Reply,
        in_session: bool,
    ) -> Result<Heard, CallError> {
        if in_session && matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) {
            return self.read_refusal(pending, reply).await;
        }
        if reply.is_stream() {
            let events = reply.events(self.options.config.max_answer_bytes);
            return self.read_stream(legacy, pending, events).await.map(Heard::Response);
        }
        if reply.media_type() == "application/json" {
            return self.read_message(Era::Legacy, pending, &mut reply).await.map(Heard::Response);
        }
        Err(not_mcp(reply).await)
    }

    /// A 404 means that the session is gone
    /// ([Session Management](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management)).
    /// Several servers in the field say 400 and name the session in a sentence; an answer to the request itself is one.
    async fn read_refusal(&self, pending: &Pending<'_>, mut reply: Reply) -> Result<Heard, CallError> {
        let status = reply.status;
        let recording = reply.recording.clone();
        let body = reply.body(self.options.config.max_answer_bytes).await.map_err(CallError::Transport)?;
        let error = match jsonrpc::parse(&body) {
            Ok(jsonrpc::Message::Response(response)) => response.outcome.err(),
            _ => None,
        };
        let text = String::from_utf8_lossy(&body).to_ascii_lowercase();
        let about_session = text.contains("session");
        let answers = error.as_ref().is_some_and(|error| error.code == code::METHOD_NOT_FOUND);
        let lost = match status {
            StatusCode::NOT_FOUND => !answers,
            _ => about_session,
        };
        if lost {
            recording.decide(&Decision::SessionLost);
            return Ok(Heard::SessionLost(recording.id()));
        }
        match error {
            Some(error) => {
                recording.decide(&crate::connection::rpc_error(&error));
                Ok(Heard::Response(Response { outcome: Err(error), recording }))
            }
            None => {
                let text = self.options.shared.masker.text(&String::from_utf8_lossy(&body));
                let answered = crate::transport::describe(status, &reply.media_type(), text.trim());
                let method = pending.method;
                recording.decide(&Decision::NotMcp { answered: format!("{answered} to {method}") });
                Err(CallError::Http(answered))
            }
        }
    }

    /// Reads a response stream to the response. When the connection ends before it came and the server numbered its
    /// events, the stream is resumed
    /// ([Resumability](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery)).
    async fn read_stream(
        self: &Arc<Self>,
        legacy: &Legacy,
        pending: &Pending<'_>,
        mut events: Events,
    ) -> Result<Response, CallError> {
        let mut last_id: Option<String> = None;
        let mut retry = seconds(self.options.config.default_retry);
        let mut resumes = 0;
        loop {
            let ended = loop {
                match events.next().await {
                    Ok(Some(event)) => {
                        resumes = 0;
                        if let Some(outcome) =
                            self.read_event(Era::Legacy, Some(pending), &events, &event.data)?
                        {
                            events.recording.finish();
                            return Ok(Response { outcome, recording: events.recording });
                        }
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            last_id = events.last_event_id().or(last_id);
            let failed = |ended: Option<TransportError>| match ended {
                Some(error) => CallError::Transport(error),
                None => CallError::Http(Answered::StreamEnded),
            };
            let too_large = matches!(ended, Some(TransportError::TooLarge { .. }));
            let Some(id) = last_id.clone().filter(|_| !too_large) else { return Err(failed(ended)) };
            if resumes >= self.options.config.max_resumes {
                return Err(failed(ended));
            }
            resumes += 1;
            retry = events.retry().unwrap_or(retry).min(seconds(self.options.config.max_retry));
            let milliseconds = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
            events.recording.decide(&Decision::ResumeAfter { milliseconds });
            let repeats = events.recording.id();
            drop(events);
            tokio::time::sleep(retry).await;
            let mut purpose = Purpose::of(Step::ResumeStream);
            purpose.tag = pending.tag.map(str::to_owned).or_else(|| self.options.tag.clone());
            purpose.repeats = repeats;
            let reply = self.get_stream(&legacy.session(), Some(&id), purpose).await?;
            if !reply.is_stream() {
                return Err(not_mcp(reply).await);
            }
            events = reply.events(self.options.config.max_answer_bytes);
        }
    }

    async fn get_stream(
        &self,
        session: &Session,
        last_id: Option<&str>,
        purpose: Purpose,
    ) -> Result<Reply, CallError> {
        let last_id = last_id.and_then(|id| HeaderValue::from_str(id).ok());
        let build = || {
            Ok(HttpRequest {
                purpose: purpose.clone(),
                method: Method::GET,
                url: self.url.clone(),
                headers: message::listen(session, last_id.as_ref()),
                body: None,
                timeout: seconds(self.options.config.answer_timeout),
            })
        };
        self.authorized.send(Follow::Renewals, build).await.map(|(reply, _)| reply)
    }

    /// Opens another session, unless somebody did it meanwhile.
    async fn reopen(self: &Arc<Self>, legacy: &Legacy, generation: u64) -> Result<(), CallError> {
        let _one = legacy.reopening.lock().await;
        if legacy.state().generation != generation {
            return Ok(());
        }
        let id = self.next_id();
        let established =
            connect::handshake(&self.authorized, &self.options, &self.url, &id, Follow::Everything)
                .await
                .map_err(|error| CallError::Session(Box::new(error)))?;
        let established = match established {
            connect::Handshake::Established(established) => *established,
            connect::Handshake::Refused(reply) => return Err(not_mcp(*reply).await),
        };
        legacy.replace(established.session);
        self.initialized(legacy).await;
        self.open_stream().await;
        Ok(())
    }

    /// Completes the handshake. A server that refuses this notification will refuse what follows too, and says it there.
    pub(crate) async fn initialized(&self, legacy: &Legacy) {
        self.notify(legacy, Step::Initialized, &ClientNotification::Initialized).await;
    }

    async fn notify(&self, legacy: &Legacy, step: Step, notification: &ClientNotification) {
        let session = legacy.session();
        let method = match notification {
            ClientNotification::Initialized => "notifications/initialized",
            ClientNotification::Cancelled(_) => "notifications/cancelled",
            ClientNotification::Progress(_) => "notifications/progress",
            ClientNotification::RootsListChanged => "notifications/roots/list_changed",
            ClientNotification::Other { method } => method,
        };
        let purpose = purpose(step, method, None, None, session.revision, self.options.tag.as_deref());
        let sent =
            self.post(Follow::Renewals, &purpose, || Ok(message::notification(notification, &session))).await;
        match sent {
            Ok((mut reply, _)) if !reply.is_stream() => {
                reply.excerpt().await;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, method, "the notification did not arrive"),
        }
    }

    /// Opens the server's own stream in the background, and waits a moment for it: a server may ask there during the
    /// very next request. Servers that have none say so at once; some hold back the head until there is something to say.
    pub(crate) async fn open_stream(self: &Arc<Self>) {
        let (opened, wait) = oneshot::channel();
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let closed = connection.closed.clone();
            let crate::connection::Spoken::Legacy(legacy) = &connection.spoken else { return };
            let stream = legacy.state().stream;
            tokio::select! {
                () = closed.cancelled() => {}
                () = stream.cancelled() => {}
                () = connection.listen_legacy(legacy, opened) => {}
            }
        });
        let patience = seconds(self.options.config.stream_open_timeout);
        let _ = tokio::time::timeout(patience, wait).await;
    }

    async fn listen_legacy(self: &Arc<Self>, legacy: &Legacy, opened: oneshot::Sender<()>) {
        let config = &self.options.config;
        let mut opened = Some(opened);
        let mut last_id: Option<String> = None;
        let mut retry = seconds(config.default_retry);
        let mut failures = 0;
        loop {
            let step = if last_id.is_some() { Step::ResumeStream } else { Step::OpenStream };
            let mut purpose = Purpose::of(step);
            purpose.tag.clone_from(&self.options.tag);
            let started = tokio::time::Instant::now();
            match self.get_stream(&legacy.session(), last_id.as_deref(), purpose).await {
                Ok(reply) if reply.is_stream() => {
                    let mut events = reply.events(config.max_answer_bytes);
                    opened.take().map(|opened| opened.send(()));
                    while let Ok(Some(event)) = events.next().await {
                        failures = 0;
                        // A response on this stream belongs to nothing here; everything else is told and asked.
                        if let Err(error) = self.read_event(Era::Legacy, None, &events, &event.data) {
                            tracing::debug!(%error, "an event of the server's stream was dropped");
                        }
                    }
                    last_id = events.last_event_id().or(last_id);
                    retry = events.retry().unwrap_or(retry).min(seconds(config.max_retry));
                }
                Ok(mut reply) => {
                    reply.recording.decide(&Decision::NoStream);
                    reply.excerpt().await;
                    return;
                }
                Err(error) => tracing::debug!(%error, "the server's stream could not be opened"),
            }
            opened.take();
            failures = if started.elapsed() >= LIVED { 0 } else { failures + 1 };
            if failures > config.max_resumes {
                return;
            }
            tokio::time::sleep(retry).await;
        }
    }

    /// A question of the server: asked in the background, since the stream goes on meanwhile.
    pub(crate) fn asked(
        self: &Arc<Self>,
        id: Id,
        request: Result<ServerRequest, Error>,
        tag: Option<String>,
    ) {
        let crate::connection::Spoken::Legacy(legacy) = &self.spoken else { return };
        let withdrawn = CancellationToken::new();
        let full = {
            let mut questions = legacy.questions.lock().unwrap_or_else(PoisonError::into_inner);
            let full = questions.len() >= MAX_QUESTIONS;
            if !full {
                questions.insert(id.clone(), withdrawn.clone());
            }
            full
        };
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let answer = async {
                if full {
                    let busy = ErrorObject::new(code::INTERNAL_ERROR, "Too many questions at once");
                    return Err(Error::Application(Box::new(busy)));
                }
                connection.answer_legacy(&id, request, tag.clone()).await
            };
            let closed = connection.closed.clone();
            tokio::select! {
                () = closed.cancelled() => {}
                () = withdrawn.cancelled() => {}
                answer = answer => connection.send_answer(&id, answer, tag).await,
            }
            if let crate::connection::Spoken::Legacy(legacy) = &connection.spoken {
                legacy.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
        });
    }

    async fn answer_legacy(
        &self,
        id: &Id,
        request: Result<ServerRequest, Error>,
        tag: Option<String>,
    ) -> Result<RawJson, Error> {
        let request = match request? {
            ServerRequest::Ping => return Ok(RawJson::empty_object()),
            ServerRequest::Input(request) => *request,
        };
        let method = request.method();
        let asked = Asked { key: id.to_string(), tag };
        input::answer(&*self.options.handler, asked, request).await.map_err(|refusal| match refusal {
            NoAnswer::Undeclared | NoAnswer::Refused(InputRefused::Unsupported) => {
                Error::MethodNotFound { method: method.to_owned() }
            }
            // -1 is what the specification's own example of a rejected sampling request has.
            NoAnswer::Refused(InputRefused::Declined) => {
                Error::Application(Box::new(ErrorObject::new(-1, "User rejected the request")))
            }
            NoAnswer::Unwritable => Error::Internal,
        })
    }

    async fn send_answer(&self, id: &Id, answer: Result<RawJson, Error>, tag: Option<String>) {
        let crate::connection::Spoken::Legacy(legacy) = &self.spoken else { return };
        let session = legacy.session();
        let mut purpose = Purpose::of(Step::AnswerServer);
        purpose.tag = tag.or_else(|| self.options.tag.clone());
        let sent = self
            .post(Follow::Renewals, &purpose, || match &answer {
                Ok(result) => message::response(id, result, &session).map_err(|fault| unfit(&fault)),
                Err(error) => Ok(message::refusal(id, error, &session)),
            })
            .await;
        match sent {
            Ok((mut reply, _)) if !reply.is_stream() => {
                reply.excerpt().await;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the answer did not arrive"),
        }
    }

    /// The server does not need an answer any more.
    pub(crate) fn withdrawn(&self, id: &Id) {
        if let crate::connection::Spoken::Legacy(legacy) = &self.spoken
            && let Some(question) = legacy.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
        {
            question.cancel();
        }
    }

    /// Sets the log level, when this call wants another one than the session has. A refusal does not hinder the call.
    async fn want_level(self: &Arc<Self>, legacy: &Legacy, call: &CallOptions) {
        let set = *legacy.level.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(level) = newly_wanted(call.log_level, set) else { return };
        if self.info().capabilities.logging.is_none() {
            return;
        }
        *legacy.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
        let options = CallOptions { log_level: None, ..call.clone() };
        let request = Request::SetLevel(level);
        let asked = Box::pin(self.ask_legacy(legacy, Step::SetLogLevel, &request, None, &options));
        if let Err(error) = asked.await {
            tracing::debug!(%error, "the log level was not set");
        }
    }

    /// Ends the session
    /// ([Session Management](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management)).
    pub(crate) async fn end_session(&self, legacy: &Legacy) {
        let session = legacy.session();
        legacy.state().stream.cancel();
        if session.id.is_none() {
            return;
        }
        let mut purpose = Purpose::of(Step::EndSession);
        purpose.tag.clone_from(&self.options.tag);
        let build = || {
            Ok(HttpRequest {
                purpose: purpose.clone(),
                method: Method::DELETE,
                url: self.url.clone(),
                headers: message::end(&session),
                body: None,
                timeout: seconds(self.options.config.probe_timeout),
            })
        };
        if let Ok((mut reply, _)) = self.authorized.send(Follow::Renewals, build).await {
            reply.excerpt().await;
        }
    }
}

/// What came back for a request.
enum Heard {
    Response(Response),
    /// The session is gone; with the exchange that said so.
    SessionLost(Option<String>),
}

/// Tells the server when nobody waits for a request any more: in this era closing the stream does not
/// ([Cancellation](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation)).
struct Abandon {
    connection: Option<Arc<Connection>>,
    id: Id,
}

impl Abandon {
    fn new(connection: &Arc<Connection>, id: &Id) -> Self {
        Self { connection: Some(Arc::clone(connection)), id: id.clone() }
    }

    fn disarm(mut self) {
        self.connection = None;
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let request_id = self.id.clone();
        runtime.spawn(async move {
            let crate::connection::Spoken::Legacy(legacy) = &connection.spoken else { return };
            let reason = Some("cancelled by the client".to_owned());
            let notification = ClientNotification::Cancelled(Cancelled { request_id, reason });
            connection.notify(legacy, Step::Cancel, &notification).await;
        });
    }
}
