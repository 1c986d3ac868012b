//! What the messages mean, whatever the revision.
//!
//! These types are today's meaning of the protocol: an application and a host work with them and never see a
//! revision. How a revision writes them (and what it cannot say) is the business of [`crate::wire`]. Where a shape is
//! the same in every revision, the type here serialises to it directly; where it differs, the revision's folder
//! wraps it.
//!
//! Fields are public and the types are plain data: what is not checked here (lengths, patterns, a URL being a URL) is
//! what the specification leaves to the reader.

pub mod apps;
pub mod caching;
pub mod capabilities;
pub mod completion;
pub mod content;
pub mod elicitation;
pub mod implementation;
pub mod input;
pub mod json;
pub mod logging;
pub mod notification;
pub mod operation;
pub mod progress;
pub mod prompts;
pub mod resources;
pub mod roots;
pub mod sampling;
pub mod skills;
pub mod subscriptions;
pub mod tasks;
pub mod tools;
pub mod trace;
