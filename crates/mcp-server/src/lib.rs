//! An MCP server as a tower service.
//!
//! An application registers tools, resources and prompts with a [`McpServer`], once, whatever revision of the protocol
//! a client speaks; [`McpServer::service`] answers both eras on one path. It is a `tower` service over `http` types: it
//! mounts into axum with one line and onto bare hyper with a few, opens no socket, starts no runtime, and keeps nothing
//! in statics. Who is calling is a parameter of every request.
//!
//! ```
//! use barewire_mcp_server::{Context, McpServer, Structured, Tool, ToolError};
//! use barewire_mcp_server::types::elicitation::{BooleanSchema, ElicitAction, ElicitRequest, ElicitSchema};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct DeletePost {
//!     /// Number of the post.
//!     id: u64,
//! }
//!
//! #[derive(serde::Serialize, schemars::JsonSchema)]
//! struct Deleted {
//!     id: u64,
//! }
//!
//! let server = McpServer::builder("blog", "1.0.0")
//!     .tool(
//!         Tool::new("delete_post", "Deletes a post of yours.").annotations(|hints| hints.destructive(true)),
//!         async |ctx: Context, args: DeletePost| {
//!             // A request on the stream in one era, a result and a second run of this handler in the other.
//!             let sure = ElicitSchema::new().required("sure", BooleanSchema::default());
//!             let answer = ctx.elicit("sure", ElicitRequest::form("Delete it for good?", sure)).await?;
//!             if answer.action != ElicitAction::Accept {
//!                 return Err(ToolError::new("The user did not agree."));
//!             }
//!             Ok(Structured(Deleted { id: args.id }))
//!         },
//!     )
//!     .build()?;
//!
//! let app: axum::Router = axum::Router::new().route_service("/mcp", server.service());
//! # let _ = app;
//! # Ok::<(), barewire_mcp_server::BuildError>(())
//! ```
//!
//! What this crate does **not** do: it is no authorization server and knows none (a [`TokenVerifier`] is all it asks
//! for), it has no database, no router and no configuration file.
//!
//! Where to start reading: `service.rs` is the way of a request on one page; `operation.rs` is the table of methods;
//! `ask.rs` says how one handler can ask its client something in either era.

pub mod ask;

mod answer;
mod auth;
mod batch;
mod body;
mod call;
mod config;
mod context;
mod cors;
mod cursor;
mod drain;
mod errand;
mod error;
mod form;
mod hub;
mod legacy;
mod lists;
mod modern;
mod observer;
mod operation;
mod outbox;
mod read;
mod reason;
mod refused;
mod registry;
mod replay;
mod resource_lists;
mod resumable;
mod running;
mod seal;
mod seldom;
mod server;
mod service;
mod session;
mod shares;
mod skills;
mod sse_transport;
mod statics;
mod streams;
mod tasks;
mod trail;

pub use ask::AskError;
pub use auth::{
    Access, IntrospectionEndpoint, IntrospectionLimits, IntrospectionVerifier, Issuers, JwtVerifier,
    NotAnswered, Possession, Presented, Principal, ResourceMetadata, ResourceServer, ResourceServerError,
    TokenVerifier, VerifiedTokens,
};
pub use barewire_jose::{KeySource, KeysUnavailable};
pub use barewire_mcp::types;
pub use barewire_oauth::external::TokenProfile;
pub use barewire_oauth::jwk::JwkSet;
pub use barewire_oauth::jws::Algorithm;
pub use body::Body;
pub use config::Limits;
pub use context::Context;
pub use drain::Drained;
pub use error::ToolError;
pub use hub::Publisher;
pub use observer::{Decision, METADATA, Observer, Offers, Outcome, Record};
pub use registry::{
    App, CompletionInput, CompletionOf, CompletionOutput, InvalidSchema, NoArguments, PageRequest, Prompt,
    PromptArguments, PromptOutput, RegistryError, Resource, ResourceList, ResourceOutput, ResourcePage,
    ResourceTemplate, Skill, SkillError, Structured, TemplateError, Tool, ToolHints, ToolOutput,
    UriVariables,
};
pub use seal::{KeyRing, OpenError, Purpose, Secret, SecretTooShort};
pub use server::{BuildError, Clock, McpServer, McpServerBuilder};
pub use service::McpService;
pub use session::{InMemoryTerminations, SessionKey, Terminations};
pub use tasks::{InMemoryTasks, Stored, StoredTask, TaskOptions, TaskRoom, TaskStore, TaskStoreError};

/// The guides are compiled and run: a block that no longer works fails the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/mounting.md")]
struct MountingGuide;
