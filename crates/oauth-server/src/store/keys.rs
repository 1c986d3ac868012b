//! Signing keys and the server's own secrets.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{Secret, StoreError, Swap};

/// A key that signs access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// RFC 7638 thumbprint. Unique.
    pub kid: String,
    /// `ES256`.
    pub algorithm: String,
    /// The private key, PKCS#8 DER.
    pub private_key: Secret,
    /// When it was made.
    pub created_at: SystemTime,
    /// When a newer one took over. `None` for the one that signs.
    pub retired_at: Option<SystemTime>,
}

/// Signing keys and the server's own secrets.
#[async_trait]
pub trait Keys: Send + Sync {
    /// All signing keys, the newest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;
    /// Makes `new` the signing key and retires the current one, if the current one's `kid` still is `expected`
    /// (`None`: there is none, so that two processes that start at once end up with one key).
    async fn insert_signing_key(
        &self,
        expected: Option<&str>,
        new: &SigningKeyRecord,
    ) -> Result<Swap, StoreError>;
    /// The secret with this name; `fresh` becomes it when there is none.
    async fn secret(&self, name: &str, fresh: &Secret) -> Result<Secret, StoreError>;
}
