//! Signing keys and the server's own secrets.

use async_trait::async_trait;
use barewire_oauth_server::store::{Keys, Secret, SigningKeyRecord, StoreError, Swap};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, Stored, micros};
use crate::sealer::{SealError, Sealer};

#[async_trait]
impl Keys for Store {
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        const SELECT: &str =
            "SELECT * FROM signing_keys ORDER BY retired_at IS NOT NULL, created_at DESC, rowid DESC";
        let sealer = self.sealer().await.map_err(StoreError::new)?;
        let rows = sqlx::query(SELECT).fetch_all(self.reader()).await.stored()?;
        rows.iter().map(|row| key(row, sealer)).collect()
    }

    async fn insert_signing_key(
        &self,
        expected: Option<&str>,
        new: &SigningKeyRecord,
    ) -> Result<Swap, StoreError> {
        let sealer = self.sealer().await.map_err(StoreError::new)?;
        let place = ["signing-key", &new.kid];
        let sealed = sealer.seal_bytes(&place, new.private_key.expose()).map_err(StoreError::new)?;
        self.insert_key(expected, new, sealed).await.stored()
    }

    async fn secret(&self, name: &str, fresh: &Secret) -> Result<Secret, StoreError> {
        // The update changes nothing; it makes the existing row one that is returned.
        const UPSERT: &str = concat!(
            "INSERT INTO secrets (name, value, sealed) VALUES (?1, x'', ?2)",
            " ON CONFLICT DO UPDATE SET value = value RETURNING sealed"
        );
        let sealer = self.sealer().await.map_err(StoreError::new)?;
        let place = ["secret", name];
        let sealed = sealer.seal_bytes(&place, fresh.expose()).map_err(StoreError::new)?;
        let query = sqlx::query_scalar(UPSERT).bind(name).bind(sealed);
        let kept: Vec<u8> = query.fetch_one(self.writer()).await.stored()?;
        opened(sealer, &place, &kept)
    }
}

impl Store {
    async fn insert_key(
        &self,
        expected: Option<&str>,
        new: &SigningKeyRecord,
        sealed: Vec<u8>,
    ) -> Result<Swap, sqlx::Error> {
        const CURRENT: &str = "SELECT kid FROM signing_keys WHERE retired_at IS NULL";
        const RETIRE: &str = "UPDATE signing_keys SET retired_at = ?1 WHERE retired_at IS NULL";
        const INSERT: &str = concat!(
            "INSERT INTO signing_keys (kid, algorithm, private_key, sealed, created_at, retired_at)",
            " VALUES (?1, ?2, x'', ?3, ?4, NULL)"
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
            .bind(sealed)
            .bind(micros(new.created_at))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

fn key(row: &SqliteRow, sealer: &Sealer) -> Result<SigningKeyRecord, StoreError> {
    let kid = row.text("kid").stored()?;
    Ok(SigningKeyRecord {
        private_key: opened(sealer, &["signing-key", &kid], row.try_get("sealed").stored()?)?,
        kid,
        algorithm: row.text("algorithm").stored()?,
        created_at: row.time("created_at").stored()?,
        retired_at: row.maybe_time("retired_at").stored()?,
    })
}

fn opened(sealer: &Sealer, place: &[&str], sealed: &[u8]) -> Result<Secret, StoreError> {
    let opened = sealer.open_bytes(place, sealed);
    opened.map(|opened| Secret(opened.text)).map_err(|error: SealError| StoreError::new(error))
}
