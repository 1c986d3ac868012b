//! Signing keys and the server's own secrets.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use barewire_oauth::signing_keys::KeyTimes;

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
    /// When its turn to sign begins.
    pub signs_from: SystemTime,
    /// How long its tokens count at most.
    pub token_ttl: Duration,
    /// When an operator ended it, and with it every token that it signed.
    pub retired_at: Option<SystemTime>,
}

impl SigningKeyRecord {
    /// What decides about its turns.
    #[must_use]
    pub fn times(&self) -> KeyTimes {
        KeyTimes { signs_from: self.signs_from, token_ttl: self.token_ttl, retired_at: self.retired_at }
    }
}

/// Signing keys and the server's own secrets.
#[async_trait]
pub trait Keys: Send + Sync {
    /// All signing keys, in the order in which they were added.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;
    /// Adds `new`, if the keys still are these (their `kid`s, in that order): two processes that find at once that a key is
    /// due end up with one.
    async fn insert_signing_key(&self, known: &[&str], new: &SigningKeyRecord) -> Result<Swap, StoreError>;
    /// Ends a key that was not ended yet.
    async fn retire_signing_key(&self, kid: &str, at: SystemTime) -> Result<Swap, StoreError>;
    /// Deletes a key that is over.
    async fn delete_signing_key(&self, kid: &str) -> Result<(), StoreError>;
    /// Notes with every key that tokens may count for so long; a longer time stays.
    async fn lengthen_token_ttl(&self, ttl: Duration) -> Result<(), StoreError>;
    /// The secret with this name; `fresh` becomes it when there is none.
    async fn secret(&self, name: &str, fresh: &Secret) -> Result<Secret, StoreError>;
}
