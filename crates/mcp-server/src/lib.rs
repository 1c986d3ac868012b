//! An MCP server as a tower service.

mod auth;
mod config;
mod seal;

pub use auth::{
    Access, JwtVerifier, KeySource, KeysUnavailable, Principal, ResourceMetadata, ResourceServer,
    ResourceServerError, TokenVerifier,
};
pub use config::Limits;
pub use seal::{KeyRing, OpenError, Purpose, Secret, SecretTooShort};
