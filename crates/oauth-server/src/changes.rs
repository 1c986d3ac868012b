//! Following what is revoked, narrowed and disabled at the store, by whatever process: the verifier knows of it within
//! [`revocation_poll`](crate::AuthConfig::revocation_poll), and of what this process does itself at once.

use std::time::SystemTime;

use tokio::sync::Mutex;

use crate::access_tokens::AccessTokens;
use crate::store::{Store, StoreError};

/// Changes that are read at once.
const PAGE: u32 = 1000;

/// What tells the verifier of changes, each of them once and in their order.
pub(crate) struct Follower {
    tokens: AccessTokens,
    /// The number of the last change that the verifier knows. Held while it reads: what was durable before somebody began
    /// to wait for it is known when they go on.
    known: Mutex<u64>,
}

impl Follower {
    /// One that knows the last `most` changes. Of those before it is known that there were some: what was issued until then
    /// is refused, so that a start takes no longer after a day on which a million grants were revoked.
    pub(crate) async fn start(
        tokens: AccessTokens,
        store: &dyn Store,
        most: usize,
        now: SystemTime,
    ) -> Result<Self, StoreError> {
        let first = store.last_change().await?.saturating_sub(most as u64);
        if first > 0
            && let Some((_, change)) = store.changes_after(first - 1, 1).await?.first()
        {
            tokens.refuse_until(change.at, now);
        }
        let follower = Self { tokens, known: Mutex::new(first) };
        follower.catch_up(store, now).await?;
        Ok(follower)
    }

    /// Reads on to the last change.
    pub(crate) async fn catch_up(&self, store: &dyn Store, now: SystemTime) -> Result<(), StoreError> {
        let mut known = self.known.lock().await;
        loop {
            let page = store.changes_after(*known, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            *known = *last;
            let more = page.len() == PAGE as usize;
            let changes: Vec<_> = page.into_iter().map(|(_, change)| change).collect();
            self.tokens.learn(changes, now);
            if !more {
                return Ok(());
            }
        }
    }
}
