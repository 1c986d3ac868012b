//! The server over real HTTP, as clients of both eras meet it.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it expects")]

mod access;
mod answers;
mod apps;
mod asking;
mod batches;
mod bounds;
mod cancellation;
mod dpop;
mod errors;
mod hostile;
mod identity;
mod limits;
mod lists;
mod matrix;
mod mounting;
mod observer;
mod resource_lists;
mod resuming;
mod revisions;
mod schemas;
mod sessions;
mod skills;
mod sse_transport;
mod subscriptions;
mod support;
mod tasks;
