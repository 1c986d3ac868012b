//! What verifiers have to know of. Triggers write most of it (migration 0019); what is a switch of a user or a client is
//! written beside it.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::store::{Change, Changed, Changes, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::Store;
use crate::row::{Columns, Stored, micros, undecodable};

#[async_trait]
impl Changes for Store {
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<(u64, Change)>, StoreError> {
        // A newer version may write more kinds; this one has no use for them.
        const SELECT: &str = concat!(
            "SELECT * FROM changes WHERE number > ?1 AND kind IN ('grant_revoked', 'grant_narrowed',",
            " 'token_revoked', 'user_disabled', 'user_enabled', 'client_disabled', 'client_enabled')",
            " ORDER BY number LIMIT ?2"
        );
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let query = sqlx::query(SELECT).bind(after).bind(limit);
        query.try_map(change).fetch_all(self.reader()).await.stored()
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        const SELECT: &str = "SELECT max(number) FROM changes";
        let last: Option<i64> = sqlx::query_scalar(SELECT).fetch_one(self.reader()).await.stored()?;
        u64::try_from(last.unwrap_or(0)).map_err(StoreError::new)
    }
}

/// Whose switch is written.
#[derive(Clone, Copy)]
pub(crate) enum Switch {
    UserDisabled,
    UserEnabled,
    ClientDisabled,
    ClientEnabled,
}

/// Adds the change that a switch is.
pub(crate) async fn add(
    db: &mut SqliteConnection,
    switch: Switch,
    id: &str,
    at: SystemTime,
) -> Result<(), sqlx::Error> {
    const INSERT: &str = "INSERT INTO changes (at, kind, id) VALUES (?1, ?2, ?3)";
    let kind = match switch {
        Switch::UserDisabled => "user_disabled",
        Switch::UserEnabled => "user_enabled",
        Switch::ClientDisabled => "client_disabled",
        Switch::ClientEnabled => "client_enabled",
    };
    sqlx::query(INSERT).bind(micros(at)).bind(kind).bind(id).execute(db).await?;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn change(row: SqliteRow) -> Result<(u64, Change), sqlx::Error> {
    let number: i64 = row.try_get("number")?;
    let number = number.try_into().map_err(|error| undecodable("number", error))?;
    let (kind, id): (&str, String) = (row.try_get("kind")?, row.text("id")?);
    let what = match kind {
        "grant_revoked" => Changed::GrantRevoked(id),
        "grant_narrowed" => {
            let left = ScopeSet::parse_lenient(&row.text("left")?);
            Changed::GrantNarrowed { id, left }
        }
        "token_revoked" => Changed::TokenRevoked(id),
        "user_disabled" => Changed::UserDisabled(id),
        "user_enabled" => Changed::UserEnabled(id),
        "client_disabled" => Changed::ClientDisabled(id),
        "client_enabled" => Changed::ClientEnabled(id),
        other => return Err(undecodable("kind", UnknownKind(other.to_owned()))),
    };
    Ok((number, Change { at: row.time("at")?, what }))
}

#[derive(Debug, thiserror::Error)]
#[error("no change is called {0:?}")]
struct UnknownKind(String);
