//! Other people's keys: checking a signature with one ([`VerifyingKey`]), and keeping those of an issuer
//! ([`IssuerKeys`]) for as long as they are good.
//!
//! What it is **not**: it has no private key, it fetches nothing (a [`KeySource`] does), and it believes nothing of what
//! was signed; what has to stand in a token, an assertion or a proof is decided in `barewire-oauth`.

mod issuer_keys;
mod verifying_key;

pub use issuer_keys::{Found, IssuerKeys, KeySource, KeysUnavailable, NoKey, key_of};
pub use verifying_key::{VerifyingKey, verifies};
