//! Streams of the legacy era that can be resumed
//! ([Resumability](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery)).
//!
//! A lost connection does not cancel a legacy call, so what the call says afterwards is kept for a client that comes
//! back with the id of the last event it saw. The id is sealed; what it points to lives in the process that runs the
//! call, bounded in number, in bytes and in time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use barewire_mcp::http::sse::{self, Event};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use indexmap::IndexMap;

use crate::auth::Principal;
use crate::call::CallState;
use crate::config::Limits;
use crate::seal::{KeyRing, Purpose, random_bytes};
use crate::server::Shared;
use crate::session::SessionKey;
use crate::shares::{Full, Share, Shares};

type ReplayKey = [u8; 16];

/// What one call has said so far, as far as it is kept.
pub(crate) struct Replay {
    key: ReplayKey,
    session: SessionKey,
    log: Mutex<Log>,
    reader: AtomicWaker,
    max_bytes: usize,
}

#[derive(Default)]
struct Log {
    messages: VecDeque<Bytes>,
    bytes: usize,
    /// The number of the first message that is still there.
    first: u64,
    ended: bool,
    /// When the client is to come back, where the stream on which it called is to close.
    close: Option<Duration>,
    /// Which reader is the current one; 0 before the first.
    readers: u64,
    attached: bool,
}

impl Replay {
    pub(crate) fn push(&self, message: Bytes) {
        let mut log = self.lock();
        log.bytes += message.len();
        log.messages.push_back(message);
        // The newest always stays: it may be the answer.
        while log.bytes > self.max_bytes && log.messages.len() > 1 {
            let oldest = log.messages.pop_front().map_or(0, |message| message.len());
            log.bytes -= oldest;
            log.first += 1;
        }
        drop(log);
        self.reader.wake();
    }

    /// Closes the stream on which the call was made, once all is read. The client comes back after `retry`.
    pub(crate) fn close(&self, retry: Duration) {
        self.lock().close = Some(retry);
    }

