//! Requests that are wrong in one place: every member takes its own JSON type and no other.

use barewire_mcp::server::{self, Policy};
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};

use crate::acceptance::head;

const META: &str = "io.modelcontextprotocol/";

fn parts(method: &str, name: Option<&str>, modern: bool) -> Parts {
    let version = if modern { "2026-07-28" } else { "2025-11-25" };
    let mut lines = vec![("content-type", "application/json"), ("mcp-protocol-version", version)];
    if modern {
        lines.push(("mcp-method", method));
        lines.extend(name.map(|name| ("mcp-name", name)));
    } else {
        lines.push(("mcp-session-id", "s1"));
    }
    head("POST", &lines)
}

/// The JSON pointers of everything in it whose type the protocol knows.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    if !at.is_empty() {
        found.push(at.to_owned());
    }
    // What is in these is the tool's, or the asker's, business.
    if at == "/params/arguments" && value.get("free").is_some() || at == "/params/inputResponses" {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                pointers(value, &format!("{at}/{}", name.replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

fn check(method: &str, params: &Value, name: Option<&str>, modern: bool) {
    let mut params = params.clone();
    params["_meta"] = if modern {
        json!({
            format!("{META}protocolVersion"): "2026-07-28",
            format!("{META}clientInfo"): { "name": "x", "version": "1", "title": "X", "icons": [{ "src": "https://a.example" }] },
            format!("{META}clientCapabilities"): { "roots": { "listChanged": true }, "sampling": { "tools": {} }, "elicitation": { "form": {} } },
            format!("{META}logLevel"): "info",
            "progressToken": "t",
        })
    } else {
        json!({ "progressToken": "t" })
    };
    let message = json!({ "jsonrpc": "2.0", "id": "the id", "method": method, "params": params });
    let parts = parts(method, name, modern);
    let accept = |message: &Value| server::accept(&parts, &message.to_string().into(), &Policy::default());
    assert!(accept(&message).is_ok(), "{message} {:?}", accept(&message).err());

    let mut places = Vec::new();
    pointers(&message, "", &mut places);
    for place in &places {
        for wrong in [
            json!(true),
            json!(1.5),
            json!("?"),
            json!([]),
            json!(["a", "b", "c", "d"]),
            json!({}),
            json!({ "x": 1 }),
        ] {
            let mut changed = message.clone();
            let value = changed.pointer_mut(place).unwrap();
            if kind(value) == kind(&wrong) {
                continue;
            }
            *value = wrong;
            let error = accept(&changed).err().unwrap_or_else(|| panic!("{place} {changed}"));
            let response = error.response();
            let answer: Value = serde_json::from_slice(response.body()).unwrap();
            let code = answer["error"]["code"].as_i64().unwrap();
            assert!(matches!(code, -32600 | -32602), "{place} {changed} {answer}");
            assert_eq!(answer["id"] == "the id", place != "/id", "{place} {changed} {answer}");
        }
    }
}

#[test]
fn no_member_takes_another_type() {
    for modern in [true, false] {
        for (method, params, name) in [
            ("tools/list", json!({ "cursor": "c" }), None),
            (
                "tools/call",
                json!({ "name": "t", "arguments": { "free": 1 }, "inputResponses": { "k": {} }, "requestState": "s" }),
                Some("t"),
            ),
            ("resources/list", json!({ "cursor": "c" }), None),
            ("resources/templates/list", json!({ "cursor": "c" }), None),
            (
                "resources/read",
                json!({ "uri": "a:b", "inputResponses": { "k": {} }, "requestState": "s" }),
                Some("a:b"),
            ),
            ("prompts/list", json!({ "cursor": "c" }), None),
            ("prompts/get", json!({ "name": "p", "arguments": { "a": "b" } }), Some("p")),
            (
                "completion/complete",
                json!({
                    "ref": { "type": "ref/prompt", "name": "p", "title": "P" },
                    "argument": { "name": "a", "value": "v" },
                    "context": { "arguments": { "b": "c" } },
                }),
                None,
            ),
        ] {
            check(method, &params, name, modern);
        }
    }
    let filter = json!({
        "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
        "resourceSubscriptions": ["a:b"],
    });
    check("subscriptions/listen", &json!({ "notifications": filter }), None, true);
    let opening = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": { "roots": { "listChanged": true }, "sampling": { "context": {} }, "elicitation": { "url": {} } },
        "clientInfo": { "name": "x", "version": "1" },
    });
    check("initialize", &opening, None, false);
    check("logging/setLevel", &json!({ "level": "info" }), None, false);
    check("resources/subscribe", &json!({ "uri": "a:b" }), None, false);
}

#[test]
fn bytes_that_are_no_text() {
    let check = |body: &[u8]| {
        let error =
            server::accept_post(&head("POST", &[]), &Bytes::copy_from_slice(body)).unwrap_err().response();
        let answer: Value = serde_json::from_slice(error.body()).unwrap();
        assert_eq!(
            (error.status().as_u16(), answer["error"]["code"].as_i64()),
            (400, Some(-32700)),
            "{body:?}"
        );
    };
    let utf16 = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for body in [
        b"\xEF\xBB\xBF{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".as_slice(),
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"ignored\":\"\xFF\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"\xFF\":1}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":\"\xC0\xAF\"}}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":\"\xED\xA0\x80\"}}",
        b"{\"jsonrpc\":\"2.0\",\"id\":01,\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":NaN,\"method\":\"ping\"}",
        b"{'jsonrpc':'2.0'}",
        &utf16,
    ] {
        check(body);
    }
}
