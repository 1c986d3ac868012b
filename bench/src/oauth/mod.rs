//! The authorization server: what a login, a refresh, an introspection and a token bound to a key cost, at a store that is as
//! good as empty and at one with a million grants.
//!
//! [`population`] says who is there and [`fill`] writes them down; [`players`] are clients, [`drive`] lets many of them play at
//! once; [`rows`] is what is measured, [`reaping`] what happens to the others while a hundred thousand grants are deleted.
//! [`run`] is the run, [`report`] its page.

pub mod drive;
pub mod fill;
pub mod options;
pub mod players;
pub mod population;
pub mod reaping;
pub mod report;
pub mod rows;
pub mod run;
pub mod sides;

/// The public address of the server under measurement, wherever it listens: grants are for a resource there, and a filled store
/// outlives the process.
pub const ORIGIN: &str = "http://127.0.0.1:8199";

/// What all tokens are for.
pub const RESOURCE: &str = "http://127.0.0.1:8199/mcp";

/// Where a program on the user's machine would wait for its code. Everybody is asked each time.
pub const CALLBACK: &str = "http://127.0.0.1:8198/callback";

/// Of everybody.
pub const PASSWORD: &str = "a password for the benchmark";

/// A client of the operator's: it has tokens for itself, and asks about those of others.
pub const SERVICE: (&str, &str) = ("bench-service", "a-secret-of-the-benchmark-that-is-none");

/// A web application of the operator's, which users are asked about once.
pub const WEB: (&str, &str) = ("bench-web", "https://web.example/callback");
