//! An OAuth 2.1 authorization server: routes, endpoints, keys, and pages that work without JavaScript (passkeys aside,
//! which browsers use with a script only).
//!
//! Each endpoint loads what it needs, calls one pure function of `barewire-oauth` that decides, and stores by
//! compare-and-set before the answer leaves; so two requests that race cannot both win, and a crash at any moment
//! loses nothing that a client was told. Nothing is kept between `GET /authorize` and the code: the request travels
//! in the query of each page and is checked anew by each, so fetching a page twice is harmless.
//!
//! What it is **not**: it knows no MCP and no database. The resource server beside it verifies tokens through
//! [`AccessTokens`]; the store behind it implements [`store::Store`].
//!
//! ```no_run
//! # async fn example(store: std::sync::Arc<dyn barewire_oauth_server::store::Store>) -> Result<(), Box<dyn std::error::Error>> {
//! use barewire_oauth_server::AuthorizationServer;
//!
//! let server = AuthorizationServer::builder("http://localhost:8000", store)
//!     .display_name("Blog")
//!     .resource("http://localhost:8000/mcp")
//!     .scope("posts:read", "Read your posts")
//!     .scope("posts:write", "Write and publish posts as you")
//!     .build()
//!     .await?;
//! server.create_user("johndoe", "secret").await?;
//! let app = axum::Router::new().merge(server.router());
//! let verifier = server.access_tokens();
//! # drop((app, verifier)); Ok(()) }
//! ```

mod access_tokens;
pub mod administration;
mod attempts;
mod body;
mod browser;
mod changes;
mod client_authentication;
mod client_keys;
mod config;
mod connections;
mod cors;
mod csrf;
mod documents;
mod duration;
mod endpoints;
mod fetch;
mod flow;
mod half_login;
mod hasher;
mod host;
mod housekeeping;
mod keys;
mod pages;
mod passkeys;
mod passwords;
mod possession;
mod posted;
mod random;
mod recovery_codes;
mod redeeming;
mod refresh_tokens;
mod resources;
mod respond;
mod revocation;
mod revoked;
mod routes;
mod server;
mod sessions;
pub mod signing_keys;
mod source;
pub mod store;
mod throttle;
mod totp;
mod trusted_issuers;
mod turns;
mod upstream;
mod witness;

pub use access_tokens::{AccessTokens, Issued, Taken};
pub use config::{AuthConfig, ConfiguredClient, Dpop};
pub use connections::{AttemptsAsked, ConnectionAttempt, ConnectionAttempts};
pub use documents::DocumentFetchError;
pub use fetch::FetchError;
pub use passwords::{PasswordError, Unfit};
pub use resources::{IssuedFor, UnfitResource};
pub use server::{AuthorizationServer, BuildError, Builder, Clock, CreateUserError};
pub use source::client_address;
pub use trusted_issuers::{Says, TrustedIssuer, Workloads};
pub use upstream::{Recheck, UpstreamConfig, UpstreamError};
pub use witness::{Event, EventKind, MAX_AGENT, Witness};
