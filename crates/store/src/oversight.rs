//! What administrators see of all users and clients, and do about them. Each list is a range of an index, whatever there is.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{
    COUNTED, ClientOverview, ClientRecord, ClientsBy, ClientsWanted, GrantPlace, Insert, Oversight,
    Revocation, Secret, StoreError, Swap, UserRecord, UsersWanted,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::Store;
use crate::changes::{self, Switch};
use crate::row::{Columns, Stored, micros, swapped};
use crate::{clients, sessions, users};

const USERS: &str = concat!(
    "SELECT * FROM users WHERE name COLLATE NOCASE >= ?1 AND name COLLATE NOCASE < ?2",
    " AND (name COLLATE NOCASE, name) > (?3, ?3)",
    " ORDER BY name COLLATE NOCASE, name LIMIT ?4"
);

// The identifiers of documents are those of the grants that begin like a URL: one step of the index for each
// client, and none for each grant.
const BY_ID: &str = concat!(
    "WITH RECURSIVE documented (id) AS (",
    "SELECT min(client_id) FROM grants WHERE client_id >= ?4",
    " UNION ALL SELECT (SELECT min(client_id) FROM grants WHERE client_id > documented.id)",
    " FROM documented WHERE documented.id IS NOT NULL AND documented.id < ?2 LIMIT ?3 + 1)",
    " SELECT id FROM (SELECT id FROM clients WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
    " UNION SELECT id FROM documented WHERE id < ?2 AND id < 'httq' ORDER BY id LIMIT ?3"
);
const BY_NAME: &str = concat!(
    "SELECT id FROM clients WHERE json_extract(client, '$.name') COLLATE NOCASE >= ?1",
    " AND json_extract(client, '$.name') COLLATE NOCASE < ?2",
    " AND (json_extract(client, '$.name') COLLATE NOCASE, id) > (?3, ?4)",
    " ORDER BY json_extract(client, '$.name') COLLATE NOCASE, id LIMIT ?5"
);

// `?2` does it, and has to be an administrator at that very moment; nobody, where it is somebody who can write the store.
const SET_ADMINISTRATOR: &str = concat!(
    "UPDATE users SET administrator = ?3 WHERE id = ?1 AND (?2 IS NULL OR EXISTS",
    " (SELECT 1 FROM users AS doer WHERE doer.id = ?2 AND doer.administrator AND doer.disabled_at IS NULL))"
);
const DISABLE_USER: &str = concat!(
    "UPDATE users SET disabled_at = ?3 WHERE id = ?1 AND disabled_at IS NULL AND (?2 IS NULL OR EXISTS",
    " (SELECT 1 FROM users AS doer WHERE doer.id = ?2 AND doer.administrator AND doer.disabled_at IS NULL))"
);

#[async_trait]
impl Oversight for Store {
    async fn users(&self, wanted: &UsersWanted<'_>) -> Result<Vec<UserRecord>, StoreError> {
        let query = sqlx::query(USERS)
            .bind(later(wanted.begins, wanted.after))
            .bind(end_of(wanted.begins))
            .bind(wanted.after.unwrap_or_default())
            .bind(wanted.limit);
        query.try_map(users::user).fetch_all(self.reader()).await.stored()
    }

    async fn set_administrator(
        &self,
        id: &str,
        administrator: bool,
        by: Option<&str>,
    ) -> Result<Swap, StoreError> {
        let query = sqlx::query(SET_ADMINISTRATOR).bind(id).bind(by).bind(administrator);
        Ok(swapped(&query.execute(self.writer()).await.stored()?))
    }

    async fn disable_user(&self, id: &str, by: Option<&str>, at: SystemTime) -> Result<Swap, StoreError> {
        self.switch_user_off(id, by, at).await.stored()
    }

