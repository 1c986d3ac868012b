//! Metadata documents: what an authorization server and a protected resource say about themselves, and where.
//!
//! The types serve both directions. Reading is tolerant: a list that is `null`, or one field of the wrong type, is
//! taken as absent, because one odd field of a large identity provider must not stop a login; the fields that
//! decide something (`issuer`, `resource`) are strict.

mod authorization_server;
mod protected_resource;
pub mod well_known;

pub use authorization_server::AuthorizationServerMetadata;
pub use protected_resource::ProtectedResourceMetadata;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// Reads a field, or takes it as absent when it is not what it should be.
pub(crate) fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// [`lenient`] for a flag whose absence means `false`.
fn lenient_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    lenient(deserializer).map(Option::unwrap_or_default)
}

/// [`lenient`] for a list whose absence means "empty".
fn lenient_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    lenient(deserializer).map(Option::unwrap_or_default)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
