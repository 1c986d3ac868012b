//! The host from outside, over real HTTP; a module a subject.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod callback;
mod demo;
mod events;
mod flow;
mod guard;
mod open;
mod page;
mod sessions;
