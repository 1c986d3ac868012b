//! The client against real HTTP on loopback: scripted servers that behave as servers in the field do, and the demo.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;
mod watcher;

mod apps;
mod bound;
mod demo;
mod http_sse;
mod legacy;
mod login;
mod matrix;
mod modern;
mod older;
mod possession;
mod refresh;
mod secrets;
mod shapes;
mod skills;
mod tasks;
mod unattended;
