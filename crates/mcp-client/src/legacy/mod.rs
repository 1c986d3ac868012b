//! The handshake era: sessions, and requests in them.

mod abandon;
mod questions;
mod stream;

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

use self::abandon::Abandon;
use crate::authorized::Follow;
use crate::client::CallOptions;
use crate::connect;
use crate::connection::{
    Connection, Done, Pending, Response, conclude, newly_wanted, not_mcp, purpose, step_of,
};
use crate::error::{Answered, CallError};
use crate::modern::unfit;
use crate::recording::Purpose;
use crate::transport::{Reply, Request as HttpRequest};

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
            let State { session, generation, .. } = legacy.state();
            let id = self.next_id();
            let _running = self.follow_progress(&id, call.tag.as_deref());
            let mut purpose = purpose(step, request.method(), Some(&id), name, Some(session.revision), tag);
            purpose.repeats.clone_from(&repeats);
            let progress = matches!(request, Request::Operation(Operation::CallTool(_))).then_some(&id);
            let abandon = Abandon::new(self, &id);
            let (reply, _) = self
                .post(Follow::Everything, &purpose, || {
                    message::request(&id, request, progress, &session).map_err(|fault| unfit(&fault))
                })
                .await?;
            let pending = Pending { id: &id, method: request.method(), tag: call.tag.as_deref() };
            let outcome = self.read_legacy(legacy, &pending, reply, &session).await;
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
        let purpose = purpose(step, method, None, None, Some(session.revision), self.options.tag.as_deref());
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
