//! Requests of the revisions with a handshake
//! ([Streamable HTTP of 2025-11-25](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http)).

use std::sync::Arc;

use barewire_mcp::error::{Error, InvalidParams, TransportFault};
use barewire_mcp::http::headers::SESSION_ID;
use barewire_mcp::jsonrpc::{Id, write};
use barewire_mcp::revision::{Era, Revision, negotiate_initialize};
use barewire_mcp::server::accepted;
use barewire_mcp::server::legacy::{Incoming, Listen, Post};
use barewire_mcp::types::json::Meta;
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::notification::ClientNotification;
use barewire_mcp::types::operation::Operation;
use barewire_mcp::types::progress::ProgressToken;
use barewire_mcp::wire::legacy::askable;
use barewire_mcp::wire::v2025_11_25::{InitializeRequest, Request};
use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};

use crate::answer::written;
use crate::ask::{AskBook, Subject};
use crate::auth::Principal;
use crate::body::{Body, event_stream, status_only};
use crate::call::{CallState, Cancel, LastProgress};
use crate::hub::{Kind, NoStream};
use crate::observer::Outcome;
use crate::operation::{self, Begun};
use crate::outbox::Outbox;
use crate::refused::Refused;
use crate::resumable::ResumedStream;
use crate::server::Shared;
use crate::service::Caller;
use crate::session::Session;
use crate::streams::LongStream;
use crate::tasks::TaskSlot;
use crate::trail::Trail;

/// What a session that never set a level gets: enough to see what a server does, without its details.
const DEFAULT_LEVEL: LoggingLevel = LoggingLevel::Info;

/// The session of a POST, if it names one.
pub(crate) async fn session_of(
    server: &Shared,
    caller: Option<&Principal>,
    post: &Post,
) -> Result<Option<Session>, Refused> {
    let Some(id) = &post.session else { return Ok(None) };
    open(server, caller, id).await.map(Some).map_err(|refused| match &post.message {
        Incoming::Request { id, .. } => refused.about(id),
        Incoming::Notification(_) | Incoming::Response { .. } => refused,
    })
}

/// Begins to answer one POST: a request, a notification, or the answer to a question of this server.
pub(crate) fn begin(
    server: &Arc<Shared>,
    parts: &mut Parts,
    caller: Caller,
    session: Option<Session>,
    post: Post,
    mut trail: Option<&mut Trail>,
) -> Result<Begun, Refused> {
    // The session's word counts, then the header's.
    let said = session.as_ref().map(|session| session.revision).or(post.revision);
    if let Some(trail) = &mut trail {
        trail.revision = said;
        trail.client = session.as_ref().and_then(|session| session.client.clone());
    }
    match post.message {
        Incoming::Request { id, request, meta } => {
            if let Some(trail) = &mut trail {
                trail.method = Some(request.method());
                trail.joins(meta.trace);
                trail.outcome = Outcome::Result;
            }
            let revision = said.unwrap_or(Revision::ASSUMED);
            let asker = Asker { caller, session, revision, id, progress_token: meta.progress_token };
            self::request(server, parts, asker, request, trail)
        }
        Incoming::Notification(notification) => {
            if let (ClientNotification::Cancelled(cancelled), Some(session)) = (notification, session) {
                server.running.cancel(session.key, &cancelled.request_id);
            }
            Ok(Begun::Answered(accepted().map(Body::whole)))
        }
        Incoming::Response { id, outcome } => {
            let known = match (session, id) {
                (Some(session), Some(id)) => server.pending.answer(session.key, &id, outcome),
                _ => false,
            };
            // Not "accepted" when nobody here asked: the question may be another replica's, or its time is over.
            if known { Ok(Begun::Answered(accepted().map(Body::whole))) } else { Err(Refused::NotAsked) }
        }
    }
}

/// Who asks, and in which words.
struct Asker {
    caller: Caller,
    session: Option<Session>,
    revision: Revision,
    id: Id,
    progress_token: Option<ProgressToken>,
}

fn request(
    server: &Arc<Shared>,
    parts: &mut Parts,
    asker: Asker,
    request: Request,
    mut trail: Option<&mut Trail>,
) -> Result<Begun, Refused> {
    let Asker { caller, session, id, .. } = &asker;
    let refuse = |error: Error| Refused::error(id, Era::Legacy, error);
    let not_found = |method: &str| refuse(Error::MethodNotFound { method: method.to_owned() });
    let response = match request {
        Request::Initialize(request) => initialize(server, caller.as_deref(), id, *request, trail),
        Request::Ping => empty(id),
        Request::SetLevel(level) => {
            if server.capabilities.logging.is_none() {
                return Err(not_found("logging/setLevel"));
            }
            if let Some(session) = session {
                server.memory.set_level(&session.key, level);
            }
            empty(id)
        }
        Request::Subscribe { uri } => {
            if server.capabilities.resources.is_none() {
                return Err(not_found("resources/subscribe"));
            }
            if !server.may_read(caller.as_deref(), &uri) {
                return Err(refuse(Error::ResourceNotFound { uri }));
            }
            let Some(session) = session else {
                return Err(refuse(TransportFault::SessionRequired.into()));
            };
            server.memory.subscribe(&session.key, &uri).map_err(|_| {
                let detail = "too many subscriptions in this session, or too long ones".to_owned();
                refuse(InvalidParams::Malformed { method: "resources/subscribe".to_owned(), detail }.into())
            })?;
            empty(id)
        }
        Request::Unsubscribe { uri } => {
            if server.capabilities.resources.is_none() {
                return Err(not_found("resources/unsubscribe"));
            }
            if let Some(session) = session {
                server.memory.unsubscribe(&session.key, &uri);
            }
            empty(id)
        }
        Request::Operation(wanted) => {
            if let Some(trail) = &mut trail {
                trail.name = wanted.name().map(str::to_owned);
            }
            return Ok(operate(server, parts, asker, wanted, trail));
        }
    };
    Ok(Begun::Answered(response))
}

