//! What is done for as long as the server is there: deleting what is over, and learning what other processes at the same
//! store have revoked, narrowed and disabled.

use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::server::Inner;

/// How long a sweep rests after a step, as a multiple of the time that the step took.
const REST: u32 = 3;

/// Does both now and then until the server is dropped.
pub(crate) fn spawn(server: &Arc<Inner>) {
    let weak = Arc::downgrade(server);
    tokio::spawn(async move {
        while let Some(interval) = sweep(&weak).await {
            tokio::time::sleep(interval).await;
        }
    });
    let interval = server.config.revocation_poll;
    if !interval.is_zero() {
        tokio::spawn(follow(Arc::downgrade(server), interval));
    }
}

/// One step, and how long to wait until the next: not the sweep but the requests have the store's only writer for most of the
/// time, also when there are a million records to delete.
async fn sweep(server: &Weak<Inner>) -> Option<Duration> {
    let server = server.upgrade()?;
    let (began, most) = (Instant::now(), server.config.sweep_batch);
    match server.store.sweep(server.now(), server.config.retention(), most).await {
        Ok(0) => {}
        Ok(count) => {
            tracing::debug!(count, "deleted what is over");
            if count >= u64::from(most) {
                return Some(began.elapsed() * REST);
            }
        }
        Err(failure) => tracing::warn!(error = &failure as &dyn Error, "sweeping failed"),
    }
    Some(server.config.sweep_interval)
}

async fn follow(server: Weak<Inner>, interval: Duration) {
    let mut failing = false;
    loop {
        tokio::time::sleep(interval).await;
        let Some(server) = server.upgrade() else { return };
        match server.follower.catch_up(server.store.as_ref(), server.now()).await {
            Ok(()) => failing = false,
            // Said once, not every second.
            Err(failure) if !failing => {
                failing = true;
                tracing::warn!(error = &failure as &dyn Error, "what others revoke is not known");
            }
            Err(_) => {}
        }
    }
}
