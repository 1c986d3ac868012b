//! People.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{Insert, Secret, StoreError, Swap, UserRecord, Users};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped};
use crate::sessions;

#[async_trait]
impl Users for Store {
    async fn insert_user(&self, user: &UserRecord) -> Result<Insert, StoreError> {
        let mut writer = self.writer().acquire().await.stored()?;
        insert(&mut writer, user).await.stored()
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM users WHERE name = ?1").bind(name);
        query.try_map(user).fetch_optional(self.reader()).await.stored()
    }

    async fn user(&self, id: &str) -> Result<Option<UserRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM users WHERE id = ?1").bind(id);
        query.try_map(user).fetch_optional(self.reader()).await.stored()
    }

    async fn replace_password(
        &self,
        id: &str,
        expected: &Secret,
        new: &Secret,
        at: SystemTime,
    ) -> Result<Swap, StoreError> {
        self.replace(id, expected, new, at).await.stored()
    }
}

/// Whether the password hash `$password` is still that of the user `$user`, who is not disabled; both are parameters of the
/// statement.
macro_rules! password_is {
    ($user:literal, $password:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM users WHERE id = ",
            $user,
            " AND password_hash = ",
            $password,
            " AND disabled_at IS NULL)"
        )
    };
}
pub(crate) use password_is;

impl Store {
    async fn replace(
        &self,
        id: &str,
        expected: &Secret,
        new: &Secret,
        at: SystemTime,
    ) -> Result<Swap, sqlx::Error> {
        const REPLACE: &str = concat!(
            "UPDATE users SET password_hash = ?3, password_changed_at = ?4",
            " WHERE id = ?1 AND password_hash = ?2 AND disabled_at IS NULL"
        );
        let mut tx = self.begin().await?;
        let replace =
            sqlx::query(REPLACE).bind(id).bind(expected.expose()).bind(new.expose()).bind(micros(at));
        let swap = swapped(&replace.execute(&mut *tx).await?);
        if swap == Swap::Done {
            sessions::end_all(&mut tx, id, None).await?;
        }
        tx.commit().await?;
        Ok(swap)
    }
}

pub(crate) async fn insert(db: &mut SqliteConnection, user: &UserRecord) -> Result<Insert, sqlx::Error> {
    const INSERT: &str = concat!(
        "INSERT INTO users (id, name, password_hash, created_at, administrator) VALUES (?1, ?2, ?3, ?4, ?5)",
        " ON CONFLICT DO NOTHING"
    );
    let insert = sqlx::query(INSERT)
        .bind(&user.id)
        .bind(&user.name)
        .bind(user.password_hash.expose())
        .bind(micros(user.created_at))
        .bind(user.administrator);
    let done = insert.execute(db).await?;
    Ok(if done.rows_affected() == 1 { Insert::Inserted } else { Insert::Exists })
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
pub(crate) fn user(row: SqliteRow) -> Result<UserRecord, sqlx::Error> {
    Ok(UserRecord {
        id: row.text("id")?,
        name: row.text("name")?,
        password_hash: row.secret("password_hash")?,
        created_at: row.time("created_at")?,
        password_changed_at: row.maybe_time("password_changed_at")?,
        administrator: row.try_get("administrator")?,
        disabled_at: row.maybe_time("disabled_at")?,
    })
}
