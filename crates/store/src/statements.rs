//! Signed statements that were used.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{StatementLimits, Statements, StoreError, Use, UsedStatement};

use crate::Store;
use crate::row::{Stored, micros};

#[async_trait]
impl Statements for Store {
    async fn use_statement(
        &self,
        used: &UsedStatement,
        limits: StatementLimits,
        now: SystemTime,
    ) -> Result<Use, StoreError> {
        self.use_once(used, limits, now).await.stored()
    }
}

impl Store {
    async fn use_once(
        &self,
        used: &UsedStatement,
        limits: StatementLimits,
        now: SystemTime,
    ) -> Result<Use, sqlx::Error> {
        const FORGET: &str = "DELETE FROM used_statements WHERE until <= ?1";
        const INSERT: &str =
            "INSERT INTO used_statements (digest, owner, until) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        const OF_OWNER: &str =
            "SELECT count(*) FROM (SELECT 1 FROM used_statements WHERE owner = ?1 LIMIT ?2)";
        // Each by itself, since SQLite finds one end of an index at once, and both in one only by reading all of it.
        const TOTAL: &str = concat!(
            "SELECT (SELECT max(number) FROM used_statements) + 1",
            " - (SELECT min(number) FROM used_statements)"
        );
        // It is forgotten from that moment on, so nobody could tell any more whether it was used.
        if used.until <= now {
            return Ok(Use::Again);
        }
        let mut tx = self.begin().await?;
        sqlx::query(FORGET).bind(micros(now)).execute(&mut *tx).await?;
        let insert =
            sqlx::query(INSERT).bind(&used.digest.0[..]).bind(&used.owner.0[..]).bind(micros(used.until));
        if insert.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Use::Again);
        }
        let (per_owner, total) = (i64::from(limits.per_owner), i64::from(limits.total));
        let of_owner = sqlx::query_scalar::<_, i64>(OF_OWNER).bind(&used.owner.0[..]).bind(per_owner + 1);
        if of_owner.fetch_one(&mut *tx).await? > per_owner
            || sqlx::query_scalar::<_, i64>(TOTAL).fetch_one(&mut *tx).await? > total
        {
            return Ok(Use::Full);
        }
        tx.commit().await?;
        Ok(Use::First)
    }
}
