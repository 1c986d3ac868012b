//! What can go wrong, as what happened, why, and what to do next.

use barewire_mcp::jsonrpc::ErrorObject;
use barewire_oauth::scope::ScopeSet;
use http::StatusCode;

use crate::credentials::StoreError;
use crate::login::{LoginError, LoginRequired};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL cannot be one of an MCP endpoint.
    #[error("{url} is not an http or https URL")]
    Url {
        /// What was given.
        url: String,
    },
    /// The server wants a token and there is none that it takes.
    #[error("the server wants a login")]
    LoginRequired(Box<LoginRequired>),
    /// The login did not end well.
    #[error("the login failed")]
    Login(#[source] Box<LoginError>),
    /// Something answers at this URL, and it is not an MCP server.
    #[error("{url} is not an MCP endpoint: {answered}")]
    NotMcp {
        /// Where.
        url: String,
        /// What came instead.
        answered: Answered,
    },
    /// The server refuses this client, token or not.
    #[error("the server refuses the connection: {answered}")]
    Refused {
        /// What it said.
        answered: Answered,
    },
    /// The server speaks the transport of 2024-11-05 and wants messages at another origin than its own.
    #[error("the server wants messages at {endpoint}, which is not on its own origin")]
    Endpoint {
        /// What it named.
        endpoint: String,
    },
    /// No revision in common.
    #[error("the server speaks {}, and this client does not", .offered.join(", "))]
    Revision {
        /// What the server speaks.
        offered: Vec<String>,
    },
    /// The server answered `initialize` or `server/discover` with an error.
    #[error("the server answered with error {}: {}", .0.code, .0.message)]
    Rpc(ErrorObject),
    /// Nothing usable came back.
    #[error("the server cannot be reached")]
    Transport(#[source] TransportError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ConnectError {
    /// What the user can do about it.
    #[must_use]
    pub fn what_next(&self) -> Option<String> {
        match self {
            Self::Url { .. } => Some("Give the full URL, such as https://example.com/mcp.".to_owned()),
            Self::LoginRequired(_) => Some("Log in.".to_owned()),
            Self::Login(error) => error.what_next(),
            Self::NotMcp { answered, .. } => Some(answered.what_next().to_owned()),
            Self::Refused { .. } => {
                Some("Ask the operator of the server whether this client may use it.".to_owned())
            }
            Self::Revision { .. } => Some(
                "Update this client, or the server; or let the client propose another revision.".to_owned(),
            ),
            Self::Endpoint { .. } => {
                Some("The server has to name an endpoint at its own origin; ask its operator.".to_owned())
            }
            Self::Transport(error) => Some(error.what_next().to_owned()),
            Self::Rpc(_) | Self::Store(_) => None,
        }
    }
}

/// Why a request did not lead to a result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server answered with an error.
    #[error("the server answered with error {}: {}", .0.code, .0.message)]
    Rpc(ErrorObject),
    /// The token is good and does not allow this.
    #[error("this needs the scope {scopes}")]
    ScopeRequired {
        /// What this operation needs.
        scopes: ScopeSet,
        /// What the server said about it.
        message: Option<String>,
        /// What a login needs to know, with these scopes added to what was granted before.
        login: Box<LoginRequired>,
    },
    /// After several logins the server still asks for more.
    #[error("after {attempts} logins the server still asks for the scope {scopes}")]
    ScopeLimit {
        /// How many logins there were.
        attempts: usize,
        /// What it asks for.
        scopes: ScopeSet,
    },
    /// The grant is gone: expired for good, or revoked.
    #[error("the server wants a new login")]
    LoginRequired(Box<LoginRequired>),
    /// A login on the way did not end well.
    #[error("the login failed")]
    Login(#[source] Box<LoginError>),
    /// The tool is not offered, because its definition cannot be used over HTTP.
    #[error("the tool {name} cannot be called: {reason}")]
    ToolRejected {
        /// The tool.
        name: String,
        /// What is wrong with its definition.
        reason: String,
    },
    /// The server asked more rounds of questions than this client answers.
    #[error("the server still asks after {rounds} rounds")]
    TooManyRounds {
        /// How many there were.
        rounds: usize,
    },
    /// The server asked for something that this client did not declare.
    #[error("the server asks for {method}, which this client did not declare")]
    Undeclared {
        /// What it asked for.
        method: String,
    },
    /// A list does not end.
    #[error("the list does not end after {pages} pages")]
    TooManyPages {
        /// How many were read.
        pages: usize,
    },
    /// The server does not offer this in the revision that was agreed on.
    #[error("{what} does not exist in {revision}")]
    NotInRevision {
        /// What was asked for.
        what: &'static str,
        /// The revision.
        revision: String,
    },
    /// What came back is HTTP and not MCP.
    #[error("the server answered: {0}")]
    Http(Answered),
    /// What came back is MCP and not the answer to this request.
    #[error("the answer to {method} cannot be read: {detail}")]
    Malformed {
        /// The request's method.
        method: String,
        /// What the parser says.
        detail: String,
    },
    /// The session is gone and could not be opened again.
    #[error("the session could not be opened again")]
    Session(#[source] Box<ConnectError>),
    /// The caller cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// The connection failed.
    #[error("the server cannot be reached")]
    Transport(#[source] TransportError),
    /// The URL belongs to another origin than the server; the token stays here.
    #[error("{url} is not on the server's own origin, and the token is for that only")]
    OtherOrigin {
        /// The URL.
        url: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CallError {
    /// What the user can do about it.
    #[must_use]
    pub fn what_next(&self) -> Option<String> {
        match self {
            Self::ScopeRequired { scopes, .. } => Some(format!("Log in again and allow {scopes} too.")),
            Self::LoginRequired(_) => Some("Log in again.".to_owned()),
            Self::Login(error) => error.what_next(),
            Self::Http(answered) => Some(answered.what_next().to_owned()),
            Self::Transport(error) => Some(error.what_next().to_owned()),
            Self::Session(error) => error.what_next(),
            Self::ScopeLimit { .. } => {
                Some("The server's challenges lead nowhere; ask its operator.".to_owned())
            }
            Self::ToolRejected { .. } => Some("The server has to correct the tool's definition.".to_owned()),
            Self::TooManyRounds { .. } => {
                Some("Raise `max_input_rounds` if the server needs more.".to_owned())
            }
            Self::TooManyPages { .. } => Some("Raise `max_pages` if the list is that long.".to_owned()),
            Self::Rpc(_)
            | Self::Undeclared { .. }
            | Self::NotInRevision { .. }
            | Self::Malformed { .. }
            | Self::Cancelled
            | Self::OtherOrigin { .. }
            | Self::Store(_) => None,
        }
    }
}

/// What came instead of an MCP answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Answered {
    /// A page for people.
    #[error("an HTML page (status {status})")]
    Html {
        /// Its status.
        status: StatusCode,
    },
    /// A redirect; the token would go along.
    #[error("a redirect to {location}")]
    Redirect {
        /// Where to.
        location: String,
    },
    /// 404: another path, most likely.
    #[error("404, nothing is at this path")]
    NotFound,
    /// 405: not an endpoint for POST.
    #[error("405, this path takes no POST")]
    MethodNotAllowed,
    /// 2xx without a body.
    #[error("status {status} without a body")]
    Empty {
        /// Its status.
        status: StatusCode,
    },
    /// A media type that MCP does not have.
    #[error("status {status} with {media_type}")]
    MediaType {
        /// Its status.
        status: StatusCode,
        /// The media type.
        media_type: String,
    },
    /// JSON, or what calls itself so, that is not a JSON-RPC message.
    #[error("status {status} with something that is not JSON-RPC")]
    NotJsonRpc {
        /// Its status.
        status: StatusCode,
    },
    /// A stream that ended without the answer.
    #[error("a stream that ended without an answer")]
    StreamEnded,
    /// 401 without a challenge that a client could follow, or 403.
    #[error("status {status}: {message}")]
    Status {
        /// Its status.
        status: StatusCode,
        /// The beginning of what it said, or its reason phrase.
        message: String,
    },
}

impl Answered {
    /// What the user can do about it.
    #[must_use]
    pub fn what_next(&self) -> &'static str {
        match self {
            Self::Html { .. } | Self::NotFound | Self::MethodNotAllowed => {
                "Check the path of the URL; most servers live at /mcp."
            }
            Self::Redirect { .. } => "Connect to the URL that the redirect names.",
            Self::Status { status, .. } if status.is_server_error() => {
                "Try again later; the server has a problem."
            }
            Self::Status { .. } => "Ask the operator of the server whether this client may use it.",
            Self::Empty { .. } | Self::MediaType { .. } | Self::NotJsonRpc { .. } | Self::StreamEnded => {
                "Something between here and the server may have answered instead: a proxy, a login page, another service."
            }
        }
    }
}

/// Nothing, or not all of it, came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection: the name does not resolve, nothing listens, TLS fails.
    #[error("no connection to {origin}: {detail}")]
    Connect {
        /// Where to.
        origin: String,
        /// What the network said.
        detail: String,
    },
    /// No answer in time.
    #[error("no answer within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// The answer broke off.
    #[error("the connection broke: {detail}")]
    Broken {
        /// What the network said.
        detail: String,
    },
    /// The answer is larger than this client accepts.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The request cannot be written as HTTP.
    #[error("the request cannot be sent: {detail}")]
    Request {
        /// What is wrong with it.
        detail: String,
    },
}

impl TransportError {
    /// What the user can do about it.
    #[must_use]
    pub fn what_next(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "Is the server running, and is this its address?",
            Self::Timeout { .. } | Self::Broken { .. } => {
                "Try again; the server or the network has a problem."
            }
            Self::TooLarge { .. } => "Ask for less, or raise `max_answer_bytes`.",
            Self::Request { .. } => "Check names and arguments for characters that HTTP cannot carry.",
        }
    }
}
