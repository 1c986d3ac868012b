//! What can go wrong with a server, by what the host does about it.

use barewire_mcp_client::{Answered, CallError, ConnectError, LoginRequired, TransportError};
use serde_json::Value;

use crate::error::ApiError;

/// What went wrong, with sentences for the person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    /// No token, or one that is no good and cannot be renewed.
    LoginRequired { login: Box<LoginRequired>, message: String },
    /// The token lacks scopes.
    ScopeRequired { login: Box<LoginRequired>, scopes: Vec<String>, message: String },
    /// The person or the authorization server said no.
    Refused { message: String, what_next: Option<String> },
    /// Nothing answers, or not any more: worth another attempt.
    Lost { message: String, what_next: Option<String> },
    /// This cannot work as it is.
    Failed { message: String, what_next: Option<String> },
    /// The server answered with a JSON-RPC error.
    Rpc { code: i64, message: String, data: Option<Value> },
    /// Somebody cancelled.
    Cancelled,
}

impl Trouble {
    /// What happened, and what the person can do.
    pub(crate) fn sentences(self) -> (String, Option<String>) {
        match self {
            Self::LoginRequired { message, .. } => (message, Some("Log in.".to_owned())),
            Self::ScopeRequired { message, scopes, .. } => {
                (message, Some(format!("Log in again and allow {}.", scopes.join(" "))))
            }
            Self::Refused { message, what_next }
            | Self::Lost { message, what_next }
            | Self::Failed { message, what_next } => (message, what_next),
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

impl From<ConnectError> for Trouble {
    fn from(error: ConnectError) -> Self {
        let (message, what_next) = (sentence(&error), error.what_next());
        match error {
            ConnectError::LoginRequired(login) => Self::LoginRequired { login, message },
            ConnectError::Transport(source) if is_passing(&source) => Self::Lost { message, what_next },
            ConnectError::NotMcp { answered, .. } | ConnectError::Refused { answered }
                if is_overloaded(&answered) =>
            {
                Self::Lost { message, what_next }
            }
            ConnectError::Refused { .. } | ConnectError::Login(_) => Self::Refused { message, what_next },
            ConnectError::Url { .. }
            | ConnectError::NotMcp { .. }
            | ConnectError::Revision { .. }
            | ConnectError::Endpoint { .. }
            | ConnectError::Rpc(_)
            | ConnectError::Transport(_)
            | ConnectError::Store(_) => Self::Failed { message, what_next },
        }
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        let (message, what_next) = (sentence(&error), error.what_next());
        match error {
            CallError::Rpc(error) => Self::Rpc { code: error.code, message: error.message, data: error.data },
            CallError::ScopeRequired { scopes, message: said, login } => {
                let scopes = scopes.iter().map(ToOwned::to_owned).collect();
                Self::ScopeRequired { login, scopes, message: said.unwrap_or(message) }
            }
            CallError::LoginRequired(login) => Self::LoginRequired { login, message },
            CallError::Session(source) => Self::from(*source),
            CallError::Transport(source) if is_passing(&source) => Self::Lost { message, what_next },
            CallError::Http(answered) if is_overloaded(&answered) => Self::Lost { message, what_next },
            CallError::Cancelled => Self::Cancelled,
            CallError::Login(_) => Self::Refused { message, what_next },
            CallError::ScopeLimit { .. }
            | CallError::ToolRejected { .. }
            | CallError::TooManyRounds { .. }
            | CallError::Undeclared { .. }
            | CallError::TooManyPages { .. }
            | CallError::NotInRevision { .. }
            | CallError::Http(_)
            | CallError::Malformed { .. }
            | CallError::Transport(_)
            | CallError::OtherOrigin { .. }
            | CallError::Store(_) => Self::Failed { message, what_next },
        }
    }
}

impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> Self {
        let (message, what_next) = trouble.sentences();
        Self::Upstream { message, what_next }
    }
}

/// Whether the same may work a little later.
fn is_passing(error: &TransportError) -> bool {
    match error {
        TransportError::Connect { .. } | TransportError::Timeout { .. } | TransportError::Broken { .. } => {
            true
        }
        TransportError::TooLarge { .. } | TransportError::Request { .. } => false,
    }
}

fn is_overloaded(answered: &Answered) -> bool {
    matches!(answered, Answered::Status { status, .. } if status.is_server_error())
}

/// An error and its causes as one sentence.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    // A URL stays as it is.
    let word = text.split_whitespace().next().unwrap_or_default();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if !word.contains("://") => {
            format!("{}{}{end}", first.to_uppercase(), characters.as_str())
        }
        _ => format!("{text}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_one_sentence_with_its_cause() {
        let cause = TransportError::Broken { detail: "reset".to_owned() };
        let error = ConnectError::Transport(cause);
        assert_eq!(sentence(&error), "The server cannot be reached: the connection broke: reset.");
        let error = ConnectError::Url { url: "ftp://x".to_owned() };
        assert_eq!(sentence(&error), "ftp://x is not an http or https URL.");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let status =
            |code: u16| Answered::Status { status: code.try_into().unwrap(), message: "said so".to_owned() };
        let lost = |error: ConnectError| matches!(Trouble::from(error), Trouble::Lost { .. });
        assert!(lost(ConnectError::Transport(TransportError::Timeout { seconds: 1 })));
        assert!(lost(ConnectError::Refused { answered: status(503) }));
        assert!(!lost(ConnectError::Refused { answered: status(403) }));
        assert!(!lost(ConnectError::NotMcp { url: String::new(), answered: Answered::NotFound }));
        assert!(!lost(ConnectError::Transport(TransportError::TooLarge { limit: 1 })));
    }
}
