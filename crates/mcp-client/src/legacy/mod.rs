//! The handshake era: sessions, and requests in them.

mod abandon;
mod http_sse;
mod questions;
mod stream;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::legacy::{self as message, Session};
use barewire_mcp::error::code;
use barewire_mcp::jsonrpc::{self, Id};
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::notification::ClientNotification;
use barewire_mcp::types::operation::Operation;
use barewire_mcp::wire::v2025_11_25::{self as wire, Request};
use http::{Method, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::abandon::Abandon;
use self::http_sse::{Expected, Link};
use crate::authorized::Follow;
use crate::client::CallOptions;
use crate::connect::{self, Opened};
use crate::connection::{
    Connection, Done, Pending, Response, Spoken, conclude, newly_wanted, not_mcp, purpose, step_of,
};
use crate::error::{Answered, CallError};
use crate::modern::unfit;
use crate::recording::Purpose;
use crate::transport::{Events, Reply, Request as HttpRequest};

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
    /// Over the transport of 2024-11-05: where messages go, and who waits for what.
    link: Option<Arc<Link>>,
}

impl State {
    fn new(session: Session, generation: u64, opened: Option<Opened>) -> (Self, Option<Events>) {
        let (link, events) = opened.map(Opened::split).unzip();
        (Self { session, generation, stream: CancellationToken::new(), link }, events)
    }
}

impl Legacy {
    /// With the stream to follow, over the transport of 2024-11-05.
    pub(crate) fn new(session: Session, opened: Option<Opened>) -> (Self, Option<Events>) {
        let (state, events) = State::new(session, 0, opened);
        let legacy = Self {
            state: RwLock::new(state),
            reopening: tokio::sync::Mutex::default(),
            level: Mutex::default(),
            questions: Mutex::default(),
        };
        (legacy, events)
    }

    pub(crate) fn session(&self) -> Session {
        self.state().session
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, session: Session, opened: Option<Opened>) -> Option<Events> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.stream.cancel();
        let (next, events) = State::new(session, state.generation + 1, opened);
        *state = next;
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = None;
        events
    }

    /// Where messages go.
    fn endpoint<'a>(&'a self, url: &'a Url) -> Cow<'a, Url> {
        self.state().link.map_or(Cow::Borrowed(url), |link| Cow::Owned(link.endpoint.clone()))
    }
}

impl Connection {
    /// Does an operation; when the session is gone, in a new one, once.
    pub(crate) async fn run_legacy(
        self: &Arc<Self>,
        legacy: &Legacy,
        operation: Operation,
        call: &CallOptions,
    ) -> Result<Done, CallError> {
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
        Ok(Done { outcome, recording: response.recording })
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
            let State { session, generation, link, .. } = legacy.state();
            let id = self.next_id();
            let (endpoint, expected) = match &link {
                None => (&self.url, None),
                Some(link) => match link.expect(&id) {
                    Ok(expected) => (&link.endpoint, Some(expected)),
                    Err(_) if repeats.is_none() => {
                        repeats = Some(String::new());
                        self.reopen(legacy, generation).await?;
                        continue;
                    }
                    Err(lost) => return Err(lost),
                },
            };
            let _running = self.follow_progress(&id, call.tag.as_deref());
            let mut purpose = purpose(step, request.method(), Some(&id), name, Some(session.revision), tag);
            purpose.repeats = repeats.clone().filter(|id| !id.is_empty());
            let progress = matches!(request, Request::Operation(Operation::CallTool(_))).then_some(&id);
            let abandon = Abandon::new(self, &id);
            let (reply, _) = self
                .post(Follow::Everything, &purpose, endpoint, || {
                    message::request(&id, request, progress, &session).map_err(|fault| unfit(&fault))
                })
                .await?;
            let pending = Pending { id: &id, method: request.method(), tag: call.tag.as_deref() };
            let outcome = match expected {
                None => self.read_legacy(legacy, &pending, reply, &session).await,
                Some(expected) => self.read_on_stream(&pending, reply, expected).await,
            };
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
        session: &Session,
    ) -> Result<Heard, CallError> {
        if session.id.is_some() && matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) {
            return self.read_refusal(pending, reply).await;
        }
        if reply.is_stream() {
            let events = reply.events(self.options.config.max_answer_bytes);
            return self.read_stream(legacy, pending, events).await.map(Heard::Response);
        }
        if reply.media_type() == "application/json" {
            return self.read_message(session.revision, pending, &mut reply).await.map(Heard::Response);
        }
        Err(not_mcp(reply).await)
    }

    /// The POST is only accepted; the response comes on the stream.
    async fn read_on_stream(
        &self,
        pending: &Pending<'_>,
        mut reply: Reply,
        expected: Expected,
    ) -> Result<Heard, CallError> {
        if matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) {
            return self.read_refusal(pending, reply).await;
        }
        if !reply.status.is_success() {
            return Err(not_mcp(reply).await);
        }
        let recording = reply.recording.clone();
        recording.decide(&Decision::AnswerOnStream);
        reply.excerpt().await;
        let outcome = expected.response().await?;
        if let Err(error) = &outcome {
            recording.decide(&crate::connection::rpc_error(error));
        }
        Ok(Heard::Response(Response { outcome, recording }))
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

    /// Opens another session, unless somebody did it meanwhile.
    async fn reopen(self: &Arc<Self>, legacy: &Legacy, generation: u64) -> Result<(), CallError> {
        let _one = legacy.reopening.lock().await;
        if legacy.state().generation != generation {
            return Ok(());
        }
        let id = self.next_id();
        let (authorized, options, url) = (&self.authorized, &self.options, &self.url);
        let lost = |error| CallError::Session(Box::new(error));
        let established = if legacy.state().link.is_some() {
            let connected = connect::http_sse::connect(authorized, options, url, &id, None).await;
            connected.map_err(lost)?.ok_or(CallError::Http(Answered::StreamEnded))?
        } else {
            let outcome = connect::handshake(authorized, options, url, &id, Follow::Everything).await;
            match outcome.map_err(lost)? {
                connect::Handshake::Established(established) => *established,
                connect::Handshake::Refused(reply) => return Err(not_mcp(*reply).await),
                connect::Handshake::Failed { error, .. } => return Err(lost(error)),
            }
        };
        let events = legacy.replace(established.session, established.opened);
        self.begin_session(events).await;
        Ok(())
    }

    /// Completes the handshake and listens; over the transport of 2024-11-05 on the stream that is there already.
    pub(crate) async fn begin_session(self: &Arc<Self>, events: Option<Events>) {
        let Spoken::Legacy(legacy) = &self.spoken else { return };
        match events {
            Some(events) => {
                self.follow_http_sse(events);
                self.initialized(legacy).await;
            }
            None => {
                self.initialized(legacy).await;
                self.open_stream().await;
            }
        }
    }

    /// Completes the handshake. A server that refuses this notification will refuse what follows too, and says it there.
    async fn initialized(&self, legacy: &Legacy) {
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
        let purpose = purpose(step, method, None, None, Some(session.revision), self.options.tag.as_deref());
        let sent = self
            .post(Follow::Renewals, &purpose, &legacy.endpoint(&self.url), || {
                Ok(message::notification(notification, &session))
            })
            .await;
        match sent {
            Ok((mut reply, _)) if !reply.is_stream() => {
                reply.excerpt().await;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, method, "the notification did not arrive"),
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
                timeout: self.options.config.probe_timeout,
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
