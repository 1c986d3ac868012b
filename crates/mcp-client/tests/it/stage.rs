//! A server on loopback that answers as a script says, and remembers what it was asked.
#![expect(clippy::needless_pass_by_value, reason = "every caller writes the JSON in place")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) verb: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method, or nothing.
    pub(crate) fn method(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn form(&self) -> std::collections::HashMap<String, String> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// A result for this request.
    pub(crate) fn result(&self, result: Value) -> Response {
        json_reply(200, &json!({"jsonrpc": "2.0", "id": self.json()["id"], "result": result}))
    }

    /// An error for this request.
    pub(crate) fn error(&self, status: u16, error: Value) -> Response {
        json_reply(status, &json!({"jsonrpc": "2.0", "id": self.json()["id"], "error": error}))
    }

    /// The `server/discover` of a modern server with everything.
    pub(crate) fn discovered(&self) -> Response {
        self.result(json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}, "resources": {"subscribe": true}, "prompts": {}, "completions": {}},
            "ttlMs": 0, "cacheScope": "private",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "stage", "version": "1"}},
        }))
    }

    /// The `initialize` of an older server; with a session when there is an id for one.
    pub(crate) fn initialized(&self, revision: &str, session: Option<&str>) -> Response {
        let mut response = self.result(json!({
            "protocolVersion": revision,
            "capabilities": {"tools": {"listChanged": true}, "resources": {"subscribe": true}, "logging": {}},
            "serverInfo": {"name": "stage", "version": "1"},
        }));
        if let Some(session) = session {
            response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
        }
        response
    }
}

type Script = Arc<dyn Fn(Seen) -> Response + Send + Sync>;

/// The server; stops when it is dropped.
pub(crate) struct Stage {
    pub(crate) origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    changed: watch::Sender<usize>,
    stop: CancellationToken,
}

#[derive(Clone)]
struct App {
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
    changed: watch::Sender<usize>,
}

impl Stage {
    pub(crate) async fn new(script: impl Fn(Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (changed, _) = watch::channel(0);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let app = App { script: Arc::new(script), seen: Arc::clone(&seen), changed: changed.clone() };
        let stop = CancellationToken::new();
        let router = Router::new().fallback(answer).with_state(app);
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, router).into_future() => served.unwrap(),
            }
        });
        Self { origin, seen, changed, stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The JSON-RPC methods, or verb and path, in order.
    pub(crate) fn story(&self) -> Vec<String> {
        self.seen()
            .iter()
            .map(|seen| match seen.method() {
                method if method.is_empty() && seen.path == "/mcp" => seen.verb.to_string(),
                method if method.is_empty() => seen.path.clone(),
                method => method,
            })
            .collect()
    }

    /// Waits until something matching was asked.
    pub(crate) async fn until(&self, mut wanted: impl FnMut(&Seen) -> bool) -> Seen {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(seen) = self.seen().into_iter().find(|seen| wanted(seen)) {
                return seen;
            }
            changed.changed().await.unwrap();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let seen = Seen {
        verb: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: axum::body::to_bytes(body, 1 << 20).await.unwrap(),
    };
    app.seen.lock().unwrap().push(seen.clone());
    app.changed.send_modify(|count| *count += 1);
    (app.script)(seen)
}

pub(crate) fn reply(status: u16, media_type: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if !media_type.is_empty() {
        response.headers_mut().insert("content-type", media_type.parse().unwrap());
    }
    response
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Response {
    reply(status, "application/json", body.to_string())
}

pub(crate) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().append(name, value.parse().unwrap());
    response
}

/// A 401 or 403 with a challenge.
pub(crate) fn challenge(status: u16, challenge: &str) -> Response {
    with_header(reply(status, "", ""), "www-authenticate", challenge)
}

/// A stream that says these events and ends.
pub(crate) fn events(text: impl Into<String>) -> Response {
    reply(200, "text/event-stream", text.into())
}

/// One event with a message.
pub(crate) fn event(message: &Value) -> String {
    format!("data: {message}\n\n")
}

/// A stream that stays open: the test writes into it. The second half resolves when the client has gone.
pub(crate) fn open_stream() -> (mpsc::Sender<String>, Response) {
    let (sender, receiver) = mpsc::channel::<String>(16);
    let body = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|text| (Ok::<_, Infallible>(Bytes::from(text)), receiver))
    });
    (sender, reply(200, "text/event-stream", Body::from_stream(body)))
}
