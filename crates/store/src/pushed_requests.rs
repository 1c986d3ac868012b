//! Pushed authorization requests.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::pushed::Pushed;
use barewire_oauth_server::store::{
    Digest, Insert, PushedLimits, PushedRecord, PushedRequests, StoreError, Swap,
};
use sqlx::sqlite::SqliteRow;

use crate::row::{Columns, Stored, micros, swapped};
use crate::{Store, room};

#[async_trait]
impl PushedRequests for Store {
    async fn insert_pushed(&self, request: &PushedRecord, most: PushedLimits) -> Result<Insert, StoreError> {
        self.push(request, most).await.stored()
    }

    async fn pushed(&self, digest: Digest) -> Result<Option<PushedRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM pushed_requests WHERE digest = ?1").bind(&digest.0[..]);
        query.try_map(pushed).fetch_optional(self.reader()).await.stored()
    }

    async fn extend_pushed(&self, digest: Digest, until: SystemTime) -> Result<(), StoreError> {
        const EXTEND: &str = concat!(
            "UPDATE pushed_requests SET expires_at = max(expires_at, ?2)",
            " WHERE digest = ?1 AND used_at IS NULL"
        );
        sqlx::query(EXTEND).bind(&digest.0[..]).bind(micros(until)).execute(self.writer()).await.stored()?;
        Ok(())
    }

    async fn use_pushed(&self, digest: Digest, at: SystemTime) -> Result<Swap, StoreError> {
        const USE: &str = concat!(
            "UPDATE pushed_requests SET used_at = ?2",
            " WHERE digest = ?1 AND used_at IS NULL AND expires_at > ?2"
        );
        let done = sqlx::query(USE).bind(&digest.0[..]).bind(micros(at)).execute(self.writer()).await;
        Ok(swapped(&done.stored()?))
    }
}

impl Store {
    async fn push(&self, request: &PushedRecord, most: PushedLimits) -> Result<Insert, sqlx::Error> {
        const OF_SOURCE: &str =
            "SELECT count(*) FROM pushed_requests WHERE source IS ?1 AND expires_at > ?2 AND used_at IS NULL";
        const INSERT: &str = concat!(
            "INSERT INTO pushed_requests (digest, client_id, query, source, pushed_at, expires_at, used_at)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        );
        let PushedRecord { digest, pushed, source } = request;
        let (source, now) = (source.as_ref().map(|digest| &digest.0[..]), micros(pushed.pushed_at));
        let of_source = || sqlx::query_scalar::<_, i64>(OF_SOURCE).bind(source).bind(now);
        // Before the writer is taken: whoever has used up his share must not keep it busy.
        if of_source().fetch_one(self.reader()).await? >= i64::from(most.per_source) {
            return Ok(Insert::Exists);
        }
        let mut tx = self.begin().await?;
        if of_source().fetch_one(&mut *tx).await? >= i64::from(most.per_source) {
            return Ok(Insert::Exists);
        }
        room::PUSHED_REQUESTS.make_room(&mut tx, most.total, now).await?;
        sqlx::query(INSERT)
            .bind(&digest.0[..])
            .bind(&pushed.client_id)
            .bind(&pushed.query)
            .bind(source)
            .bind(now)
            .bind(micros(pushed.expires_at))
            .bind(pushed.used_at.map(micros))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Insert::Inserted)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn pushed(row: SqliteRow) -> Result<PushedRecord, sqlx::Error> {
    Ok(PushedRecord {
        digest: row.digest("digest")?,
        pushed: Pushed {
            client_id: row.text("client_id")?,
            query: row.text("query")?,
            pushed_at: row.time("pushed_at")?,
            expires_at: row.time("expires_at")?,
            used_at: row.maybe_time("used_at")?,
        },
        source: row.maybe_digest("source")?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use barewire_testkit::TempDir;

    use super::*;

    #[tokio::test]
    async fn whoever_is_refused_does_not_wait_for_the_writer() {
        let dir = TempDir::new();
        let store = Store::open(dir.join("store.sqlite")).await.unwrap();
        let pushed = Pushed {
            client_id: "c1".to_owned(),
            query: String::new(),
            pushed_at: UNIX_EPOCH,
            expires_at: UNIX_EPOCH + Duration::from_secs(60),
            used_at: None,
        };
        let request = PushedRecord { digest: Digest([1; 32]), pushed, source: None };
        let most = PushedLimits { per_source: 0, total: 9 };
        let _writing = store.begin().await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(4), store.insert_pushed(&request, most)).await;
        assert_eq!(answer.expect("no wait").unwrap(), Insert::Exists);
    }
}
