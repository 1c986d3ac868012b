//! The transport of 2024-11-05: a stream for everything that the server says, and an endpoint for what the client says
//! ([HTTP with SSE](https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse)).
//!
//! Here, and nowhere else, a session is something in memory: it is its stream, so only the process that has the stream
//! can serve it. It begins with a GET and ends with it, bound to whoever sent it; each message of it is a POST that is
//! checked like any other, token included, and answered with 202. Handlers are polled by the stream that will carry their
//! answers: a client that does not read makes its own handlers wait and nobody else, and when the stream is gone they are
//! cancelled, since no answer can ever arrive. What HTTP has a status for (who sends it, whether it may, too many) is
//! said on the POST itself.
//!
//! A client that lost its stream opens another one and often goes on without a handshake; it is served, without what a
//! handshake would have said it can do.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use barewire_mcp::error::{Error, TransportFault, code};
use barewire_mcp::http::sse::{self, Event};
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::server::http_sse::{self as protocol, ENDPOINT, MESSAGE};
use barewire_mcp::server::legacy::{Incoming, Post};
use barewire_mcp::wire::v2025_11_25::{InitializeRequest, Request as LegacyRequest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{SelectAll, StreamExt as _};
use futures_util::task::AtomicWaker;
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use http::{Response, StatusCode};
use tokio::time::{Instant, Sleep, sleep};

use crate::auth::{Principal, Reader};
use crate::body::{Body, Source, event_stream_from, status_only};
use crate::config::Limits;
use crate::drain::UnderWay;
use crate::errand::Errand;
use crate::hub::{Kind, NoStream};
use crate::legacy;
use crate::observer::Outcome;
use crate::operation::Begun;
use crate::read::{BoxError, read_body};
use crate::refused::Refused;
use crate::running::Tracked;
use crate::seal::random_bytes;
use crate::server::Shared;
use crate::service::{Caller, identify};
use crate::session::{Session, SessionKey};
use crate::shares::{Share, Shares};
use crate::streams::{Deliveries, Delivery};
use crate::trail::Trail;

/// GET: a session begins.
pub(crate) async fn open(
    server: &Arc<Shared>,
    parts: &Parts,
    messages: &str,
    errand: &mut Errand,
) -> Result<Response<Body>, Refused> {
    let caller = identify(server, parts, errand.trail.as_deref_mut()).await?;
    let owner = server.owner(caller.as_deref()).unwrap_or_default();
    let key = random_bytes();
    // What is published says the same in each of the revisions that come this way.
    let kind = Kind::Session { key, revision: Revision::V2024_11_05 };
    let subscription = server.hub.open(kind, Some(&owner)).map_err(|reason| match reason {
        NoStream::Closing => Refused::ShuttingDown,
        NoStream::TooMany => Refused::TooManyGetStreams,
    })?;
    let session = server.sse_sessions.open(server, key, parts, caller.as_deref())?;
    let first = Event {
        event: Some(ENDPOINT.to_owned()),
        data: protocol::endpoint(messages, &URL_SAFE_NO_PAD.encode(session.key)),
        ..Event::default()
    };
    let stream = SseStream {
        deliveries: Deliveries::new(server.clone(), subscription, None),
        server: server.clone(),
        session,
        at_work: SelectAll::new(),
        timer: Box::pin(sleep(Duration::ZERO)),
        is_last: false,
        ended: false,
    };
    Ok(event_stream_from(sse::encode(&first), Box::new(stream), server.limits.keep_alive))
}

/// POST: a message of a session.
pub(crate) async fn take<B>(
    server: &Arc<Shared>,
    parts: &mut Parts,
    body: Pin<&mut B>,
    errand: &mut Errand,
) -> Result<Response<Body>, Refused>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let caller = identify(server, parts, errand.trail.as_deref_mut()).await?;
    let session = server.sse_sessions.find(protocol::session(parts)?, caller.as_deref())?;
    let body = read_body(body, &server.limits).await?;
    if let Some(trail) = &mut errand.trail {
        trail.bytes_in = body.len() as u64;
    }
    session.heard(server, parts, caller.as_deref());
    let revision = protocol::revision(parts)?;
    let message = match protocol::accept_message(&body) {
        Ok(message) => message,
        // The answer to a request comes where the client waits for it.
        Err(rejection) if rejection.id.is_some() => {
            let place = session.place()?;
            let refused = Refused::from(rejection).into_response(errand.trail.as_deref_mut());
            return Ok(session.put(Entry::whole(refused, place, errand)));
        }
        Err(rejection) => return Err(rejection.into()),
    };
    let place = match &message {
        Incoming::Request { .. } => Some(session.place()?),
        Incoming::Notification(_) | Incoming::Response { .. } => None,
    };
    let mut trail = errand.trail.take();
    let begun = begin(server, parts, caller, &session, revision, message, trail.as_deref_mut());
    errand.trail = trail;
    let Some(place) = place else {
        // A status says it all.
        return begun.map(|begun| match begun {
            Begun::Answered(response) => response,
            Begun::AtWork(..) => status_only(StatusCode::ACCEPTED),
        });
    };
    let response = match begun {
        Ok(Begun::AtWork(work, call)) => {
            let trail = errand.hand_over();
            let ticket = Ticket { _place: place, _under_way: errand.under_way.take() };
            let call = Tracked::new(work, call, trail, ticket);
            return Ok(session.put(Entry::AtWork(call)));
        }
        Ok(Begun::Answered(response)) => response,
        Err(refused) => refused.into_response(errand.trail.as_deref_mut()),
    };
    if response.headers().contains_key(WWW_AUTHENTICATE) {
        // Logging in, or asking for more scopes, is between the client's HTTP and ours.
        return Ok(response);
    }
    Ok(session.put(Entry::whole(response, place, errand)))
}