fn operate(
    server: &Arc<Shared>,
    parts: &mut Parts,
    asker: Asker,
    wanted: Operation,
    trail: Option<&mut Trail>,
) -> Begun {
    let Asker { caller, session, revision, id, progress_token } = asker;
    let log_level = server.capabilities.logging.as_ref().map(|_| {
        session.as_ref().and_then(|session| server.memory.level(&session.key)).unwrap_or(DEFAULT_LEVEL)
    });
    let call = Arc::new(CallState {
        server: server.clone(),
        revision,
        method: wanted.method(),
        asks: AskBook::new(Subject::of(&wanted)),
        id,
        principal: caller,
        capabilities: session
            .as_ref()
            .map_or_else(Box::default, |session| Box::new(session.capabilities.clone())),
        progress_token,
        log_level,
        session,
        extensions: std::mem::take(&mut parts.extensions),
        outbox: Outbox::new(server.limits.stream_buffer, true),
        cancel: Cancel::default(),
        last_progress: LastProgress::default(),
        task: TaskSlot::default(),
    });
    operation::begin(call, wanted, &parts.headers, trail)
}

/// `initialize` over Streamable HTTP: everything that was agreed goes into the session's id.
fn initialize(
    server: &Shared,
    caller: Option<&Principal>,
    id: &Id,
    request: InitializeRequest,
    trail: Option<&mut Trail>,
) -> Response<Body> {
    let (session, mut response) = agree(server, id, request, trail);
    let sealed = session.seal(&server.keys.load(), &Principal::binding(caller));
    let header = HeaderValue::try_from(sealed).expect("a sealed value has only characters of base64url");
    response.headers_mut().insert(SESSION_ID, header);
    response
}

/// `initialize` ([Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)):
/// what is agreed, and the answer that says so.
pub(crate) fn agree(
    server: &Shared,
    id: &Id,
    request: InitializeRequest,
    trail: Option<&mut Trail>,
) -> (Session, Response<Body>) {
    let revision = negotiate_initialize(&request.protocol_version);
    let ends = server.now() + server.limits.session_ttl;
    let capabilities = askable(revision, request.capabilities);
    let session = Session::new(revision, capabilities, &request.client_info, ends);
    if let Some(trail) = trail {
        trail.revision = Some(revision);
        trail.client.clone_from(&session.client);
    }
    let result =
        server.statics.initialize(revision).expect("a handshake agrees on a revision that is spoken");
    (session, written(id, Era::Legacy, write::result(id, result)))
}

/// GET: resumes the stream of a call, or opens the session's own: changes, and questions whose connection was lost.
pub(crate) async fn open_stream(
    server: &Arc<Shared>,
    caller: Caller,
    headers: &HeaderMap,
    listen: Listen,
) -> Result<Response<Body>, Refused> {
    let session = open(server, caller.as_deref(), &listen.session).await?;
    if let Some(id) = &listen.last_event_id
        && let Some(reader) =
            server.replays.find(&server.keys.load(), caller.as_deref(), &session.key, server.now(), id)
    {
        let resumed = ResumedStream::new(server.clone(), caller, reader);
        return Ok(event_stream(Box::new(resumed), server.limits.keep_alive));
    }
    server.keep_readable(&session.key, caller.as_deref());
    let owner = server.owner(caller.as_deref()).unwrap_or_default();
    let kind = Kind::Session { key: session.key, revision: session.revision };
    let subscription = server.hub.open(kind, Some(&owner)).map_err(|reason| match reason {
        NoStream::Closing => Refused::ShuttingDown,
        NoStream::TooMany => Refused::TooManyGetStreams,
    })?;
    let stream = LongStream::new(server.clone(), caller.as_deref(), headers, subscription, None);
    Ok(event_stream(Box::new(stream), server.limits.keep_alive))
}

/// DELETE: the session ends, for every replica that shares the memory of ended ones.
pub(crate) async fn end_session(
    server: &Arc<Shared>,
    caller: Caller,
    id: &str,
) -> Result<Response<Body>, Refused> {
    let session = open(server, caller.as_deref(), id).await?;
    server.terminations.terminate(session.key, session.ends_at()).await;
    server.memory.forget(&session.key);
    server.hub.end_session(&session.key);
    Ok(status_only(StatusCode::NO_CONTENT))
}

/// The session behind an id. One that expired, ended, was forged or belongs to somebody else is not found, and the
/// client starts anew.
pub(crate) async fn open(server: &Shared, caller: Option<&Principal>, id: &str) -> Result<Session, Refused> {
    let not_found = || Refused::transport(TransportFault::SessionNotFound);
    let now = server.now();
    let session =
        Session::open(&server.keys.load(), &Principal::binding(caller), now, id).map_err(|reason| {
            tracing::debug!(%reason, "a session id was not accepted");
            not_found()
        })?;
    if server.terminations.is_terminated(session.key, now).await {
        return Err(not_found());
    }
    Ok(session)
}

fn empty(id: &Id) -> Response<Body> {
    written(id, Era::Legacy, write::result(id, &Meta::new()))
}
