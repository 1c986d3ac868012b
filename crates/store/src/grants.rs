//! Grants, and single access tokens that were revoked.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::store::{
    FamilyRecord, GrantOverview, GrantRecord, Grants, GrantsWanted, Insert, Narrowing, Revocation,
    RevocationReason, StoreError, Swap,
};
use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::clients::activate;
use crate::row::{Columns, Stored, micros, swapped, undecodable};
use crate::{Store, families};

/// Grants with what is known besides, before any `WHERE`.
macro_rules! overviews {
    () => {
        concat!(
            "SELECT g.*, f.expires_at AS token_expires_at, c.client FROM grants g",
            " LEFT JOIN families f ON f.grant_id = g.id LEFT JOIN clients c ON c.id = g.client_id"
        )
    };
}

/// Which of them, in which order: after, live (`GrantOverview::is_live`), limit. A page begins where the one before it
/// ended, so it costs as much as any other.
macro_rules! rest {
    () => {
        concat!(
            " (g.created_at, g.id) < (?4, ?5)",
            " AND (?3 IS NULL OR (g.revoked_at IS NULL AND g.expires_at > ?3",
            " AND (f.expires_at > ?3 OR g.last_used_at > ?7)))",
            " ORDER BY g.created_at DESC, g.id DESC LIMIT ?6"
        )
    };
}

#[async_trait]
impl Grants for Store {
    async fn grant(&self, id: &str) -> Result<Option<GrantRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM grants WHERE id = ?1").bind(id);
        query.try_map(|row| grant(&row)).fetch_optional(self.reader()).await.stored()
    }

    async fn insert_grant(&self, grant: &GrantRecord) -> Result<Insert, StoreError> {
        let mut tx = self.begin().await.stored()?;
        match insert(&mut tx, grant).await {
            Ok(()) => {
                activate(&mut tx, &grant.client_id, micros(grant.created_at)).await.stored()?;
                tx.commit().await.stored()?;
                Ok(Insert::Inserted)
            }
            Err(error) if error.as_database_error().is_some_and(DatabaseError::is_unique_violation) => {
                Ok(Insert::Exists)
            }
            Err(error) => Err(StoreError::new(error)),
        }
    }

    async fn grant_overview(&self, id: &str) -> Result<Option<GrantOverview>, StoreError> {
        const SELECT: &str = concat!(overviews!(), " WHERE g.id = ?1");
        sqlx::query(SELECT).bind(id).try_map(overview).fetch_optional(self.reader()).await.stored()
    }

    async fn grants(&self, wanted: &GrantsWanted<'_>) -> Result<Vec<GrantOverview>, StoreError> {
        const OF_USER: &str =
            concat!(overviews!(), " WHERE g.user_id = ?1 AND (?2 IS NULL OR g.client_id = ?2) AND", rest!());
        const OF_CLIENT: &str = concat!(overviews!(), " WHERE ?1 IS NULL AND g.client_id = ?2 AND", rest!());
        const OF_ALL: &str = concat!(overviews!(), " WHERE ?1 IS NULL AND ?2 IS NULL AND", rest!());
        let (after_time, after_id) = wanted.after.map_or((i64::MAX, ""), |(at, id)| (micros(at), id));
        sqlx::query(match (wanted.user_id, wanted.client_id) {
            (Some(_), _) => OF_USER,
            (None, Some(_)) => OF_CLIENT,
            (None, None) => OF_ALL,
        })
        .bind(wanted.user_id)
        .bind(wanted.client_id)
        .bind(wanted.live.map(|live| micros(live.at)))
        .bind(after_time)
        .bind(after_id)
        .bind(wanted.limit)
        .bind(wanted.live.map(|live| micros(live.expired_until)))
        .try_map(overview)
        .fetch_all(self.reader())
        .await
        .stored()
    }

    async fn narrow_grant(
        &self,
        id: &str,
        expected: &str,
        left: &str,
        at: SystemTime,
    ) -> Result<Swap, StoreError> {
        self.narrow(id, expected, left, at).await.stored()
    }

    async fn revoke_grant(&self, id: &str, revocation: Revocation) -> Result<Swap, StoreError> {
        self.revoke(id, revocation).await.stored()
    }

    async fn disconnect(&self, id: &str, revocation: Revocation) -> Result<Vec<String>, StoreError> {
        self.end_connection(id, revocation).await.stored()
    }

    async fn revoke_access_token(
        &self,
        jti: &str,
        expires_at: SystemTime,
        at: SystemTime,
    ) -> Result<(), StoreError> {
        const INSERT: &str = concat!(
            "INSERT INTO revoked_access_tokens (jti, expires_at, revoked_at) VALUES (?1, ?2, ?3)",
            " ON CONFLICT DO NOTHING"
        );
        let query = sqlx::query(INSERT).bind(jti).bind(micros(expires_at)).bind(micros(at));
        query.execute(self.writer()).await.stored()?;
        Ok(())
    }
}

