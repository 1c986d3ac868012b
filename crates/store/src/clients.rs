//! Clients, and the room there is for those that register themselves.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::client::Registration;
use barewire_oauth_server::store::{ClientRecord, Clients, Registered, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::Store;
use crate::row::{Columns, Stored, micros};

#[async_trait]
impl Clients for Store {
    async fn client(&self, id: &str) -> Result<Option<ClientRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM clients WHERE id = ?1").bind(id);
        query.try_map(client).fetch_optional(self.reader()).await.stored()
    }

    async fn put_client(&self, client: &ClientRecord) -> Result<(), StoreError> {
        const ON_CONFLICT: &str = concat!(
            "INSERT INTO clients",
            " (id, client, dynamic, fingerprint, source, registered_at, activated_at, last_used_at)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET client = excluded.client,",
            " dynamic = excluded.dynamic, fingerprint = excluded.fingerprint, source = excluded.source,",
            " registered_at = excluded.registered_at"
        );
        let mut writer = self.writer().acquire().await.stored()?;
        insert(&mut writer, ON_CONFLICT, client).await.stored()
    }

    async fn keep_configured(&self, ids: &[&str]) -> Result<(), StoreError> {
        const DELETE: &str =
            "DELETE FROM clients WHERE NOT dynamic AND id NOT IN (SELECT value FROM json_each(?1))";
        let ids = serde_json::to_string(ids).map_err(StoreError::new)?;
        sqlx::query(DELETE).bind(ids).execute(self.writer()).await.stored()?;
        Ok(())
    }

    async fn register_client(&self, client: &ClientRecord, max: u32) -> Result<Registered, StoreError> {
        self.register(client, max).await.stored()
    }

    async fn use_client(&self, id: &str, at: SystemTime) -> Result<(), StoreError> {
        let mut writer = self.writer().acquire().await.stored()?;
        activate(&mut writer, id, micros(at)).await.stored()
    }
}

impl Store {
    async fn register(&self, new: &ClientRecord, max: u32) -> Result<Registered, sqlx::Error> {
        const INSERT: &str = concat!(
            "INSERT INTO clients",
            " (id, client, dynamic, fingerprint, source, registered_at, activated_at, last_used_at)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        );
        const AGAIN: &str = concat!(
            "UPDATE clients SET source = iif(activated_at IS NULL, ?2, source),",
            " registered_at = iif(activated_at IS NULL, max(registered_at, ?3), registered_at)",
            " WHERE fingerprint = ?1 RETURNING *"
        );
        let mut tx = self.begin().await?;
        if let Some(fingerprint) = new.fingerprint {
            let again = sqlx::query(AGAIN)
                .bind(&fingerprint.0[..])
                .bind(new.source.as_ref().map(|digest| &digest.0[..]))
                .bind(micros(new.registered_at));
            if let Some(existing) = again.try_map(client).fetch_optional(&mut *tx).await? {
                tx.commit().await?;
                return Ok(Registered::Existing(Box::new(existing)));
            }
        }
        if !make_room(&mut tx, max, micros(new.registered_at)).await? {
            return Ok(Registered::Full);
        }
        insert(&mut tx, INSERT, new).await?;
        tx.commit().await?;
        Ok(Registered::New)
    }
}

/// Deletes until there is room for one more; false where `max` clients cannot be deleted.
async fn make_room(tx: &mut Transaction<'_, Sqlite>, max: u32, now: i64) -> Result<bool, sqlx::Error> {
    const COUNT: &str = "SELECT count(*) FROM clients WHERE dynamic";
    const NEVER_ACTIVATED: &str = concat!(
        "DELETE FROM clients WHERE rowid IN (SELECT rowid FROM clients",
        " WHERE dynamic AND activated_at IS NULL AND source IS",
        " (SELECT source FROM clients WHERE dynamic AND activated_at IS NULL",
        " GROUP BY source ORDER BY count(*) DESC, min(registered_at) LIMIT 1) ORDER BY registered_at LIMIT ?1)"
    );
    const WITHOUT_LIVE_GRANT: &str = concat!(
        "DELETE FROM clients WHERE id IN (SELECT id FROM clients WHERE dynamic AND NOT EXISTS",
        " (SELECT 1 FROM grants WHERE client_id = clients.id AND revoked_at IS NULL AND expires_at > ?2)",
        " ORDER BY coalesce(last_used_at, registered_at) LIMIT ?1)"
    );
    let count: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut **tx).await?;
    let mut excess = count + 1 - i64::from(max);
    for deletion in [NEVER_ACTIVATED, WITHOUT_LIVE_GRANT] {
        // Each round empties one source at most; there is more than one only after `max` was lowered.
        while excess > 0 {
            let done = sqlx::query(deletion).bind(excess).bind(now).execute(&mut **tx).await?;
            if done.rows_affected() == 0 {
                break;
            }
            excess -= i64::try_from(done.rows_affected()).unwrap_or(i64::MAX);
        }
    }
    Ok(excess <= 0)
}

/// Marks a client, if it is a stored one, as one that has got tokens.
pub(crate) async fn activate(db: &mut SqliteConnection, id: &str, at: i64) -> Result<(), sqlx::Error> {
    const ACTIVATE: &str = concat!(
        "UPDATE clients SET activated_at = coalesce(activated_at, ?2),",
        " last_used_at = max(coalesce(last_used_at, ?2), ?2) WHERE id = ?1"
    );
    sqlx::query(ACTIVATE).bind(id).bind(at).execute(db).await?;
    Ok(())
}

async fn insert(
    db: &mut SqliteConnection,
    statement: &'static str,
    record: &ClientRecord,
) -> Result<(), sqlx::Error> {
    let json = serde_json::to_string(&record.client).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(statement)
        .bind(&record.client.id)
        .bind(json)
        .bind(record.client.registration == Registration::Dynamic)
        .bind(record.fingerprint.as_ref().map(|digest| &digest.0[..]))
        .bind(record.source.as_ref().map(|digest| &digest.0[..]))
        .bind(micros(record.registered_at))
        .bind(record.activated_at.map(micros))
        .bind(record.last_used_at.map(micros))
        .execute(db)
        .await?;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn client(row: SqliteRow) -> Result<ClientRecord, sqlx::Error> {
    Ok(ClientRecord {
        client: row.json("client")?,
        fingerprint: row.maybe_digest("fingerprint")?,
        source: row.maybe_digest("source")?,
        registered_at: row.time("registered_at")?,
        activated_at: row.maybe_time("activated_at")?,
        last_used_at: row.maybe_time("last_used_at")?,
    })
}
