//! The binary as a user runs it: against a `barewire demo` of its own, with a browser that a script drives.
//!
//! `flow.rs`: log in, list, call, step up, answer, log out. `errors.rs`: what goes wrong, its exit code and its words.
//! `audit.rs`: the log of all that. `administer.rs`: users, clients and grants at the store of a
//! server that runs. `access.rs`: commands that nobody logs in for. `bound.rs`: what is done with a token that is bound
//! to a key. `doctor.rs` and
//! `replay.rs`: a report, for people and for programs. `tasks.rs`: calls that go on after
//! they were answered, on a server that is killed. `guide.rs`: the programs of `docs/write-your-own.md`. `by_hand.rs`: the commands of
//! `docs/by-hand.md`.
//! `config.rs`: what can be set, and what is. `key.rs`: keys, and what a running server notices of them; `killed.rs`: `kill -9` in the
//! middle of that. `hostile.rs`: a server that writes for the terminal.
//! `serve.rs`: the program for production, in its parts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod administer;
mod audit;
mod bound;
mod by_hand;
mod config;
mod demo;
mod doctor;
mod errors;
mod flow;
mod funnel;
mod guide;
mod hostile;
mod key;
mod killed;
mod replay;
mod serve;
mod tasks;
