//! Signing keys and the server's own secrets.

use async_trait::async_trait;
use barewire_oauth_server::store::{Keys, Secret, SigningKeyRecord, StoreError, Swap};
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, Stored, micros};

#[async_trait]
impl Keys for Store {
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        const SELECT: &str =
            "SELECT * FROM signing_keys ORDER BY retired_at IS NOT NULL, created_at DESC, rowid DESC";
        sqlx::query(SELECT).try_map(key).fetch_all(self.reader()).await.stored()
    }

    async fn insert_signing_key(
        &self,
        expected: Option<&str>,
        new: &SigningKeyRecord,
    ) -> Result<Swap, StoreError> {
        self.insert_key(expected, new).await.stored()
    }

    async fn secret(&self, name: &str, fresh: &Secret) -> Result<Secret, StoreError> {
        // The update changes nothing; it makes the existing row one that is returned.
        const UPSERT: &str = concat!(
            "INSERT INTO secrets (name, value) VALUES (?1, ?2)",
            " ON CONFLICT DO UPDATE SET value = value RETURNING value"
        );
        let query = sqlx::query(UPSERT).bind(name).bind(fresh.expose());
        query.try_map(|row: SqliteRow| row.secret("value")).fetch_one(self.writer()).await.stored()
    }
}

impl Store {
    async fn insert_key(&self, expected: Option<&str>, new: &SigningKeyRecord) -> Result<Swap, sqlx::Error> {
        const CURRENT: &str = "SELECT kid FROM signing_keys WHERE retired_at IS NULL";
        const RETIRE: &str = "UPDATE signing_keys SET retired_at = ?1 WHERE retired_at IS NULL";
        const INSERT: &str = concat!(
            "INSERT INTO signing_keys (kid, algorithm, private_key, created_at, retired_at)",
            " VALUES (?1, ?2, ?3, ?4, NULL)"
        );
        let mut tx = self.begin().await?;
        let current: Option<String> = sqlx::query_scalar(CURRENT).fetch_optional(&mut *tx).await?;
        if current.as_deref() != expected {
            return Ok(Swap::Lost);
        }
        sqlx::query(RETIRE).bind(micros(new.created_at)).execute(&mut *tx).await?;
        sqlx::query(INSERT)
            .bind(&new.kid)
            .bind(&new.algorithm)
            .bind(new.private_key.expose())
            .bind(micros(new.created_at))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn key(row: SqliteRow) -> Result<SigningKeyRecord, sqlx::Error> {
    Ok(SigningKeyRecord {
        kid: row.text("kid")?,
        algorithm: row.text("algorithm")?,
        private_key: row.secret("private_key")?,
        created_at: row.time("created_at")?,
        retired_at: row.maybe_time("retired_at")?,
    })
}
