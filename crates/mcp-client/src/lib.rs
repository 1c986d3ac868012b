//! An MCP client for every revision, login included.
//!
//! [`Client::connect`] finds out which era a server speaks (the modern one first, `initialize` after every kind of
//! failure that an older server is known to answer with), logs in when the server asks for it, and then offers one
//! set of methods for both eras. Every HTTP request goes through one recorded transport: a [`Recorder`] sees each as an
//! [`Exchange`](barewire_exchange::Exchange) with secrets masked and the rule it follows.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use barewire_mcp_client::{Client, ClientOptions};
//!
//! let client = Client::connect("http://localhost:8000/mcp", ClientOptions::new("example", "1.0.0")).await?;
//! for tool in client.list_tools().await? {
//!     println!("{}", tool.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What this crate is **not**: it shows nothing and asks nobody. Questions of a server go to the [`Handler`], a login
//! goes to the [`Authorizer`] or comes back as [`ConnectError::LoginRequired`], and tokens live in the
//! [`CredentialStore`] that the application brings.

mod apps;
mod auth;
mod authorized;
mod client;
mod connect;
mod connection;
mod credentials;
mod error;
mod guard;
mod handler;
mod input;
mod keys;
mod legacy;
mod lists;
mod login;
mod modern;
mod narrate;
mod nonces;
mod options;
mod plain;
mod recorder;
mod recording;
mod shared;
mod signed;
mod skills;
mod subscription;
mod tasks;
mod transport;
mod unattended;

pub use apps::AppError;
pub use client::{CallOptions, Client, RejectedTool, ServerInfo};
pub use connect::log_out;
pub use credentials::{CredentialStore, GrantKey, MemoryCredentials, StoreError};
pub use error::{Answered, CallError, ConnectError, TransportError};
pub use handler::{AcceptDefaults, Asked, Handler, InputRefused, Silent};
pub use keys::{Keys, client_key};
pub use login::{
    AuthorizeError, Authorizer, DeviceLogin, Login, LoginError, LoginRequired, PreRegistered,
    log_in_unattended,
};
pub use options::{ClientConfig, ClientOptions, Clock, EraChoice, LoginOptions};
pub use plain::PlainResponse;
pub use recorder::{NoRecorder, Recorder};
pub use shared::Shared;
pub use skills::{LoadedSkill, SkillError};
pub use subscription::Subscription;
pub use tasks::{Begun, TaskHandle};
pub use unattended::{AssertionSource, Enterprise, Unattended};
