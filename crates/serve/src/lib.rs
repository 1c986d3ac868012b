//! Where a program of ours meets the network: listening, the connections and their limits, and leaving in order.
//!
//! * [`bind`]: takes an address, `localhost` on both loopback families.
//! * [`serve`]: answers there with an axum router (or another tower service) until it is told to stop, then drains.
//! * [`ServeConfig`]: what a peer may take, by name.
//! * [`Mount`]: a service that is asked much more often than the rest of the application.
//!
//! `axum::serve` has none of these limits: there, a peer that sends half a request line holds a connection for as long
//! as it likes, and enough of them hold all file descriptors.
//!
//! | a peer that | meets |
//! |---|---|
//! | connects and says nothing, or dribbles a head | [`header_timeout`](ServeConfig::header_timeout) |
//! | sends a head without end | [`max_header_bytes`](ServeConfig::max_header_bytes), [`max_headers`](ServeConfig::max_headers) |
//! | dribbles a body | [`body_timeout`](ServeConfig::body_timeout), [`body_min_rate`](ServeConfig::body_min_rate) |
//! | keeps a connection for later | [`idle_timeout`](ServeConfig::idle_timeout) |
//! | asks, and does not read the answer | [`write_timeout`](ServeConfig::write_timeout) |
//! | is gone, and left an HTTP/2 connection | [`ping_interval`](ServeConfig::ping_interval), [`ping_timeout`](ServeConfig::ping_timeout) |
//! | comes a thousand times | [`max_connections`](ServeConfig::max_connections), [`patience`](ServeConfig::patience) |
//!
//! None of them ends a response that the peer reads, however long it lasts: event streams live until one side ends them.
//!
//! What this crate is **not**: it speaks no TLS (a proxy in front does), knows no MCP and no OAuth, and does not decide
//! whether an address may be served without a public origin (its callers do, with [`Listeners::loopback_origin`]).

mod activity;
mod body;
mod config;
mod connection;
mod head;
mod listen;
mod mount;
mod room;
mod server;
mod service;
mod socket;

pub use body::{RequestBody, TooSlow};
pub use config::ServeConfig;
pub use listen::{BindError, Listeners, bind};
pub use mount::{Mount, WithPeer};
pub use server::serve;
