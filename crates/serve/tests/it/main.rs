//! Real sockets on this machine. Limits are set so short that they come up at once; no test says how fast.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod descriptors;
mod drain;
mod heads;
mod http2;
mod listen;
mod mount;
mod slow;
mod support;
