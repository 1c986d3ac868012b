//! Deleting what is over.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{Housekeeping, Retention, StoreError};

use crate::Store;
use crate::row::{Stored, micros, micros_before};

#[async_trait]
impl Housekeeping for Store {
    async fn sweep(&self, now: SystemTime, retention: Retention, most: u32) -> Result<u64, StoreError> {
        self.delete_what_is_over(now, retention, most).await.stored()
    }

    fn is_writing(&self) -> bool {
        // A connection that nobody has used for long is closed, and then there is none.
        self.writer().size() as usize > self.writer().num_idle()
    }
}

/// Deletes the rows of a table for which something holds (`?1` is a time), as many as `?2` says.
macro_rules! over {
    ($table:literal, $over:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE rowid IN (SELECT rowid FROM ",
            $table,
            " WHERE ",
            $over,
            " LIMIT ?2)"
        )
    };
}

/// Those whose grants can only be waited for: nothing that is out there lasts longer than `idle_clients`.
const IDLE_CLIENTS: &str = over!(
    "clients",
    "dynamic AND activated_at IS NOT NULL AND coalesce(last_used_at, registered_at) <= ?1 AND NOT EXISTS \
     (SELECT 1 FROM grants g JOIN families f ON f.grant_id = g.id \
     WHERE g.client_id = clients.id AND g.revoked_at IS NULL AND g.expires_at > ?3 AND f.expires_at > ?3)"
);

impl Store {
    async fn delete_what_is_over(
        &self,
        now: SystemTime,
        keep: Retention,
        most: u32,
    ) -> Result<u64, sqlx::Error> {
        let grants = micros_before(now, keep.grants);
        let deletions = [
            (over!("sessions", "expires_at <= ?1"), micros(now)),
            (over!("answered_challenges", "expires_at <= ?1"), micros(now)),
            (over!("revoked_access_tokens", "expires_at <= ?1"), micros(now)),
            (over!("changes", "at <= ?1"), grants),
            (over!("used_statements", "until <= ?1"), micros(now)),
            (over!("pushed_requests", "expires_at <= ?1"), micros(now)),
            (over!("upstream_logins", "expires_at <= ?1"), micros(now)),
            (over!("codes", "expires_at <= ?1"), micros_before(now, keep.codes)),
            (over!("devices", "expires_at <= ?1"), micros_before(now, keep.codes)),
            (over!("login_attempts", "last_at <= ?1"), micros_before(now, keep.login_attempts)),
            (
                over!("clients", "dynamic AND activated_at IS NULL AND registered_at <= ?1"),
                micros_before(now, keep.unused_clients),
            ),
            // Their families go with them.
            (over!("grants", "expires_at <= ?1"), grants),
            (over!("grants", "revoked_at <= ?1"), grants),
        ];
        let mut deleted = 0;
        let mut tx = self.begin().await?;
        let left = |deleted| i64::from(most).saturating_sub_unsigned(deleted);
        for (deletion, until) in deletions {
            let delete = sqlx::query(deletion).bind(until).bind(left(deleted));
            deleted += delete.execute(&mut *tx).await?.rows_affected();
        }
        let idle = sqlx::query(IDLE_CLIENTS).bind(micros_before(now, keep.idle_clients)).bind(left(deleted));
        deleted += idle.bind(micros(now)).execute(&mut *tx).await?.rows_affected();
        tx.commit().await?;
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use barewire_testkit::TempDir;

    use super::*;

    #[tokio::test]
    async fn who_has_no_haste_sees_others_write() {
        let dir = TempDir::new();
        let store = Store::open(dir.join("store.sqlite")).await.unwrap();
        assert!(!store.is_writing());
        let write = store.begin().await.unwrap();
        assert!(store.is_writing());
        write.commit().await.unwrap();
        let back = || async {
            while store.is_writing() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), back()).await.expect("the write is over");
    }
}
