//! The demo from outside, each room in its module.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod blog;
mod crossing;
mod funnel;
mod kept;
mod kill;
mod live;
mod mcp;
mod rest;
mod secrets;
mod site;
mod tokens;
mod wire;
mod world;
