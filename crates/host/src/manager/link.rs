//! The one place that knows the MCP client: connects with it, and says in the host's words what became of it.

use std::sync::Arc;

use serde_json::Value;

use super::{Call, Server};
use crate::api::{
    CallResult, Complete, Completion, PromptList, ResourceList, ServerView, TemplateList, ToolList,
};
use crate::error::ApiError;
use crate::host::App;

/// A connection to one server.
pub(crate) struct Link;

/// A login that waits for the person.
pub(crate) struct Login;

/// What can go wrong with a server, by what the host does about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    /// No token, or one that is no good and cannot be renewed.
    LoginRequired { scopes: Vec<String>, message: String },
    /// The token lacks scopes.
    ScopeRequired { scopes: Vec<String>, message: String },
    /// The person or the authorization server said no.
    Refused { message: String, what_next: Option<String> },
    /// Nothing answers, or not any more: worth another attempt.
    Lost { message: String },
    /// This cannot work as it is.
    Failed { message: String, what_next: Option<String> },
    /// The server answered with a JSON-RPC error.
    Rpc { code: i64, message: String, data: Option<Value> },
    /// Somebody cancelled.
    Cancelled,
}

impl Link {
    pub(crate) async fn connect(_app: &App, _server: &Arc<Server>) -> Result<Self, Trouble> {
        Err(Trouble::Failed { message: "This build has no MCP client yet.".to_owned(), what_next: None })
    }

    pub(crate) fn describe(&self, _view: &mut ServerView) {}

    pub(crate) async fn lost(&self) -> Trouble {
        std::future::pending().await
    }

    pub(crate) async fn close(&self) {}

    pub(crate) async fn call(&self, _call: &Arc<Call>) -> Result<CallResult, Trouble> {
        Err(Trouble::Cancelled)
    }

    pub(crate) async fn tools(&self) -> Result<ToolList, Trouble> {
        Err(Trouble::Cancelled)
    }

    pub(crate) async fn resources(&self) -> Result<ResourceList, Trouble> {
        Err(Trouble::Cancelled)
    }

    pub(crate) async fn templates(&self) -> Result<TemplateList, Trouble> {
        Err(Trouble::Cancelled)
    }

    pub(crate) async fn prompts(&self) -> Result<PromptList, Trouble> {
        Err(Trouble::Cancelled)
    }

    pub(crate) async fn complete(&self, _request: Complete) -> Result<Completion, Trouble> {
        Err(Trouble::Cancelled)
    }
}

impl Login {
    pub(crate) async fn begin(
        _app: &App,
        _server: &Arc<Server>,
        _scopes: Option<Vec<String>>,
    ) -> Result<(Self, String, String), Trouble> {
        Err(Trouble::Cancelled)
    }

    pub(crate) async fn finish(self, _app: &App, _server: &Arc<Server>, _query: &str) -> Result<(), Trouble> {
        Err(Trouble::Cancelled)
    }

    pub(crate) async fn log_out(_app: &App, _server: &Arc<Server>) -> Result<(), Trouble> {
        Err(Trouble::Cancelled)
    }
}

impl Trouble {
    pub(crate) fn lost(message: &str) -> Self {
        Self::Lost { message: message.to_owned() }
    }

    /// What happened, and what the person can do.
    pub(crate) fn sentences(self) -> (String, Option<String>) {
        match self {
            Self::LoginRequired { message, .. } => (message, Some("Log in.".to_owned())),
            Self::ScopeRequired { message, scopes } => {
                (message, Some(format!("Log in again and allow {}.", scopes.join(" "))))
            }
            Self::Refused { message, what_next } | Self::Failed { message, what_next } => {
                (message, what_next)
            }
            Self::Lost { message } => (message, Some("Try again when the server is back.".to_owned())),
            Self::Rpc { message, .. } => (message, None),
            Self::Cancelled => ("It was cancelled.".to_owned(), None),
        }
    }

    /// Code and data of the JSON-RPC error, if it was one.
    pub(crate) fn rpc(&self) -> (Option<i64>, Option<Value>) {
        match self {
            Self::Rpc { code, data, .. } => (Some(*code), data.clone()),
            _ => (None, None),
        }
    }
}

impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> Self {
        let (message, what_next) = trouble.sentences();
        Self::Upstream { message, what_next }
    }
}
