//! A client's identities and grants, sealed.

use async_trait::async_trait;
use barewire_mcp_client::{CredentialStore, GrantKey, StoreError};
use barewire_oauth::client_flow::{ClientIdentity, Grant};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::Store;
use crate::sealer::SealError;

/// Identities, and grants, that are kept; the ones saved longest ago go first.
const MAX_KEPT: i64 = 10_000;

#[async_trait]
impl CredentialStore for Store {
    async fn identities(&self) -> Result<Vec<ClientIdentity>, StoreError> {
        self.read_identities().await.map_err(StoreError::from)
    }

    async fn save_identity(&self, identity: &ClientIdentity) -> Result<(), StoreError> {
        Ok(self.write_identity(identity).await?)
    }

    async fn forget_identity(&self, issuer: &str, client_id: &str) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM credential_identities WHERE issuer = ?1 AND client_id = ?2";
        sqlx::query(DELETE)
            .bind(issuer)
            .bind(client_id)
            .execute(self.writer())
            .await
            .map_err(Failed::from)?;
        Ok(())
    }

    async fn grant(&self, key: &GrantKey) -> Result<Option<Grant>, StoreError> {
        Ok(self.read_grant(key).await?)
    }

    async fn save_grant(&self, key: &GrantKey, grant: &Grant) -> Result<(), StoreError> {
        Ok(self.write_grant(key, grant).await?)
    }

    async fn forget_grant(&self, key: &GrantKey) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM credential_grants WHERE owner = ?1 AND server = ?2";
        let delete = sqlx::query(DELETE).bind(&key.owner).bind(&key.server);
        delete.execute(self.writer()).await.map_err(Failed::from)?;
        Ok(())
    }
}

impl Store {
    async fn read_identities(&self) -> Result<Vec<ClientIdentity>, Failed> {
        let rows = sqlx::query("SELECT issuer, sealed FROM credential_identities ORDER BY rowid");
        let rows: Vec<SqliteRow> = rows.fetch_all(self.reader()).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let sealer = self.sealer().await?;
        let mut identities = Vec::with_capacity(rows.len());
        for row in &rows {
            let issuer = row.try_get("issuer")?;
            identities.extend(readable(sealer.open(&["identity", issuer], row.try_get("sealed")?), issuer));
        }
        Ok(identities)
    }

    async fn write_identity(&self, identity: &ClientIdentity) -> Result<(), Failed> {
        const REPLACE: &str =
            "INSERT OR REPLACE INTO credential_identities (issuer, client_id, sealed) VALUES (?1, ?2, ?3)";
        const TRIM: &str = concat!(
            "DELETE FROM credential_identities WHERE rowid <=",
            " (SELECT rowid FROM credential_identities ORDER BY rowid DESC LIMIT 1 OFFSET ?1)"
        );
        let sealed = self.sealer().await?.seal(&["identity", &identity.issuer], identity)?;
        let mut tx = self.begin().await?;
        let replace = sqlx::query(REPLACE).bind(&identity.issuer).bind(&identity.client_id).bind(sealed);
        replace.execute(&mut *tx).await?;
        sqlx::query(TRIM).bind(MAX_KEPT).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn read_grant(&self, key: &GrantKey) -> Result<Option<Grant>, Failed> {
        const SELECT: &str = "SELECT sealed FROM credential_grants WHERE owner = ?1 AND server = ?2";
        let select = sqlx::query_scalar(SELECT).bind(&key.owner).bind(&key.server);
        let sealed: Option<Vec<u8>> = select.fetch_optional(self.reader()).await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = self.sealer().await?.open(&["grant", &key.owner, &key.server], &sealed);
        Ok(readable(opened, &key.server))
    }

    async fn write_grant(&self, key: &GrantKey, grant: &Grant) -> Result<(), Failed> {
        const REPLACE: &str =
            "INSERT OR REPLACE INTO credential_grants (owner, server, sealed) VALUES (?1, ?2, ?3)";
        const TRIM: &str = concat!(
            "DELETE FROM credential_grants WHERE rowid <=",
            " (SELECT rowid FROM credential_grants ORDER BY rowid DESC LIMIT 1 OFFSET ?1)"
        );
        let sealed = self.sealer().await?.seal(&["grant", &key.owner, &key.server], grant)?;
        let mut tx = self.begin().await?;
        let replace = sqlx::query(REPLACE).bind(&key.owner).bind(&key.server).bind(sealed);
        replace.execute(&mut *tx).await?;
        sqlx::query(TRIM).bind(MAX_KEPT).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

/// What cannot be read is as good as absent: the client registers, or the user logs in, and it is replaced. An error
/// here would stand in the way of just that.
fn readable<T>(opened: Result<T, SealError>, of: &str) -> Option<T> {
    opened.inspect_err(|error| tracing::warn!(%error, of, "a stored login is of no use any more")).ok()
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        Self(Box::new(failed))
    }
}
