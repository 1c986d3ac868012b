//! Whose turn it is on one connection, and since when.
//!
//! Timers belong to the peer's turn only: while it is the server's turn, and while a response is being read, nothing
//! here ends a connection.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::ServeConfig;

/// What happens on one connection. The socket, the service and the bodies tell it; the connection's task asks it.
pub(crate) struct Activity {
    state: Mutex<State>,
    leave: Notify,
}

struct State {
    /// Requests from the end of the head to the end of the response.
    in_flight: u32,
    /// Of these, where the server waits for the peer. Signed, because two tasks may tell in the other order.
    peers_turn: i32,
    /// What the peer owes while nothing is in flight.
    owed: Owed,
    /// When any of the above last changed.
    since: Instant,
    /// Since when the socket takes nothing.
    stalled: Option<Instant>,
    multiplexed: bool,
    leaving: bool,
}

/// What a peer can be late with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Late {
    /// The head of a request.
    Head,
    /// Another request.
    Request,
    /// Taking in what is sent to it.
    Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owed {
    /// The rest of a request's head, or the whole of the first one.
    Head,
    /// Nothing yet.
    Nothing,
}

impl State {
    fn waits(&self) -> bool {
        i64::from(self.peers_turn) >= i64::from(self.in_flight)
    }
}

impl Activity {
    /// A connection that was accepted at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        let state = State {
            in_flight: 0,
            peers_turn: 0,
            owed: Owed::Head,
            since: now,
            stalled: None,
            multiplexed: false,
            leaving: false,
        };
        Self { state: Mutex::new(state), leave: Notify::new() }
    }

    /// Bytes came.
    pub(crate) fn received(&self) {
        let mut state = self.state();
        // On a multiplexed connection they may as well be a ping.
        if state.in_flight == 0 && state.owed == Owed::Nothing && !state.multiplexed {
            state.owed = Owed::Head;
            state.since = Instant::now();
        }
    }

    /// The socket takes nothing at the moment.
    pub(crate) fn stalled(&self) {
        self.state().stalled.get_or_insert_with(Instant::now);
    }

    /// The socket takes something again.
    pub(crate) fn moved(&self) {
        let mut state = self.state();
        state.stalled = None;
        state.since = Instant::now();
    }

    /// A request's head is complete.
    pub(crate) fn begin(self: &Arc<Self>, version: http::Version) -> Arc<Exchange> {
        let mut state = self.state();
        state.in_flight += 1;
        state.multiplexed = version == http::Version::HTTP_2;
        state.since = Instant::now();
        Arc::new(Exchange { activity: self.clone(), turns: AtomicU8::new(0) })
    }

    /// Until when the peer has time, and what it is late with after that.
    pub(crate) fn deadline(&self, limits: &ServeConfig) -> Option<(Instant, Late)> {
        let state = self.state();
        let stalled = state.stalled.map(|since| (after(since, limits.write_timeout), Late::Reading));
        let waiting = (state.in_flight == 0).then(|| match state.owed {
            Owed::Head => (after(state.since, limits.header_timeout), Late::Head),
            Owed::Nothing => (after(state.since, limits.idle_timeout), Late::Request),
        });
        stalled.into_iter().chain(waiting).min_by_key(|(deadline, _)| *deadline)
    }

    /// Since when the server waits for the peer, if it does and the peer was not told to leave yet.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.waits() && !state.leaving).then_some(state.since)
    }

    /// Whether all requests in flight wait for the peer, and there are some.
    pub(crate) fn is_held_up(&self) -> bool {
        let state = self.state();
        state.in_flight > 0 && state.waits()
    }

    /// When the last response ended or moved, if none is in flight and the socket takes what there is.
    pub(crate) fn quiet_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.in_flight == 0 && state.stalled.is_none()).then_some(state.since)
    }

    /// Tells the connection to make room.
    pub(crate) fn tell_to_leave(&self) {
        self.state().leaving = true;
        self.leave.notify_one();
    }

    /// Waits to be told.
    pub(crate) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request and its response.
pub(crate) struct Exchange {
    activity: Arc<Activity>,
    turns: AtomicU8,
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
    /// The server waits.
    pub(crate) fn wait(&self, turn: Turn) {
        if self.turns.fetch_or(turn as u8, Ordering::Relaxed) == 0 {
            self.count(1);
        }
    }

    /// It does not any more.
    pub(crate) fn go_on(&self, turn: Turn) {
        if self.turns.fetch_and(!(turn as u8), Ordering::Relaxed) == turn as u8 {
            self.count(-1);
        }
    }

    /// The response is over, or nobody waits for it any more.
    pub(crate) fn end(&self) {
        let before = self.turns.swap(ENDED, Ordering::Relaxed);
        if before & ENDED == 0 {
            let mut state = self.activity.state();
            state.in_flight -= 1;
            state.peers_turn -= i32::from(before != 0);
            state.owed = Owed::Nothing;
            state.since = Instant::now();
        }
    }

    fn count(&self, change: i32) {
        let mut state = self.activity.state();
        state.peers_turn += change;
        state.since = Instant::now();
    }
}

/// `time` later than `since`; a limit beyond what the clock can say is as good as none.
pub(crate) fn after(since: Instant, time: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    since.checked_add(time).unwrap_or(since + YEARS)
}
