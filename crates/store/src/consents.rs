//! Remembered consents.

use async_trait::async_trait;
use barewire_oauth_server::store::{ConsentRecord, Consents, StoreError};
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, Stored, micros};

#[async_trait]
impl Consents for Store {
    async fn consent(
        &self,
        user_id: &str,
        client_id: &str,
        resource: &str,
        redirect_host: &str,
    ) -> Result<Option<ConsentRecord>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT * FROM consents",
            " WHERE user_id = ?1 AND client_id = ?2 AND resource = ?3 AND redirect_host = ?4"
        );
        let query = sqlx::query(SELECT).bind(user_id).bind(client_id).bind(resource).bind(redirect_host);
        query.try_map(consent).fetch_optional(self.reader()).await.stored()
    }

    async fn put_consent(&self, consent: &ConsentRecord) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO consents (user_id, client_id, resource, redirect_host, scope, granted_at)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            " ON CONFLICT DO UPDATE SET scope = excluded.scope, granted_at = excluded.granted_at"
        ))
        .bind(&consent.user_id)
        .bind(&consent.client_id)
        .bind(&consent.resource)
        .bind(&consent.redirect_host)
        .bind(&consent.scope)
        .bind(micros(consent.granted_at))
        .execute(self.writer())
        .await
        .stored()?;
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn consent(row: SqliteRow) -> Result<ConsentRecord, sqlx::Error> {
    Ok(ConsentRecord {
        user_id: row.text("user_id")?,
        client_id: row.text("client_id")?,
        resource: row.text("resource")?,
        redirect_host: row.text("redirect_host")?,
        scope: row.text("scope")?,
        granted_at: row.time("granted_at")?,
    })
}
