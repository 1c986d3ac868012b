//! Who answers when a server asks, and hears what it tells.

use async_trait::async_trait;
use barewire_mcp::types::capabilities::{ClientCapabilities, ElicitationCapability};
use barewire_mcp::types::elicitation::{ElicitAction, ElicitRequest, ElicitResult};
use barewire_mcp::types::json::Object;
use barewire_mcp::types::logging::LoggingMessage;
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::roots::ListRootsResult;
use barewire_mcp::types::sampling::{CreateMessageRequest, CreateMessageResult};
use barewire_mcp::types::subscriptions::Change;
use barewire_mcp::types::tasks::{Task, TaskStatus};

/// Which question of which work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Names the question among those that are open: the server's key (2026-07-28) or the id of its request (older).
    pub key: String,
    /// What the caller named the work ([`CallOptions::tag`](crate::CallOptions)); `None` when the server asks
    /// outside of any call.
    pub tag: Option<String>,
}

/// The question is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputRefused {
    /// The user said no, or nobody is there.
    #[error("the user declined")]
    Declined,
    /// This client does not do that.
    #[error("this client does not support the request")]
    Unsupported,
}

/// The application's side of a connection. Everything has a default: refuse what is asked, ignore what is told.
///
/// One handler serves both eras. What it declares in [`Handler::capabilities`] is what servers may ask.
#[async_trait]
pub trait Handler: Send + Sync {
    /// What is declared to the server.
    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::default()
    }

    /// The server asks the user
    /// ([Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)). Fields that an
    /// accepted form leaves out are filled in from the schema's defaults afterwards.
    async fn elicit(&self, asked: Asked, request: ElicitRequest) -> ElicitResult {
        let _ = (asked, request);
        ElicitResult { action: ElicitAction::Decline, content: None, meta: Object::new() }
    }

    /// The server asks for a completion of a model
    /// ([Sampling](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling)).
    async fn sample(
        &self,
        asked: Asked,
        request: CreateMessageRequest,
    ) -> Result<CreateMessageResult, InputRefused> {
        let _ = (asked, request);
        Err(InputRefused::Unsupported)
    }

    /// The server asks for the roots
    /// ([Roots](https://modelcontextprotocol.io/specification/2026-07-28/client/roots)).
    async fn roots(&self, asked: Asked) -> Result<ListRootsResult, InputRefused> {
        let _ = asked;
        Err(InputRefused::Unsupported)
    }

    /// How far a call is. `tag` is that of the call.
    fn progress(&self, tag: Option<&str>, progress: &Progress) {
        let _ = (tag, progress);
    }

    /// A call goes on as a task of the server's, or one that does has changed. `tag` is that of the call.
    fn task(&self, tag: Option<&str>, task: &Task<TaskStatus>) {
        let _ = (tag, task);
    }

    /// A log message. `tag` is that of the call it came with.
    fn log(&self, tag: Option<&str>, message: &LoggingMessage) {
        let _ = (tag, message);
    }

    /// Something that was listed or read has changed.
    fn changed(&self, change: &Change) {
        let _ = change;
    }
}

/// Declares nothing, answers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Handler for Silent {}

/// Accepts every form with its defaults, and declines everything else: for programs that run alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct AcceptDefaults;

#[async_trait]
impl Handler for AcceptDefaults {
    fn capabilities(&self) -> ClientCapabilities {
        let form = ElicitationCapability { form: Some(Object::new()), url: None };
        ClientCapabilities { elicitation: Some(form), ..ClientCapabilities::default() }
    }

    async fn elicit(&self, _: Asked, request: ElicitRequest) -> ElicitResult {
        match request {
            ElicitRequest::Form(form) => ElicitResult {
                action: ElicitAction::Accept,
                content: Some(form.requested_schema.defaults()),
                meta: Object::new(),
            },
            ElicitRequest::Url(_) => {
                ElicitResult { action: ElicitAction::Decline, content: None, meta: Object::new() }
            }
        }
    }
}
