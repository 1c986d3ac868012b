//! What a handler knows and can do while it works.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::elicitation::{ElicitRequest, ElicitResult};
use barewire_mcp::types::input::{InputRequest, RootsRequest};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::logging::{LoggingLevel, LoggingMessage};
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::roots::ListRootsResult;
use barewire_mcp::types::sampling::{CreateMessageRequest, CreateMessageResult};
use barewire_mcp::wire::{legacy, v2026_07_28};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ask::{AskError, ask};
use crate::auth::Principal;
use crate::call::CallState;
use crate::error::ToolError;
use crate::form;
use crate::hub::Publisher;
use crate::outbox::Said;
use crate::tasks::{self, TaskOptions};

/// One call, as its handler sees it. Cheap to clone; a clone that outlives the call can do no harm.
///
/// **A handler that asks runs more than once.** Towards 2026-07-28, [`Context::elicit`], [`Context::sample`] and
/// [`Context::roots`] end the first run with an error that `?` carries out; the client is asked, comes back, and the
/// handler starts again, this time with the answer. So: pass these errors on, ask under the same keys every time,
/// and wrap effects that come before a question in [`Context::memo`].
#[derive(Clone)]
pub struct Context(pub(crate) Arc<CallState>);

impl Context {
    /// Who is calling; `None` where the server is not protected or the caller is anonymous.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.0.principal.as_deref()
    }

    /// The user who is calling.
    ///
    /// # Errors
    /// A login challenge when nobody is logged in.
    pub fn subject(&self) -> Result<&str, ToolError> {
        self.principal().map(|principal| principal.subject.as_str()).ok_or_else(ToolError::login_required)
    }

    /// The revision of the protocol that the client speaks. Handlers rarely have a reason to look.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.revision
    }

    /// What the client says it can be asked for.
    #[must_use]
    pub fn client_capabilities(&self) -> &ClientCapabilities {
        &self.0.capabilities
    }

    /// The JSON-RPC id of the request: for logs and spans, since two clients may well use the same.
    #[must_use]
    pub fn request_id(&self) -> &Id {
        &self.0.id
    }

    /// What the application's own middleware attached to the HTTP request.
    #[must_use]
    pub fn extensions(&self) -> &http::Extensions {
        &self.0.extensions
    }

    /// Has the client ask its user
    /// ([Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)). Whether the user
    /// agreed is in the result; accepted content fits the requested schema.
    ///
    /// # Errors
    /// [`AskError`]; pass it on with `?`.
    pub async fn elicit(
        &self,
        key: &str,
        request: impl Into<ElicitRequest>,
    ) -> Result<ElicitResult, AskError> {
        let request = request.into();
        let question = request.clone();
        ask(&self.0, key, InputRequest::Elicit(request), move |raw| {
            raw.decode::<ElicitResult>().ok().filter(|result| form::fits(&question, result))
        })
        .await
    }

    /// Has the client call a model
    /// ([Sampling](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling)).
    ///
    /// # Errors
    /// [`AskError`]; pass it on with `?`.
    pub async fn sample(
        &self,
        key: &str,
        request: CreateMessageRequest,
    ) -> Result<CreateMessageResult, AskError> {
        ask(&self.0, key, InputRequest::Sample(Box::new(request)), |raw| raw.decode().ok()).await
    }

    /// Has the client list its roots
    /// ([Roots](https://modelcontextprotocol.io/specification/2026-07-28/client/roots)).
    ///
    /// # Errors
    /// [`AskError`]; pass it on with `?`.
    pub async fn roots(&self, key: &str) -> Result<ListRootsResult, AskError> {
        ask(&self.0, key, InputRequest::Roots(RootsRequest::default()), |raw| raw.decode().ok()).await
    }

    /// Runs a step whose effect must not happen twice, and remembers its result for the next run of the handler.
    /// The result travels sealed with the client, so it is bound to this caller, this request and a time, and every
    /// replica has it. A client that repeats its *first* request starts over; what must happen once at most needs a
    /// key in the application's own store.
    ///
    /// # Errors
    /// The step's own error.
    pub async fn memo<T, F>(&self, key: &str, step: F) -> Result<T, ToolError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, ToolError>>,
    {
        if let Some(known) = self.0.asks.memo(key) {
            return known.decode().map_err(ToolError::internal);
        }
        let result = step.await?;
        self.0.asks.remember(key, RawJson::of(&result).map_err(ToolError::internal)?);
        Ok(result)
    }

    /// Goes on as a task, if the client understands that
    /// ([the extension](https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md)): the
    /// client is answered now with the task, and asks for it until the handler has ended. `false` where it does not, in
    /// every revision before 2026-07-28, and where the server has no [`McpServerBuilder::tasks`](crate::McpServerBuilder::tasks);
    /// the handler then goes on as before, and a tool that cannot
    /// [requires](crate::Tool::requires) [`required_capabilities`](crate::types::tasks::required_capabilities).
    ///
    /// Questions before it end the run of the handler, as always; questions after it do not: the handler waits for their
    /// answers. So ask first what decides whether there is anything to do. A task works at most
    /// [`Limits::task_timeout`](crate::Limits::task_timeout). When it is cancelled the handler's future is dropped, and when
    /// the process ends the task has failed.
    ///
    /// # Errors
    /// The server or this user has too many tasks, or the task cannot be stored; pass it on with `?`.
    pub async fn start_task(&self, options: TaskOptions) -> Result<bool, ToolError> {
        tasks::start(&self.0, options).await
    }

    /// Reports progress, if the client asked for it
    /// ([Progress](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress)). What does not
    /// go forward is not sent. Waits while the client reads slowly. A task tells its client the message only, and not more
    /// often than that is expected to ask.
    pub async fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(worker) = self.0.task.get() {
            if let Some(message) = message.filter(|_| self.0.last_progress.advance(done)) {
                worker.report(&self.0.server, message).await;
            }
            return;
        }
        let Some(progress_token) = self.0.progress_token.clone() else { return };
        if !self.0.outbox.is_open() || !self.0.last_progress.advance(done) {
            return;
        }
        let progress =
            Progress { progress_token, progress: done, total, message: message.map(str::to_owned) };
        self.notify(ServerNotification::Progress(progress)).await;
    }

    /// Sends a log message, if the client wants messages of this level and the server declared that it logs
    /// ([Logging](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging)). The client reads
    /// it: no secrets. A task has no way to send any.
    pub async fn log(&self, level: LoggingLevel, logger: Option<&str>, data: impl Serialize + Send) {
        let lost = !self.0.outbox.is_open() || self.0.task.get().is_some();
        if lost || self.0.log_level.is_none_or(|least| level < least) {
            return;
        }
        let Ok(data) = RawJson::of(&data) else { return };
        let message = LoggingMessage { level, logger: logger.map(str::to_owned), data };
        self.notify(ServerNotification::Log(message)).await;
    }

    /// Closes the connection on which the client waits, and has it come back after `retry` for what is said from then on:
    /// for work of minutes, which proxies would not wait for. Only in 2025-11-25 and in a session does the client know how
    /// ([Sending messages](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server));
    /// elsewhere nothing happens.
    pub async fn close_stream(&self, retry: Duration) {
        if self.0.session.is_some() && self.0.revision.lets_streams_close() {
            self.0.outbox.send(Said::Close(retry)).await;
        }
    }

    /// Tells clients that something changed: for a handler that changes it.
    #[must_use]
    pub fn publish(&self) -> Publisher {
        Publisher(self.0.server.hub.clone())
    }

    /// Whether nobody wants the answer any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_set()
    }

    /// Waits until nobody wants the answer any more: the client cancelled, or (from 2026-07-28 on) closed the
    /// response. The handler's own future is dropped then, so this is for work that it started elsewhere.
    pub async fn cancelled(&self) {
        self.0.cancel.wait().await;
    }

    async fn notify(&self, notification: ServerNotification) {
        let message = match self.0.revision.era() {
            Era::Modern => Some(v2026_07_28::encode_notification(&notification, None)),
            Era::Legacy => legacy::encode_notification(self.0.revision, notification),
        };
        if let Some(message) = message {
            self.0.outbox.send(Said::Notification(message)).await;
        }
    }
}
