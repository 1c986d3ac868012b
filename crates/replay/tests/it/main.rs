//! `wire.rs`: the files in `docs/wire` are what a run gives today, and each value in them is explained. `flows/`: the sentences and
//! the rules of each flow, out of which the run is made. `server.rs`: the server that is recorded. `replaying.rs`: the report on our
//! servers, on a foreign one, and on servers that break rules. `errors.rs`: which step shows which error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod flows;
mod replaying;
mod server;
mod wire;
