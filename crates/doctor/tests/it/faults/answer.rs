//! What is wrong with the answers.

use serde_json::{Value, json};

use super::{Case, not_found};
use crate::proxy::{Answered, Asked, Fault};

pub(super) fn cases() -> Vec<Case> {
    fn mcp(answer: impl Fn(&Asked) -> Option<Answered> + Send + Sync + 'static) -> Fault {
        Fault::asking(move |asked| if asked.is_mcp() { answer(asked) } else { None })
    }
    fn modern(asked: &Asked) -> bool {
        asked.headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28")
    }
    vec![
        Case(
            "everything fails",
            mcp(|_| Some(Answered::new(500, "text/plain", "Internal Server Error"))),
            &["error reach.failing"],
        ),
        Case(
            "the server behind is down",
            mcp(|_| Some(Answered::new(502, "text/html", "<html>Bad Gateway</html>"))),
            &["error reach.failing"],
        ),
        Case(
            "a web page",
            mcp(|_| Some(Answered::new(200, "text/html", "<!doctype html><title>Welcome</title>"))),
            &["error reach.answers"],
        ),
        Case("nothing at this path", not_found(Asked::is_mcp), &["error reach.answers"]),
        Case(
            "the modern era makes it fail",
            mcp(|asked| modern(asked).then(|| Answered::new(500, "text/plain", "Internal Server Error"))),
            &["warning reach.failing", "warning revision.fallback", "info revision.modern"],
        ),
        Case(
            "an unknown proposal is refused",
            mcp(|asked| {
                let proposed = asked.json()["params"]["protocolVersion"].clone();
                let error = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "error": { "code": -32602, "message": "unsupported" } });
                (proposed == "1900-01-01").then(|| Answered::new(400, "application/json", error.to_string()))
            }),
            &["error revision.proposal"],
        ),
        Case(
            "an unknown revision is served",
            Fault::asking(|asked| {
                if asked.rpc() == "server/discover" {
                    asked.headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
                    let body =
                        String::from_utf8(asked.body.to_vec()).unwrap().replace("1900-01-01", "2026-07-28");
                    asked.body = body.into();
                }
                None
            }),
            &["error revision.unknown", "warning header.required"],
        ),
        Case(
            "headers are not compared",
            Fault::asking(|asked| {
                let method = asked.rpc();
                if asked.headers.contains_key("mcp-method") && !method.is_empty() {
                    asked.headers.insert("mcp-method", method.parse().unwrap());
                }
                None
            }),
            &["error header.compared"],
        ),
        Case(
            "an unknown method succeeds",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "barewire-doctor-does-not-exist" {
                    let result = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "result": {} });
                    *answered = Answered::new(200, "application/json", result.to_string());
                }
            }),
            &["error refusal.method"],
        ),
        Case(
            "ids become numbers",
            Fault::answering(|asked, answered| {
                if asked.json()["id"] == "barewire-doctor" {
                    answered.edit(|message| message["id"] = json!(7));
                }
            }),
            &["error refusal.id"],
        ),
        Case(
            "a stack trace",
            Fault::answering(|asked, answered| {
                if asked.body.starts_with(br#"{"jsonrpc": "2.0", "id": 1, "method": "#) {
                    *answered =
                        Answered::new(500, "text/plain", "Traceback (most recent call last):\n  File");
                }
            }),
            &["warning refusal.trace", "warning refusal.failure", "warning refusal.json"],
        ),
        Case(
            "an unknown session is answered 400",
            Fault::answering(|asked, answered| {
                if answered.status == 404 && asked.headers.contains_key("mcp-session-id") {
                    answered.status = http::StatusCode::BAD_REQUEST;
                }
            }),
            &["warning session.unknown", "error session.ended"],
        ),
        Case(
            "a list that never ends",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "tools/list" && answered.status == 200 {
                    let tool =
                        json!({ "name": "one", "description": "One.", "inputSchema": { "type": "object" } });
                    let page = json!({ "resultType": "complete", "tools": [tool], "nextCursor": "again", "ttlMs": 0, "cacheScope": "private" });
                    let message = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "result": page });
                    *answered = Answered::new(200, "application/json", message.to_string());
                }
            }),
            &["error list.ends", "error list.unique"],
        ),
        Case(
            "a second page of tools",
            Fault::answering(|asked, answered| {
                if asked.rpc() != "tools/list" {
                    return;
                }
                if asked.json()["params"]["cursor"] != "second" {
                    if answered.status == 200 {
                        answered.edit(|message| message["result"]["nextCursor"] = json!("second"));
                    }
                    return;
                }
                let tool =
                    json!({ "name": "one", "description": "One.", "inputSchema": { "type": "object" } });
                let page =
                    json!({ "resultType": "complete", "tools": [tool], "ttlMs": 0, "cacheScope": "private" });
                let message = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "result": page });
                *answered = Answered::new(200, "application/json", message.to_string());
            }),
            &["warning list.pages"],
        ),
        Case(
            "a null cursor",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "tools/list" && answered.status == 200 {
                    answered.edit(|message| message["result"]["nextCursor"] = Value::Null);
                }
            }),
            &["warning list.null_cursor"],
        ),
        Case(
            "no hints for caches",
            Fault::answering(|asked, answered| {
                if asked.rpc() == "tools/list" && answered.status == 200 {
                    answered.edit(|message| {
                        message["result"].as_object_mut().unwrap().remove("ttlMs");
                        message["result"].as_object_mut().unwrap().remove("resultType");
                    });
                }
            }),
            &["warning list.cache", "warning list.result_type"],
        ),
    ]
}