/// Begins to answer one message.
fn begin(
    server: &Arc<Shared>,
    parts: &mut Parts,
    caller: Caller,
    session: &SseSession,
    revision: Revision,
    message: Incoming,
    trail: Option<&mut Trail>,
) -> Result<Begun, Refused> {
    match message {
        Incoming::Request { id, request: LegacyRequest::Initialize(request), .. } => {
            session.initialize(server, &id, *request, trail).map(Begun::Answered)
        }
        message => {
            let post = Post { session: None, revision: Some(revision), message };
            legacy::begin(server, parts, caller, session.agreed.get().cloned(), post, trail)
        }
    }
}

/// The open sessions of this process.
pub(crate) struct SseSessions {
    open: Mutex<HashMap<SessionKey, Arc<SseSession>>>,
    places: Arc<Shares>,
    max_requests: usize,
}

/// A session, which is as old as its stream.
struct SseSession {
    /// What tells it apart, and what nobody else can guess: 16 random bytes.
    key: SessionKey,
    /// Who opened it.
    bound_to: Vec<u8>,
    _place: Share,
    /// What the handshake agreed on, once there was one.
    agreed: OnceLock<Session>,
    state: Mutex<State>,
    /// The stream.
    reader: AtomicWaker,
    /// Its requests without an answer.
    requests: Arc<Shares>,
}

struct State {
    /// What POSTs have brought and the stream has not seen yet; one for each of `requests` at most.
    inbox: VecDeque<Entry>,
    /// The stream is gone.
    closed: bool,
    /// When the client was last heard.
    heard: Instant,
    /// Who sent the newest token, and its end: a client that renews its token keeps its stream.
    reader: Option<Reader>,
    token_ends: Option<SystemTime>,
}

/// What a request holds until its answer has been written.
struct Ticket {
    _place: Share,
    _under_way: Option<UnderWay>,
}

enum Entry {
    AtWork(Tracked<Ticket>),
    /// An answer that is there already.
    Whole {
        message: Bytes,
        trail: Option<Box<Trail>>,
        _ticket: Ticket,
    },
}

