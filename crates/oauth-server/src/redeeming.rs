//! Who is exchanging which code or refresh token right now.
//!
//! Requests for the same one that are under way together are one client asking twice: one wins, the others are refused (for a
//! refresh token only where there is no grace: within one they get the same as the winner), and nothing is revoked. A request that arrives once the winner is done is a replay. Clocks cannot tell the
//! two apart to the millisecond; this can, within one process (between processes, the times in the store have to do).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::Digest;

/// The codes and refresh tokens being exchanged. As large as there are requests under way, no larger.
#[derive(Default)]
pub(crate) struct Redeeming(Mutex<HashMap<Digest, Arc<Group>>>);

/// Requests that are under way together.
#[derive(Default)]
struct Group {
    /// One of them found the code unused and went on to redeem it.
    attempted: AtomicBool,
}

/// One request, from its arrival to its end.
pub(crate) struct Attempt<'a> {
    all: &'a Redeeming,
    code: Digest,
    group: Arc<Group>,
}

impl Redeeming {
    /// A request for this code, or with this refresh token, has arrived.
    pub(crate) fn arrive(&self, code: Digest) -> Attempt<'_> {
        let group = Arc::clone(self.lock().entry(code).or_default());
        Attempt { all: self, code, group }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Arc<Group>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// It goes on to redeem the code.
    pub(crate) fn begin(&self) {
        self.group.attempted.store(true, Ordering::SeqCst);
    }

    /// It has redeemed the code; who arrives from now on comes too late.
    pub(crate) fn won(&self) {
        self.forget();
    }

    /// Whether another request, under way at the same time, went on to redeem the code.
    pub(crate) fn raced(&self) -> bool {
        self.group.attempted.load(Ordering::SeqCst)
    }

    fn forget(&self) {
        let mut all = self.all.lock();
        if all.get(&self.code).is_some_and(|group| Arc::ptr_eq(group, &self.group)) {
            all.remove(&self.code);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        // The map's own reference and ours: nobody else is under way.
        let last = Arc::strong_count(&self.group) <= 2;
        if last && all.get(&self.code).is_some_and(|group| Arc::ptr_eq(group, &self.group)) {
            all.remove(&self.code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_is_a_race_and_afterwards_is_a_replay() {
        let redeeming = Redeeming::default();
        let (code, other) = (Digest([1; 32]), Digest([2; 32]));
        let (winner, twin) = (redeeming.arrive(code), redeeming.arrive(code));
        let stranger = redeeming.arrive(other);
        winner.begin();
        let late_twin = redeeming.arrive(code);
        winner.won();
        let replay = redeeming.arrive(code);
        assert!(twin.raced() && late_twin.raced());
        assert!(!replay.raced() && !stranger.raced());
        drop((winner, twin, late_twin));
        assert!(!redeeming.arrive(code).raced());
        drop((replay, stranger));
        assert!(redeeming.lock().is_empty());
    }
}
