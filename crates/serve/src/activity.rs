//! Whose turn it is on one connection.
//!
//! Timers belong to the peer's turn only: while it is the server's turn, and while a response is being read, nothing
//! here ends a connection.
//!
//! The connection itself only notes *what* changes, in a few atomics. *Since when* is for whoever looks at all
//! connections every now and then ([`Room::look`](crate::room::Room::look)) to find out, so that a request reads no
//! clock, takes no lock and sets no timer. (With a lock, a clock and a timer of its own, each request cost 0.5 µs more
//! and each connection 450 bytes.)

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::config::ServeConfig;

/// What happens on one connection. The socket, the service and the bodies tell it; the room looks at it.
pub(crate) struct Activity {
    pub(crate) peer: SocketAddr,
    pub(crate) limits: Arc<ServeConfig>,
    /// Requests in flight, from the end of the head to the end of the response: the low half. Of these, where the server
    /// waits for the peer: the high half, signed, because two tasks may tell in the other order.
    counts: AtomicU64,
    /// Something of this changed since the last look.
    moved: AtomicBool,
    /// While nothing is in flight, the peer owes the rest of a request's head, or the whole of the first one.
    owes_head: AtomicBool,
    /// The socket takes nothing.
    stalled: AtomicBool,
    /// It took something since the last look.
    flowed: AtomicBool,
    multiplexed: AtomicBool,
    /// What the room wants of the connection.
    orders: AtomicU8,
    task: AtomicWaker,
    seen: Mutex<Seen>,
}

/// What was seen at the last look.
struct Seen {
    /// At the first look after the last change.
    since: Instant,
    /// At the first look that found the socket so.
    stalled: Option<Instant>,
    /// The connection was told to finish, and has this long to stay quiet after it.
    farewell: Option<Duration>,
}

/// What a peer can be late with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// The head of a request.
    Head,
    /// Another request.
    Request,
    /// Taking in what is sent to it.
    Reading,
}

/// What a connection has to do, as bits.
pub(crate) mod order {
    /// Answer what is in flight, and nothing after it.
    pub(crate) const FINISH: u8 = 1;
    /// Be gone if nothing is in flight.
    pub(crate) const LEAVE: u8 = 2;
    /// Be gone if all that is in flight waits for the peer.
    pub(crate) const MAKE_ROOM: u8 = 4;
    /// Be gone if the peer does not read.
    pub(crate) const GIVE_UP: u8 = 8;
    /// Be gone.
    pub(crate) const BREAK_OFF: u8 = 16;
}

/// How long a peer that was told that the connection ends has to say what HTTP/2 wants said, and to take in the rest of
/// a response that has been handed over.
const FAREWELL: Duration = Duration::from_secs(1);

const PEERS_TURN: u64 = 1 << 32;

impl Activity {
    /// A connection that was accepted at `now`.
    pub(crate) fn new(peer: SocketAddr, limits: Arc<ServeConfig>, now: Instant) -> Self {
        Self {
            peer,
            limits,
            counts: AtomicU64::new(0),
            moved: AtomicBool::new(false),
            owes_head: AtomicBool::new(true),
            stalled: AtomicBool::new(false),
            flowed: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            orders: AtomicU8::new(0),
            task: AtomicWaker::new(),
            seen: Mutex::new(Seen { since: now, stalled: None, farewell: None }),
        }
    }

    /// Bytes came.
    pub(crate) fn received(&self) {
        // On a multiplexed connection they may as well be a ping.
        if !self.owes_head.load(Ordering::Relaxed)
            && self.in_flight() == 0
            && !self.multiplexed.load(Ordering::Relaxed)
        {
            self.owes_head.store(true, Ordering::Relaxed);
            self.move_on();
        }
    }

    /// Whether the socket takes nothing at the moment has changed.
    pub(crate) fn stalled(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
        if !stalled {
            self.flowed.store(true, Ordering::Relaxed);
        }
        self.move_on();
    }

    /// A request's head is complete.
    pub(crate) fn begin(&self, version: http::Version) {
        if version == http::Version::HTTP_2 {
            self.multiplexed.store(true, Ordering::Relaxed);
        }
        self.counts.fetch_add(1, Ordering::Relaxed);
        self.move_on();
    }

    fn end(&self, was_the_peers: bool) {
        self.owes_head.store(false, Ordering::Relaxed);
        self.counts.fetch_sub(1 + if was_the_peers { PEERS_TURN } else { 0 }, Ordering::Relaxed);
        self.move_on();
    }

    fn move_on(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }

    fn in_flight(&self) -> u32 {
        // The low half.
        self.counts.load(Ordering::Relaxed) as u32
    }

    /// Whether all requests in flight, if any, wait for the peer.
    fn waits(&self) -> bool {
        let counts = self.counts.load(Ordering::Relaxed);
        i64::from((counts >> 32) as u32 as i32) >= i64::from(counts as u32)
    }

    /// Whether the socket takes nothing at the moment.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Whether all requests in flight wait for the peer, and there are some.
    pub(crate) fn is_held_up(&self) -> bool {
        self.in_flight() > 0 && self.waits()
    }

