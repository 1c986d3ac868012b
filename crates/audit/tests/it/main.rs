//! Metrics of a real server, without a socket. The log's tests are the store's: `crates/store/tests/it/audit.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod funnel;
mod metrics;
