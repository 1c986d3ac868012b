//! Tokens of other people's authorization servers, over HTTP: their keys, their metadata, and what they say of a token.
//!
//! What a token has to be is decided elsewhere: [`barewire_oauth::external`] reads it, `mcp-server` verifies it
//! ([`Issuers`]). This crate fetches what these need, and reads both from settings:
//!
//! ```no_run
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use barewire_issuers::ExternalConfig;
//! use barewire_mcp_server::ResourceServer;
//! use barewire_oauth::resource::Resource;
//!
//! let config: ExternalConfig = Default::default(); // the section `external`
//! let resource = Resource::parse("https://mcp.example/mcp")?;
//! let verifier = config.verifier(&resource, &[], None)?;
//! let mut server = ResourceServer::new(resource.as_str(), verifier);
//! for issuer in config.issuers() {
//!     server = server.authorization_server(issuer);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What this crate is **not**: it logs nobody in (that is `oauth-server`, with or without somebody else's identity
//! provider), and it reads no private key; whoever has one gives it with its [`Signing`].

mod config;
mod discovery;
mod fetch;
mod introspection;
mod keys;

pub use barewire_mcp_server::Issuers;
pub use config::{ClaimNames, ExternalConfig, ExternalError, IntrospectedIssuer, JwtIssuer, Profile};
pub use discovery::DiscoveryError;
pub use fetch::{FetchError, Http};
pub use introspection::{Endpoint, Signing};
pub use keys::PublishedKeys;
