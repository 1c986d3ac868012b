//! Durable state on SQLite, for every part of Barewire that needs some.
//!
//! One [`Store`] is one file, and implements the traits of those who keep things:
//! [`barewire_oauth_server::store`], the host's, the client's credentials, the tasks of
//! the MCP server, the audit log and attempts to connect. They do not know this crate; a program hands
//! them a `Store`. Several parts can share a file or have one each.
//!
//! What it does *not* do: decide. A rule of OAuth is never here; what is here is that a decision is written by one
//! compare-and-set, whole and on the disk, before anybody is told ([`Store::open`] says how).

mod config;
mod open;
mod row;
mod sealer;
mod sealing;
mod sealing_keys;

mod attempts;
mod audit;
mod changes;
mod clients;
mod codes;
mod consents;
mod credentials;
mod devices;
mod families;
mod grants;
mod host;
mod keys;
mod login_attempts;
mod oversight;
mod passkeys;
mod pushed_requests;
mod room;
mod sessions;
mod statements;
mod sweep;
mod tasks;
mod totals;
mod totp;
mod upstream;
mod users;

pub use config::StoreConfig;
pub use open::{OpenError, Store};
pub use sealing::{Resealed, UnlockError};
pub use sealing_keys::{SealingKeyError, SealingKeys};
