//! Refresh families. A rotation is one compare-and-set on the generation.

use std::net::IpAddr;
use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::grant::Holder;
use barewire_oauth_server::store::{
    Digest, Families, FamilyRecord, GrantRecord, ReplacedToken, Secret, StoreError, Swap,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::Store;
use crate::grants::grant;
use crate::row::{Columns, Stored, micros, time, undecodable};

#[async_trait]
impl Families for Store {
    async fn family(&self, handle: Digest) -> Result<Option<(FamilyRecord, GrantRecord)>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT g.*, f.handle, f.generation, f.current, f.expires_at AS token_expires_at, f.replaced,",
            " f.key, f.proof_required,",
            " EXISTS (SELECT 1 FROM users WHERE id = g.user_id AND disabled_at IS NOT NULL)",
            " OR EXISTS (SELECT 1 FROM disabled_clients WHERE client_id = g.client_id) AS suspended",
            " FROM families f JOIN grants g ON g.id = f.grant_id WHERE f.handle = ?1"
        );
        let both = |row: SqliteRow| Ok((family(&row)?, grant(&row)?));
        sqlx::query(SELECT).bind(&handle.0[..]).try_map(both).fetch_optional(self.reader()).await.stored()
    }

    async fn rotate_family(
        &self,
        expected: u64,
        new: &FamilyRecord,
        at: SystemTime,
        from: Option<IpAddr>,
    ) -> Result<Swap, StoreError> {
        self.rotate(expected, new, at, from).await.stored()
    }
}

impl Store {
    async fn rotate(
        &self,
        expected: u64,
        new: &FamilyRecord,
        at: SystemTime,
        from: Option<IpAddr>,
    ) -> Result<Swap, sqlx::Error> {
        const ROTATE: &str = concat!(
            "UPDATE families SET generation = ?3, current = ?4, expires_at = ?5, replaced = ?6,",
            " key = ?7, proof_required = ?8",
            " WHERE handle = ?1 AND generation = ?2 AND EXISTS",
            " (SELECT 1 FROM grants WHERE id = families.grant_id AND revoked_at IS NULL) RETURNING grant_id"
        );
        const USE_GRANT: &str = concat!(
            "UPDATE grants SET last_used_at = max(last_used_at, ?2), last_used_from = ?3",
            " WHERE id = ?1 RETURNING client_id"
        );
        const USE_CLIENT: &str =
            "UPDATE clients SET last_used_at = max(coalesce(last_used_at, ?2), ?2) WHERE id = ?1";
        let mut tx = self.begin().await?;
        let rotated: Option<String> = sqlx::query_scalar(ROTATE)
            .bind(&new.handle.0[..])
            .bind(generation(expected)?)
            .bind(generation(new.generation)?)
            .bind(&new.current.0[..])
            .bind(micros(new.expires_at))
            .bind(replaced_json(&new.replaced)?)
            .bind(&new.holder.key)
            .bind(new.holder.proof_required)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(grant_id) = rotated else { return Ok(Swap::Lost) };
        let from = from.map(|from| from.to_string());
        let use_grant = sqlx::query_scalar(USE_GRANT).bind(grant_id).bind(micros(at)).bind(from);
        let client_id: String = use_grant.fetch_one(&mut *tx).await?;
        sqlx::query(USE_CLIENT).bind(client_id).bind(micros(at)).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

pub(crate) async fn insert(db: &mut SqliteConnection, family: &FamilyRecord) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "INSERT INTO families (handle, grant_id, generation, current, expires_at, replaced, key, proof_required)",
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ))
    .bind(&family.handle.0[..])
    .bind(&family.grant_id)
    .bind(generation(family.generation)?)
    .bind(&family.current.0[..])
    .bind(micros(family.expires_at))
    .bind(replaced_json(&family.replaced)?)
    .bind(&family.holder.key)
    .bind(family.holder.proof_required)
    .execute(db)
    .await?;
    Ok(())
}

fn family(row: &SqliteRow) -> Result<FamilyRecord, sqlx::Error> {
    let replaced: Vec<ReplacedJson> = row.json("replaced")?;
    let generation: i64 = row.try_get("generation")?;
    Ok(FamilyRecord {
        handle: row.digest("handle")?,
        grant_id: row.text("id")?,
        generation: generation.try_into().map_err(|error| undecodable("generation", error))?,
        current: row.digest("current")?,
        expires_at: row.time("token_expires_at")?,
        replaced: replaced.iter().map(ReplacedJson::decode).collect::<Result<_, _>>()?,
        holder: Holder { key: row.maybe_text("key")?, proof_required: row.try_get("proof_required")? },
        suspended: row.try_get("suspended")?,
    })
}

/// A replaced token in the JSON column.
#[derive(Serialize, Deserialize)]
struct ReplacedJson {
    digest: String,
    at: i64,
    sealed: String,
}

impl ReplacedJson {
    fn encode(token: &ReplacedToken) -> Self {
        Self {
            digest: BASE64.encode(token.digest.0),
            at: micros(token.at),
            sealed: BASE64.encode(token.sealed_successor.expose()),
        }
    }

    fn decode(&self) -> Result<ReplacedToken, sqlx::Error> {
        let bytes = |text: &str| BASE64.decode(text).map_err(|error| undecodable("replaced", error));
        let digest: [u8; 32] =
            bytes(&self.digest)?.as_slice().try_into().map_err(|error| undecodable("replaced", error))?;
        let sealed_successor = Secret::new(bytes(&self.sealed)?);
        Ok(ReplacedToken { digest: Digest(digest), at: time(self.at), sealed_successor })
    }
}

fn replaced_json(replaced: &[ReplacedToken]) -> Result<String, sqlx::Error> {
    let rows: Vec<_> = replaced.iter().map(ReplacedJson::encode).collect();
    serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn generation(generation: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(generation).map_err(|error| sqlx::Error::Encode(error.into()))
}
