//! How many connections there are, and which of them make room for another.
//!
//! A full server that only stopped to accept would be a gift to whoever opens connections and is silent on them: nobody
//! else would get in until those time out. So the connections that have kept the server waiting the longest make
//! room. A connection that is being answered, or whose peer reads, never does; if all are such, accepting pauses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::activity::Activity;

/// Pause between two looks for somebody to make room, at least.
const SOON: Duration = Duration::from_millis(10);

#[derive(Clone)]
pub(crate) struct Room(Arc<Inner>);

struct Inner {
    seats: Arc<Semaphore>,
    max: usize,
    patience: Duration,
    taken: Mutex<Taken>,
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
    _permit: OwnedSemaphorePermit,
}

impl Room {
    pub(crate) fn new(max: usize, patience: Duration) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        let seats = Arc::new(Semaphore::new(max));
        Self(Arc::new(Inner { seats, max, patience, taken: Mutex::default() }))
    }

    /// A seat for another connection, as soon as there is one.
    pub(crate) async fn seat(&self) -> Seat {
        let permit = loop {
            if let Ok(permit) = self.0.seats.clone().try_acquire_owned() {
                break permit;
            }
            // A few at a time, so that a flood does not make us look through all of them for each.
            self.make_room(self.0.max / 32 + 1);
            let soon = self.0.patience.max(SOON);
            if let Ok(permit) = timeout(soon, self.0.seats.clone().acquire_owned()).await {
                break permit.expect("nobody closes the semaphore");
            }
        };
        // The peer's time begins now, however long it had to wait for ours.
        let activity = Arc::new(Activity::new(Instant::now()));
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        taken.by.insert(number, activity.clone());
        Seat { room: self.clone(), number, activity, _permit: permit }
    }

    /// Tells those to leave that have kept the server waiting the longest.
    pub(crate) fn make_room(&self, at_most: usize) {
        let now = Instant::now();
        let taken = self.taken();
        let mut waiting: Vec<(Instant, &Arc<Activity>)> = taken
            .by
            .values()
            .filter_map(|activity| Some((activity.waiting_since()?, activity)))
            .filter(|(since, _)| now.saturating_duration_since(*since) >= self.0.patience)
            .collect();
        waiting.sort_by_key(|(since, _)| *since);
        waiting.truncate(at_most);
        for (_, activity) in &waiting {
            activity.tell_to_leave();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing here panics halfway.
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.taken().by.remove(&self.number);
    }
}