    /// Whether nothing is in flight and the socket takes what there is.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_flight() == 0 && !self.is_stalled()
    }

    /// Looks, and tells the connection what follows from how long it has been like this. Says what the peer is late
    /// with.
    pub(crate) fn look(&self, now: Instant) -> Option<Late> {
        let limits = &*self.limits;
        let mut seen = self.seen(now);
        if let Some(stalled) = seen.stalled
            && after(stalled, limits.write_timeout) <= now
        {
            self.order(order::GIVE_UP);
            return Some(Late::Reading);
        }
        if self.in_flight() > 0 {
            return None;
        }
        if let Some(farewell) = seen.farewell {
            if after(seen.since, farewell) <= now {
                self.order(order::LEAVE);
            }
            return None;
        }
        let (late, limit, farewell) = match self.owes_head.load(Ordering::Relaxed) {
            true => (Late::Head, limits.header_timeout, Duration::ZERO),
            false => (Late::Request, limits.idle_timeout, FAREWELL),
        };
        if after(seen.since, limit) > now {
            return None;
        }
        seen.farewell = Some(farewell);
        self.order(if farewell.is_zero() { order::FINISH | order::LEAVE } else { order::FINISH });
        Some(late)
    }

    /// Since when the server waits for the peer, if it does and the peer was not told to leave yet.
    pub(crate) fn waiting_since(&self, now: Instant) -> Option<Instant> {
        let seen = self.seen(now);
        (self.waits() && seen.farewell.is_none()).then_some(seen.since)
    }

    /// Tells the connection to make room.
    pub(crate) fn make_room(&self, now: Instant) {
        self.seen(now).farewell = Some(Duration::ZERO);
        self.order(order::MAKE_ROOM | order::FINISH | order::LEAVE);
    }

    /// Tells the connection that the server stops.
    pub(crate) fn finish(&self, now: Instant) {
        self.seen(now).farewell.get_or_insert(FAREWELL);
        self.order(order::FINISH);
    }

    /// Tells the connection to end, whatever is in flight.
    pub(crate) fn break_off(&self) {
        self.order(order::BREAK_OFF);
    }

    fn order(&self, order: u8) {
        self.orders.fetch_or(order, Ordering::AcqRel);
        self.task.wake();
    }

    /// What the connection was told since it asked last. If nothing, the task is woken once there is something.
    pub(crate) fn orders(&self, waker: &Waker) -> u8 {
        self.task.register(waker);
        if self.orders.load(Ordering::Acquire) == 0 { 0 } else { self.orders.swap(0, Ordering::AcqRel) }
    }

    /// What is seen now.
    fn seen(&self, now: Instant) -> MutexGuard<'_, Seen> {
        // Nothing here panics halfway.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.moved.swap(false, Ordering::Relaxed) {
            seen.since = now;
        }
        if self.flowed.swap(false, Ordering::Relaxed) {
            seen.stalled = None;
        }
        if self.is_stalled() {
            seen.stalled.get_or_insert(now);
        }
        seen
    }
}

/// One request and its response.
pub(crate) struct Exchange {
    activity: Arc<Activity>,
    turns: AtomicU8,
    /// The peer let a handler wait too long for the body.
    pub(crate) too_slow: AtomicBool,
}

/// What the server waits for in the middle of an exchange.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Turn {
    /// The next part of the request's body.
    Body = 1,
    /// That a part of the response is sent.
    Response = 2,
}

const ENDED: u8 = 4;

impl Exchange {
    /// One that has begun. On a connection where one request follows another, the last one's can be used again.
    pub(crate) fn begin(
        activity: &Arc<Activity>,
        version: http::Version,
        used: Option<Arc<Self>>,
    ) -> Arc<Self> {
        activity.begin(version);
        if let Some(mut used) = used
            && let Some(exchange) = Arc::get_mut(&mut used)
        {
            *exchange.turns.get_mut() = 0;
            *exchange.too_slow.get_mut() = false;
            return used;
        }
        let (turns, too_slow) = (AtomicU8::new(0), AtomicBool::new(false));
        Arc::new(Self { activity: activity.clone(), turns, too_slow })
    }

    /// That of its connection.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Whether there may be others at the same time on the connection.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.activity.multiplexed.load(Ordering::Relaxed)
    }

    /// The server waits.
    pub(crate) fn wait(&self, turn: Turn) {
        if self.turns.fetch_or(turn as u8, Ordering::Relaxed) == 0 {
            self.activity.counts.fetch_add(PEERS_TURN, Ordering::Relaxed);
            self.activity.move_on();
        }
    }

    /// It does not any more.
    pub(crate) fn go_on(&self, turn: Turn) {
        if self.turns.load(Ordering::Relaxed) & turn as u8 == 0 {
            return;
        }
        if self.turns.fetch_and(!(turn as u8), Ordering::Relaxed) == turn as u8 {
            self.activity.counts.fetch_sub(PEERS_TURN, Ordering::Relaxed);
            self.activity.move_on();
        }
    }

    /// The response is over, or nobody waits for it any more.
    pub(crate) fn end(&self) {
        let before = self.turns.swap(ENDED, Ordering::Relaxed);
        if before & ENDED == 0 {
            self.activity.end(before != 0);
        }
    }
}

/// `time` later than `since`; a limit beyond what the clock can say is as good as none.
pub(crate) fn after(since: Instant, time: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    since.checked_add(time).unwrap_or(since + YEARS)
}
