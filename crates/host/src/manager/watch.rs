//! What a connection tells and asks: exchanges, progress, logs, changes, and questions to the person.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use barewire_exchange::{Exchange, StreamEvent};
use barewire_mcp::types::capabilities::{ClientCapabilities, ElicitationCapability, SamplingCapability};
use barewire_mcp::types::content::{ContentBlock, Role};
use barewire_mcp::types::elicitation::{ElicitAction, ElicitRequest, ElicitResult};
use barewire_mcp::types::json::Object;
use barewire_mcp::types::logging::LoggingMessage;
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::sampling::{CreateMessageRequest, CreateMessageResult};
use barewire_mcp::types::subscriptions::Change;
use barewire_mcp_client::{Asked, Handler, InputRefused, Recorder};
use serde_json::Value;

use super::{Call, Server};
use crate::api::{self, Action, Answer, InputKind, ListKind, LogLine};
use crate::host::{App, millis};

/// Longest log message, and longest progress message, that is kept with a call. The wire has all of it.
const LOG_BYTES: usize = 16 << 10;
const PROGRESS_BYTES: usize = 1 << 10;

/// The host's end of one server's connection. It does not keep the server alive.
pub(crate) struct Watch {
    app: App,
    server: Weak<Server>,
}

impl Watch {
    pub(crate) fn new(app: &App, server: &Arc<Server>) -> Self {
        Self { app: app.clone(), server: Arc::downgrade(server) }
    }

    /// The call that is meant: by its tag, or, where a server asks or tells outside of any, the only one that runs.
    fn call(&self, tag: Option<&str>) -> Option<Arc<Call>> {
        let server = self.server.upgrade()?;
        let session = server.session()?;
        if let Some(tag) = tag {
            return session.call(tag).ok();
        }
        let mut running =
            session.calls().into_iter().filter(|it| it.server() == server.id() && !it.is_finished());
        running.next().filter(|_| running.next().is_none())
    }

    fn recorded(&self, exchange: &Exchange, id: &str) {
        if let Some(tag) = exchange.tag.as_deref()
            && let Some(call) = self.call(Some(tag))
        {
            call.exchanged(id);
        }
    }

    /// Asks the person, and takes the question back when nobody waits any more.
    async fn ask(&self, asked: &Asked, input: InputKind) -> Option<Answer> {
        let call = self.call(asked.tag.as_deref())?;
        let answered = call.ask(&asked.key, input)?;
        let question = Question { call: &call, key: &asked.key };
        let answer = tokio::select! {
            biased;
            () = call.cancelled().cancelled() => None,
            answer = answered => answer.ok(),
        };
        drop(question);
        answer
    }
}

/// A question that is open as long as this lives.
struct Question<'a> {
    call: &'a Call,
    key: &'a str,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.call.withdraw(self.key);
    }
}

impl Recorder for Watch {
    fn started(&self, exchange: &Exchange) {
        if let Some(server) = self.server.upgrade() {
            self.recorded(exchange, &server.wire().started(exchange));
        }
    }

    fn updated(&self, exchange: &Exchange) {
        if let Some(server) = self.server.upgrade() {
            server.keep(server.wire().changed(exchange));
        }
    }

    fn event(&self, exchange: &Exchange, event: &StreamEvent) {
        if let Some(server) = self.server.upgrade() {
            server.wire().streamed(exchange, event);
        }
    }

    fn finished(&self, exchange: &Exchange) {
        self.updated(exchange);
    }
}

#[async_trait]
impl Handler for Watch {
    fn capabilities(&self) -> ClientCapabilities {
        let elicitation = ElicitationCapability { form: Some(Object::new()), url: Some(Object::new()) };
        ClientCapabilities {
            elicitation: Some(elicitation),
            sampling: Some(SamplingCapability::default()),
            ..ClientCapabilities::default()
        }
    }

    async fn elicit(&self, asked: Asked, request: ElicitRequest) -> ElicitResult {
        let input = match request {
            ElicitRequest::Form(form) => InputKind::Form {
                message: form.message,
                schema: serde_json::to_value(&form.requested_schema).unwrap_or_default(),
            },
            // Anything else than a web address could make the page run something.
            ElicitRequest::Url(url) if !is_web(&url.url) => return answer_of(ElicitAction::Decline, None),
            ElicitRequest::Url(url) => InputKind::Url { message: url.message, url: url.url },
        };
        match self.ask(&asked, input).await {
            Some(Answer { action: Action::Accept, content, .. }) => {
                let content = match content {
                    Some(Value::Object(content)) => Some(content),
                    _ => None,
                };
                answer_of(ElicitAction::Accept, content)
            }
            Some(Answer { action: Action::Decline, .. }) => answer_of(ElicitAction::Decline, None),
            Some(Answer { action: Action::Cancel, .. }) | None => answer_of(ElicitAction::Cancel, None),
        }
    }

    async fn sample(
        &self,
        asked: Asked,
        request: CreateMessageRequest,
    ) -> Result<CreateMessageResult, InputRefused> {
        let params = serde_json::to_value(&request).unwrap_or_default();
        let answer = self.ask(&asked, InputKind::Sampling { params }).await;
        let text = answer.filter(|it| it.action == Action::Accept).and_then(|it| it.content);
        let text = text
            .as_ref()
            .and_then(|it| it.get("text"))
            .and_then(Value::as_str)
            .ok_or(InputRefused::Declined)?;
        Ok(CreateMessageResult {
            role: Role::Assistant,
            content: ContentBlock::text(text).into(),
            // The person plays the model, and the server may know.
            model: "human".to_owned(),
            stop_reason: Some("endTurn".to_owned()),
            meta: Object::new(),
        })
    }

    fn progress(&self, tag: Option<&str>, progress: &Progress) {
        if let Some(call) = self.call(tag) {
            call.progressed(api::Progress {
                progress: progress.progress,
                total: progress.total,
                message: progress.message.as_deref().map(|it| shortened(it, PROGRESS_BYTES).to_owned()),
            });
        }
    }

    fn log(&self, tag: Option<&str>, message: &LoggingMessage) {
        let Some(call) = self.call(tag) else { return };
        let level =
            serde_json::to_value(message.level).ok().and_then(|it| it.as_str().map(ToOwned::to_owned));
        call.logged(LogLine {
            at: millis(self.app.now()),
            level: level.unwrap_or_default(),
            logger: message.logger.clone(),
            data: match message.data.as_str() {
                text if text.len() > LOG_BYTES => Value::String(format!("{}…", shortened(text, LOG_BYTES))),
                _ => message.data.decode().unwrap_or_default(),
            },
        });
    }

    fn changed(&self, change: &Change) {
        let Some(server) = self.server.upgrade() else { return };
        match change {
            Change::Tools => server.list_changed(ListKind::Tools),
            Change::Prompts => server.list_changed(ListKind::Prompts),
            Change::Resources => server.list_changed(ListKind::Resources),
            Change::Resource { uri } => server.resource_updated(uri),
        }
    }
}

fn answer_of(action: ElicitAction, content: Option<Object>) -> ElicitResult {
    ElicitResult { action, content, meta: Object::new() }
}

/// The beginning of a text, whole characters only.
fn shortened(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|it| matches!(it.scheme(), "http" | "https"))
}
