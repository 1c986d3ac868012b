//! The browser against a server of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
