//! The store on real files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attempts;
mod audit;
mod credentials;
mod host;
mod laws;
mod open;
mod plans;
mod sealing;
mod sqlite;
mod tasks;
mod writer;
