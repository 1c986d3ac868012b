//! Deleting what is over.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{Housekeeping, Retention, StoreError};

use crate::Store;
use crate::row::{Stored, micros, micros_before};

#[async_trait]
impl Housekeeping for Store {
    async fn sweep(&self, now: SystemTime, retention: Retention) -> Result<u64, StoreError> {
        self.delete_what_is_over(now, retention).await.stored()
    }
}

impl Store {
    async fn delete_what_is_over(&self, now: SystemTime, keep: Retention) -> Result<u64, sqlx::Error> {
        // Families before grants: what goes by cascade is not counted.
        let deletions = [
            ("DELETE FROM sessions WHERE expires_at <= ?1", micros(now)),
            ("DELETE FROM answered_challenges WHERE expires_at <= ?1", micros(now)),
            ("DELETE FROM revoked_access_tokens WHERE expires_at <= ?1", micros(now)),
            ("DELETE FROM used_statements WHERE until <= ?1", micros(now)),
            ("DELETE FROM pushed_requests WHERE expires_at <= ?1", micros(now)),
            ("DELETE FROM codes WHERE expires_at <= ?1", micros_before(now, keep.codes)),
            ("DELETE FROM devices WHERE expires_at <= ?1", micros_before(now, keep.codes)),
            ("DELETE FROM login_attempts WHERE last_at <= ?1", micros_before(now, keep.login_attempts)),
            (
                "DELETE FROM clients WHERE dynamic AND activated_at IS NULL AND registered_at <= ?1",
                micros_before(now, keep.unused_clients),
            ),
            (
                "DELETE FROM families WHERE grant_id IN \
                 (SELECT id FROM grants WHERE expires_at <= ?1 OR revoked_at <= ?1)",
                micros_before(now, keep.grants),
            ),
            (
                "DELETE FROM grants WHERE expires_at <= ?1 OR revoked_at <= ?1",
                micros_before(now, keep.grants),
            ),
        ];
        // Those whose grants can only be waited for: nothing that is out there lasts longer than `idle_clients`.
        const IDLE_CLIENTS: &str = concat!(
            "DELETE FROM clients WHERE dynamic AND activated_at IS NOT NULL AND last_used_at <= ?1",
            " AND NOT EXISTS (SELECT 1 FROM grants g JOIN families f ON f.grant_id = g.id",
            " WHERE g.client_id = clients.id AND g.revoked_at IS NULL AND g.expires_at > ?2 AND f.expires_at > ?2)"
        );
        let mut deleted = 0;
        let mut tx = self.begin().await?;
        let idle = sqlx::query(IDLE_CLIENTS).bind(micros_before(now, keep.idle_clients)).bind(micros(now));
        deleted += idle.execute(&mut *tx).await?.rows_affected();
        for (deletion, until) in deletions {
            deleted += sqlx::query(deletion).bind(until).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(deleted)
    }
}
