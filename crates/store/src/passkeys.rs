//! Passkeys. Whatever one does uses up the challenge it answers, in the same transaction.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{
    AnsweredChallenge, NewPasskey, PasskeyRecord, Passkeys, Secret, StoreError, Swap,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped};
use crate::users::password_is;

#[async_trait]
impl Passkeys for Store {
    async fn passkeys_of(&self, user_id: &str) -> Result<Vec<PasskeyRecord>, StoreError> {
        const SELECT: &str = "SELECT * FROM passkeys WHERE user_id = ?1 ORDER BY created_at, id";
        sqlx::query(SELECT).bind(user_id).try_map(passkey).fetch_all(self.reader()).await.stored()
    }

    async fn passkey(&self, id: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM passkeys WHERE id = ?1").bind(id);
        query.try_map(passkey).fetch_optional(self.reader()).await.stored()
    }

    async fn insert_passkey(
        &self,
        new: &PasskeyRecord,
        challenge: AnsweredChallenge,
        max: u32,
        password: &Secret,
    ) -> Result<NewPasskey, StoreError> {
        self.insert(new, challenge, max, password).await.stored()
    }

    async fn use_passkey(
        &self,
        id: &[u8],
        expected: u32,
        counter: u32,
        at: SystemTime,
        challenge: AnsweredChallenge,
    ) -> Result<Swap, StoreError> {
        self.count_up(id, expected, counter, at, challenge).await.stored()
    }

    async fn remove_passkey(&self, user_id: &str, id: &[u8], password: &Secret) -> Result<Swap, StoreError> {
        const DELETE: &str =
            concat!("DELETE FROM passkeys WHERE user_id = ?1 AND id = ?2 AND ", password_is!("?1", "?3"));
        let query = sqlx::query(DELETE).bind(user_id).bind(id).bind(password.expose());
        Ok(swapped(&query.execute(self.writer()).await.stored()?))
    }
}

impl Store {
    async fn insert(
        &self,
        new: &PasskeyRecord,
        challenge: AnsweredChallenge,
        max: u32,
        password: &Secret,
    ) -> Result<NewPasskey, sqlx::Error> {
        const STANDS: &str = concat!("SELECT ", password_is!("?1", "?2"));
        const COUNT: &str = "SELECT count(*) FROM passkeys WHERE user_id = ?1";
        const INSERT: &str = concat!(
            "INSERT INTO passkeys",
            " (id, user_id, name, algorithm, public_key, counter, backed_up, created_at, last_used_at)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL) ON CONFLICT DO NOTHING"
        );
        let mut tx = self.begin().await?;
        let stands = sqlx::query_scalar(STANDS).bind(&new.user_id).bind(password.expose());
        let stands: bool = stands.fetch_one(&mut *tx).await?;
        if !stands {
            return Ok(NewPasskey::OtherPassword);
        }
        if answer(&mut tx, challenge).await? == Swap::Lost {
            return Ok(NewPasskey::Answered);
        }
        let count: u32 = sqlx::query_scalar(COUNT).bind(&new.user_id).fetch_one(&mut *tx).await?;
        if count >= max {
            return Ok(NewPasskey::Full);
        }
        let insert = sqlx::query(INSERT)
            .bind(&new.id)
            .bind(&new.user_id)
            .bind(&new.name)
            .bind(new.algorithm)
            .bind(&new.public_key)
            .bind(new.counter)
            .bind(new.backed_up)
            .bind(micros(new.created_at));
        if swapped(&insert.execute(&mut *tx).await?) == Swap::Lost {
            return Ok(NewPasskey::Exists);
        }
        tx.commit().await?;
        Ok(NewPasskey::Inserted)
    }

    async fn count_up(
        &self,
        id: &[u8],
        expected: u32,
        counter: u32,
        at: SystemTime,
        challenge: AnsweredChallenge,
    ) -> Result<Swap, sqlx::Error> {
        const USE: &str =
            "UPDATE passkeys SET counter = ?3, last_used_at = ?4 WHERE id = ?1 AND counter = ?2";
        let mut tx = self.begin().await?;
        if answer(&mut tx, challenge).await? == Swap::Lost {
            return Ok(Swap::Lost);
        }
        let used = sqlx::query(USE).bind(id).bind(expected).bind(counter).bind(micros(at));
        if swapped(&used.execute(&mut *tx).await?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

async fn answer(db: &mut SqliteConnection, challenge: AnsweredChallenge) -> Result<Swap, sqlx::Error> {
    const INSERT: &str =
        "INSERT INTO answered_challenges (digest, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let insert = sqlx::query(INSERT).bind(&challenge.digest.0[..]).bind(micros(challenge.expires_at));
    Ok(swapped(&insert.execute(db).await?))
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn passkey(row: SqliteRow) -> Result<PasskeyRecord, sqlx::Error> {
    Ok(PasskeyRecord {
        id: row.try_get("id")?,
        user_id: row.text("user_id")?,
        name: row.text("name")?,
        algorithm: row.try_get("algorithm")?,
        public_key: row.try_get("public_key")?,
        counter: row.try_get("counter")?,
        backed_up: row.try_get("backed_up")?,
        created_at: row.time("created_at")?,
        last_used_at: row.maybe_time("last_used_at")?,
    })
}
