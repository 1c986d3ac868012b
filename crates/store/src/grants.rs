//! Grants, and single access tokens that were revoked.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{GrantRecord, Grants, Revocation, RevocationReason, StoreError, Swap};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped, undecodable};

#[async_trait]
impl Grants for Store {
    async fn grant(&self, id: &str) -> Result<Option<GrantRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM grants WHERE id = ?1").bind(id);
        query.try_map(|row| grant(&row)).fetch_optional(self.reader()).await.stored()
    }

    async fn revoke_grant(&self, id: &str, revocation: Revocation) -> Result<Swap, StoreError> {
        const REVOKE: &str =
            "UPDATE grants SET revoked_at = ?2, revoked_reason = ?3 WHERE id = ?1 AND revoked_at IS NULL";
        let done = sqlx::query(REVOKE)
            .bind(id)
            .bind(micros(revocation.at))
            .bind(revocation.reason.as_str())
            .execute(self.writer())
            .await
            .stored()?;
        Ok(swapped(&done))
    }

    async fn grants_revoked_since(&self, since: SystemTime) -> Result<Vec<(String, SystemTime)>, StoreError> {
        const SELECT: &str = "SELECT id, revoked_at FROM grants WHERE revoked_at >= ?1 ORDER BY revoked_at";
        let query = sqlx::query(SELECT).bind(micros(since));
        let pair = |row: SqliteRow| Ok((row.text("id")?, row.time("revoked_at")?));
        query.try_map(pair).fetch_all(self.reader()).await.stored()
    }

    async fn revoke_access_token(
        &self,
        jti: &str,
        expires_at: SystemTime,
        at: SystemTime,
    ) -> Result<(), StoreError> {
        const INSERT: &str = concat!(
            "INSERT INTO revoked_access_tokens (jti, expires_at, revoked_at) VALUES (?1, ?2, ?3)",
            " ON CONFLICT DO NOTHING"
        );
        let query = sqlx::query(INSERT).bind(jti).bind(micros(expires_at)).bind(micros(at));
        query.execute(self.writer()).await.stored()?;
        Ok(())
    }

    async fn access_tokens_revoked_since(
        &self,
        since: SystemTime,
    ) -> Result<Vec<(String, SystemTime)>, StoreError> {
        const SELECT: &str =
            "SELECT jti, revoked_at FROM revoked_access_tokens WHERE revoked_at >= ?1 ORDER BY revoked_at";
        let pair = |row: SqliteRow| Ok((row.text("jti")?, row.time("revoked_at")?));
        sqlx::query(SELECT).bind(micros(since)).try_map(pair).fetch_all(self.reader()).await.stored()
    }
}

pub(crate) async fn insert(db: &mut SqliteConnection, grant: &GrantRecord) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "INSERT INTO grants (id, user_id, client_id, client_name, scope, resource, created_at, last_used_at,",
        " expires_at, revoked_at, revoked_reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    ))
    .bind(&grant.id)
    .bind(&grant.user_id)
    .bind(&grant.client_id)
    .bind(&grant.client_name)
    .bind(&grant.scope)
    .bind(&grant.resource)
    .bind(micros(grant.created_at))
    .bind(micros(grant.last_used_at))
    .bind(micros(grant.expires_at))
    .bind(grant.revoked.map(|revocation| micros(revocation.at)))
    .bind(grant.revoked.map(|revocation| revocation.reason.as_str()))
    .execute(db)
    .await?;
    Ok(())
}

/// Reads the columns of `grants`; a family's `expires_at` must not be among them under that name.
pub(crate) fn grant(row: &SqliteRow) -> Result<GrantRecord, sqlx::Error> {
    Ok(GrantRecord {
        id: row.text("id")?,
        user_id: row.text("user_id")?,
        client_id: row.text("client_id")?,
        client_name: row.maybe_text("client_name")?,
        scope: row.text("scope")?,
        resource: row.text("resource")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
        expires_at: row.time("expires_at")?,
        revoked: revocation(row)?,
    })
}

fn revocation(row: &SqliteRow) -> Result<Option<Revocation>, sqlx::Error> {
    let Some(at) = row.maybe_time("revoked_at")? else { return Ok(None) };
    let name: &str = row.try_get("revoked_reason")?;
    let reason = RevocationReason::from_name(name)
        .ok_or_else(|| undecodable("revoked_reason", UnknownReason(name.to_owned())))?;
    Ok(Some(Revocation { at, reason }))
}

#[derive(Debug, thiserror::Error)]
#[error("no reason to revoke is called {0:?}")]
struct UnknownReason(String);
