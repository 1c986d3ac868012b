//! Browser sessions.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{Digest, Secret, SessionRecord, Sessions, StoreError, Swap};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped};
use crate::users::password_is;

#[async_trait]
impl Sessions for Store {
    async fn session(&self, digest: Digest) -> Result<Option<SessionRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM sessions WHERE digest = ?1").bind(&digest.0[..]);
        query.try_map(session).fetch_optional(self.reader()).await.stored()
    }

    async fn start_session(
        &self,
        old: Option<Digest>,
        new: &SessionRecord,
        keep: u32,
        password: &Secret,
    ) -> Result<Swap, StoreError> {
        let mut tx = self.begin().await.stored()?;
        let swap = start(&mut tx, old, new, keep, password).await.stored()?;
        if swap == Swap::Done {
            tx.commit().await.stored()?;
        }
        Ok(swap)
    }

    async fn end_session(&self, digest: Digest) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM sessions WHERE digest = ?1").bind(&digest.0[..]);
        query.execute(self.writer()).await.stored()?;
        Ok(())
    }

    async fn sessions_of(&self, user_id: &str, now: SystemTime) -> Result<Vec<SessionRecord>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT * FROM sessions WHERE user_id = ?1 AND expires_at > ?2",
            " ORDER BY authenticated_at DESC, digest"
        );
        let query = sqlx::query(SELECT).bind(user_id).bind(micros(now));
        query.try_map(session).fetch_all(self.reader()).await.stored()
    }

    async fn end_sessions_of(&self, user_id: &str, keep: Option<Digest>) -> Result<u64, StoreError> {
        let mut writer = self.writer().acquire().await.stored()?;
        end_all(&mut writer, user_id, keep).await.stored()
    }
}

/// Ends all sessions of a user but `keep`.
pub(crate) async fn end_all(
    db: &mut SqliteConnection,
    user_id: &str,
    keep: Option<Digest>,
) -> Result<u64, sqlx::Error> {
    const DELETE: &str = "DELETE FROM sessions WHERE user_id = ?1 AND digest IS NOT ?2";
    let query = sqlx::query(DELETE).bind(user_id).bind(keep.as_ref().map(|digest| &digest.0[..]));
    Ok(query.execute(db).await?.rows_affected())
}

/// Starts one and ends another, within a transaction of the caller's; where it is lost, nothing of that transaction is to be
/// kept.
pub(crate) async fn start(
    db: &mut SqliteConnection,
    old: Option<Digest>,
    new: &SessionRecord,
    keep: u32,
    password: &Secret,
) -> Result<Swap, sqlx::Error> {
    const INSERT: &str = concat!(
        "INSERT INTO sessions (digest, user_id, authenticated_at, expires_at, started_from, browser)",
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ",
        password_is!("?2", "?7")
    );
    const TRIM: &str = concat!(
        "DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions WHERE user_id = ?1",
        " ORDER BY expires_at DESC, rowid DESC LIMIT -1 OFFSET ?2)"
    );
    if let Some(old) = old {
        let end = sqlx::query("DELETE FROM sessions WHERE digest = ?1").bind(&old.0[..]);
        end.execute(&mut *db).await?;
    }
    let insert = sqlx::query(INSERT)
        .bind(&new.digest.0[..])
        .bind(&new.user_id)
        .bind(micros(new.authenticated_at))
        .bind(micros(new.expires_at))
        .bind(new.started_from.map(|address| address.to_string()))
        .bind(&new.browser)
        .bind(password.expose());
    let swap = swapped(&insert.execute(&mut *db).await?);
    if swap == Swap::Done {
        sqlx::query(TRIM).bind(&new.user_id).bind(keep).execute(&mut *db).await?;
    }
    Ok(swap)
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn session(row: SqliteRow) -> Result<SessionRecord, sqlx::Error> {
    Ok(SessionRecord {
        digest: row.digest("digest")?,
        user_id: row.text("user_id")?,
        authenticated_at: row.time("authenticated_at")?,
        expires_at: row.time("expires_at")?,
        started_from: row.maybe_address("started_from")?,
        browser: row.maybe_text("browser")?,
    })
}
