//! Which grants have not been used yet, asked for each request.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use rustc_hash::FxHasher;

/// Places; 64 KiB. With a thousand unused grants, one request of sixteen looks twice.
const PLACES: usize = 16 * 1024;

/// A count for each of a fixed number of places, so that a request of a grant that nobody waits for, and that is nearly
/// every request, costs a hash and a look, and no lock. It may say yes of a grant that shares its place; never no of one
/// that is waited for.
#[derive(Debug)]
pub struct Awaited(Box<[AtomicU32]>);

impl Default for Awaited {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::default()).collect())
    }
}

impl Awaited {
    /// Whether the first request of this grant may be what somebody waits for.
    #[must_use]
    pub fn may_await(&self, grant: &str) -> bool {
        self.place(grant).load(Ordering::Relaxed) > 0
    }

    pub(super) fn add(&self, grant: &str) {
        self.place(grant).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, grant: &str) {
        self.place(grant).fetch_sub(1, Ordering::Relaxed);
    }

    fn place(&self, grant: &str) -> &AtomicU32 {
        let mut hasher = FxHasher::default();
        grant.hash(&mut hasher);
        // The high bits are the better ones.
        &self.0[(hasher.finish() >> 40) as usize % PLACES]
    }
}
