//! An MCP server as a tower service.

mod seal;

pub use seal::{KeyRing, OpenError, Purpose, Secret, SecretTooShort};
