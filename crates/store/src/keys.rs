//! Signing keys and the server's own secrets.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use barewire_oauth_server::store::{Keys, Secret, SigningKeyRecord, StoreError, Swap};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped, undecodable};
use crate::sealer::Sealer;

#[async_trait]
impl Keys for Store {
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let sealer = self.sealer().await.map_err(StoreError::new)?;
        let rows = sqlx::query("SELECT * FROM signing_keys ORDER BY rowid");
        let rows: Vec<SqliteRow> = rows.fetch_all(self.reader()).await.stored()?;
        rows.iter().map(|row| key(row, sealer)).collect()
    }

    async fn insert_signing_key(&self, known: &[&str], new: &SigningKeyRecord) -> Result<Swap, StoreError> {
        let sealer = self.sealer().await.map_err(StoreError::new)?;
        let place = ["signing-key", &new.kid];
        let sealed = sealer.seal_bytes(&place, new.private_key.expose()).map_err(StoreError::new)?;
        self.insert_key(known, new, sealed).await.stored()
    }

    async fn retire_signing_key(&self, kid: &str, at: SystemTime) -> Result<Swap, StoreError> {
        const RETIRE: &str = "UPDATE signing_keys SET retired_at = ?2 WHERE kid = ?1 AND retired_at IS NULL";
        let retire = sqlx::query(RETIRE).bind(kid).bind(micros(at));
        Ok(swapped(&retire.execute(self.writer()).await.stored()?))
    }

    async fn delete_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        let deletion = sqlx::query("DELETE FROM signing_keys WHERE kid = ?1").bind(kid);
        deletion.execute(self.writer()).await.map(drop).stored()
    }

    async fn lengthen_token_ttl(&self, ttl: Duration) -> Result<(), StoreError> {
        let lengthen = sqlx::query("UPDATE signing_keys SET token_ttl = ?1 WHERE token_ttl < ?1");
        lengthen.bind(length(ttl)).execute(self.writer()).await.map(drop).stored()
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
        known: &[&str],
        new: &SigningKeyRecord,
        sealed: Vec<u8>,
    ) -> Result<Swap, sqlx::Error> {
        const INSERT: &str = concat!(
            "INSERT INTO signing_keys (kid, algorithm, private_key, sealed, created_at, signs_from, token_ttl)",
            " VALUES (?1, ?2, x'', ?3, ?4, ?5, ?6)"
        );
        let mut tx = self.begin().await?;
        let kids = sqlx::query_scalar("SELECT kid FROM signing_keys ORDER BY rowid");
        let kids: Vec<String> = kids.fetch_all(&mut *tx).await?;
        if kids != known {
            return Ok(Swap::Lost);
        }
        sqlx::query(INSERT)
            .bind(&new.kid)
            .bind(&new.algorithm)
            .bind(sealed)
            .bind(micros(new.created_at))
            .bind(micros(new.signs_from))
            .bind(length(new.token_ttl))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

fn length(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn key(row: &SqliteRow, sealer: &Sealer) -> Result<SigningKeyRecord, StoreError> {
    let kid = row.text("kid").stored()?;
    let sealed = row.try_get("sealed").stored()?;
    let token_ttl: i64 = row.try_get("token_ttl").stored()?;
    let token_ttl = u64::try_from(token_ttl).map_err(|error| undecodable("token_ttl", error)).stored()?;
    Ok(SigningKeyRecord {
        private_key: opened(sealer, &["signing-key", &kid], sealed)?,
        kid,
        algorithm: row.text("algorithm").stored()?,
        created_at: row.time("created_at").stored()?,
        signs_from: row.time("signs_from").stored()?,
        token_ttl: Duration::from_micros(token_ttl),
        retired_at: row.maybe_time("retired_at").stored()?,
    })
}

fn opened(sealer: &Sealer, place: &[&str], sealed: &[u8]) -> Result<Secret, StoreError> {
    let opened = sealer.open_bytes(place, sealed).map_err(StoreError::new)?;
    Ok(Secret(opened.text))
}
