//! The generator against a real server, the bare floor of this package; and what is made of its figures.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it expects")]

mod generator;
mod oauth;
mod report;
