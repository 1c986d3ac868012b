//! Authenticator apps and recovery codes.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{Digest, Secret, StoreError, Swap};

/// An authenticator app ([RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpRecord {
    /// Whose.
    pub user_id: String,
    /// What it shares with us. Keep it sealed: a copy of the store alone must not give it away.
    pub secret: Secret,
    /// When the secret was made.
    pub created_at: SystemTime,
    /// When its owner has shown that the app has it; before that it is not asked for.
    pub confirmed_at: Option<SystemTime>,
    /// The last step whose code was accepted.
    pub last_step: u64,
}

/// Authenticator apps and recovery codes. What a user's password is asked for takes place only while `password` is still
/// its hash: whoever knew the one before it changes nothing any more.
#[async_trait]
pub trait SecondFactors: Send + Sync {
    /// The app of a user, confirmed or not.
    async fn totp(&self, user_id: &str) -> Result<Option<TotpRecord>, StoreError>;
    /// Keeps a secret that is not confirmed yet, in place of another such one; [`Swap::Lost`] when there is a confirmed
    /// one. `confirmed_at` and `last_step` of `new` are not looked at.
    async fn begin_totp(&self, new: &TotpRecord, password: &Secret) -> Result<Swap, StoreError>;
    /// Confirms a secret that is not confirmed, with the step whose code showed it, and replaces the recovery codes.
    /// [`Swap::Lost`] when another secret has taken its place, or the password is another one. Of `app`, user and secret
    /// are looked at.
    async fn confirm_totp(
        &self,
        app: &TotpRecord,
        step: u64,
        at: SystemTime,
        recovery_codes: &[Digest],
        password: &Secret,
    ) -> Result<Swap, StoreError>;
    /// Uses up the code of a step of a confirmed app; [`Swap::Lost`] when it, or a later one, was used before.
    async fn use_totp(&self, user_id: &str, step: u64) -> Result<Swap, StoreError>;
    /// Removes the app and the recovery codes; [`Swap::Lost`] only when the password is another one.
    async fn remove_totp(&self, user_id: &str, password: &Secret) -> Result<Swap, StoreError>;
    /// Replaces the recovery codes; [`Swap::Lost`] for a user without a confirmed app.
    async fn replace_recovery_codes(
        &self,
        user_id: &str,
        codes: &[Digest],
        password: &Secret,
    ) -> Result<Swap, StoreError>;
    /// Uses up a recovery code; [`Swap::Lost`] when there is no such one, or it was used.
    async fn use_recovery_code(
        &self,
        user_id: &str,
        code: Digest,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
    /// How many recovery codes were not used yet.
    async fn recovery_codes_left(&self, user_id: &str) -> Result<u32, StoreError>;
}
