//! The audit log.

use async_trait::async_trait;
use barewire_audit::{AuditStore, Hash, Head, Segment, StoreError, Time};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::undecodable;

#[async_trait]
impl AuditStore for Store {
    async fn head(&self) -> Result<Head, StoreError> {
        let last = sqlx::query(LAST).try_map(end).fetch_optional(self.reader()).await;
        last.map(|head| head.unwrap_or(Head::GENESIS)).map_err(StoreError::new)
    }

    async fn append(
        &self,
        expected: Head,
        segments: &[Segment],
        forget: Option<u64>,
    ) -> Result<bool, StoreError> {
        self.append_segments(expected, segments, forget).await.map_err(StoreError::new)
    }

    async fn segments(
        &self,
        after: u64,
        since: Option<Time>,
        limit: u32,
    ) -> Result<Vec<Segment>, StoreError> {
        const SELECT: &str =
            "SELECT * FROM audit_segments WHERE first > ?1 AND until_at >= ?2 ORDER BY first LIMIT ?3";
        let since = since.map_or(0, |since| stored(since.0));
        let query = sqlx::query(SELECT).bind(stored(after)).bind(since).bind(limit);
        query.try_map(segment).fetch_all(self.reader()).await.map_err(StoreError::new)
    }

    async fn size(&self) -> Result<u64, StoreError> {
        const SIZE: &str = "SELECT (page_count - freelist_count) * page_size \
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        let size: i64 = sqlx::query_scalar(SIZE).fetch_one(self.reader()).await.map_err(StoreError::new)?;
        Ok(size as u64)
    }

    async fn oldest(&self, before: Option<Time>, limit: u32) -> Result<Option<Head>, StoreError> {
        self.oldest_segments(before, limit).await.map_err(StoreError::new)
    }
}

/// The last record's number and hash.
const LAST: &str = "SELECT first + count - 1 AS last, after FROM audit_segments ORDER BY first DESC LIMIT 1";

impl Store {
    async fn append_segments(
        &self,
        expected: Head,
        segments: &[Segment],
        forget: Option<u64>,
    ) -> Result<bool, sqlx::Error> {
        const INSERT: &str = "INSERT INTO audit_segments (first, count, from_at, until_at, before, after, records) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        const FORGET: &str = "DELETE FROM audit_segments WHERE first <= ?1 AND first + count - 1 <= ?1";
        let mut tx = self.begin().await?;
        let last = sqlx::query(LAST).try_map(end).fetch_optional(&mut *tx).await?;
        if last.unwrap_or(Head::GENESIS) != expected {
            return Ok(false);
        }
        for segment in segments {
            sqlx::query(INSERT)
                .bind(stored(segment.first))
                .bind(segment.count)
                .bind(stored(segment.from.0))
                .bind(stored(segment.until.0))
                .bind(&segment.before.0[..])
                .bind(&segment.after.0[..])
                .bind(&segment.records[..])
                .execute(&mut *tx)
                .await?;
        }
        if let Some(through) = forget {
            sqlx::query(FORGET).bind(stored(through)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn oldest_segments(&self, before: Option<Time>, limit: u32) -> Result<Option<Head>, sqlx::Error> {
        // The newest segment stays, or the next one would have nothing to follow from.
        const OLDEST: &str = "SELECT first + count - 1 AS last, after, until_at FROM audit_segments \
             WHERE first < (SELECT max(first) FROM audit_segments) ORDER BY first LIMIT ?1";
        let rows = sqlx::query(OLDEST).bind(limit).fetch_all(self.reader()).await?;
        let mut oldest = None;
        for row in rows {
            let until: i64 = row.try_get("until_at")?;
            if before.is_some_and(|before| until >= stored(before.0)) {
                break;
            }
            oldest = Some(end(row)?);
        }
        Ok(oldest)
    }
}

/// Numbers and times stay far below what a signed number holds; one that does not is somebody's trick.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn end(row: SqliteRow) -> Result<Head, sqlx::Error> {
    Ok(Head { sequence: number(&row, "last")?, hash: hash(&row, "after")? })
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn segment(row: SqliteRow) -> Result<Segment, sqlx::Error> {
    Ok(Segment {
        first: number(&row, "first")?,
        count: row.try_get("count")?,
        from: Time(number(&row, "from_at")?),
        until: Time(number(&row, "until_at")?),
        before: hash(&row, "before")?,
        after: hash(&row, "after")?,
        records: row.try_get("records")?,
    })
}

fn number(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    number.try_into().map_err(|error| undecodable(column, error))
}

fn hash(row: &SqliteRow, column: &str) -> Result<Hash, sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map(Hash).map_err(|error| undecodable(column, error))
}
