//! People, as records.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{Insert, Secret, StoreError, Swap};

/// A person who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Stable subject identifier, the `sub` of tokens. Unique.
    pub id: String,
    /// The name typed at login. Unique, compared byte for byte.
    pub name: String,
    /// Argon2id in PHC string form (UTF-8), or [`no_password`](Self::no_password).
    pub password_hash: Secret,
    /// When it was created.
    pub created_at: SystemTime,
    /// When the password was last replaced.
    pub password_changed_at: Option<SystemTime>,
    /// Whether this person sees and ends what others have, and adds and disables users and clients.
    pub administrator: bool,
    /// When this person was disabled, who then has no session and no token, and gets none.
    pub disabled_at: Option<SystemTime>,
}

/// No password hashes to it: a PHC string begins with `$`.
const NO_PASSWORD: &[u8] = b"!";

impl UserRecord {
    /// What stands in the place of a hash where there is no password.
    #[must_use]
    pub fn no_password() -> Secret {
        Secret::new(NO_PASSWORD.to_vec())
    }

    /// What a password is checked against; `None` for somebody who has none, and only signs in elsewhere.
    #[must_use]
    pub fn password(&self) -> Option<&Secret> {
        Some(&self.password_hash).filter(|hash| hash.expose() != NO_PASSWORD)
    }

    /// Whether this person can log in, and applications can act for them.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

/// People.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user; [`Insert::Exists`] when the id or the name is taken.
    async fn insert_user(&self, user: &UserRecord) -> Result<Insert, StoreError>;
    /// The user with this login name.
    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError>;
    /// The user with this id.
    async fn user(&self, id: &str) -> Result<Option<UserRecord>, StoreError>;
    /// Replaces the password hash if it still is `expected`, and ends all sessions of the user: whoever logged in with the
    /// old one has to log in anew.
    async fn replace_password(
        &self,
        id: &str,
        expected: &Secret,
        new: &Secret,
        at: SystemTime,
    ) -> Result<Swap, StoreError>;
}
