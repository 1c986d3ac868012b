//! The client as an application sees it.

use std::sync::Arc;

use barewire_mcp::revision::Revision;
use barewire_mcp::types::capabilities::ServerCapabilities;
use barewire_mcp::types::completion::{CompleteRequest, CompleteResult};
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::input::InputAnswers;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::operation::{Operation, Outcome};
use barewire_mcp::types::prompts::{GetPromptRequest, GetPromptResult, Prompt};
use barewire_mcp::types::resources::{ReadResourceRequest, ReadResourceResult, Resource, ResourceTemplate};
use barewire_mcp::types::subscriptions::SubscriptionFilter;
use barewire_mcp::types::tasks::TaskResult;
use barewire_mcp::types::tools::{CallToolRequest, CallToolResult, Tool};
use barewire_oauth::client_flow::Grant;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::connect;
use crate::connection::{Connection, Spoken};
use crate::error::{CallError, ConnectError};
use crate::options::ClientOptions;
use crate::plain::PlainResponse;
use crate::subscription::{self, Subscription};
use crate::tasks::{Begun, TaskHandle};

/// A connection to one server. Cheap to clone; clones are the same connection.
#[derive(Clone)]
pub struct Client {
    url: String,
    handle: Arc<Handle>,
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

/// Everything that belongs to the application's hold on a connection: when the last one is gone, what runs in the
/// background ends.
pub(crate) struct Handle {
    pub(crate) connection: Arc<Connection>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.connection.closed.cancel();
    }
}

impl Client {
    /// Connects: finds out the server's era, logs in if it has to and can, and agrees on a revision.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::LoginRequired`] when the server wants a token, there is none, and the options
    /// have no [`Authorizer`](crate::Authorizer).
    pub async fn connect(url: impl Into<String>, options: ClientOptions) -> Result<Self, ConnectError> {
        let url = url.into();
        // In a box: the way through all eras and a login is long, and its state would be kept on the stack of everybody
        // who awaits this.
        let connection = Box::pin(connect::connect(url.clone(), options)).await?;
        Ok(Self { url, handle: Arc::new(Handle { connection }) })
    }

    /// The URL it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the server said about itself.
    #[must_use]
    pub fn server(&self) -> ServerInfo {
        self.connection().info()
    }

