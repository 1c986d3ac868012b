//! A blog that is a data server and an MCP server at once: the reference of how to unify the two. And the server in which it
//! runs, with an authorization server before it or without: what `barewire demo` and `barewire serve` are made of.
//!
//! Read it in this order: [`post`] is the data, [`blog`] the business functions with their authorization; [`rest`] and
//! [`mcp`] are two thin translations of those, which `endpoint.rs` puts behind tokens and `authorization.rs` behind a login;
//! [`server`] puts together whatever a [`setup`] names. What it does *not* have is an MCP SDK, or a second path to the data.

pub mod post;

pub mod blog;

pub mod rest;

pub mod mcp;

mod endpoint;

mod authorization;

pub mod server;

pub mod setup;

mod observed;

mod around;

pub mod seed;

pub use server::{Server, StartError};
pub use setup::{DataServer, ServerConfig, Setup, SetupError};
