//! A clock that moves only when the test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The shape in which every crate that does I/O takes its clock.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Clones share the time: advance one and all have moved.
#[derive(Debug, Clone)]
pub struct TestClock {
    millis: Arc<AtomicU64>,
}

impl Default for TestClock {
    /// Starts at 2026-08-01T00:00:00Z, so that a failing test prints the same dates every time.
    fn default() -> Self {
        Self::at(UNIX_EPOCH + Duration::from_secs(1_785_542_400))
    }
}

impl TestClock {
    /// Starts at `now`, kept to the millisecond.
    pub fn at(now: SystemTime) -> Self {
        Self { millis: Arc::new(AtomicU64::new(millis_of(now))) }
    }

    /// What the clock shows.
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }

    /// Moves forward by `by`.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(by, Ordering::SeqCst);
    }

    /// Jumps to `now`, backwards too: a machine whose clock was corrected does the same.
    pub fn set(&self, now: SystemTime) {
        self.millis.store(millis_of(now), Ordering::SeqCst);
    }

    /// The closure that a configuration takes.
    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Arc::new(move || this.now())
    }
}

fn millis_of(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
