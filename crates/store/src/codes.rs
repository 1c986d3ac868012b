//! Authorization codes. Redeeming one is the write that everything after a login stands on.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::grant::Holder;
use barewire_oauth_server::store::{
    CodeRecord, Codes, Digest, FamilyRecord, GrantRecord, Insert, StoreError, Swap,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::grants;
use crate::row::{Columns, Stored, micros, swapped};

#[async_trait]
impl Codes for Store {
    async fn insert_code(&self, code: &CodeRecord) -> Result<Insert, StoreError> {
        let done = sqlx::query(concat!(
            "INSERT INTO codes (digest, client_id, client_name, user_id, redirect_uri, scope, resource,",
            " code_challenge, refreshable, grant_id, issued_at, expires_at, redeemed_at, client_has_keys,",
            " key, proof_required)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            " ON CONFLICT (digest) DO NOTHING"
        ))
        .bind(&code.digest.0[..])
        .bind(&code.client_id)
        .bind(&code.client_name)
        .bind(&code.user_id)
        .bind(&code.redirect_uri)
        .bind(&code.scope)
        .bind(&code.resource)
        .bind(&code.code_challenge)
        .bind(code.refreshable)
        .bind(&code.grant_id)
        .bind(micros(code.issued_at))
        .bind(micros(code.expires_at))
        .bind(code.redeemed_at.map(micros))
        .bind(code.client_has_keys)
        .bind(&code.holder.key)
        .bind(code.holder.proof_required)
        .execute(self.writer())
        .await
        .stored()?;
        Ok(if done.rows_affected() == 1 { Insert::Inserted } else { Insert::Exists })
    }

    async fn code(&self, digest: Digest) -> Result<Option<CodeRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM codes WHERE digest = ?1").bind(&digest.0[..]);
        query.try_map(code).fetch_optional(self.reader()).await.stored()
    }

    async fn redeem_code(
        &self,
        digest: Digest,
        redeemed_at: SystemTime,
        grant: &GrantRecord,
        family: Option<&FamilyRecord>,
    ) -> Result<Swap, StoreError> {
        self.redeem(digest, redeemed_at, grant, family).await.stored()
    }
}

impl Store {
    async fn redeem(
        &self,
        digest: Digest,
        redeemed_at: SystemTime,
        grant: &GrantRecord,
        family: Option<&FamilyRecord>,
    ) -> Result<Swap, sqlx::Error> {
        const REDEEM: &str = "UPDATE codes SET redeemed_at = ?2 WHERE digest = ?1 AND redeemed_at IS NULL";
        let at = micros(redeemed_at);
        let mut tx = self.begin().await?;
        let redeem = sqlx::query(REDEEM).bind(&digest.0[..]).bind(at);
        if swapped(&redeem.execute(&mut *tx).await?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        grants::begin(&mut tx, grant, family, at).await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn code(row: SqliteRow) -> Result<CodeRecord, sqlx::Error> {
    Ok(CodeRecord {
        digest: row.digest("digest")?,
        client_id: row.text("client_id")?,
        client_name: row.maybe_text("client_name")?,
        user_id: row.text("user_id")?,
        redirect_uri: row.text("redirect_uri")?,
        scope: row.text("scope")?,
        resource: row.text("resource")?,
        code_challenge: row.text("code_challenge")?,
        refreshable: row.try_get("refreshable")?,
        client_has_keys: row.try_get("client_has_keys")?,
        grant_id: row.text("grant_id")?,
        issued_at: row.time("issued_at")?,
        expires_at: row.time("expires_at")?,
        redeemed_at: row.maybe_time("redeemed_at")?,
        holder: Holder { key: row.maybe_text("key")?, proof_required: row.try_get("proof_required")? },
    })
}
