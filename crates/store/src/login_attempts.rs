//! Failed logins.

use async_trait::async_trait;
use barewire_oauth_server::store::{AttemptsRecord, Digest, LoginAttempts, StoreError, Swap};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped};
use crate::totals::{Counted, total};

#[async_trait]
impl LoginAttempts for Store {
    async fn login_attempts(&self, key: Digest) -> Result<Option<AttemptsRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM login_attempts WHERE key = ?1").bind(&key.0[..]);
        query.try_map(attempts).fetch_optional(self.reader()).await.stored()
    }

    async fn count_login_attempt(
        &self,
        expected: Option<AttemptsRecord>,
        new: AttemptsRecord,
        keep: u32,
    ) -> Result<Swap, StoreError> {
        match expected {
            Some(expected) => self.count_again(expected, new).await.stored(),
            None => self.count_first(new, keep).await.stored(),
        }
    }

    async fn uncount_login_attempt(&self, counted: AttemptsRecord) -> Result<Swap, StoreError> {
        const UNCOUNT: &str = "DELETE FROM login_attempts WHERE key = ?1 AND count = ?2 AND last_at = ?3";
        let query = sqlx::query(UNCOUNT).bind(&counted.key.0[..]).bind(counted.count);
        Ok(swapped(&query.bind(micros(counted.last_at)).execute(self.writer()).await.stored()?))
    }

    async fn clear_login_attempts(&self, key: Digest) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM login_attempts WHERE key = ?1").bind(&key.0[..]);
        query.execute(self.writer()).await.stored()?;
        Ok(())
    }
}

impl Store {
    async fn count_again(&self, expected: AttemptsRecord, new: AttemptsRecord) -> Result<Swap, sqlx::Error> {
        let done = sqlx::query(concat!(
            "UPDATE login_attempts SET count = ?4, last_at = ?5",
            " WHERE key = ?1 AND count = ?2 AND last_at = ?3"
        ))
        .bind(&expected.key.0[..])
        .bind(expected.count)
        .bind(micros(expected.last_at))
        .bind(new.count)
        .bind(micros(new.last_at))
        .execute(self.writer())
        .await?;
        Ok(swapped(&done))
    }

    /// Only a new record can be one too many.
    async fn count_first(&self, new: AttemptsRecord, keep: u32) -> Result<Swap, sqlx::Error> {
        const INSERT: &str =
            "INSERT INTO login_attempts (key, count, last_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        const TRIM: &str = concat!(
            "DELETE FROM login_attempts WHERE rowid IN",
            " (SELECT rowid FROM login_attempts ORDER BY last_at, rowid LIMIT ?1)"
        );
        let mut tx = self.begin().await?;
        let insert = sqlx::query(INSERT).bind(&new.key.0[..]).bind(new.count).bind(micros(new.last_at));
        let swap = swapped(&insert.execute(&mut *tx).await?);
        let excess = total(&mut tx, Counted::LoginAttempts).await? - i64::from(keep);
        if excess > 0 {
            sqlx::query(TRIM).bind(excess).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(swap)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn attempts(row: SqliteRow) -> Result<AttemptsRecord, sqlx::Error> {
    Ok(AttemptsRecord {
        key: row.digest("key")?,
        count: row.try_get("count")?,
        last_at: row.time("last_at")?,
    })
}