    async fn enable_user(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError> {
        self.switch_user_on(id, at).await.stored()
    }

    async fn reset_password(&self, id: &str, new: &Secret, at: SystemTime) -> Result<Swap, StoreError> {
        self.set_password(id, new, at).await.stored()
    }

    async fn reset_second_factors(&self, id: &str) -> Result<u64, StoreError> {
        self.remove_second_factors(id).await.stored()
    }

    async fn clients(&self, wanted: &ClientsWanted<'_>) -> Result<Vec<ClientOverview>, StoreError> {
        self.list_clients(wanted).await.stored()
    }

    async fn client_overview(&self, id: &str) -> Result<Option<ClientOverview>, StoreError> {
        self.overview_of_client(id).await.stored()
    }

    async fn add_client(&self, client: &ClientRecord) -> Result<Insert, StoreError> {
        self.insert_added(client).await.stored()
    }

    async fn disable_client(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError> {
        const DISABLE: &str =
            "INSERT INTO disabled_clients (client_id, disabled_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.switch_client(DISABLE, Switch::ClientDisabled, id, at).await.stored()
    }

    async fn enable_client(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError> {
        const ENABLE: &str = "DELETE FROM disabled_clients WHERE client_id = ?1";
        self.switch_client(ENABLE, Switch::ClientEnabled, id, at).await.stored()
    }

    async fn client_disabled(&self, id: &str) -> Result<Option<SystemTime>, StoreError> {
        const SELECT: &str = "SELECT disabled_at FROM disabled_clients WHERE client_id = ?1";
        let query = sqlx::query(SELECT).bind(id);
        query.try_map(|row: SqliteRow| row.time("disabled_at")).fetch_optional(self.reader()).await.stored()
    }

    async fn remove_client(&self, id: &str, at: SystemTime) -> Result<Swap, StoreError> {
        const DELETE: &str = "DELETE FROM clients WHERE id = ?1 AND (dynamic OR added)";
        self.switch_client(DELETE, Switch::ClientDisabled, id, at).await.stored()
    }

    async fn revoke_grants_of_client(
        &self,
        client_id: &str,
        after: Option<&GrantPlace>,
        revocation: Revocation,
        limit: u32,
    ) -> Result<Option<(GrantPlace, u64)>, StoreError> {
        self.revoke_next(client_id, after, revocation, limit).await.stored()
    }
}

/// Where a list by name goes on: whichever comes later, in the order of `COLLATE NOCASE`.
fn later<'a>(begins: &'a str, after: Option<&'a str>) -> &'a str {
    let key = |text: &str| text.to_ascii_lowercase();
    after.filter(|after| key(after) > key(begins)).unwrap_or(begins)
}

/// The first text after all those that begin with `begins`, as SQLite orders them: nothing follows this character.
fn end_of(begins: &str) -> String {
    format!("{begins}\u{10ffff}")
}

impl Store {
    async fn switch_user_off(&self, id: &str, by: Option<&str>, at: SystemTime) -> Result<Swap, sqlx::Error> {
        let mut tx = self.begin().await?;
        let disable = sqlx::query(DISABLE_USER).bind(id).bind(by).bind(micros(at));
        if swapped(&disable.execute(&mut *tx).await?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        sessions::end_all(&mut tx, id, None).await?;
        for deletion in [
            "DELETE FROM codes WHERE user_id = ?1 AND redeemed_at IS NULL",
            "DELETE FROM devices WHERE allowed_by = ?1 AND redeemed_at IS NULL",
        ] {
            sqlx::query(deletion).bind(id).execute(&mut *tx).await?;
        }
        changes::add(&mut tx, Switch::UserDisabled, id, at).await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }

    async fn switch_user_on(&self, id: &str, at: SystemTime) -> Result<Swap, sqlx::Error> {
        const ENABLE: &str = "UPDATE users SET disabled_at = NULL WHERE id = ?1 AND disabled_at IS NOT NULL";
        let mut tx = self.begin().await?;
        let swap = swapped(&sqlx::query(ENABLE).bind(id).execute(&mut *tx).await?);
        if swap == Swap::Done {
            changes::add(&mut tx, Switch::UserEnabled, id, at).await?;
            tx.commit().await?;
        }
        Ok(swap)
    }

    async fn set_password(&self, id: &str, new: &Secret, at: SystemTime) -> Result<Swap, sqlx::Error> {
        const REPLACE: &str = "UPDATE users SET password_hash = ?2, password_changed_at = ?3 WHERE id = ?1";
        let mut tx = self.begin().await?;
        let replace = sqlx::query(REPLACE).bind(id).bind(new.expose()).bind(micros(at));
        let swap = swapped(&replace.execute(&mut *tx).await?);
        if swap == Swap::Done {
            sessions::end_all(&mut tx, id, None).await?;
            tx.commit().await?;
        }
        Ok(swap)
    }

    async fn remove_second_factors(&self, id: &str) -> Result<u64, sqlx::Error> {
        let mut tx = self.begin().await?;
        let mut gone = 0;
        for deletion in [
            "DELETE FROM totp WHERE user_id = ?1",
            "DELETE FROM recovery_codes WHERE user_id = ?1",
            "DELETE FROM passkeys WHERE user_id = ?1",
        ] {
            gone += sqlx::query(deletion).bind(id).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(gone)
    }

    async fn list_clients(&self, wanted: &ClientsWanted<'_>) -> Result<Vec<ClientOverview>, sqlx::Error> {
        let ids: Vec<String> = match wanted.by {
            ClientsBy::Id { begins, after } => {
                // The text that follows `after` with none between, in the order of bytes.
                let next = after.map(|after| format!("{after}\0")).unwrap_or_default();
                let from = begins.max(&next);
                sqlx::query_scalar(BY_ID)
                    .bind(from)
                    .bind(end_of(begins))
                    .bind(wanted.limit)
                    .bind(from.max("http"))
                    .fetch_all(self.reader())
                    .await?
            }
            ClientsBy::Name { begins, after } => {
                let (name, id) = after.unwrap_or_default();
                sqlx::query_scalar(BY_NAME)
                    .bind(later(begins, Some(name)))
                    .bind(end_of(begins))
                    .bind(name)
                    .bind(id)
                    .bind(wanted.limit)
                    .fetch_all(self.reader())
                    .await?
            }
        };
        let mut found = Vec::with_capacity(ids.len());
        for id in &ids {
            found.extend(self.overview_of_client(id).await?);
        }
        Ok(found)
    }

    async fn overview_of_client(&self, id: &str) -> Result<Option<ClientOverview>, sqlx::Error> {
        const GRANTS: &str = concat!(
            "SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS standing, count(*) AS looked_at,",
            " max(last_used_at) AS used FROM (SELECT revoked_at, last_used_at FROM grants WHERE client_id = ?1",
            " ORDER BY created_at DESC LIMIT ?2)"
        );
        const NAME: &str =
            "SELECT client_name FROM grants WHERE client_id = ?1 ORDER BY created_at DESC LIMIT 1";
        const DISABLED: &str = "SELECT disabled_at FROM disabled_clients WHERE client_id = ?1";
        let record = sqlx::query(clients::SELECT).bind(id).try_map(clients::client);
        let record: Option<ClientRecord> = record.fetch_optional(self.reader()).await?;
        let grants: SqliteRow = sqlx::query(GRANTS).bind(id).bind(COUNTED).fetch_one(self.reader()).await?;
        let looked_at: u32 = grants.try_get("looked_at")?;
        let disabled = sqlx::query(DISABLED).bind(id).try_map(|row: SqliteRow| row.time("disabled_at"));
        let disabled_at = disabled.fetch_optional(self.reader()).await?;
        if record.is_none() && looked_at == 0 && disabled_at.is_none() {
            return Ok(None);
        }
        let name: Option<Option<String>> =
            sqlx::query_scalar(NAME).bind(id).fetch_optional(self.reader()).await?;
        let own = record.as_ref().and_then(|record| record.client.name.clone());
        let used = record.as_ref().and_then(|record| record.last_used_at);
        Ok(Some(ClientOverview {
            id: id.to_owned(),
            name: own.or(name.flatten()),
            disabled_at,
            last_used_at: used.max(grants.maybe_time("used")?),
            grants: grants.try_get("standing")?,
            record,
        }))
    }

    async fn insert_added(&self, new: &ClientRecord) -> Result<Insert, sqlx::Error> {
        let mut tx = self.begin().await?;
        if !clients::insert_added(&mut tx, new).await? {
            return Ok(Insert::Exists);
        }
        changes::add(&mut tx, Switch::ClientEnabled, &new.client.id, new.registered_at).await?;
        tx.commit().await?;
        Ok(Insert::Inserted)
    }

    /// Runs a statement about one client (`?1`), at a time (`?2`) where that matters, and adds the change if it found it.
    async fn switch_client(
        &self,
        statement: &'static str,
        switch: Switch,
        id: &str,
        at: SystemTime,
    ) -> Result<Swap, sqlx::Error> {
        let mut tx = self.begin().await?;
        let swap = swapped(&sqlx::query(statement).bind(id).bind(micros(at)).execute(&mut *tx).await?);
        if swap == Swap::Done {
            changes::add(&mut tx, switch, id, at).await?;
            tx.commit().await?;
        }
        Ok(swap)
    }

    async fn revoke_next(
        &self,
        client_id: &str,
        after: Option<&GrantPlace>,
        revocation: Revocation,
        limit: u32,
    ) -> Result<Option<(GrantPlace, u64)>, sqlx::Error> {
        const NEXT: &str = concat!(
            "SELECT id, created_at FROM grants WHERE client_id = ?1 AND (created_at, id) > (?2, ?3)",
            " ORDER BY created_at, id LIMIT ?4"
        );
        let (at, id) = after.map_or((i64::MIN, ""), |(at, id)| (micros(*at), id.as_str()));
        let mut tx = self.begin().await?;
        let next = sqlx::query(NEXT).bind(client_id).bind(at).bind(id).bind(limit);
        let place = |row: SqliteRow| Ok((row.time("created_at")?, row.text("id")?));
        let places: Vec<GrantPlace> = next.try_map(place).fetch_all(&mut *tx).await?;
        let Some(last) = places.last().cloned() else { return Ok(None) };
        let mut revoked = 0;
        for (_, id) in &places {
            revoked += revoke_one(&mut tx, id, revocation).await?;
        }
        tx.commit().await?;
        Ok(Some((last, revoked)))
    }
}

async fn revoke_one(db: &mut SqliteConnection, id: &str, revocation: Revocation) -> Result<u64, sqlx::Error> {
    const REVOKE: &str =
        "UPDATE grants SET revoked_at = ?2, revoked_reason = ?3 WHERE id = ?1 AND revoked_at IS NULL";
    let revoke = sqlx::query(REVOKE).bind(id).bind(micros(revocation.at)).bind(revocation.reason.as_str());
    Ok(revoke.execute(db).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use barewire_testkit::TempDir;

    use super::*;

    /// Where SQLite looks at a whole table or index, or sorts what it has found, a list takes longer the more there is.
    #[tokio::test]
    async fn no_list_of_administrators_scans_a_table() {
        let dir = TempDir::new();
        let store = Store::open(dir.join("store.sqlite")).await.unwrap();
        for (statement, index) in
            [(USERS, "users_in_order"), (BY_ID, "grants_by_client"), (BY_NAME, "clients_by_name")]
        {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let rows = sqlx::query(sqlx::AssertSqlSafe(explain)).fetch_all(store.reader()).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            let scans = |step: &&String| {
                // The few rows of the recursion, and what a part has found already, are no table; two parts are merged
                // after sorting a page of each.
                let sorts = step.contains("USE TEMP B-TREE FOR ORDER BY") && statement != BY_ID;
                let own = ["SCAN documented", "SCAN (subquery"].iter().any(|own| step.starts_with(own));
                (step.starts_with("SCAN") && !own) || sorts
            };
            assert_eq!(plan.iter().find(scans), None, "{plan:#?}");
            assert!(plan.iter().any(|step| step.contains(index)), "{plan:#?}");
        }
    }
}
