//! The Model Context Protocol as values.
//!
//! Bytes go in, values come out: the JSON-RPC envelope, the protocol's revisions, what their messages mean, how
//! each revision writes them, and the rules of Streamable HTTP. A server calls [`server::accept`] with a request
//! and answers with [`server::reply`]; a client builds a request with [`client`] and decodes what comes back.
//!
//! What this crate does **not** do: sockets, clocks, tasks, threads, randomness, configuration files. It knows no
//! OAuth. Whatever it needs of those is an argument.
//!
//! Where to start reading: [`revision`] (which revisions there are and which one is spoken), then the `mod.rs` of a
//! revision in [`wire`] (its methods, in one table), then [`server`] or [`client`].

pub mod client;
pub mod error;
pub mod http;
pub mod jsonrpc;
pub mod revision;
pub mod server;
pub mod types;
pub mod wire;
