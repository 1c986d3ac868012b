//! A small server of the handshake era: it has no authorization and no fault, until a script answers in its place.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the server is asked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn rpc(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// From a page, or to a name, that is not of this machine.
    pub(crate) fn is_foreign(&self) -> bool {
        let local = |name: &str| {
            self.header(name).is_none_or(|it| it.contains("localhost") || it.contains("127.0.0.1"))
        };
        !local("origin") || !local("host")
    }

    pub(crate) fn result(&self, result: &Value) -> Response {
        let message = json!({ "jsonrpc": "2.0", "id": self.json()["id"], "result": result });
        reply(200, "application/json", message.to_string())
    }

    pub(crate) fn error(&self, status: u16, code: i64, message: &str) -> Response {
        let id = self.json()["id"].clone();
        let message = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } });
        reply(status, "application/json", message.to_string())
    }
}

pub(crate) fn reply(status: u16, media_type: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if !media_type.is_empty() {
        response.headers_mut().insert("content-type", media_type.parse().unwrap());
    }
    response
}

pub(crate) fn with(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

type Script = Arc<dyn Fn(&Seen) -> Option<Response> + Send + Sync>;

#[derive(Clone)]
struct App {
    script: Script,
    sessions: Arc<Mutex<BTreeSet<String>>>,
    next: Arc<AtomicU64>,
}

/// The server; it stops when it is dropped.
pub(crate) struct Scripted {
    pub(crate) url: String,
    sessions: Arc<Mutex<BTreeSet<String>>>,
    stop: CancellationToken,
}

impl Scripted {
    pub(crate) async fn new(script: impl Fn(&Seen) -> Option<Response> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let sessions = Arc::new(Mutex::new(BTreeSet::new()));
        let app =
            App { script: Arc::new(script), sessions: sessions.clone(), next: Arc::new(AtomicU64::new(1)) };
        let router = Router::new().fallback(answer).with_state(app);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, router).into_future() => served.unwrap(),
            }
        });
        Self { url, sessions, stop }
    }

    /// Sessions that nobody ended.
    pub(crate) fn open_sessions(&self) -> usize {
        self.sessions.lock().unwrap().len()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let seen = Seen { method: parts.method, path: parts.uri.path().to_owned(), headers: parts.headers, body };
    match (app.script)(&seen) {
        Some(response) => response,
        None => app.answer(&seen),
    }
}

const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

impl App {
    fn answer(&self, seen: &Seen) -> Response {
        if seen.path.trim_end_matches('/') != "/mcp" {
            return reply(404, "text/plain", "not found");
        }
        if seen.is_foreign() {
            return reply(403, "text/plain", "forbidden");
        }
        match seen.method {
            Method::POST => self.post(seen),
            Method::DELETE => self.delete(seen),
            _ => reply(405, "", ""),
        }
    }

    fn post(&self, seen: &Seen) -> Response {
        if seen.header("content-type") != Some("application/json") {
            return reply(415, "", "");
        }
        let message = seen.json();
        if message.is_null() {
            return seen.error(400, -32700, "not JSON");
        }
        if seen.rpc() == "initialize" {
            return self.initialize(seen);
        }
        let Some(id) = seen.header("mcp-session-id") else {
            return seen.error(400, -32600, "the session's id is missing");
        };
        if !self.sessions.lock().unwrap().contains(id) {
            return seen.error(404, -32600, "no such session");
        }
        if seen.header("mcp-protocol-version").is_some_and(|version| !LEGACY.contains(&version)) {
            return seen.error(400, -32600, "unknown version");
        }
        if message.get("id").is_none() {
            return reply(202, "", "");
        }
        match seen.rpc().as_str() {
            "ping" => seen.result(&json!({})),
            "tools/list" => seen.result(&json!({ "tools": [
                { "name": "add", "description": "Adds.", "inputSchema": { "type": "object" } },
            ] })),
            "tools/call" => seen.error(200, -32602, "no such tool"),
            _ => seen.error(200, -32601, "no such method"),
        }
    }

    fn initialize(&self, seen: &Seen) -> Response {
        let proposed = seen.json()["params"]["protocolVersion"].clone();
        let agreed = LEGACY.into_iter().find(|it| proposed == *it).unwrap_or("2025-11-25");
        let id = format!("session-{:032x}", 0x5e55_1000_u64 + self.next.fetch_add(1, Ordering::Relaxed));
        self.sessions.lock().unwrap().insert(id.clone());
        let result = seen.result(&json!({
            "protocolVersion": agreed,
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "scripted", "version": "1" },
        }));
        with(result, "mcp-session-id", &id)
    }

    fn delete(&self, seen: &Seen) -> Response {
        let id = seen.header("mcp-session-id").unwrap_or_default();
        let gone = self.sessions.lock().unwrap().remove(id);
        reply(if gone { 200 } else { 404 }, "", "")
    }
}
