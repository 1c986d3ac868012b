//! A recorder and a handler that remember.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barewire_exchange::{Exchange, Status, Step};
use barewire_mcp::types::capabilities::{ClientCapabilities, ElicitationCapability, RootsCapability};
use barewire_mcp::types::elicitation::{ElicitAction, ElicitRequest, ElicitResult, PrimitiveSchema};
use barewire_mcp::types::json::Object;
use barewire_mcp::types::progress::Progress;
use barewire_mcp::types::roots::{ListRootsResult, Root};
use barewire_mcp::types::subscriptions::Change;
use barewire_mcp::types::tasks::{Task, TaskStatus};
use barewire_mcp_client::{Asked, ClientOptions, Handler, InputRefused, Recorder};

/// Options for a test: a watcher for everything, and short waits.
pub(crate) fn options(watcher: &Arc<Watcher>) -> ClientOptions {
    let mut options = ClientOptions::new("test-client", "1.0.0");
    options.recorder = Arc::<Watcher>::clone(watcher);
    options.handler = Arc::<Watcher>::clone(watcher);
    options.login.redirect_uri = "http://localhost:5173/callback".to_owned();
    options.config.default_retry = std::time::Duration::from_millis(10);
    options.config.min_retry = std::time::Duration::from_millis(1);
    options
}

/// Remembers everything.
#[derive(Default)]
pub(crate) struct Watcher {
    exchanges: Mutex<Vec<Exchange>>,
    told: Mutex<Vec<String>>,
}

impl Watcher {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The exchanges as they are now, in the order in which they began.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.exchanges().iter().map(|exchange| exchange.step).collect()
    }

    /// What the handler heard.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn keep(&self, exchange: &Exchange) {
        let mut exchanges = self.exchanges.lock().unwrap();
        match exchanges.iter_mut().find(|kept| kept.id == exchange.id) {
            Some(kept) => {
                assert!(
                    kept.status == Status::Running || kept.status == exchange.status,
                    "an exchange that is over stays over"
                );
                *kept = exchange.clone();
            }
            None => exchanges.push(exchange.clone()),
        }
    }

    fn tell(&self, line: String) {
        self.told.lock().unwrap().push(line);
    }
}

impl Recorder for Watcher {
    fn started(&self, exchange: &Exchange) {
        self.keep(exchange);
    }

    fn updated(&self, exchange: &Exchange) {
        self.keep(exchange);
    }

    fn event(&self, exchange: &Exchange, _: &barewire_exchange::StreamEvent) {
        self.keep(exchange);
    }

    fn finished(&self, exchange: &Exchange) {
        self.keep(exchange);
    }
}

#[async_trait]
impl Handler for Watcher {
    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities {
            elicitation: Some(ElicitationCapability { form: Some(Object::new()), url: None }),
            roots: Some(RootsCapability::default()),
            ..ClientCapabilities::default()
        }
    }

    /// Accepts, ticks what has to be ticked, and leaves everything else as the form showed it. A message "decline" is
    /// declined.
    async fn elicit(&self, asked: Asked, request: ElicitRequest) -> ElicitResult {
        let ElicitRequest::Form(form) = request else { panic!("not declared") };
        self.tell(format!("elicit {} {:?} {}", asked.key, asked.tag, form.message));
        let action = if form.message == "decline" { ElicitAction::Decline } else { ElicitAction::Accept };
        let ticks = |name: &&String| {
            let field = form.requested_schema.properties.get(*name);
            matches!(field, Some(PrimitiveSchema::Boolean(field)) if field.default.is_none())
        };
        let ticked: Object = form
            .requested_schema
            .required
            .iter()
            .filter(ticks)
            .map(|name| (name.clone(), true.into()))
            .collect();
        let content = (action == ElicitAction::Accept && !ticked.is_empty()).then_some(ticked);
        ElicitResult { action, content, meta: Object::new() }
    }

    async fn roots(&self, asked: Asked) -> Result<ListRootsResult, InputRefused> {
        self.tell(format!("roots {}", asked.key));
        let root = Root { uri: "file:///work".to_owned(), name: None, meta: Object::new() };
        Ok(ListRootsResult { roots: vec![root], meta: Object::new() })
    }

    fn progress(&self, tag: Option<&str>, progress: &Progress) {
        self.tell(format!("progress {tag:?} {}", progress.progress));
    }

    fn task(&self, tag: Option<&str>, task: &Task<TaskStatus>) {
        self.tell(format!("task {tag:?} {} {:?}", task.state.as_str(), task.status_message));
    }

    fn changed(&self, change: &Change) {
        self.tell(format!("changed {change:?}"));
    }
}
