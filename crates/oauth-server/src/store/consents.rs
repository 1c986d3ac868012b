//! What users have allowed, so that they are not asked again.

use std::time::SystemTime;

use async_trait::async_trait;

use super::StoreError;

/// What a user has allowed a client, so that the same question is not asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// Who allowed.
    pub user_id: String,
    /// Whom.
    pub client_id: String,
    /// For which resource (its `resource` identifier).
    pub resource: String,
    /// With the answer going to this host (or private-use scheme).
    pub redirect_host: String,
    /// The allowed scopes, separated by spaces.
    pub scope: String,
    /// When it was last given.
    pub granted_at: SystemTime,
}

/// Remembered consents, unique by user, client, resource and redirect host.
#[async_trait]
pub trait Consents: Send + Sync {
    /// The consent under this key.
    async fn consent(
        &self,
        user_id: &str,
        client_id: &str,
        resource: &str,
        redirect_host: &str,
    ) -> Result<Option<ConsentRecord>, StoreError>;
    /// Adds or replaces a consent. Losing a race here only means to ask again.
    async fn put_consent(&self, consent: &ConsentRecord) -> Result<(), StoreError>;
}
