//! Authenticator apps and recovery codes. Each code is used once, by compare-and-set.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{Digest, SecondFactors, Secret, StoreError, Swap, TotpRecord};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use zeroize::Zeroizing;

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped, undecodable};
use crate::sealer::SealError;
use crate::users::password_is;

#[async_trait]
impl SecondFactors for Store {
    async fn totp(&self, user_id: &str) -> Result<Option<TotpRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM totp WHERE user_id = ?1").bind(user_id);
        let found: Option<SqliteRow> = query.fetch_optional(self.reader()).await.stored()?;
        let Some(row) = found else { return Ok(None) };
        let sealed: &[u8] = row.try_get("sealed").stored()?;
        Ok(Some(TotpRecord {
            user_id: user_id.to_owned(),
            secret: self.open_secret(user_id, sealed).await.map_err(StoreError::new)?,
            created_at: row.time("created_at").stored()?,
            confirmed_at: row.maybe_time("confirmed_at").stored()?,
            last_step: step(&row).stored()?,
        }))
    }

    async fn begin_totp(&self, new: &TotpRecord, password: &Secret) -> Result<Swap, StoreError> {
        const PUT: &str = concat!(
            "INSERT INTO totp (user_id, sealed, created_at, confirmed_at, last_step)",
            " SELECT ?1, ?2, ?3, NULL, 0 WHERE ",
            password_is!("?1", "?4"),
            " ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at,",
            " last_step = 0 WHERE confirmed_at IS NULL"
        );
        let sealed = self.seal_secret(&new.user_id, &new.secret).await.map_err(StoreError::new)?;
        let put = sqlx::query(PUT)
            .bind(&new.user_id)
            .bind(sealed)
            .bind(micros(new.created_at))
            .bind(password.expose());
        Ok(swapped(&put.execute(self.writer()).await.stored()?))
    }

    async fn confirm_totp(
        &self,
        app: &TotpRecord,
        step: u64,
        at: SystemTime,
        recovery_codes: &[Digest],
        password: &Secret,
    ) -> Result<Swap, StoreError> {
        self.confirm(app, step, at, recovery_codes, password).await
    }

    async fn use_totp(&self, user_id: &str, step: u64) -> Result<Swap, StoreError> {
        const USE: &str = concat!(
            "UPDATE totp SET last_step = ?2",
            " WHERE user_id = ?1 AND confirmed_at IS NOT NULL AND last_step < ?2"
        );
        let query = sqlx::query(USE).bind(user_id).bind(number(step).stored()?);
        Ok(swapped(&query.execute(self.writer()).await.stored()?))
    }

    async fn remove_totp(&self, user_id: &str, password: &Secret) -> Result<Swap, StoreError> {
        self.remove(user_id, password).await.stored()
    }

    async fn replace_recovery_codes(
        &self,
        user_id: &str,
        codes: &[Digest],
        password: &Secret,
    ) -> Result<Swap, StoreError> {
        self.replace_codes(user_id, codes, password).await.stored()
    }

    async fn use_recovery_code(
        &self,
        user_id: &str,
        code: Digest,
        at: SystemTime,
    ) -> Result<Swap, StoreError> {
        const USE: &str =
            "UPDATE recovery_codes SET used_at = ?3 WHERE user_id = ?1 AND digest = ?2 AND used_at IS NULL";
        let query = sqlx::query(USE).bind(user_id).bind(&code.0[..]).bind(micros(at));
        Ok(swapped(&query.execute(self.writer()).await.stored()?))
    }

    async fn recovery_codes_left(&self, user_id: &str) -> Result<u32, StoreError> {
        const COUNT: &str = "SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL";
        sqlx::query_scalar(COUNT).bind(user_id).fetch_one(self.reader()).await.stored()
    }
}

impl Store {
    async fn seal_secret(&self, user_id: &str, secret: &Secret) -> Result<Vec<u8>, SealError> {
        let text = Zeroizing::new(BASE64.encode(secret.expose()));
        self.sealer().await?.seal(&["totp", user_id], &*text)
    }

