//! What is done for as long as the server is there: deleting what is over, and learning what other processes at the same
//! store have revoked.

use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use crate::server::Inner;
use crate::store::StoreError;

/// Revocations are asked for again that are older than the last question by this much: one gets its time before it is
/// written, and waits for its turn to be written.
const OVERLAP: Duration = Duration::from_secs(60);

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
        tokio::spawn(follow_revocations(Arc::downgrade(server), interval, server.now()));
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

async fn follow_revocations(server: Weak<Inner>, interval: Duration, mut asked_at: SystemTime) {
    let mut failing = false;
    loop {
        tokio::time::sleep(interval).await;
        let Some(server) = server.upgrade() else { return };
        let now = server.now();
        match ask(&server, asked_at, now).await {
            Ok(()) => (asked_at, failing) = (now, false),
            // Said once, not every second.
            Err(failure) if !failing => {
                failing = true;
                tracing::warn!(error = &failure as &dyn Error, "others' revocations are not known");
            }
            Err(_) => {}
        }
    }
}

async fn ask(server: &Inner, asked_at: SystemTime, now: SystemTime) -> Result<(), StoreError> {
    let since = asked_at.checked_sub(OVERLAP).unwrap_or(SystemTime::UNIX_EPOCH);
    server.tokens.learn_revocations(server.store.as_ref(), since, now).await
}
