//! Requests as clients send them.

use barewire_mcp::http::headers::{METHOD, NAME, PROTOCOL_VERSION, SESSION_ID};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Request};
use serde_json::{Value, json};

/// Head and body of one request.
pub(crate) struct Wanted {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

impl Wanted {
    /// The same with another header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.parts.headers.insert(name, value.parse().expect("it is a header's value"));
        self
    }
}

/// A request of 2026-07-28.
pub(crate) fn modern(method: &str, name: Option<&str>, mut params: Value) -> Wanted {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
        "progressToken": 7,
    });
    let mut wanted = wanted(method, &params);
    let mut set = |header, value: &str| {
        wanted.parts.headers.insert(header, value.parse().expect("it is a header's value"));
    };
    set(PROTOCOL_VERSION, "2026-07-28");
    set(METHOD, method);
    if let Some(name) = name {
        set(NAME, name);
    }
    wanted
}

/// A request of 2025-11-25 in a session.
pub(crate) fn legacy(method: &str, params: &Value) -> Wanted {
    let mut wanted = wanted(method, params);
    let headers = &mut wanted.parts.headers;
    headers.insert(PROTOCOL_VERSION, HeaderValue::from_static("2025-11-25"));
    // As long as one that a server sealed.
    headers.insert(SESSION_ID, "s".repeat(240).parse().expect("it is a header's value"));
    wanted
}

/// A call of a tool that takes a text.
pub(crate) fn echo(text: &str) -> Wanted {
    modern("tools/call", Some("echo"), json!({ "name": "echo", "arguments": { "text": text } }))
}

fn wanted(method: &str, params: &Value) -> Wanted {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let (parts, ()) = Request::post("/mcp")
        .header(HOST, "127.0.0.1:8000")
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json, text/event-stream")
        .body(())
        .expect("every part of it is valid")
        .into_parts();
    Wanted { parts, body: body.to_string().into() }
}
