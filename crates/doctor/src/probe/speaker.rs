//! Well-formed messages of the protocol, in either era.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use barewire_exchange::Step;
use barewire_mcp::http::headers::{METHOD, NAME, PROTOCOL_VERSION, SESSION_ID};
use barewire_mcp::http::value;
use barewire_mcp::wire::v2026_07_28::key;
use barewire_oauth::secret::AccessToken;
use http::Method;
use http::header::{ACCEPT, HeaderValue};
use serde_json::{Map, Value, json};
use url::Url;

use super::ask::{Ask, Until};

/// What a request says about the revision it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Everything is in the request.
    Modern { revision: String },
    /// A handshake came before; until it, neither is there.
    Legacy { revision: Option<String>, session: Option<HeaderValue> },
}

/// Speaks to one endpoint, as somebody.
#[derive(Clone)]
pub(crate) struct Speaker {
    pub(crate) url: Url,
    pub(crate) token: Option<AccessToken>,
    pub(crate) voice: Voice,
    next: Arc<AtomicI64>,
}

impl Speaker {
    /// Speaks 2026-07-28, as nobody.
    pub(crate) fn modern(url: &Url) -> Self {
        let voice = Voice::Modern { revision: "2026-07-28".to_owned() };
        Self { url: url.clone(), token: None, voice, next: Arc::new(AtomicI64::new(1)) }
    }

    pub(crate) fn with_token(&self, token: Option<&AccessToken>) -> Self {
        Self { token: token.cloned(), ..self.clone() }
    }

    pub(crate) fn speaking(&self, voice: Voice) -> Self {
        Self { voice, ..self.clone() }
    }

    /// Before a handshake.
    pub(crate) fn legacy(&self) -> Self {
        self.speaking(Voice::Legacy { revision: None, session: None })
    }

    pub(crate) fn is_modern(&self) -> bool {
        matches!(self.voice, Voice::Modern { .. })
    }

    pub(crate) fn session(&self) -> Option<&HeaderValue> {
        match &self.voice {
            Voice::Legacy { session, .. } => session.as_ref(),
            Voice::Modern { .. } => None,
        }
    }

    /// A request.
    pub(crate) fn request(&self, what: impl Into<String>, method: &str, params: Value) -> Ask {
        let id = json!(self.next.fetch_add(1, Ordering::Relaxed));
        self.request_with_id(what, method, params, &id)
    }

    pub(crate) fn request_with_id(
        &self,
        what: impl Into<String>,
        method: &str,
        params: Value,
        id: &Value,
    ) -> Ask {
        let name =
            params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str).map(str::to_owned);
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        let params = self.params(params);
        if !params.is_empty() {
            message["params"] = Value::Object(params);
        }
        let mut ask = self.post(what).body("application/json", message.to_string()).step(step(method));
        ask.rpc_id = Some(id.clone());
        if self.is_modern() {
            ask = ask.header(METHOD, method);
            if let Some(name) =
                name.filter(|_| matches!(method, "tools/call" | "resources/read" | "prompts/get"))
            {
                ask.headers.insert(NAME, value::encode(&name));
            }
        }
        ask
    }

    /// `initialize`, proposing a revision.
    pub(crate) fn initialize(&self, what: impl Into<String>, revision: &str) -> Ask {
        let params = json!({
            "protocolVersion": revision, "capabilities": {}, "clientInfo": client(),
        });
        self.legacy().request(what, "initialize", params)
    }

    pub(crate) fn notification(&self, what: impl Into<String>, method: &str) -> Ask {
        let message = json!({ "jsonrpc": "2.0", "method": method });
        let ask = self.post(what).body("application/json", message.to_string()).step(step(method));
        if self.is_modern() { ask.header(METHOD, method) } else { ask }
    }

    /// A POST whose body is still to come.
    pub(crate) fn post(&self, what: impl Into<String>) -> Ask {
        let ask =
            Ask::new(what, Method::POST, &self.url).header(ACCEPT, "application/json, text/event-stream");
        self.dressed(ask)
    }

    /// The GET that opens a stream in the handshake era.
    pub(crate) fn stream(&self, what: impl Into<String>) -> Ask {
        self.dressed(Ask::stream(what, &self.url).step(Step::OpenStream))
    }

    /// The DELETE that ends a session.
    pub(crate) fn end(&self, what: impl Into<String>) -> Ask {
        self.dressed(Ask::new(what, Method::DELETE, &self.url).step(Step::EndSession))
    }

    /// `subscriptions/listen` for one kind of change.
    pub(crate) fn listen(&self, what: impl Into<String>, notifications: &Value) -> Ask {
        self.request(what, "subscriptions/listen", json!({ "notifications": notifications }))
            .until(Until::FirstEvent)
    }

    /// Version, session and token, where there are any.
    fn dressed(&self, mut ask: Ask) -> Ask {
        match &self.voice {
            Voice::Modern { revision } => ask = ask.header(PROTOCOL_VERSION, revision),
            Voice::Legacy { revision, session } => {
                if let Some(revision) = revision {
                    ask = ask.header(PROTOCOL_VERSION, revision);
                }
                if let Some(session) = session {
                    ask.headers.insert(SESSION_ID, session.clone());
                }
            }
        }
        match &self.token {
            Some(token) => ask.bearer(token),
            None => ask,
        }
    }

    fn params(&self, params: Value) -> Map<String, Value> {
        let mut params = match params {
            Value::Object(params) => params,
            _ => Map::new(),
        };
        if let Voice::Modern { revision } = &self.voice {
            let meta = json!({
                key::PROTOCOL_VERSION: revision,
                key::CLIENT_INFO: client(),
                key::CLIENT_CAPABILITIES: {},
            });
            params.insert("_meta".to_owned(), meta);
        }
        params
    }
}

/// Who asks.
fn client() -> Value {
    json!({ "name": "barewire-doctor", "version": env!("CARGO_PKG_VERSION") })
}

fn step(method: &str) -> Step {
    match method {
        "server/discover" => Step::Discover,
        "initialize" => Step::Initialize,
        "notifications/initialized" => Step::Initialized,
        "tools/list" => Step::ListTools,
        "resources/list" => Step::ListResources,
        "prompts/list" => Step::ListPrompts,
        "subscriptions/listen" => Step::Listen,
        "ping" => Step::Ping,
        _ => Step::Message,
    }
}
