//! Attempts to connect.

use async_trait::async_trait;
use barewire_audit::funnel::Step;
use barewire_audit::{Attempt, AttemptStore, AttemptsWanted, Changes, StoreError, Time};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use crate::Store;
use crate::row::Columns;

#[async_trait]
impl AttemptStore for Store {
    async fn keep(&self, changes: &Changes) -> Result<(), StoreError> {
        self.keep_attempts(changes).await.map_err(StoreError::new)
    }

    async fn forget(&self, before: Time, most: u32) -> Result<(), StoreError> {
        self.forget_attempts(before, most).await.map_err(StoreError::new)
    }

    async fn attempts(&self, wanted: &AttemptsWanted<'_>) -> Result<Vec<(u64, Attempt)>, StoreError> {
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT change, attempt FROM connection_attempts WHERE true");
        if let Some(since) = wanted.since {
            query.push(" AND last_at >= ").push_bind(stored(since.0));
        }
        if let Some(after) = wanted.after {
            query.push(" AND change > ").push_bind(stored(after));
        }
        if let Some(before) = wanted.before {
            query.push(" AND id < ").push_bind(stored(before));
        }
        if let Some(client) = wanted.client {
            query.push(" AND (client = ").push_bind(client);
            query.push(" OR instr(named, ").push_bind(client.to_lowercase()).push(") > 0)");
        }
        if let Some(step) = wanted.step {
            query.push(" AND step = ").push_bind(step.as_str());
        }
        if let Some(outcome) = wanted.outcome {
            query.push(" AND outcome = ").push_bind(outcome.as_str());
        }
        query.push(if wanted.after.is_some() { " ORDER BY change" } else { " ORDER BY id DESC" });
        query.push(" LIMIT ").push_bind(wanted.limit);
        let found = query.build().try_map(|row: SqliteRow| attempt(&row)).fetch_all(self.reader()).await;
        found.map_err(StoreError::new)
    }
}

impl Store {
    async fn keep_attempts(&self, changes: &Changes) -> Result<(), sqlx::Error> {
        const NEXT: &str = "SELECT coalesce(max(change), 0) FROM connection_attempts";
        const KEEP: &str = "INSERT INTO connection_attempts \
             (id, change, last_at, step, outcome, client, named, anonymous, attempt) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (id) DO UPDATE SET change = excluded.change, last_at = excluded.last_at, step = excluded.step, \
             outcome = excluded.outcome, client = excluded.client, named = excluded.named, \
             anonymous = excluded.anonymous, attempt = excluded.attempt WHERE excluded.last_at >= last_at";
        let mut tx = self.begin().await?;
        let mut change: i64 = sqlx::query_scalar(NEXT).fetch_one(&mut *tx).await?;
        for id in &changes.merged {
            let delete = sqlx::query("DELETE FROM connection_attempts WHERE id = ?1").bind(stored(*id));
            delete.execute(&mut *tx).await?;
        }
        for attempt in &changes.attempts {
            change += 1;
            let document =
                serde_json::to_string(attempt).map_err(|error| sqlx::Error::Encode(error.into()))?;
            let names = [&attempt.client_name, &attempt.user_agent];
            let named: Vec<_> = names.into_iter().flatten().map(|name| name.to_lowercase()).collect();
            sqlx::query(KEEP)
                .bind(stored(attempt.id))
                .bind(change)
                .bind(stored(attempt.last.0))
                .bind(attempt.stands_at().map(Step::as_str))
                .bind(attempt.outcome.as_str())
                .bind(&attempt.client)
                .bind(named.join("\n"))
                .bind(attempt.client.is_none())
                .bind(document)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }

    async fn forget_attempts(&self, before: Time, most: u32) -> Result<(), sqlx::Error> {
        const OLD: &str = "DELETE FROM connection_attempts WHERE last_at < ?1";
        const MANY: &str = "DELETE FROM connection_attempts WHERE anonymous = ?1 AND id <= \
             (SELECT id FROM connection_attempts WHERE anonymous = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
        sqlx::query(OLD).bind(stored(before.0)).execute(self.writer()).await?;
        for (anonymous, most) in [(true, most / 4), (false, most)] {
            sqlx::query(MANY).bind(anonymous).bind(most).execute(self.writer()).await?;
        }
        Ok(())
    }
}

fn attempt(row: &SqliteRow) -> Result<(u64, Attempt), sqlx::Error> {
    let change: i64 = row.try_get("change")?;
    Ok((change as u64, row.json("attempt")?))
}

/// Times and numbers are far from the end of an `i64`.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
