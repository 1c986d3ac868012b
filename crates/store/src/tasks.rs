//! Tasks of the MCP server.

use std::time::SystemTime;

use barewire_mcp_server::{Stored, StoredTask, TaskRoom, TaskStore, TaskStoreError};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, micros, undecodable};

impl TaskStore for Store {
    fn insert<'a>(&'a self, task: &'a StoredTask, room: TaskRoom) -> Stored<'a, bool> {
        Box::pin(async move { self.add_task(task, room).await.map_err(failed("add a task")) })
    }

    fn find<'a>(&'a self, id: &'a str) -> Stored<'a, Option<StoredTask>> {
        Box::pin(async move {
            let query = sqlx::query("SELECT * FROM tasks WHERE id = ?1").bind(id);
            query.try_map(task).fetch_optional(self.reader()).await.map_err(failed("find a task"))
        })
    }

    fn replace<'a>(&'a self, task: &'a StoredTask) -> Stored<'a, bool> {
        const UPDATE: &str = concat!(
            "UPDATE tasks SET version = ?2, expires_at = ?3, finished = ?4, document = ?5",
            " WHERE id = ?1 AND version = ?2 - 1"
        );
        Box::pin(async move {
            let update = sqlx::query(UPDATE)
                .bind(&task.id)
                .bind(version(task).map_err(failed("change a task"))?)
                .bind(micros(task.expires_at))
                .bind(task.finished)
                .bind(&task.document);
            let done = update.execute(self.writer()).await.map_err(failed("change a task"))?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn renew<'a>(&'a self, ids: &'a [String], alive_until: SystemTime) -> Stored<'a, Vec<String>> {
        Box::pin(async move { self.renew_tasks(ids, alive_until).await.map_err(failed("renew tasks")) })
    }
}

impl Store {
    async fn add_task(&self, task: &StoredTask, room: TaskRoom) -> Result<bool, sqlx::Error> {
        const COUNT: &str = "SELECT count(*), count(*) FILTER (WHERE account = ?1) FROM tasks";
        const MAKE_ROOM: &str = concat!(
            "DELETE FROM tasks WHERE id = (SELECT id FROM tasks WHERE account = ?1 AND finished",
            " ORDER BY created_at LIMIT 1)"
        );
        const INSERT: &str = concat!(
            "INSERT INTO tasks (id, owner, account, version, created_at, expires_at, alive_until, finished, document)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        );
        let mut tx = self.begin().await?;
        let expired = sqlx::query("DELETE FROM tasks WHERE expires_at <= ?1").bind(micros(room.now));
        expired.execute(&mut *tx).await?;
        let (all, each): (i64, i64) = sqlx::query_as(COUNT).bind(&task.account).fetch_one(&mut *tx).await?;
        let full = |count: i64, most: usize| usize::try_from(count).is_ok_and(|count| count >= most);
        if full(all, room.all) || full(each, room.each) {
            let made = sqlx::query(MAKE_ROOM).bind(&task.account).execute(&mut *tx).await?;
            if made.rows_affected() == 0 {
                // What has expired is gone all the same.
                tx.commit().await?;
                return Ok(false);
            }
        }
        sqlx::query(INSERT)
            .bind(&task.id)
            .bind(&task.owner)
            .bind(&task.account)
            .bind(version(task)?)
            .bind(micros(task.created_at))
            .bind(micros(task.expires_at))
            .bind(micros(task.alive_until))
            .bind(task.finished)
            .bind(&task.document)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// One transaction for all of them: one write to the disk.
    async fn renew_tasks(&self, ids: &[String], alive_until: SystemTime) -> Result<Vec<String>, sqlx::Error> {
        const RENEW: &str = "UPDATE tasks SET alive_until = ?2 WHERE id = ?1 AND NOT finished";
        let mut alive = Vec::with_capacity(ids.len());
        let mut tx = self.begin().await?;
        for id in ids {
            let renewed = sqlx::query(RENEW).bind(id).bind(micros(alive_until)).execute(&mut *tx).await?;
            if renewed.rows_affected() == 1 {
                alive.push(id.clone());
            }
        }
        tx.commit().await?;
        Ok(alive)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn task(row: SqliteRow) -> Result<StoredTask, sqlx::Error> {
    let version: i64 = row.try_get("version")?;
    Ok(StoredTask {
        id: row.text("id")?,
        owner: row.try_get("owner")?,
        account: row.try_get("account")?,
        version: version.try_into().map_err(|error| undecodable("version", error))?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        alive_until: row.time("alive_until")?,
        finished: row.try_get("finished")?,
        document: row.text("document")?,
    })
}

fn version(task: &StoredTask) -> Result<i64, sqlx::Error> {
    i64::try_from(task.version).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> TaskStoreError {
    move |source| TaskStoreError { doing, source: source.into() }
}
