//! The exchange as its readers see it: built from raw messages, looked at as JSON, HAR and curl.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod exports;
mod growing;
mod masking;
