//! What is measured, one file for each kind.

pub mod calls;
pub mod clients;
pub mod hostile;
pub mod instructions;
pub mod sessions;
pub mod starts;
pub mod streams;

use anyhow::{Context as _, Result};

use crate::launch::Running;
use crate::raw::Target;
use crate::subject::Subject;

/// A server as the experiments on streams and sessions name it.
fn target(running: &Running) -> Target {
    Target {
        address: running.address,
        path: "/mcp".to_owned(),
        pid: running.pid(),
        token: running.token.clone(),
    }
}

/// Where streams and sessions are driven from.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")
}

/// A peer does what its description says; the others do everything.
fn can(subject: &Subject, what: &str) -> Result<(), String> {
    subject.as_peer().map_or(Ok(()), |peer| peer.can(what))
}