    async fn open_secret(&self, user_id: &str, sealed: &[u8]) -> Result<Secret, SealError> {
        let text: Zeroizing<String> = Zeroizing::new(self.sealer().await?.open(&["totp", user_id], sealed)?);
        BASE64.decode(&*text).map(Secret::new).map_err(|_| SealError::OtherKey)
    }

    async fn confirm(
        &self,
        app: &TotpRecord,
        step: u64,
        at: SystemTime,
        recovery_codes: &[Digest],
        password: &Secret,
    ) -> Result<Swap, StoreError> {
        const PENDING: &str = concat!(
            "SELECT sealed FROM totp WHERE user_id = ?1 AND confirmed_at IS NULL AND ",
            password_is!("?1", "?2")
        );
        const CONFIRM: &str = concat!(
            "UPDATE totp SET confirmed_at = ?2, last_step = ?3",
            " WHERE user_id = ?1 AND sealed = ?4 AND confirmed_at IS NULL"
        );
        let user_id = app.user_id.as_str();
        let mut tx = self.begin().await.stored()?;
        let pending = sqlx::query_scalar(PENDING).bind(user_id).bind(password.expose());
        let pending = pending.fetch_optional(&mut *tx).await.stored()?;
        let Some(sealed): Option<Vec<u8>> = pending else { return Ok(Swap::Lost) };
        // Sealing is not repeatable, so what is compared is what was sealed.
        if self.open_secret(user_id, &sealed).await.map_err(StoreError::new)? != app.secret {
            return Ok(Swap::Lost);
        }
        let step = number(step).stored()?;
        let confirm = sqlx::query(CONFIRM).bind(user_id).bind(micros(at)).bind(step).bind(sealed);
        if swapped(&confirm.execute(&mut *tx).await.stored()?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        put_codes(&mut tx, user_id, recovery_codes).await.stored()?;
        tx.commit().await.stored()?;
        Ok(Swap::Done)
    }

    async fn remove(&self, user_id: &str, password: &Secret) -> Result<Swap, sqlx::Error> {
        const STANDS: &str = concat!("SELECT ", password_is!("?1", "?2"));
        let mut tx = self.begin().await?;
        let stands = sqlx::query_scalar(STANDS).bind(user_id).bind(password.expose());
        let stands: bool = stands.fetch_one(&mut *tx).await?;
        if !stands {
            return Ok(Swap::Lost);
        }
        for deletion in
            ["DELETE FROM totp WHERE user_id = ?1", "DELETE FROM recovery_codes WHERE user_id = ?1"]
        {
            sqlx::query(deletion).bind(user_id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(Swap::Done)
    }

    async fn replace_codes(
        &self,
        user_id: &str,
        codes: &[Digest],
        password: &Secret,
    ) -> Result<Swap, sqlx::Error> {
        const HAS_APP: &str = concat!(
            "SELECT 1 FROM totp WHERE user_id = ?1 AND confirmed_at IS NOT NULL AND ",
            password_is!("?1", "?2")
        );
        let mut tx = self.begin().await?;
        let has_app = sqlx::query_scalar(HAS_APP).bind(user_id).bind(password.expose());
        let has_app: Option<i64> = has_app.fetch_optional(&mut *tx).await?;
        if has_app.is_none() {
            return Ok(Swap::Lost);
        }
        put_codes(&mut tx, user_id, codes).await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

async fn put_codes(db: &mut SqliteConnection, user_id: &str, codes: &[Digest]) -> Result<(), sqlx::Error> {
    let deletion = sqlx::query("DELETE FROM recovery_codes WHERE user_id = ?1").bind(user_id);
    deletion.execute(&mut *db).await?;
    for code in codes {
        const INSERT: &str = "INSERT INTO recovery_codes (user_id, digest) VALUES (?1, ?2)";
        sqlx::query(INSERT).bind(user_id).bind(&code.0[..]).execute(&mut *db).await?;
    }
    Ok(())
}

fn number(step: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(step).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn step(row: &SqliteRow) -> Result<u64, sqlx::Error> {
    let step: i64 = row.try_get("last_step")?;
    step.try_into().map_err(|error| undecodable("last_step", error))
}