impl SseSessions {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            open: Mutex::default(),
            places: Shares::new(limits.max_sse_sessions, limits.max_sse_sessions_per_principal),
            max_requests: limits.max_sse_requests.max(1),
        }
    }

    fn open(
        &self,
        server: &Shared,
        key: SessionKey,
        parts: &Parts,
        caller: Option<&Principal>,
    ) -> Result<Arc<SseSession>, Refused> {
        let place = self.places.take(server.owner(caller).as_deref());
        let session = Arc::new(SseSession {
            key,
            bound_to: Principal::binding(caller),
            _place: place.map_err(|_| Refused::TooManyGetStreams)?,
            agreed: OnceLock::new(),
            state: Mutex::new(State {
                inbox: VecDeque::new(),
                closed: false,
                heard: Instant::now(),
                reader: None,
                token_ends: None,
            }),
            reader: AtomicWaker::new(),
            requests: Shares::new(self.max_requests, self.max_requests),
        });
        session.heard(server, parts, caller);
        self.lock().insert(session.key, session.clone());
        Ok(session)
    }

    /// The session of a POST. One that has ended, never was, or is somebody else's is not found.
    fn find(&self, id: &str, caller: Option<&Principal>) -> Result<Arc<SseSession>, Refused> {
        let key = URL_SAFE_NO_PAD.decode(id).ok().and_then(|key| SessionKey::try_from(key).ok());
        let session = key.and_then(|key| self.lock().get(&key).cloned());
        session
            .filter(|session| session.bound_to == Principal::binding(caller))
            .ok_or_else(|| Refused::transport(TransportFault::SessionNotFound))
    }

    /// Every change is one statement.
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<SseSession>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SseSession {
    /// The client is there, with this token.
    fn heard(&self, server: &Shared, parts: &Parts, caller: Option<&Principal>) {
        let reader = server.guard.as_ref().and_then(|guard| guard.reader(&parts.headers, caller));
        server.keep_readable(&self.key, caller);
        let mut state = self.lock();
        state.heard = Instant::now();
        state.reader = reader;
        state.token_ends = caller.and_then(|caller| caller.expires_at);
    }

    /// A place for one more request.
    fn place(&self) -> Result<Share, Refused> {
        self.requests.take(None).map_err(|_| Refused::TooManyRequests)
    }

    fn initialize(
        &self,
        server: &Shared,
        id: &Id,
        request: InitializeRequest,
        trail: Option<&mut Trail>,
    ) -> Result<Response<Body>, Refused> {
        let (agreed, response) = legacy::agree(server, id, request, trail);
        self.agreed.set(Session { key: self.key, ..agreed }).map_err(|_| {
            let twice = ErrorObject::new(code::INVALID_REQUEST, "This session is initialized already");
            Refused::error(id, Era::Legacy, Error::Application(Box::new(twice)))
        })?;
        Ok(response)
    }

    /// Gives the stream something to do. One that ended this very moment does no more of it.
    fn put(&self, entry: Entry) -> Response<Body> {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            entry.cancel();
        } else {
            state.inbox.push_back(entry);
            drop(state);
            self.reader.wake();
        }
        status_only(StatusCode::ACCEPTED)
    }

    fn next(&self) -> Option<Entry> {
        self.lock().inbox.pop_front()
    }

    /// Takes no more. `false` where something has come that is still to be done.
    fn close(&self) -> bool {
        let mut state = self.lock();
        state.closed |= state.inbox.is_empty();
        state.closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn whole(response: Response<Body>, place: Share, errand: &mut Errand) -> Self {
        let trail = errand.hand_over();
        let ticket = Ticket { _place: place, _under_way: errand.under_way.take() };
        let message = response.into_body().into_whole().unwrap_or_default();
        Self::Whole { message, trail, _ticket: ticket }
    }

    fn cancel(&self) {
        if let Self::AtWork(call) = self {
            call.cancel();
        }
    }
}