/// What belongs to a grant: of the same user, client and resource. `?1` is the grant.
macro_rules! of_grant {
    () => {
        of_grant!("user_id")
    };
    ($user:literal) => {
        concat!(
            "(",
            $user,
            ", client_id, resource) = (SELECT user_id, client_id, resource FROM grants WHERE id = ?1)"
        )
    };
}

impl Store {
    async fn narrow(
        &self,
        id: &str,
        expected: &str,
        left: &str,
        at: SystemTime,
    ) -> Result<Swap, sqlx::Error> {
        const NARROW: &str = concat!(
            "UPDATE grants SET scope = ?3, granted_scope = coalesce(granted_scope, ?2), narrowed_at = ?4",
            " WHERE id = ?1 AND scope = ?2 AND revoked_at IS NULL"
        );
        const CONSENTS: &str = concat!("SELECT redirect_host, scope FROM consents WHERE ", of_grant!());
        const NARROW_CONSENT: &str =
            concat!("UPDATE consents SET scope = ?3 WHERE redirect_host = ?2 AND ", of_grant!());
        let mut tx = self.begin().await?;
        let narrow = sqlx::query(NARROW).bind(id).bind(expected).bind(left).bind(micros(at));
        if swapped(&narrow.execute(&mut *tx).await?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        let left = ScopeSet::parse_lenient(left);
        let consents: Vec<(String, String)> = sqlx::query_as(CONSENTS).bind(id).fetch_all(&mut *tx).await?;
        for (host, scope) in consents {
            let scope = ScopeSet::parse_lenient(&scope).intersection(&left).to_string();
            sqlx::query(NARROW_CONSENT).bind(id).bind(host).bind(scope).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(Swap::Done)
    }

    async fn end_connection(&self, id: &str, revocation: Revocation) -> Result<Vec<String>, sqlx::Error> {
        const REVOKE: &str = concat!(
            // A client may have a million of them, a user has not.
            "UPDATE grants INDEXED BY grants_by_user SET revoked_at = ?2, revoked_reason = ?3",
            " WHERE revoked_at IS NULL AND expires_at > ?2 AND ",
            of_grant!(),
            " RETURNING id"
        );
        const REST: [&str; 3] = [
            concat!("DELETE FROM consents WHERE ", of_grant!()),
            concat!("DELETE FROM codes WHERE redeemed_at IS NULL AND ", of_grant!()),
            concat!("DELETE FROM devices WHERE redeemed_at IS NULL AND ", of_grant!("allowed_by")),
        ];
        let mut tx = self.begin().await?;
        let revoke = sqlx::query_scalar(REVOKE).bind(id);
        let revoke = revoke.bind(micros(revocation.at)).bind(revocation.reason.as_str());
        let ended = revoke.fetch_all(&mut *tx).await?;
        for deletion in REST {
            sqlx::query(deletion).bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }

    async fn revoke(&self, id: &str, revocation: Revocation) -> Result<Swap, sqlx::Error> {
        const REVOKE: &str =
            "UPDATE grants SET revoked_at = ?2, revoked_reason = ?3 WHERE id = ?1 AND revoked_at IS NULL";
        const FORGET: &str = concat!("DELETE FROM consents WHERE ", of_grant!());
        let by_a_person = matches!(revocation.reason, RevocationReason::User | RevocationReason::Operator);
        let mut tx = self.begin().await?;
        let revoke =
            sqlx::query(REVOKE).bind(id).bind(micros(revocation.at)).bind(revocation.reason.as_str());
        let swap = swapped(&revoke.execute(&mut *tx).await?);
        if swap == Swap::Done && by_a_person {
            sqlx::query(FORGET).bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(swap)
    }
}

/// A grant as a code or a device becomes one: with its refresh family, where it has one, and a client that has got tokens.
pub(crate) async fn begin(
    db: &mut SqliteConnection,
    grant: &GrantRecord,
    family: Option<&FamilyRecord>,
    at: i64,
) -> Result<(), sqlx::Error> {
    insert(db, grant).await?;
    if let Some(family) = family {
        families::insert(db, family).await?;
    }
    activate(db, &grant.client_id, at).await
}

pub(crate) async fn insert(db: &mut SqliteConnection, grant: &GrantRecord) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "INSERT INTO grants (id, user_id, client_id, client_name, scope, resource, created_at, last_used_at,",
        " expires_at, revoked_at, revoked_reason, last_used_from, granted_scope, narrowed_at,",
        " client_has_keys)",
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    ))
    .bind(&grant.id)
    .bind(&grant.user_id)
    .bind(&grant.client_id)
    .bind(&grant.client_name)
    .bind(&grant.scope)
    .bind(&grant.resource)
    .bind(micros(grant.created_at))
    .bind(micros(grant.last_used_at))
    .bind(micros(grant.expires_at))
    .bind(grant.revoked.map(|revocation| micros(revocation.at)))
    .bind(grant.revoked.map(|revocation| revocation.reason.as_str()))
    .bind(grant.last_used_from.map(|address| address.to_string()))
    .bind(grant.narrowed.as_ref().map(|narrowing| narrowing.granted_scope.as_str()))
    .bind(grant.narrowed.as_ref().map(|narrowing| micros(narrowing.at)))
    .bind(grant.client_has_keys)
    .execute(db)
    .await?;
    Ok(())
}

/// Reads the columns of `grants`; a family's `expires_at` must not be among them under that name.
pub(crate) fn grant(row: &SqliteRow) -> Result<GrantRecord, sqlx::Error> {
    Ok(GrantRecord {
        id: row.text("id")?,
        user_id: row.text("user_id")?,
        client_id: row.text("client_id")?,
        client_name: row.maybe_text("client_name")?,
        scope: row.text("scope")?,
        resource: row.text("resource")?,
        client_has_keys: row.try_get("client_has_keys")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
        last_used_from: row.maybe_address("last_used_from")?,
        expires_at: row.time("expires_at")?,
        narrowed: narrowing(row)?,
        revoked: revocation(row)?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn overview(row: SqliteRow) -> Result<GrantOverview, sqlx::Error> {
    let client: Option<&str> = row.try_get("client")?;
    let client =
        client.map(serde_json::from_str).transpose().map_err(|error| undecodable("client", error))?;
    Ok(GrantOverview { grant: grant(&row)?, renewable_until: row.maybe_time("token_expires_at")?, client })
}

fn narrowing(row: &SqliteRow) -> Result<Option<Narrowing>, sqlx::Error> {
    let Some(at) = row.maybe_time("narrowed_at")? else { return Ok(None) };
    Ok(Some(Narrowing { at, granted_scope: row.text("granted_scope")? }))
}

fn revocation(row: &SqliteRow) -> Result<Option<Revocation>, sqlx::Error> {
    let Some(at) = row.maybe_time("revoked_at")? else { return Ok(None) };
    let name: &str = row.try_get("revoked_reason")?;
    let reason = RevocationReason::from_name(name)
        .ok_or_else(|| undecodable("revoked_reason", UnknownReason(name.to_owned())))?;
    Ok(Some(Revocation { at, reason }))
}

#[derive(Debug, thiserror::Error)]
#[error("no reason to revoke is called {0:?}")]
struct UnknownReason(String);
