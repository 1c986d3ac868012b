//! Why a request was refused or failed, as a word.

use barewire_mcp::error::{Error, InvalidParams, TransportFault};
use barewire_mcp::jsonrpc::EnvelopeFault;
use barewire_oauth::bearer::BearerError;
use barewire_oauth::scope::ScopeSet;

/// A rule that stopped a request. The words are a contract: they are in audit records and labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reason {
    pub(crate) word: &'static str,
    /// The scopes that would have been enough.
    pub(crate) needed: Option<ScopeSet>,
}

impl Reason {
    /// The caller is not to know that what it asked for exists.
    pub(crate) const HIDDEN: Self = Self::word("hidden");
    pub(crate) const TOO_MANY_STREAMS: Self = Self::word("too_many_streams");
    pub(crate) const UNOBSERVED: Self = Self::word("unobserved");
    pub(crate) const SHUTTING_DOWN: Self = Self::word("shutting_down");

    pub(crate) const fn word(word: &'static str) -> Self {
        Self { word, needed: None }
    }
}

impl From<&Error> for Reason {
    fn from(error: &Error) -> Self {
        Self::word(match error {
            Error::Envelope(EnvelopeFault::NotJson) => "not_json",
            Error::Envelope(_) => "not_json_rpc",
            Error::Transport(fault) => match fault {
                TransportFault::Origin => "origin",
                TransportFault::Host => "host",
                TransportFault::Method => "http_method",
                TransportFault::Accept | TransportFault::AcceptStream => "accept",
                TransportFault::ContentType => "content_type",
                TransportFault::ContentEncoding => "content_encoding",
                TransportFault::TooLarge => "too_large",
                TransportFault::SessionRequired | TransportFault::SessionParameter => "session_required",
                TransportFault::SessionNotFound => "session_not_found",
                TransportFault::Version => "unsupported_version",
                TransportFault::UnexpectedResponse => "unexpected_response",
            },
            Error::HeaderMismatch(_) => "header_mismatch",
            Error::UnsupportedVersion { .. } => "unsupported_version",
            Error::MethodNotFound { .. } => "unknown_method",
            Error::InvalidParams(params) => match params {
                InvalidParams::Malformed { .. } => "invalid_params",
                InvalidParams::MissingMeta { .. } | InvalidParams::MalformedMeta { .. } => "invalid_meta",
                InvalidParams::Cursor => "invalid_cursor",
                InvalidParams::RequestState => "invalid_request_state",
                InvalidParams::InputResponse { .. } => "invalid_input_response",
                InvalidParams::UnknownTool { .. } => "unknown_tool",
                InvalidParams::UnknownPrompt { .. } => "unknown_prompt",
                InvalidParams::UnknownTask { .. } => "unknown_task",
                InvalidParams::Arguments { .. } => "invalid_arguments",
            },
            Error::ResourceNotFound { .. } => "unknown_resource",
            Error::MissingClientCapability { .. } => "missing_capability",
            Error::Application(_) => "application",
            Error::Internal => "internal",
            Error::ShuttingDown => return Self::SHUTTING_DOWN,
        })
    }
}

impl From<&BearerError> for Reason {
    fn from(error: &BearerError) -> Self {
        let word = match error {
            BearerError::Missing => "missing_token",
            BearerError::Malformed => "malformed_token",
            BearerError::Expired => "expired_token",
            BearerError::NotYetValid => "early_token",
            BearerError::WrongAudience => "wrong_audience",
            BearerError::WrongIssuer => "wrong_issuer",
            BearerError::Revoked => "revoked_token",
            BearerError::Invalid => "invalid_token",
            BearerError::InsufficientScope { required } => {
                return Self { word: "insufficient_scope", needed: Some(required.clone()) };
            }
            BearerError::Bound => "bound_token_as_bearer",
            BearerError::Unbound => "unbound_token_as_dpop",
            BearerError::BindingRequired => "unbound_token",
            BearerError::Proof(error) => error.word(),
            BearerError::Unavailable => "verifier_unavailable",
            BearerError::Flooded => "too_many_forgeries",
        };
        Self::word(word)
    }
}
