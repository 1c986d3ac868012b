//! Fixtures for the official conformance suite, written only against what `barewire-mcp-server` and
//! `barewire-mcp-client` offer to everybody.
//!
//! Nothing here is a model for an application: the names, the pictures and the pauses are the suite's.

pub mod fixture_client;
pub mod fixture_server;
