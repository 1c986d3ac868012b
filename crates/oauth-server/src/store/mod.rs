//! What must survive a restart, as traits; whoever implements them knows SQL, and nobody above does.
//!
//! The rules that every implementation keeps:
//!
//! * A write that decides something is a compare-and-set and says whether it took place ([`Swap`], [`Insert`]). Each
//!   method is one transaction: after a crash at any moment all of it happened or none of it.
//! * A method returns only once its writes are durable. Answers that depend on them leave after that.
//! * Codes, tokens and session ids are handed over as digests ([`Digest`]); the store never sees a live one.
//! * Times are kept to the microsecond.
//! * "Now" is an argument, so that a test owns the clock.

mod changes;
mod clients;
mod codes;
mod consents;
mod devices;
mod families;
mod grants;
mod housekeeping;
mod keys;
mod login_attempts;
mod oversight;
mod passkeys;
mod pushed_requests;
mod second_factors;
mod sessions;
mod statements;
mod upstream;
mod users;

use std::fmt;

use zeroize::Zeroizing;

pub use self::changes::*;
pub use self::clients::*;
pub use self::codes::*;
pub use self::consents::*;
pub use self::devices::*;
pub use self::families::*;
pub use self::grants::*;
pub use self::housekeeping::*;
pub use self::keys::*;
pub use self::login_attempts::*;
pub use self::oversight::*;
pub use self::passkeys::*;
pub use self::pushed_requests::*;
pub use self::second_factors::*;
pub use self::sessions::*;
pub use self::statements::*;
pub use self::upstream::*;
pub use self::users::*;

/// Everything the authorization server keeps. Implemented by whatever implements the parts.
pub trait Store:
    Users
    + Sessions
    + LoginAttempts
    + SecondFactors
    + Passkeys
    + Clients
    + Consents
    + PushedRequests
    + Codes
    + Grants
    + Families
    + Devices
    + Statements
    + Upstreams
    + Keys
    + Oversight
    + Changes
    + Housekeeping
{
}

impl<T> Store for T where
    T: Users
        + Sessions
        + LoginAttempts
        + SecondFactors
        + Passkeys
        + Clients
        + Consents
        + PushedRequests
        + Codes
        + Grants
        + Families
        + Devices
        + Statements
        + Upstreams
        + Keys
        + Oversight
        + Changes
        + Housekeeping
{
}

/// SHA-256 of a code, token or session id, the only form in which one is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Bytes that must not be printed: password hashes, private keys, sealed tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The store could not do its work: full disk, lost connection, damaged file. Never the peer's fault.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the driver's error.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// What became of a compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lost compare-and-set means that somebody else decided"]
pub enum Swap {
    /// The record was as expected and is now the new one.
    Done,
    /// The record was not as expected (or not there); nothing was changed.
    Lost,
}

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// It is there now.
    Inserted,
    /// One with this key was there already; nothing was changed.
    Exists,
}