    pub(crate) fn take_close(&self) -> Option<Duration> {
        self.lock().close.take()
    }

    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.reader.wake();
    }

    /// Whether a client is reading.
    pub(crate) fn is_attached(&self) -> bool {
        self.lock().attached
    }

    /// Reads from message number `from` on. Whoever read before is sent away: a message goes to one stream only.
    pub(crate) fn attach(self: &Arc<Self>, from: u64) -> Reader {
        let mut log = self.lock();
        log.readers += 1;
        log.attached = true;
        let number = log.readers;
        drop(log);
        self.reader.wake();
        Reader { replay: self.clone(), number, next: from }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's place in a log.
pub(crate) struct Reader {
    replay: Arc<Replay>,
    number: u64,
    next: u64,
}

/// The next message of a log.
pub(crate) struct Logged {
    number: u64,
    message: Bytes,
    /// Nothing comes after it.
    pub(crate) last: bool,
}

impl Reader {
    /// The next message, which stays the next one until [`Reader::advance`]; `None` at the end.
    pub(crate) fn poll_peek(&mut self, cx: &mut Context<'_>) -> Poll<Option<Logged>> {
        self.replay.reader.register(cx.waker());
        let log = self.replay.lock();
        if log.readers != self.number {
            return Poll::Ready(None);
        }
        let number = self.next.max(log.first);
        let index = usize::try_from(number - log.first).unwrap_or(usize::MAX);
        match log.messages.get(index) {
            Some(message) => {
                let last = log.ended && index + 1 == log.messages.len();
                Poll::Ready(Some(Logged { number, message: message.clone(), last }))
            }
            None if log.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// The event of a message, with an id to go on from.
    pub(crate) fn advance(&mut self, logged: &Logged, call: &EventIds<'_>) -> Bytes {
        self.next = logged.number + 1;
        let data = String::from_utf8_lossy(&logged.message).into_owned();
        sse::encode(&Event { id: Some(call.seal(&self.replay, self.next)), data, ..Event::default() })
    }

    /// The event that only hands out an id: the client can come back before anything else was said, and where `retry`
    /// says so, it is to.
    pub(crate) fn prime(&self, call: &EventIds<'_>, retry: Option<Duration>) -> Bytes {
        sse::encode(&Event { id: Some(call.seal(&self.replay, self.next)), retry, ..Event::default() })
    }

    /// Whether something has been said that was not read.
    pub(crate) fn is_behind(&self) -> bool {
        let log = self.replay.lock();
        self.next < log.first + log.messages.len() as u64
    }

    /// Stops reading.
    pub(crate) fn leave(&self) {
        let mut log = self.replay.lock();
        if log.readers == self.number {
            log.attached = false;
        }
    }

    /// Whether everything that was said has been read.
    pub(crate) fn is_done(&self) -> bool {
        let log = self.replay.lock();
        log.ended && self.next >= log.first + log.messages.len() as u64
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What event ids are sealed with.
pub(crate) struct EventIds<'a> {
    server: &'a Shared,
    caller: Option<&'a Principal>,
}

impl<'a> EventIds<'a> {
    pub(crate) fn of(server: &'a Shared, caller: Option<&'a Principal>) -> Self {
        Self { server, caller }
    }

    fn seal(&self, replay: &Replay, next: u64) -> String {
        let mut payload = [0; 40];
        payload[..16].copy_from_slice(&replay.session);
        payload[16..32].copy_from_slice(&replay.key);
        payload[32..].copy_from_slice(&next.to_be_bytes());
        let until = self.server.now() + self.server.limits.session_ttl;
        let keys = self.server.keys.load();
        keys.seal(Purpose::EventId, &Principal::binding(self.caller), until, &payload)
    }
}

/// The logs of this process.
pub(crate) struct Replays {
    logs: Mutex<IndexMap<ReplayKey, Kept>>,
    places: Arc<Shares>,
    max_bytes: usize,
}

struct Kept {
    replay: Arc<Replay>,
    place: Share,
}

impl Replays {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            logs: Mutex::default(),
            // The one that begins is always kept.
            places: Shares::new(
                limits.max_resumable_calls.max(1),
                limits.max_resumable_calls_per_principal.max(1),
            ),
            max_bytes: limits.max_replay_bytes,
        }
    }

    /// Begins to keep what a call says; `None` for a call without a session, which nobody could come back to.
    pub(crate) fn begin(&self, call: &CallState) -> Option<Arc<Replay>> {
        let session = call.session.as_ref()?.key;
        let replay = Arc::new(Replay {
            key: random_bytes(),
            session,
            log: Mutex::default(),
            reader: AtomicWaker::new(),
            max_bytes: self.max_bytes,
        });
        let owner = call.owner();
        let owner = owner.as_deref();
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let place = loop {
            // Whoever has as many as they may have makes room themselves.
            let oldest = match self.places.take(owner) {
                Ok(place) => break place,
                Err(Full::All) => 0,
                Err(Full::Owner) => logs.values().position(|kept| kept.place.is_of(owner))?,
            };
            logs.shift_remove_index(oldest)?;
        };
        logs.insert(replay.key, Kept { replay: replay.clone(), place });
        Some(replay)
    }

    /// The log and place that an event id points to. Only for the caller and the session it was given to.
    pub(crate) fn find(
        &self,
        keys: &KeyRing,
        caller: Option<&Principal>,
        session: &SessionKey,
        now: SystemTime,
        id: &str,
    ) -> Option<Reader> {
        let payload = keys.open(Purpose::EventId, &Principal::binding(caller), now, id).ok()?;
        let (of_session, rest) = payload.split_at_checked(16)?;
        let (key, next) = rest.split_at_checked(16)?;
        if of_session != session {
            return None;
        }
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let replay = logs.get(key)?.replay.clone();
        drop(logs);
        Some(replay.attach(u64::from_be_bytes(next.try_into().ok()?)))
    }

    /// Forgets a log whose time is over.
    pub(crate) fn forget(&self, replay: &Replay) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).shift_remove(&replay.key);
    }
}
