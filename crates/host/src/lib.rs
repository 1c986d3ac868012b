//! The backend of the page at `http://localhost:5173`: it holds the tokens, runs the MCP clients and shows every
//! exchange to the page as it happens. The browser holds a session cookie and nothing else.
//!
//! * [`api`]: what the page and the host say to each other; `web/src/api/types.ts` is generated from it.
//! * [`run`]: the host as a program; [`Host`]: the host as a router, for a test or a server of one's own.
//! * [`HostStore`]: what outlives a restart.
//!
//! What this crate is **not**: it speaks neither MCP nor OAuth itself (`barewire-mcp-client` does), masks nothing
//! (`barewire-exchange` does, before anything is recorded), and knows no database.

pub mod api;
mod assets;
mod config;
mod error;
mod events;
mod guard;
mod host;
mod manager;
mod random;
mod routes;
mod serve;
mod session;
mod store;

pub use config::{ConfigError, HostConfig, Limits, PublicOrigin};
pub use host::{Host, HostBuilder};
pub use serve::{RunError, run, serve};
pub use store::{HostStore, HostStoreError, MemoryHostStore, SessionKey, StoredExchange, StoredServer};
