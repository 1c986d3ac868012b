//! What can go wrong with a request, named by whose fault it is, and the one table from there to the JSON-RPC code
//! and the HTTP status
//! ([Error codes](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#error-codes)).

use http::StatusCode;
use serde_json::json;

use crate::jsonrpc::{EnvelopeFault, ErrorObject};
use crate::revision::{Era, Revision};
use crate::types::capabilities::ClientCapabilities;

/// The codes of JSON-RPC and of MCP.
pub mod code {
    /// Not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// JSON, but not a message.
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The method is there; what it was given is not right.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The server's own fault.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// Headers and body disagree. From 2026-07-28 on.
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The request needs something that the client did not declare. From 2026-07-28 on.
    pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i64 = -32021;
    /// The server does not speak that revision. From 2026-07-28 on.
    pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
    /// No such resource. Until 2025-11-25; now it is [`INVALID_PARAMS`].
    pub const LEGACY_RESOURCE_NOT_FOUND: i64 = -32002;
    /// The user has to visit an address first. Only in 2025-11-25.
    pub const LEGACY_URL_ELICITATION_REQUIRED: i64 = -32042;
}

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The client sent something that is not a message.
    #[error("{0}")]
    Envelope(EnvelopeFault),
    /// The client's HTTP request is not one that this endpoint takes.
    #[error("{0}")]
    Transport(TransportFault),
    /// The client's headers and its body disagree.
    #[error("Header mismatch: {0}")]
    HeaderMismatch(HeaderMismatch),
    /// The client speaks a revision that this server does not.
    #[error("Unsupported protocol version")]
    UnsupportedVersion {
        /// What the client asked for.
        requested: String,
    },
    /// The client asked for a method that there is not, or not any more, or not yet.
    #[error("Method not found: {method}")]
    MethodNotFound {
        /// The method.
        method: String,
    },
    /// The client's params are not what the method takes.
    #[error("{0}")]
    InvalidParams(InvalidParams),
    /// The client asked for a resource that there is not.
    #[error("Resource not found: {uri}")]
    ResourceNotFound {
        /// Its address.
        uri: String,
    },
    /// The client would have to be able to do something that it did not declare.
    #[error("This request needs a capability that the client did not declare")]
    MissingClientCapability {
        /// What is missing.
        required: Box<ClientCapabilities>,
    },
    /// The application's own error, with its own code.
    #[error("{}", .0.message)]
    Application(Box<ErrorObject>),
    /// The server's fault. What happened is in its log, not in the answer.
    #[error("Internal error")]
    Internal,
    /// The server is about to stop and takes nothing new.
    #[error("The server is shutting down")]
    ShuttingDown,
}

/// What is wrong with the HTTP side of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportFault {
    /// The request comes from another site's page.
    #[error("Origin not allowed")]
    Origin,
    /// The request is addressed to a name that this server does not have: DNS rebinding, or a missing setting.
    #[error("Host not allowed")]
    Host,
    /// Neither POST nor, in the handshake era, GET or DELETE.
    #[error("Method not allowed")]
    Method,
    /// The client does not take both JSON and an event stream.
    #[error("Not acceptable: the header Accept has to list application/json and text/event-stream")]
    Accept,
    /// A GET for something that is not an event stream.
    #[error("Not acceptable: the header Accept has to list text/event-stream")]
    AcceptStream,
    /// The body is not declared as JSON.
    #[error("Unsupported media type: the header Content-Type has to be application/json")]
    ContentType,
    /// The body is compressed, or coded in another way.
    #[error("Unsupported content coding: the body has to be sent without Content-Encoding")]
    ContentEncoding,
    /// The body is larger than the limit.
    #[error("The body is too large")]
    TooLarge,
    /// The handshake era: a request without the session's id.
    #[error("Bad request: the header Mcp-Session-Id is missing")]
    SessionRequired,
    /// HTTP with SSE: a message without the session that it is for.
    #[error("Bad request: the parameter sessionId is missing")]
    SessionParameter,
    /// The handshake era: the session ended, or never was. The client starts anew.
    #[error("Session not found")]
    SessionNotFound,
    /// The handshake era: a version header that names no revision this server speaks.
    #[error("Bad request: unsupported protocol version in the header MCP-Protocol-Version")]
    Version,
    /// A response where only requests and notifications are taken.
    #[error("A response is not expected here")]
    UnexpectedResponse,
}

