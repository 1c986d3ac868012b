//! A blog that is a data server and an MCP server at once: the reference of how to unify the two.
//!
//! Read it in this order: [`post`] is the data, [`blog`] the business functions with their authorization; [`rest`] and
//! [`mcp`] are two thin translations of those; [`server`] puts both behind one authorization server on one listener.
//! What it does *not* have is an MCP SDK, or a second path to the data.

pub mod post;

pub mod blog;

pub mod rest;

pub mod mcp;

pub mod server;

mod observed;

mod around;

pub mod seed;

pub use server::{Demo, DemoConfig, DemoError, run};
