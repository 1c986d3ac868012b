//! An MCP server that takes the tokens of an authorization server of somebody else: both over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it expects")]

mod introspection;
mod jwt;
mod provider;
mod world;
