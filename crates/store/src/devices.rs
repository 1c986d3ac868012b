//! Devices that wait for their user.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth_server::store::{
    DeviceDecision, DeviceRecord, Devices, Digest, FamilyRecord, GrantRecord, Insert, StoreError, Swap,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::row::{Columns, Stored, micros, swapped, undecodable};
use crate::{grants, room};

#[async_trait]
impl Devices for Store {
    async fn insert_device(&self, device: &DeviceRecord, max: u32) -> Result<Insert, StoreError> {
        self.add_device(device, max).await.stored()
    }

    async fn device(&self, device_code: Digest) -> Result<Option<DeviceRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM devices WHERE device_code = ?1").bind(&device_code.0[..]);
        query.try_map(device).fetch_optional(self.reader()).await.stored()
    }

    async fn device_by_user_code(&self, user_code: Digest) -> Result<Option<DeviceRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM devices WHERE user_code = ?1").bind(&user_code.0[..]);
        query.try_map(device).fetch_optional(self.reader()).await.stored()
    }

    async fn decide_device(
        &self,
        device_code: Digest,
        allowed_by: Option<&str>,
        at: SystemTime,
    ) -> Result<Swap, StoreError> {
        const DECIDE: &str = concat!(
            "UPDATE devices SET decided_at = ?2, allowed_by = ?3",
            " WHERE device_code = ?1 AND decided_at IS NULL AND expires_at > ?2"
        );
        let query = sqlx::query(DECIDE).bind(&device_code.0[..]).bind(micros(at)).bind(allowed_by);
        Ok(swapped(&query.execute(self.writer()).await.stored()?))
    }

    async fn redeem_device(
        &self,
        device_code: Digest,
        redeemed_at: SystemTime,
        grant: &GrantRecord,
        family: Option<&FamilyRecord>,
    ) -> Result<Swap, StoreError> {
        self.give_tokens(device_code, redeemed_at, grant, family).await.stored()
    }
}

impl Store {
    async fn add_device(&self, new: &DeviceRecord, max: u32) -> Result<Insert, sqlx::Error> {
        const INSERT: &str = concat!(
            "INSERT INTO devices (device_code, user_code, client_id, client_name, registration, client_has_keys,",
            " scope, resource, refreshable, source, grant_id, issued_at, expires_at, proof_required)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING"
        );
        let mut tx = self.begin().await?;
        room::DEVICES.make_room(&mut tx, max, micros(new.issued_at)).await?;
        let registration =
            serde_json::to_string(&new.registration).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let insert = sqlx::query(INSERT)
            .bind(&new.device_code.0[..])
            .bind(&new.user_code.0[..])
            .bind(&new.client_id)
            .bind(&new.client_name)
            .bind(registration)
            .bind(new.client_has_keys)
            .bind(&new.scope)
            .bind(&new.resource)
            .bind(new.refreshable)
            .bind(new.source.as_ref().map(|digest| &digest.0[..]))
            .bind(&new.grant_id)
            .bind(micros(new.issued_at))
            .bind(micros(new.expires_at))
            .bind(new.proof_required);
        if insert.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Insert::Exists);
        }
        tx.commit().await?;
        Ok(Insert::Inserted)
    }

    async fn give_tokens(
        &self,
        device_code: Digest,
        redeemed_at: SystemTime,
        grant: &GrantRecord,
        family: Option<&FamilyRecord>,
    ) -> Result<Swap, sqlx::Error> {
        const REDEEM: &str = concat!(
            "UPDATE devices SET redeemed_at = ?2",
            " WHERE device_code = ?1 AND redeemed_at IS NULL AND allowed_by IS NOT NULL"
        );
        let at = micros(redeemed_at);
        let mut tx = self.begin().await?;
        let redeem = sqlx::query(REDEEM).bind(&device_code.0[..]).bind(at);
        if swapped(&redeem.execute(&mut *tx).await?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        grants::begin(&mut tx, grant, family, at).await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn device(row: SqliteRow) -> Result<DeviceRecord, sqlx::Error> {
    let registration: &str = row.try_get("registration")?;
    let decided_at = row.maybe_time("decided_at")?;
    let user_id = row.maybe_text("allowed_by")?;
    Ok(DeviceRecord {
        device_code: row.digest("device_code")?,
        user_code: row.digest("user_code")?,
        client_id: row.text("client_id")?,
        client_name: row.maybe_text("client_name")?,
        registration: serde_json::from_str(registration)
            .map_err(|error| undecodable("registration", error))?,
        client_has_keys: row.try_get("client_has_keys")?,
        scope: row.text("scope")?,
        resource: row.text("resource")?,
        refreshable: row.try_get("refreshable")?,
        proof_required: row.try_get("proof_required")?,
        source: row.maybe_digest("source")?,
        grant_id: row.text("grant_id")?,
        issued_at: row.time("issued_at")?,
        expires_at: row.time("expires_at")?,
        decision: decided_at.map(|at| DeviceDecision { user_id, at }),
        redeemed_at: row.maybe_time("redeemed_at")?,
    })
}
