//! Clients, and the room there is for those that register themselves.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::client::{Client, Registration};
use barewire_oauth_server::store::{
    ClientRecord, Clients, Deletion, Digest, EndedGrant, Registered, RevocationReason, StoreError, Swap,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection, Transaction};

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped};
use crate::totals::{Counted, total};

/// When there is no room for a client, it is made for one in so many of all.
const AHEAD: i64 = 100;

/// One client, with whether it is disabled.
pub(crate) const SELECT: &str = concat!(
    "SELECT c.*, d.disabled_at FROM clients c LEFT JOIN disabled_clients d ON d.client_id = c.id",
    " WHERE c.id = ?1"
);

#[async_trait]
impl Clients for Store {
    async fn client(&self, id: &str) -> Result<Option<ClientRecord>, StoreError> {
        sqlx::query(SELECT).bind(id).try_map(client).fetch_optional(self.reader()).await.stored()
    }

    async fn put_client(&self, client: &ClientRecord) -> Result<(), StoreError> {
        const ON_CONFLICT: &str = concat!(
            "INSERT INTO clients",
            " (id, client, dynamic, fingerprint, source, registered_at, activated_at, last_used_at,",
            " registration_token) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            " ON CONFLICT (id) DO UPDATE SET client = excluded.client,",
            " dynamic = excluded.dynamic, fingerprint = excluded.fingerprint, source = excluded.source,",
            " registered_at = excluded.registered_at, registration_token = excluded.registration_token,",
            " added = 0"
        );
        let mut writer = self.writer().acquire().await.stored()?;
        insert(&mut writer, ON_CONFLICT, client).await.stored()
    }

    async fn keep_configured(&self, ids: &[&str]) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM clients WHERE NOT dynamic AND NOT added AND id NOT IN (SELECT value FROM json_each(?1))";
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

    async fn replace_client(
        &self,
        client: &Client,
        expected: Digest,
        next: Digest,
    ) -> Result<Swap, StoreError> {
        const REPLACE: &str = "UPDATE clients SET client = ?3, registration_token = ?4 WHERE id = ?1 AND registration_token = ?2";
        let replace = sqlx::query(REPLACE).bind(&client.id).bind(&expected.0[..]);
        let replace = replace.bind(json(client).stored()?).bind(&next.0[..]);
        Ok(swapped(&replace.execute(self.writer()).await.stored()?))
    }

    async fn delete_client(&self, deletion: &Deletion<'_>) -> Result<Option<Vec<EndedGrant>>, StoreError> {
        self.delete_whole(deletion).await.stored()
    }
}

