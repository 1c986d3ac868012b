//! Passkeys, and challenges that were answered.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{Digest, Secret, StoreError, Swap};

/// A passkey ([Web Authentication](https://www.w3.org/TR/webauthn-3/)): what is kept of it is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// Its identifier (credential id). Unique.
    pub id: Vec<u8>,
    /// Whose.
    pub user_id: String,
    /// What its owner calls it.
    pub name: String,
    /// How it signs, as a number of the COSE registry.
    pub algorithm: i32,
    /// The public key, `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// How often it has signed; 0 for those that do not count.
    pub counter: u32,
    /// Whether it was kept somewhere else too when it was made.
    pub backed_up: bool,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was last used.
    pub last_used_at: Option<SystemTime>,
}

/// A challenge that was answered. It is remembered until it is over, so that no answer counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsweredChallenge {
    /// Digest of the challenge. Unique.
    pub digest: Digest,
    /// When it is over anyway.
    pub expires_at: SystemTime,
}

/// What became of a new passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a passkey that was not inserted must not be shown as one"]
pub enum NewPasskey {
    /// It is there now.
    Inserted,
    /// One with this identifier was there already, whoever's.
    Exists,
    /// Its challenge was answered before.
    Answered,
    /// The user has as many as there may be.
    Full,
    /// The user has another password by now.
    OtherPassword,
}

/// Passkeys.
#[async_trait]
pub trait Passkeys: Send + Sync {
    /// The passkeys of a user, the oldest first.
    async fn passkeys_of(&self, user_id: &str) -> Result<Vec<PasskeyRecord>, StoreError>;
    /// The passkey with this identifier.
    async fn passkey(&self, id: &[u8]) -> Result<Option<PasskeyRecord>, StoreError>;
    /// Adds a passkey, if the user's password hash still is `password`, and uses its challenge up; unless it is
    /// [`NewPasskey::Inserted`], nothing is changed.
    async fn insert_passkey(
        &self,
        new: &PasskeyRecord,
        challenge: AnsweredChallenge,
        max: u32,
        password: &Secret,
    ) -> Result<NewPasskey, StoreError>;
    /// Notes the use of a passkey whose counter still is `expected`, and uses the challenge up. [`Swap::Lost`], which
    /// changes nothing, when the counter is another one or the challenge was answered before.
    async fn use_passkey(
        &self,
        id: &[u8],
        expected: u32,
        counter: u32,
        at: SystemTime,
        challenge: AnsweredChallenge,
    ) -> Result<Swap, StoreError>;
    /// Removes a passkey of this user; [`Swap::Lost`] when there is no such one, or the user's password hash is not
    /// `password` any more.
    async fn remove_passkey(&self, user_id: &str, id: &[u8], password: &Secret) -> Result<Swap, StoreError>;
}