/// How a header and the body disagree
/// ([Server validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation)).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderMismatch {
    /// A header that has to be there is not.
    #[error("the header {header} is missing")]
    Missing {
        /// Its name.
        header: String,
    },
    /// A header that may be there once is there twice.
    #[error("the header {header} is there more than once")]
    Twice {
        /// Its name.
        header: String,
    },
    /// A header holds characters that it cannot hold, or a broken base64 form.
    #[error("the header {header} holds an invalid value")]
    Malformed {
        /// Its name.
        header: String,
    },
    /// A header is there and its counterpart in the body is not.
    #[error("the header {header} has no counterpart in the body")]
    Unexpected {
        /// Its name.
        header: String,
    },
    /// The counterpart in the body is there twice, or cannot be read, so that readers may see different ones.
    #[error("the counterpart of the header {header} in the body is ambiguous")]
    Ambiguous {
        /// The header's name.
        header: String,
    },
    /// Both are there and say different things.
    #[error("{header} header value '{value}' does not match body value '{body}'")]
    Different {
        /// The header's name.
        header: String,
        /// What it says.
        value: String,
        /// What the body says.
        body: String,
    },
}

/// What is wrong with params.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParams {
    /// They do not have the method's shape.
    #[error("Invalid params for {method}: {detail}")]
    Malformed {
        /// The method.
        method: String,
        /// What the parser says.
        detail: String,
    },
    /// A member of `_meta` that every modern request has.
    #[error("Invalid params: _meta needs {key}")]
    MissingMeta {
        /// The member's name.
        key: &'static str,
    },
    /// A member of `_meta` that is there and has another shape.
    #[error("Invalid params: {key} in _meta is malformed: {detail}")]
    MalformedMeta {
        /// The member's name.
        key: &'static str,
        /// What the parser says.
        detail: String,
    },
    /// A cursor that this server did not give out, or that is too old.
    #[error("Invalid cursor")]
    Cursor,
    /// A state that this server did not give out, or not to this client, not for this request, or long ago.
    #[error("Invalid requestState")]
    RequestState,
    /// An answer that has not the shape of what was asked.
    #[error("Invalid answer in inputResponses: {key}")]
    InputResponse {
        /// Its key.
        key: String,
    },
    /// No such tool, or not for this user.
    #[error("Unknown tool: {name}")]
    UnknownTool {
        /// Its name.
        name: String,
    },
    /// No such prompt.
    #[error("Unknown prompt: {name}")]
    UnknownPrompt {
        /// Its name.
        name: String,
    },
    /// No such task, or not this caller's, or not any more.
    #[error("Unknown task: {id}")]
    UnknownTask {
        /// Its id.
        id: String,
    },
    /// Arguments that the tool or the prompt does not take.
    #[error("Invalid arguments for {name}: {detail}")]
    Arguments {
        /// The tool or the prompt.
        name: String,
        /// What is wrong with them.
        detail: String,
    },
}

