//! The client as an application sees it.

use barewire_mcp::revision::Revision;
use barewire_mcp::types::capabilities::ServerCapabilities;
use barewire_mcp::types::completion::{CompleteRequest, CompleteResult};
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::prompts::{GetPromptResult, Prompt};
use barewire_mcp::types::resources::{ReadResourceResult, Resource, ResourceTemplate};
use barewire_mcp::types::subscriptions::{Change, SubscriptionFilter};
use barewire_mcp::types::tools::{CallToolResult, Tool};
use barewire_oauth::client_flow::Grant;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::error::{CallError, ConnectError};
use crate::options::ClientOptions;

/// A connection to one server. Cheap to clone; clones are the same connection.
#[derive(Clone)]
pub struct Client {
    url: String,
}

/// What the server said about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerInfo {
    /// The revision that is spoken.
    pub revision: Revision,
    /// The revisions that the server says it speaks; empty when it did not say.
    pub supported: Vec<String>,
    /// Name, version and so on; a modern server may leave it out.
    pub implementation: Option<Implementation>,
    /// What it can do.
    pub capabilities: ServerCapabilities,
    /// The capabilities as they were on the wire.
    pub raw_capabilities: RawJson,
    /// What it says about how to use it.
    pub instructions: Option<String>,
}

/// How one request is made.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// Names the work, in recorded exchanges and towards the [`Handler`](crate::Handler).
    pub tag: Option<String>,
    /// Cancels the request, in the way of its era.
    pub cancel: CancellationToken,
    /// From which level on log messages are wanted with this request.
    pub log_level: Option<LoggingLevel>,
}

/// A tool that was left out of the list, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedTool {
    /// Its name.
    pub name: String,
    /// What is wrong with its definition.
    pub reason: String,
}

/// The answer of a plain resource of the server.
#[derive(Debug, Clone)]
pub struct PlainResponse {
    /// The status.
    pub status: StatusCode,
    /// The header lines.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A stream of changes. Dropping it ends the subscription.
pub struct Subscription {
    agreed: SubscriptionFilter,
}

impl Subscription {
    /// What the server agreed to send.
    #[must_use]
    pub fn agreed(&self) -> &SubscriptionFilter {
        &self.agreed
    }

    /// The next change; `None` when the server ended the stream.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn next(&mut self) -> Result<Option<Change>, CallError> {
        Err(CallError::Cancelled)
    }
}

impl Client {
    /// Connects: finds out the server's era, logs in if it has to and can, and agrees on a revision.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::LoginRequired`] when the server wants a token, there is none, and the options
    /// have no [`Authorizer`](crate::Authorizer).
    pub async fn connect(url: impl Into<String>, options: ClientOptions) -> Result<Self, ConnectError> {
        let _ = options;
        Err(ConnectError::Url { url: url.into() })
    }

    /// The URL it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the server said about itself.
    #[must_use]
    pub fn server(&self) -> ServerInfo {
        ServerInfo {
            revision: Revision::LATEST_MODERN,
            supported: Vec::new(),
            implementation: None,
            capabilities: ServerCapabilities::default(),
            raw_capabilities: RawJson::empty_object(),
            instructions: None,
        }
    }

    /// The grant in use, if the server wanted one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant(&self) -> Result<Option<Grant>, CallError> {
        Err(CallError::Cancelled)
    }

    /// All tools that can be called; those that cannot are in [`Client::rejected_tools`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_tools(&self) -> Result<Vec<Tool>, CallError> {
        Err(CallError::Cancelled)
    }

    /// The tools that the last listing left out
    /// ([Custom Headers](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters)).
    #[must_use]
    pub fn rejected_tools(&self) -> Vec<RejectedTool> {
        Vec::new()
    }

    /// All resources.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_resources(&self) -> Result<Vec<Resource>, CallError> {
        Err(CallError::Cancelled)
    }

    /// All resource templates.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_resource_templates(&self) -> Result<Vec<ResourceTemplate>, CallError> {
        Err(CallError::Cancelled)
    }

    /// All prompts.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_prompts(&self) -> Result<Vec<Prompt>, CallError> {
        Err(CallError::Cancelled)
    }

    /// Calls a tool; questions on the way go to the handler.
    ///
    /// # Errors
    /// [`CallError`]. A tool that fails by itself is a result with `is_error`.
    pub async fn call_tool(
        &self,
        name: &str,
        arguments: RawJson,
        options: CallOptions,
    ) -> Result<CallToolResult, CallError> {
        let _ = (name, arguments, options);
        Err(CallError::Cancelled)
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_resource(
        &self,
        uri: &str,
        options: CallOptions,
    ) -> Result<ReadResourceResult, CallError> {
        let _ = (uri, options);
        Err(CallError::Cancelled)
    }

    /// Gets a prompt with its arguments filled in.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_prompt(
        &self,
        name: &str,
        arguments: IndexMap<String, String>,
        options: CallOptions,
    ) -> Result<GetPromptResult, CallError> {
        let _ = (name, arguments, options);
        Err(CallError::Cancelled)
    }

    /// Asks how an argument could go on.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn complete(&self, request: CompleteRequest) -> Result<CompleteResult, CallError> {
        let _ = request;
        Err(CallError::Cancelled)
    }

    /// Listens for changes, in the way of the era. They come from the subscription and go to
    /// [`Handler::changed`](crate::Handler::changed) too.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn listen(&self, filter: SubscriptionFilter) -> Result<Subscription, CallError> {
        let _ = filter;
        Err(CallError::Cancelled)
    }

    /// GETs a plain resource of the same server with the same token, such as `/users/me/`. A relative URL is one of
    /// the server's origin.
    ///
    /// # Errors
    /// [`CallError::OtherOrigin`] when the URL leads elsewhere; the token is not sent there.
    pub async fn authorized_get(&self, url: &str) -> Result<PlainResponse, CallError> {
        Err(CallError::OtherOrigin { url: url.to_owned() })
    }

    /// Revokes the grant where the issuer allows it, and forgets it.
    ///
    /// # Errors
    /// The store failed. That the issuer cannot be reached is not an error: the grant is forgotten here.
    pub async fn log_out(&self) -> Result<(), CallError> {
        Err(CallError::Cancelled)
    }

    /// Ends the connection: streams are closed, a session is deleted.
    pub async fn close(&self) {}
}