    /// The grant in use, if the server wanted one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant(&self) -> Result<Option<Grant>, CallError> {
        Ok(self.connection().authorized.auth.kept().await?)
    }

    /// All tools that can be called; those that cannot are in [`Client::rejected_tools`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_tools(&self) -> Result<Vec<Tool>, CallError> {
        self.connection().list_tools().await
    }

    /// The tools that the last listing left out
    /// ([Custom Headers](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters)).
    #[must_use]
    pub fn rejected_tools(&self) -> Vec<RejectedTool> {
        self.connection().rejected_tools()
    }

    /// All resources.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_resources(&self) -> Result<Vec<Resource>, CallError> {
        self.connection().list_resources().await
    }

    /// All resource templates.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_resource_templates(&self) -> Result<Vec<ResourceTemplate>, CallError> {
        self.connection().list_resource_templates().await
    }

    /// All prompts.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_prompts(&self) -> Result<Vec<Prompt>, CallError> {
        self.connection().list_prompts().await
    }

    /// Calls a tool; questions on the way go to the handler. Where the server goes on with it as a task, this asks for the
    /// task until it ends, and cancels it when nobody waits any more.
    ///
    /// # Errors
    /// [`CallError`]. A tool that fails by itself is a result with `is_error`.
    pub async fn call_tool(
        &self,
        name: &str,
        arguments: RawJson,
        options: CallOptions,
    ) -> Result<CallToolResult, CallError> {
        let request = CallToolRequest {
            name: name.to_owned(),
            arguments: Some(arguments),
            answers: InputAnswers::default(),
        };
        match self.run(Operation::CallTool(request), &options).await? {
            Outcome::CallTool(result) => Ok(result),
            _ => Err(another("tools/call")),
        }
    }

    /// Calls a tool, and comes back when the server goes on with it as a task, with the task: to be asked for later, even
    /// by another process. [`Client::call_tool`] waits for its end instead. Questions before that go to the handler.
    ///
    /// # Errors
    /// [`CallError`], as for [`Client::call_tool`].
    pub async fn begin_tool(
        &self,
        name: &str,
        arguments: RawJson,
        options: CallOptions,
    ) -> Result<Begun, CallError> {
        let request = CallToolRequest {
            name: name.to_owned(),
            arguments: Some(arguments),
            answers: InputAnswers::default(),
        };
        match self.connection().begin(Operation::CallTool(request), &options).await?.outcome {
            Outcome::CallTool(result) => Ok(Begun::Done(result)),
            Outcome::Task(result) => match *result {
                TaskResult::Created(task) => Ok(Begun::Task(self.task(task.task_id))),
                TaskResult::Found(_) | TaskResult::Acknowledged => Err(another("tools/call")),
            },
            _ => Err(another("tools/call")),
        }
    }

    /// A task whose id was kept.
    #[must_use]
    pub fn task(&self, id: impl Into<String>) -> TaskHandle {
        TaskHandle::new(Arc::clone(&self.handle), id.into())
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
        let request = ReadResourceRequest { uri: uri.to_owned(), answers: InputAnswers::default() };
        match self.run(Operation::ReadResource(request), &options).await? {
            Outcome::ReadResource(result) => Ok(result),
            _ => Err(another("resources/read")),
        }
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
        let request = GetPromptRequest { name: name.to_owned(), arguments, answers: InputAnswers::default() };
        match self.run(Operation::GetPrompt(request), &options).await? {
            Outcome::GetPrompt(result) => Ok(result),
            _ => Err(another("prompts/get")),
        }
    }

    /// Asks how an argument could go on.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn complete(&self, request: CompleteRequest) -> Result<CompleteResult, CallError> {
        match self.run(Operation::Complete(request), &CallOptions::default()).await? {
            Outcome::Complete(result) => Ok(result),
            _ => Err(another("completion/complete")),
        }
    }

    /// Listens for changes, in the way of the era. They come from the subscription and go to
    /// [`Handler::changed`](crate::Handler::changed) too.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn listen(&self, filter: SubscriptionFilter) -> Result<Subscription, CallError> {
        subscription::open(&self.handle, filter).await
    }

    /// GETs a plain resource of the same server with the same token, such as `/users/me/`. A relative URL is one of
    /// the server's origin.
    ///
    /// # Errors
    /// [`CallError::OtherOrigin`] when the URL leads elsewhere; the token is not sent there.
    pub async fn authorized_get(&self, url: &str) -> Result<PlainResponse, CallError> {
        self.connection().plain_get(url).await
    }

    /// Revokes the grant where the issuer allows it, and forgets it.
    ///
    /// # Errors
    /// The store failed. That the issuer cannot be reached is not an error: the grant is forgotten here.
    pub async fn log_out(&self) -> Result<(), CallError> {
        self.connection().authorized.auth.revoke().await?;
        Ok(())
    }

    /// Ends the connection: the server is told of what is not needed any more, streams are closed, a session is deleted.
    pub async fn close(&self) {
        let connection = self.connection();
        connection.said_farewell().await;
        if let Spoken::Legacy(legacy) = &connection.spoken {
            connection.end_session(legacy).await;
        }
        connection.closed.cancel();
    }

    pub(crate) async fn run(
        &self,
        operation: Operation,
        options: &CallOptions,
    ) -> Result<Outcome, CallError> {
        self.connection().run(operation, options).await.map(|done| done.outcome)
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.handle.connection
    }
}

/// Results are decoded by the request's method, so this does not happen; it is not worth a panic either.
pub(crate) fn another(method: &str) -> CallError {
    CallError::Malformed { method: method.to_owned(), detail: "the result is another method's".to_owned() }
}
