//! The host's sessions, servers and exchange logs.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_host::{HostStore, HostStoreError, SessionKey, StoredExchange, StoredServer};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, micros, time, undecodable};

#[async_trait]
impl HostStore for Store {
    async fn ready(&self) -> Result<(), HostStoreError> {
        let query = sqlx::query("SELECT 1 FROM host_sessions").fetch_optional(self.reader());
        query.await.map(drop).map_err(failed("answer"))
    }

    async fn session_seen(&self, session: &SessionKey) -> Result<Option<SystemTime>, HostStoreError> {
        let query =
            sqlx::query_scalar("SELECT seen_at FROM host_sessions WHERE session = ?1").bind(session.as_str());
        let seen: Option<i64> =
            query.fetch_optional(self.reader()).await.map_err(failed("find a session"))?;
        Ok(seen.map(time))
    }

    async fn save_session(&self, session: &SessionKey, seen: SystemTime) -> Result<(), HostStoreError> {
        const UPSERT: &str = concat!(
            "INSERT INTO host_sessions (session, seen_at) VALUES (?1, ?2)",
            " ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at"
        );
        let query = sqlx::query(UPSERT).bind(session.as_str()).bind(micros(seen));
        query.execute(self.writer()).await.map(drop).map_err(failed("save a session"))
    }

    async fn sessions_seen_before(&self, time: SystemTime) -> Result<Vec<SessionKey>, HostStoreError> {
        let query =
            sqlx::query_scalar("SELECT session FROM host_sessions WHERE seen_at < ?1").bind(micros(time));
        let keys: Vec<String> = query.fetch_all(self.reader()).await.map_err(failed("find old sessions"))?;
        Ok(keys.into_iter().map(SessionKey::from_store).collect())
    }

    async fn remove_session(
        &self,
        session: &SessionKey,
        seen_before: SystemTime,
    ) -> Result<(), HostStoreError> {
        let query = sqlx::query("DELETE FROM host_sessions WHERE session = ?1 AND seen_at < ?2");
        let query = query.bind(session.as_str()).bind(micros(seen_before));
        query.execute(self.writer()).await.map(drop).map_err(failed("remove a session"))
    }

    async fn servers(&self, session: &SessionKey) -> Result<Vec<StoredServer>, HostStoreError> {
        const SELECT: &str = "SELECT * FROM host_servers WHERE session = ?1 ORDER BY added_at, rowid";
        let query = sqlx::query(SELECT).bind(session.as_str()).try_map(server);
        query.fetch_all(self.reader()).await.map_err(failed("list servers"))
    }

    async fn save_server(&self, session: &SessionKey, server: &StoredServer) -> Result<(), HostStoreError> {
        const UPSERT: &str = concat!(
            "INSERT INTO host_servers (session, server, added_at, document)",
            " SELECT session, ?2, ?3, ?4 FROM host_sessions WHERE session = ?1",
            " ON CONFLICT DO UPDATE SET added_at = excluded.added_at, document = excluded.document"
        );
        sqlx::query(UPSERT)
            .bind(session.as_str())
            .bind(&server.id)
            .bind(micros(server.added_at))
            .bind(&server.document)
            .execute(self.writer())
            .await
            .map(drop)
            .map_err(failed("save a server"))
    }

    async fn remove_server(&self, session: &SessionKey, server: &str) -> Result<(), HostStoreError> {
        let query = sqlx::query("DELETE FROM host_servers WHERE session = ?1 AND server = ?2");
        let query = query.bind(session.as_str()).bind(server);
        query.execute(self.writer()).await.map(drop).map_err(failed("remove a server"))
    }

    async fn save_exchanges(
        &self,
        session: &SessionKey,
        server: &str,
        exchanges: &[StoredExchange],
        oldest: u64,
    ) -> Result<(), HostStoreError> {
        self.log_exchanges(session, server, exchanges, oldest).await.map_err(failed("log exchanges"))
    }

    async fn exchanges(
        &self,
        session: &SessionKey,
        server: &str,
    ) -> Result<Vec<StoredExchange>, HostStoreError> {
        const SELECT: &str =
            "SELECT number, document FROM host_exchanges WHERE session = ?1 AND server = ?2 ORDER BY number";
        let query = sqlx::query(SELECT).bind(session.as_str()).bind(server).try_map(exchange);
        query.fetch_all(self.reader()).await.map_err(failed("read a log"))
    }

    async fn clear_exchanges(&self, session: &SessionKey, server: &str) -> Result<(), HostStoreError> {
        let query = sqlx::query("DELETE FROM host_exchanges WHERE session = ?1 AND server = ?2");
        let query = query.bind(session.as_str()).bind(server);
        query.execute(self.writer()).await.map(drop).map_err(failed("clear a log"))
    }
}

impl Store {
    async fn log_exchanges(
        &self,
        session: &SessionKey,
        server: &str,
        exchanges: &[StoredExchange],
        oldest: u64,
    ) -> Result<(), sqlx::Error> {
        const INSERT: &str = concat!(
            "INSERT OR REPLACE INTO host_exchanges (session, server, number, document)",
            " SELECT session, server, ?3, ?4 FROM host_servers WHERE session = ?1 AND server = ?2"
        );
        const TRIM: &str = "DELETE FROM host_exchanges WHERE session = ?1 AND server = ?2 AND number < ?3";
        let mut tx = self.begin().await?;
        for exchange in exchanges {
            let number = i64::try_from(exchange.number).map_err(|error| sqlx::Error::Encode(error.into()))?;
            sqlx::query(INSERT)
                .bind(session.as_str())
                .bind(server)
                .bind(number)
                .bind(&exchange.document)
                .execute(&mut *tx)
                .await?;
        }
        let oldest = i64::try_from(oldest).unwrap_or(i64::MAX);
        sqlx::query(TRIM).bind(session.as_str()).bind(server).bind(oldest).execute(&mut *tx).await?;
        tx.commit().await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn server(row: SqliteRow) -> Result<StoredServer, sqlx::Error> {
    Ok(StoredServer {
        id: row.text("server")?,
        added_at: row.time("added_at")?,
        document: row.text("document")?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn exchange(row: SqliteRow) -> Result<StoredExchange, sqlx::Error> {
    let number: i64 = row.try_get("number")?;
    let number = number.try_into().map_err(|error| undecodable("number", error))?;
    Ok(StoredExchange { number, document: row.text("document")? })
}

fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> HostStoreError {
    move |source| HostStoreError { doing, source: source.into() }
}
