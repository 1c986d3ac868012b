//! Fixtures for the official conformance suite, written only against what `barewire-mcp-server` and
//! `barewire-mcp-client` offer to everybody. What the suite wants of a name is in the name's own comment.
//!
//! Nothing here is a model for an application: the names, the pictures and the pauses are the suite's.

pub mod fixture_server;
