//! How many connections there are, which of them are late, and which make room for another.
//!
//! A full server that only stopped to accept would be a gift to whoever opens connections and is silent on them: nobody
//! else would get in until those time out. So the connections that have kept the server waiting the longest make
//! room. A connection that is being answered, or whose peer reads, never does; if all are such, accepting pauses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::activity::Activity;
use crate::config::ServeConfig;

/// Pause between two looks for somebody to make room, at least.
const SOON: Duration = Duration::from_millis(10);

#[derive(Clone)]
pub(crate) struct Room(Arc<Inner>);

struct Inner {
    limits: Arc<ServeConfig>,
    taken: Mutex<Taken>,
    /// A seat has become free.
    freed: Notify,
    /// The server stops, and what is left is looked at more often.
    closing: AtomicBool,
}

#[derive(Default)]
struct Taken {
    next: u64,
    by: HashMap<u64, Arc<Activity>>,
}

/// The right to be there. Dropped, it is free for the next one.
pub(crate) struct Seat {
    room: Room,
    number: u64,
    pub(crate) activity: Arc<Activity>,
}

impl Room {
    pub(crate) fn new(limits: Arc<ServeConfig>) -> Self {
        Self(Arc::new(Inner {
            limits,
            taken: Mutex::default(),
            freed: Notify::new(),
            closing: AtomicBool::new(false),
        }))
    }

    /// A seat for that peer's connection, as soon as there is one.
    pub(crate) async fn seat(&self, peer: SocketAddr) -> Seat {
        let (max, soon) = (self.0.limits.max_connections.get(), self.0.limits.patience.max(SOON));
        loop {
            let freed = self.0.freed.notified();
            {
                let mut taken = self.taken();
                if taken.by.len() < max {
                    let number = taken.next;
                    taken.next += 1;
                    // The peer's time begins now, however long it had to wait for ours.
                    let activity = Arc::new(Activity::new(peer, self.0.limits.clone(), Instant::now()));
                    taken.by.insert(number, activity.clone());
                    return Seat { room: self.clone(), number, activity };
                }
            }
            // A few at a time, so that a flood does not make us look through all of them for each.
            self.make_room(max / 32 + 1);
            let _nobody_left = timeout(soon, freed).await;
        }
    }

    /// Tells those to leave that have kept the server waiting the longest.
    pub(crate) fn make_room(&self, at_most: usize) {
        let now = Instant::now();
        let taken = self.taken();
        let mut waiting: Vec<(Instant, &Arc<Activity>)> = taken
            .by
            .values()
            .filter_map(|activity| Some((activity.waiting_since(now)?, activity)))
            .filter(|(since, _)| now.saturating_duration_since(*since) >= self.0.limits.patience)
            .collect();
        waiting.sort_by_key(|(since, _)| *since);
        waiting.truncate(at_most);
        for (_, activity) in &waiting {
            activity.make_room(now);
        }
        if !waiting.is_empty() {
            tracing::debug!(connections = waiting.len(), "some make room for others");
        }
    }

    /// Looks at all connections every now and then, and tells those to leave whose time is over. There is one timer for
    /// all of them, which notices that up to a sixteenth of the shortest limit late.
    pub(crate) async fn watch(&self) {
        let limits = &*self.0.limits;
        let shortest = limits.header_timeout.min(limits.idle_timeout).min(limits.write_timeout);
        loop {
            let closing = self.0.closing.load(Ordering::Relaxed);
            sleep(if closing { SOON } else { (shortest / 32).clamp(SOON, Duration::from_secs(1)) }).await;
            let now = Instant::now();
            for activity in self.taken().by.values() {
                if let Some(late) = activity.look(now) {
                    tracing::debug!(?late, "a peer is late, and its connection ends");
                }
            }
        }
    }

    /// Tells all connections that the server stops, and waits for the last one to end.
    pub(crate) async fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        let now = Instant::now();
        self.taken().by.values().for_each(|activity| activity.finish(now));
        loop {
            let freed = self.0.freed.notified();
            if self.taken().by.is_empty() {
                return;
            }
            freed.await;
        }
    }

    /// Ends all connections at once, and says how many there were.
    pub(crate) fn break_off(&self) -> usize {
        let taken = self.taken();
        taken.by.values().for_each(|activity| activity.break_off());
        taken.by.len()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing here panics halfway.
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.taken().by.remove(&self.number);
        // One seat at a time is waited for: by whoever accepts, or by whoever waits for the last one to end.
        self.room.0.freed.notify_one();
    }
}
