//! Stopping without breaking what is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts requests under way, and says no to new ones once the server is about to stop.
#[derive(Default)]
pub(crate) struct Drain {
    stopping: AtomicBool,
    under_way: AtomicUsize,
    idle: Notify,
}

impl Drain {
    pub(crate) fn begin(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Counts a request in, or refuses it.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<UnderWay> {
        // Counted before the look: whoever begins to drain in between either sees the count or has been seen.
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let entered = UnderWay(self.clone());
        (!self.stopping.load(Ordering::SeqCst)).then_some(entered)
    }
}

/// One request under way; travels with its response until the last byte.
pub(crate) struct UnderWay(Arc<Drain>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// The end of the last request under way; see [`McpServer::drain`](crate::McpServer::drain).
pub struct Drained(pub(crate) Arc<Drain>);

impl Drained {
    /// Waits for it. How long that may take is for the caller to decide.
    pub async fn wait(self) {
        loop {
            let idle = self.0.idle.notified();
            if self.0.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }

    /// How many requests are still under way.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.0.under_way.load(Ordering::SeqCst)
    }
}
