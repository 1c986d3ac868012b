//! How a handler fails.

use std::fmt;

use barewire_mcp::error::Error;
use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::content::ContentBlock;
use barewire_oauth::scope::ScopeSet;

use crate::ask::AskError;

/// Why a handler did not do what it was asked for.
///
/// What the peer reads and what the log reads are two things: only [`ToolError::new`] and [`ToolError::protocol`]
/// show their text to the client; the cause given to [`ToolError::internal`] stays in the log. There is on purpose no
/// conversion from every error type: a database's error text is not for a model's eyes. An application writes
/// `impl From<ItsError> for ToolError` and decides there.
pub struct ToolError(pub(crate) Box<Kind>);

/// The kinds of failure, as dispatch tells them apart.
pub(crate) enum Kind {
    /// The model may read it and do better: `isError: true`.
    Tool(Vec<ContentBlock>),
    /// A JSON-RPC error.
    Protocol(Error),
    /// What was asked for exists, and the caller is told that it does not.
    Hidden(Error),
    /// The application's or the server's own fault.
    Internal(Box<dyn std::error::Error + Send + Sync>),
    /// The caller needs more scopes: 403 (401 when nobody is logged in).
    Scopes(ScopeSet),
    /// The client has to answer first, and the handler runs again then.
    InputRequired,
    /// The client cannot do what the handler asked for.
    Capability(Box<ClientCapabilities>),
    /// Nobody is waiting for the answer any more.
    Cancelled,
}

impl ToolError {
    /// The tool did not succeed; the model reads `message` and may try again differently
    /// ([Tool execution errors](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#error-handling)).
    ///
    /// Resources and prompts have no such result; there it becomes an invalid-params error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self::content(vec![ContentBlock::text(message)])
    }

    /// As [`ToolError::new`], with content of any kind.
    #[must_use]
    pub fn content(content: Vec<ContentBlock>) -> Self {
        Self(Box::new(Kind::Tool(content)))
    }

    /// The request itself was wrong: a JSON-RPC error instead of a result.
    #[must_use]
    pub fn protocol(error: ErrorObject) -> Self {
        Error::Application(Box::new(error)).into()
    }

    /// Something broke. The client reads "Internal error", the log reads the cause.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Box::new(Kind::Internal(cause.into())))
    }

    /// There is no such resource.
    pub fn not_found(uri: impl Into<String>) -> Self {
        Error::ResourceNotFound { uri: uri.into() }.into()
    }

    /// The caller needs these scopes for what it asked, arguments considered. Becomes a 403 challenge (401 when nobody
    /// is logged in) that names them all. For rules that do not depend on the arguments, declare the scopes on the
    /// tool instead; then lists know them too.
    pub fn scopes_required<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self(Box::new(Kind::Scopes(ScopeSet::from_tokens(scopes))))
    }

    /// Somebody has to be logged in. Becomes a 401 challenge.
    #[must_use]
    pub fn login_required() -> Self {
        Self(Box::new(Kind::Scopes(ScopeSet::new())))
    }
}

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        Self(Box::new(Kind::Protocol(error)))
    }
}

impl From<AskError> for ToolError {
    fn from(error: AskError) -> Self {
        Self(Box::new(match error {
            AskError::InputRequired => Kind::InputRequired,
            AskError::Unsupported { missing } => Kind::Capability(missing),
            AskError::Cancelled => Kind::Cancelled,
            // The user said nothing, or the client could not: the model may read why.
            AskError::TimedOut
            | AskError::NoSession
            | AskError::Refused(_)
            | AskError::InvalidAnswers { .. } => return Self::new(error.to_string()),
            AskError::Store(cause) => Kind::Internal(cause),
            AskError::TooMany | AskError::DuplicateKey { .. } | AskError::Encoding(_) => {
                Kind::Internal(error.into())
            }
        }))
    }
}

impl fmt::Debug for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Tool(content) => f.debug_tuple("Tool").field(content).finish(),
            Kind::Protocol(error) => f.debug_tuple("Protocol").field(error).finish(),
            Kind::Hidden(error) => f.debug_tuple("Hidden").field(error).finish(),
            Kind::Internal(cause) => f.debug_tuple("Internal").field(cause).finish(),
            Kind::Scopes(scopes) => f.debug_tuple("Scopes").field(&scopes.to_string()).finish(),
            Kind::InputRequired => f.write_str("InputRequired"),
            Kind::Capability(missing) => f.debug_tuple("Capability").field(missing).finish(),
            Kind::Cancelled => f.write_str("Cancelled"),
        }
    }
}