/// The stream of a session.
struct SseStream {
    server: Arc<Shared>,
    session: Arc<SseSession>,
    at_work: SelectAll<Tracked<Ticket>>,
    /// What is published, and questions whose own way is lost.
    deliveries: Deliveries,
    /// Rings when the session may have been idle for too long, or its token may have ended.
    timer: Pin<Box<Sleep>>,
    /// What is at work is finished, and then it ends.
    is_last: bool,
    ended: bool,
}

impl SseStream {
    /// What is published, to a client that has said hello.
    fn poll_published(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        if self.is_last {
            return Poll::Pending;
        }
        self.deliveries.reader.clone_from(&self.session.lock().reader);
        loop {
            match self.deliveries.poll_next(cx) {
                Poll::Ready(Delivery::Event(event)) if self.session.agreed.get().is_some() => {
                    return Poll::Ready(as_message(&event));
                }
                Poll::Ready(Delivery::Event(_)) => {}
                Poll::Ready(Delivery::End) => {
                    self.is_last = true;
                    return Poll::Pending;
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Whether it has been idle for too long, or is nobody's any more.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let left = {
                let state = self.session.lock();
                let idle = self.server.limits.sse_idle.saturating_sub(state.heard.elapsed());
                let of_token = state.token_ends.map_or(Duration::MAX, |end| {
                    end.duration_since(self.server.now()).unwrap_or(Duration::ZERO)
                });
                idle.min(of_token)
            };
            if left.is_zero() {
                return true;
            }
            // A year is as good as for ever, and no clock overflows.
            self.timer.as_mut().reset(Instant::now() + left.min(Duration::from_secs(365 * 86_400)));
            if self.timer.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
    }
}

impl Source for SseStream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            self.session.reader.register(cx.waker());
            while let Some(entry) = self.session.next() {
                match entry {
                    Entry::AtWork(call) => self.at_work.push(call),
                    Entry::Whole { message, mut trail, .. } => {
                        if let Some(trail) = &mut trail {
                            trail.bytes_out = message.len() as u64;
                        }
                        return Poll::Ready(Some(message_event(&message)));
                    }
                }
            }
            if let Poll::Ready(Some((message, _ticket))) = self.at_work.poll_next_unpin(cx) {
                return Poll::Ready(Some(message_event(&message)));
            }
            if let Poll::Ready(event) = self.poll_published(cx) {
                return Poll::Ready(Some(event));
            }
            if !self.at_work.is_empty() || !(self.is_last || self.is_over(cx)) {
                return Poll::Pending;
            }
            if self.session.close() {
                self.ended = true;
                return Poll::Ready(None);
            }
        }
    }

    fn conclude(&self, trail: &mut Trail) {
        trail.outcome = if self.ended { Outcome::Result } else { Outcome::Nothing };
    }
}

impl Drop for SseStream {
    /// The session is over: nobody will read what its handlers might still say.
    fn drop(&mut self) {
        self.server.sse_sessions.lock().remove(&self.session.key);
        let left = {
            let mut state = self.session.lock();
            state.closed = true;
            std::mem::take(&mut state.inbox)
        };
        left.iter().for_each(Entry::cancel);
        self.at_work.iter().for_each(Tracked::cancel);
        self.server.memory.forget(&self.session.key);
    }
}

fn message_event(message: &Bytes) -> Bytes {
    as_message(&sse::message(message))
}

/// Names the kind of an event, as this transport does where the next one leaves it out.
fn as_message(event: &Bytes) -> Bytes {
    let mut named = BytesMut::with_capacity(event.len() + 16);
    named.extend_from_slice(b"event: ");
    named.extend_from_slice(MESSAGE.as_bytes());
    named.extend_from_slice(b"\n");
    named.extend_from_slice(event);
    named.freeze()
}