impl Store {
    async fn register(&self, new: &ClientRecord, max: u32) -> Result<Registered, sqlx::Error> {
        const INSERT: &str = concat!(
            "INSERT INTO clients",
            " (id, client, dynamic, fingerprint, source, registered_at, activated_at, last_used_at,",
            " registration_token) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        );
        const AGAIN: &str = concat!(
            "UPDATE clients SET source = iif(activated_at IS NULL, ?2, source),",
            " registered_at = iif(activated_at IS NULL, max(registered_at, ?3), registered_at)",
            " WHERE fingerprint = ?1 RETURNING *, (SELECT disabled_at FROM disabled_clients WHERE client_id = id)",
            " AS disabled_at"
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

impl Store {
    async fn delete_whole(&self, deletion: &Deletion<'_>) -> Result<Option<Vec<EndedGrant>>, sqlx::Error> {
        // Its consents go with it, by a trigger.
        const DELETE: &str = "DELETE FROM clients WHERE id = ?1 AND registration_token = ?2";
        const REVOKE: &str = concat!(
            "UPDATE grants SET revoked_at = ?2, revoked_reason = ?3",
            " WHERE client_id = ?1 AND revoked_at IS NULL AND expires_at > ?2 RETURNING id, user_id"
        );
        const REST: [&str; 3] = [
            "DELETE FROM codes WHERE redeemed_at IS NULL AND client_id = ?1",
            "DELETE FROM devices WHERE redeemed_at IS NULL AND client_id = ?1",
            "DELETE FROM pushed_requests WHERE client_id = ?1",
        ];
        const OWN: &str = concat!(
            "INSERT INTO revoked_access_tokens (jti, expires_at, revoked_at) VALUES (?1, ?2, ?3)",
            " ON CONFLICT DO NOTHING"
        );
        let at = micros(deletion.at);
        let mut tx = self.begin().await?;
        let delete = sqlx::query(DELETE).bind(deletion.client_id).bind(&deletion.registration_token.0[..]);
        if swapped(&delete.execute(&mut *tx).await?) == Swap::Lost {
            return Ok(None);
        }
        let revoke = sqlx::query(REVOKE).bind(deletion.client_id).bind(at);
        let revoke = revoke
            .bind(RevocationReason::Client.as_str())
            .try_map(|row: SqliteRow| Ok(EndedGrant { id: row.text("id")?, user_id: row.text("user_id")? }));
        let ended = revoke.fetch_all(&mut *tx).await?;
        for rest in REST {
            sqlx::query(rest).bind(deletion.client_id).execute(&mut *tx).await?;
        }
        let own = sqlx::query(OWN).bind(deletion.own_grant).bind(micros(deletion.own_grant_until)).bind(at);
        own.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }
}

/// Deletes until there is room for one more; false where `max` clients cannot be deleted.
async fn make_room(tx: &mut Transaction<'_, Sqlite>, max: u32, now: i64) -> Result<bool, sqlx::Error> {
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
    let mut excess = total(tx, Counted::Clients).await? + 1 - i64::from(max);
    // Who has most is found by looking at all that were never activated, which not every registration can do.
    let ahead = i64::from(max) / AHEAD;
    for (deletion, ahead) in [(NEVER_ACTIVATED, ahead), (WITHOUT_LIVE_GRANT, 0)] {
        // Each round empties one source at most; there is more than one only after `max` was lowered.
        while excess > 0 {
            let done = sqlx::query(deletion).bind(excess + ahead).bind(now).execute(&mut **tx).await?;
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
    sqlx::query(statement)
        .bind(&record.client.id)
        .bind(json(&record.client)?)
        .bind(record.client.registration == Registration::Dynamic)
        .bind(record.fingerprint.as_ref().map(|digest| &digest.0[..]))
        .bind(record.source.as_ref().map(|digest| &digest.0[..]))
        .bind(micros(record.registered_at))
        .bind(record.activated_at.map(micros))
        .bind(record.last_used_at.map(micros))
        .bind(record.registration_token.as_ref().map(|digest| &digest.0[..]))
        .execute(db)
        .await?;
    Ok(())
}

fn json(client: &Client) -> Result<String, sqlx::Error> {
    serde_json::to_string(client).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Adds a client of an administrator; false where there is one with this identifier.
pub(crate) async fn insert_added(
    db: &mut SqliteConnection,
    record: &ClientRecord,
) -> Result<bool, sqlx::Error> {
    const INSERT: &str = concat!(
        "INSERT INTO clients (id, client, dynamic, registered_at, added) VALUES (?1, ?2, 0, ?3, 1)",
        " ON CONFLICT DO NOTHING"
    );
    let insert = sqlx::query(INSERT)
        .bind(&record.client.id)
        .bind(json(&record.client)?)
        .bind(micros(record.registered_at));
    Ok(insert.execute(db).await?.rows_affected() == 1)
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
pub(crate) fn client(row: SqliteRow) -> Result<ClientRecord, sqlx::Error> {
    Ok(ClientRecord {
        client: row.json("client")?,
        fingerprint: row.maybe_digest("fingerprint")?,
        registration_token: row.maybe_digest("registration_token")?,
        source: row.maybe_digest("source")?,
        registered_at: row.time("registered_at")?,
        activated_at: row.maybe_time("activated_at")?,
        last_used_at: row.maybe_time("last_used_at")?,
        added: row.try_get("added")?,
        disabled_at: row.maybe_time("disabled_at")?,
    })
}