impl Error {
    /// The one table: JSON-RPC code and HTTP status.
    ///
    /// The status tells apart what was refused before the method ran (4xx) from what the method answered (200).
    /// The handshake era answers a request that it could read with 200, whatever the error.
    pub fn codes(&self, era: Era) -> (i64, StatusCode) {
        use Era::{Legacy, Modern};
        let status = |status| if era == Modern { status } else { StatusCode::OK };
        match self {
            Self::Envelope(EnvelopeFault::NotJson) => (code::PARSE_ERROR, StatusCode::BAD_REQUEST),
            Self::Envelope(_) => (code::INVALID_REQUEST, StatusCode::BAD_REQUEST),
            Self::Transport(fault) => (code::INVALID_REQUEST, fault.status()),
            Self::HeaderMismatch(_) => (code::HEADER_MISMATCH, StatusCode::BAD_REQUEST),
            Self::UnsupportedVersion { .. } => (code::UNSUPPORTED_PROTOCOL_VERSION, StatusCode::BAD_REQUEST),
            Self::MethodNotFound { .. } => (code::METHOD_NOT_FOUND, status(StatusCode::NOT_FOUND)),
            Self::InvalidParams(params) => (code::INVALID_PARAMS, status(params.modern_status())),
            Self::ResourceNotFound { .. } => match era {
                Modern => (code::INVALID_PARAMS, StatusCode::OK),
                Legacy => (code::LEGACY_RESOURCE_NOT_FOUND, StatusCode::OK),
            },
            Self::MissingClientCapability { .. } => match era {
                Modern => (code::MISSING_REQUIRED_CLIENT_CAPABILITY, StatusCode::BAD_REQUEST),
                // The code does not exist there; what the client lacks is a fact about its request.
                Legacy => (code::INVALID_REQUEST, StatusCode::OK),
            },
            Self::Application(error) => (error.code, StatusCode::OK),
            Self::Internal => (code::INTERNAL_ERROR, status(StatusCode::INTERNAL_SERVER_ERROR)),
            Self::ShuttingDown => (code::INTERNAL_ERROR, StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The member `error` of the answer.
    pub fn object(&self, era: Era) -> ErrorObject {
        let data = match self {
            Self::Application(error) => return (**error).clone(),
            Self::UnsupportedVersion { requested } => {
                Some(json!({ "supported": Revision::SPOKEN, "requested": requested }))
            }
            Self::ResourceNotFound { uri } => Some(json!({ "uri": uri })),
            Self::MissingClientCapability { required } => Some(json!({ "requiredCapabilities": required })),
            _ => None,
        };
        ErrorObject { code: self.codes(era).0, message: self.to_string(), data }
    }
}

impl TransportFault {
    const fn status(self) -> StatusCode {
        match self {
            Self::Origin | Self::Host => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Accept | Self::AcceptStream => StatusCode::NOT_ACCEPTABLE,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SessionRequired | Self::SessionParameter | Self::Version | Self::UnexpectedResponse => {
                StatusCode::BAD_REQUEST
            }
            Self::SessionNotFound => StatusCode::NOT_FOUND,
        }
    }
}

impl InvalidParams {
    const fn modern_status(&self) -> StatusCode {
        match self {
            Self::Malformed { .. } | Self::MissingMeta { .. } | Self::MalformedMeta { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::Cursor
            | Self::RequestState
            | Self::InputResponse { .. }
            | Self::UnknownTool { .. }
            | Self::UnknownPrompt { .. }
            | Self::UnknownTask { .. }
            | Self::Arguments { .. } => StatusCode::OK,
        }
    }
}

impl From<EnvelopeFault> for Error {
    fn from(fault: EnvelopeFault) -> Self {
        Self::Envelope(fault)
    }
}

impl From<TransportFault> for Error {
    fn from(fault: TransportFault) -> Self {
        Self::Transport(fault)
    }
}

impl From<HeaderMismatch> for Error {
    fn from(mismatch: HeaderMismatch) -> Self {
        Self::HeaderMismatch(mismatch)
    }
}

impl From<InvalidParams> for Error {
    fn from(params: InvalidParams) -> Self {
        Self::InvalidParams(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let check = |error: Error, modern: (i64, u16), legacy: (i64, u16)| {
            for (era, expected) in [(Era::Modern, modern), (Era::Legacy, legacy)] {
                let (code, status) = error.codes(era);
                assert_eq!((code, status.as_u16()), expected, "{error:?} {era:?}");
                assert_eq!(error.object(era).code, code);
            }
        };
        check(EnvelopeFault::NotJson.into(), (-32700, 400), (-32700, 400));
        check(EnvelopeFault::Batch.into(), (-32600, 400), (-32600, 400));
        check(TransportFault::Origin.into(), (-32600, 403), (-32600, 403));
        check(HeaderMismatch::Missing { header: "x".into() }.into(), (-32020, 400), (-32020, 400));
        check(Error::UnsupportedVersion { requested: "x".into() }, (-32022, 400), (-32022, 400));
        check(Error::MethodNotFound { method: "x".into() }, (-32601, 404), (-32601, 200));
        check(InvalidParams::MissingMeta { key: "x" }.into(), (-32602, 400), (-32602, 200));
        check(InvalidParams::Cursor.into(), (-32602, 200), (-32602, 200));
        check(Error::ResourceNotFound { uri: "x".into() }, (-32602, 200), (-32002, 200));
        let required = Box::default();
        check(Error::MissingClientCapability { required }, (-32021, 400), (-32600, 200));
        check(Error::Application(Box::new(ErrorObject::new(7, "x"))), (7, 200), (7, 200));
        check(Error::Internal, (-32603, 500), (-32603, 200));
    }

    #[test]
    fn data_tells_a_program_what_to_do() {
        let check = |error: Error, data| assert_eq!(error.object(Era::Modern).data, Some(data));
        check(
            Error::UnsupportedVersion { requested: "1900-01-01".into() },
            json!({ "supported": Revision::SPOKEN, "requested": "1900-01-01" }),
        );
        check(Error::ResourceNotFound { uri: "a:b".into() }, json!({ "uri": "a:b" }));
        let required = ClientCapabilities { sampling: Some(Default::default()), ..Default::default() };
        check(
            Error::MissingClientCapability { required: Box::new(required) },
            json!({ "requiredCapabilities": { "sampling": {} } }),
        );
    }
}
