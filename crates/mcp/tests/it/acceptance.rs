//! What a server takes and what it refuses, and how it says so.

use barewire_mcp::http::origin::OriginPolicy;
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::server::{self, Accepted, Policy, Verb, legacy};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request};
use serde_json::{Value, json};

const V: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

pub(crate) fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
    let mut builder = Request::builder().method(method).uri("/mcp").header("host", "localhost:8000");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap().into_parts().0
}

/// A POST as a modern client sends it, with the given lines instead of or beside the usual ones.
fn post(changed: &[(&str, Option<&str>)]) -> Parts {
    let mut parts = head(
        "POST",
        &[
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "echo"),
        ],
    );
    for (name, value) in changed {
        let name: http::HeaderName = name.parse().unwrap();
        match value {
            Some(value) => drop(parts.headers.insert(name, value.parse().unwrap())),
            None => drop(parts.headers.remove(name)),
        }
    }
    parts
}

fn meta() -> Value {
    json!({ V: "2026-07-28", CAPABILITIES: {} })
}

fn call(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

fn echo() -> Value {
    call("tools/call", json!({ "name": "echo", "arguments": { "text": "x" }, "_meta": meta() }))
}

/// What becomes of a POST, in one line.
fn seen(parts: &Parts, body: &Value) -> String {
    match server::accept(parts, &body.to_string().into(), &Policy::default()) {
        Ok(Accepted::Call(call)) => {
            format!("modern {} {} {}", call.revision, call.id, call.request.method())
        }
        Ok(Accepted::Notification) => "modern notification".to_owned(),
        Ok(Accepted::Batch(head)) => format!("batch {:?} {:?}", head.session, head.revision),
        Ok(Accepted::Legacy(post)) => match post.message {
            legacy::Incoming::Request { id, request, .. } => {
                format!("legacy {:?} {id} {}", post.session, request.method())
            }
            legacy::Incoming::Notification(notification) => format!("legacy {notification:?}"),
            legacy::Incoming::Response { id, outcome } => {
                format!("legacy response {id:?} {}", outcome.is_ok())
            }
        },
        Err(rejection) => {
            let response = rejection.response();
            let body: Value = serde_json::from_slice(response.body()).unwrap();
            format!("{} {} id {}", response.status().as_u16(), body["error"]["code"], body["id"])
        }
    }
}

fn check(parts: &Parts, body: &Value, expected: &str) {
    assert_eq!(seen(parts, body), expected, "{body} {:?}", parts.headers);
}

#[test]
fn a_modern_call() {
    check(&post(&[]), &echo(), "modern 2026-07-28 7 tools/call");
    let parts = post(&[("mcp-method", Some("server/discover")), ("mcp-name", None)]);
    check(
        &parts,
        &call("server/discover", json!({ "_meta": meta() })),
        "modern 2026-07-28 7 server/discover",
    );
    // A session id of the other era is ignored.
    check(&post(&[("mcp-session-id", Some("x"))]), &echo(), "modern 2026-07-28 7 tools/call");
}

#[test]
fn what_meta_lacks_is_judged_first() {
    for (meta, expected) in [
        (json!(null), "400 -32602 id 7"),
        (json!({}), "400 -32602 id 7"),
        (json!({ CAPABILITIES: {} }), "400 -32602 id 7"),
        (json!({ V: "2026-07-28" }), "400 -32602 id 7"),
        (json!({ V: 20, CAPABILITIES: {} }), "400 -32602 id 7"),
        (json!({ V: "2026-07-28", CAPABILITIES: 7 }), "400 -32602 id 7"),
        (json!({ V: "2026-07-28", CAPABILITIES: { "roots": true } }), "400 -32602 id 7"),
        (json!(7), "400 -32602 id 7"),
    ] {
        check(&post(&[]), &call("tools/call", json!({ "name": "echo", "_meta": meta })), expected);
    }
    check(&post(&[]), &json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call" }), "400 -32602 id 7");
    // A method that only the modern era has is modern even without any sign of it.
    let bare = post(&[("mcp-protocol-version", None), ("mcp-method", None), ("mcp-name", None)]);
    check(&bare, &call("server/discover", json!({})), "400 -32602 id 7");
}

#[test]
fn headers_are_judged_before_the_version() {
    let version = |version: &str| {
        call("tools/call", json!({ "name": "echo", "_meta": { V: version, CAPABILITIES: {} } }))
    };
    check(&post(&[]), &version("v999.0.0"), "400 -32020 id 7");
    check(&post(&[("mcp-protocol-version", Some("v999.0.0"))]), &version("v999.0.0"), "400 -32022 id 7");
    check(&post(&[("mcp-protocol-version", None)]), &echo(), "400 -32020 id 7");
    check(&post(&[("mcp-protocol-version", Some("2025-11-25"))]), &echo(), "400 -32020 id 7");
    check(&post(&[("mcp-protocol-version", Some("2025-11-25"))]), &version("2025-11-25"), "400 -32022 id 7");
    check(&post(&[("mcp-method", None)]), &echo(), "400 -32020 id 7");
    check(&post(&[("mcp-method", Some("tools/list"))]), &echo(), "400 -32020 id 7");
    check(&post(&[("mcp-method", Some("TOOLS/CALL"))]), &echo(), "400 -32020 id 7");
    check(&post(&[("mcp-name", None)]), &echo(), "400 -32020 id 7");
    check(&post(&[("mcp-name", Some("other"))]), &echo(), "400 -32020 id 7");
    check(&post(&[("mcp-name", Some("  echo  "))]), &echo(), "modern 2026-07-28 7 tools/call");
    check(&post(&[("mcp-name", Some("=?base64?ZWNobw==?="))]), &echo(), "modern 2026-07-28 7 tools/call");
    check(&post(&[("mcp-name", Some("=?base64?ZWNobw?="))]), &echo(), "400 -32020 id 7");
}

#[test]
fn the_list_of_versions_comes_with_the_refusal() {
    let body = call("tools/call", json!({ "_meta": { V: "v999.0.0", CAPABILITIES: {} } }));
    let parts = post(&[("mcp-protocol-version", Some("v999.0.0"))]);
    let rejection = server::accept_post(&parts, &body.to_string().into()).unwrap_err();
    let answer: Value = serde_json::from_slice(rejection.response().body()).unwrap();
    assert_eq!(answer["error"]["data"], json!({ "supported": Revision::SPOKEN, "requested": "v999.0.0" }));
}

#[test]
fn methods_that_the_modern_era_has_not() {
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "unknown/method",
        "tasks/list",
        "tasks/result",
        "elicitation/create",
        "sampling/createMessage",
        "roots/list",
    ] {
        let parts = post(&[("mcp-method", Some(method)), ("mcp-name", None)]);
        check(&parts, &call(method, json!({ "_meta": meta() })), "404 -32601 id 7");
    }
}

#[test]
fn requests_about_a_task_name_it_in_a_header() {
    for (method, more) in [
        ("tasks/get", json!({})),
        ("tasks/cancel", json!({})),
        ("tasks/update", json!({ "inputResponses": {} })),
    ] {
        let mut params = more;
        params["_meta"] = meta();
        let without = call(method, params.clone());
        params["taskId"] = "t1".into();
        let good = call(method, params);
        let parts = |name| post(&[("mcp-method", Some(method)), ("mcp-name", name)]);
        check(&parts(Some("t1")), &good, &format!("modern 2026-07-28 7 {method}"));
        check(&parts(Some("t2")), &good, "400 -32020 id 7");
        check(&parts(None), &good, "400 -32020 id 7");
        check(&parts(None), &without, "400 -32602 id 7");
    }
    let parts = post(&[("mcp-method", Some("tasks/update")), ("mcp-name", Some("t1"))]);
    let nothing = call("tasks/update", json!({ "taskId": "t1", "_meta": meta() }));
    check(&parts, &nothing, "400 -32602 id 7");
}

#[test]
fn wrong_params_are_not_an_unknown_method() {
    let check = |method, params: Value| {
        let parts = post(&[("mcp-method", Some(method)), ("mcp-name", None)]);
        let mut params = params;
        params["_meta"] = meta();
        check(&parts, &call(method, params), "400 -32602 id 7");
    };
    check("tools/call", json!({ "name": 42 }));
    check("tools/call", json!({}));
    check("tools/call", json!({ "name": "x", "arguments": [] }));
    check("tools/call", json!({ "name": "x", "inputResponses": 7 }));
    check("tools/list", json!({ "cursor": 7 }));
    check("resources/read", json!({}));
    check("prompts/get", json!({ "name": "x", "arguments": { "a": 1 } }));
    check(
        "completion/complete",
        json!({ "ref": { "type": "ref/other" }, "argument": { "name": "a", "value": "" } }),
    );
    check("subscriptions/listen", json!({}));
    check("subscriptions/listen", json!({ "notifications": { "toolsListChanged": "yes" } }));
}

/// The lines of a session, without the modern ones.
fn in_session(changed: &[(&str, Option<&str>)]) -> Parts {
    let mut parts = post(&[
        ("mcp-protocol-version", Some("2025-11-25")),
        ("mcp-method", None),
        ("mcp-name", None),
        ("mcp-session-id", Some("s1")),
    ]);
    for (name, value) in changed {
        let name: http::HeaderName = name.parse().unwrap();
        match value {
            Some(value) => drop(parts.headers.insert(name, value.parse().unwrap())),
            None => drop(parts.headers.remove(name)),
        }
    }
    parts
}

#[test]
fn a_handshake_opens_a_session_whatever_the_headers_say() {
    let params = |version: &str| json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
    for version in ["2025-11-25", "2025-06-18", "2026-07-28", "9999-01-01"] {
        let body = call("initialize", params(version));
        check(&post(&[]), &body, "legacy None 7 initialize");
        check(&in_session(&[]), &body, "legacy None 7 initialize");
        check(&in_session(&[("mcp-protocol-version", Some("x"))]), &body, "legacy None 7 initialize");
    }
    check(&in_session(&[]), &call("initialize", json!({})), "200 -32602 id 7");
}

#[test]
fn the_messages_of_a_session() {
    let list = call("tools/list", json!({}));
    check(&in_session(&[]), &list, r#"legacy Some("s1") 7 tools/list"#);
    check(&in_session(&[("mcp-protocol-version", None)]), &list, r#"legacy Some("s1") 7 tools/list"#);
    check(&in_session(&[]), &call("ping", json!({})), r#"legacy Some("s1") 7 ping"#);
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    check(&in_session(&[]), &note, "legacy Initialized");
    check(
        &in_session(&[]),
        &json!({ "jsonrpc": "2.0", "id": 3, "result": {} }),
        "legacy response Some(Integer(3)) true",
    );

    check(&in_session(&[("mcp-session-id", None)]), &list, "legacy None 7 tools/list");
    check(&in_session(&[("mcp-session-id", None)]), &note, "legacy Initialized");
    check(&in_session(&[("mcp-session-id", Some("a b"))]), &list, "404 -32600 id 7");
    check(&in_session(&[("mcp-protocol-version", Some("x"))]), &list, "400 -32600 id 7");
    check(&in_session(&[("mcp-protocol-version", Some("2026-07-27"))]), &list, "400 -32600 id 7");
    for older in ["2024-11-05", "2025-03-26", "2025-06-18"] {
        check(
            &in_session(&[("mcp-protocol-version", Some(older))]),
            &list,
            r#"legacy Some("s1") 7 tools/list"#,
        );
    }
    let nowhere = in_session(&[("mcp-protocol-version", Some("2030-01-01")), ("mcp-session-id", None)]);
    check(&nowhere, &list, "400 -32022 id 7");
    check(&in_session(&[]), &call("unknown/method", json!({})), "200 -32601 id 7");
    check(&in_session(&[]), &call("tasks/list", json!({})), "200 -32601 id 7");
    check(&in_session(&[]), &call("tools/call", json!({ "name": 42 })), "200 -32602 id 7");
    let bad_note = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {} });
    check(&in_session(&[]), &bad_note, "400 -32602 id null");
}

#[test]
fn modern_clients_do_not_answer_and_have_nothing_to_tell() {
    check(&post(&[]), &json!({ "jsonrpc": "2.0", "id": 3, "result": {} }), "400 -32600 id null");
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    check(&post(&[]), &note, "modern notification");
}

#[test]
fn the_head_of_a_request() {
    let admitted = |parts: &Parts| match server::admit(parts, &Policy::default()) {
        Ok(verb) => format!("{verb:?}"),
        Err(rejection) => {
            let response = rejection.response();
            format!("{} {:?}", response.status().as_u16(), response.headers().get("allow"))
        }
    };
    let check = |parts: &Parts, expected: &str| assert_eq!(admitted(parts), expected, "{parts:?}");
    check(&post(&[]), "Post");
    check(&post(&[("content-type", Some("text/plain"))]), "415 None");
    check(&post(&[("accept", Some("application/json"))]), "406 None");
    check(&post(&[("host", Some("evil.example.com"))]), "403 None");
    check(&post(&[("origin", Some("http://evil.example.com"))]), "403 None");
    check(&post(&[("origin", Some("http://localhost:5173"))]), "Post");
    check(&head("GET", &[("accept", "text/event-stream")]), "Get");
    check(&head("GET", &[("accept", "text/html")]), "406 None");
    check(&head("DELETE", &[]), "Delete");
    let allow = r#"405 Some("POST, GET, DELETE")"#;
    check(&head("PUT", &[]), allow);
    check(&head("GET", &[("accept", "text/event-stream"), ("mcp-protocol-version", "2026-07-28")]), allow);
    check(&head("DELETE", &[("mcp-protocol-version", "2026-07-28")]), allow);
}

#[test]
fn the_stream_and_the_end_of_a_session() {
    let lines = [("mcp-session-id", "s1"), ("last-event-id", "e9"), ("mcp-protocol-version", "2025-11-25")];
    let listen = legacy::accept_get(&head("GET", &lines)).unwrap();
    assert_eq!((listen.session.as_str(), listen.last_event_id.as_deref()), ("s1", Some("e9")));
    assert_eq!(legacy::accept_delete(&head("DELETE", &lines)).unwrap(), "s1");
    let status = |lines: &[(&str, &str)]| {
        legacy::accept_get(&head("GET", lines)).unwrap_err().response().status().as_u16()
    };
    assert_eq!(status(&[]), 400);
    assert_eq!(status(&[("mcp-session-id", "a b")]), 404);
    assert_eq!(status(&[("mcp-session-id", "s1"), ("mcp-protocol-version", "x")]), 400);
}

#[test]
fn answers() {
    let policy = Policy { origin: OriginPolicy::loopback() };
    assert_eq!(server::admit(&post(&[]), &policy).unwrap(), Verb::Post);
    let id = 7.into();
    let fine = server::reply(&id, Era::Modern, Ok("{}".into()));
    assert_eq!((fine.status().as_u16(), fine.body().as_ref()), (200, b"{}".as_slice()));
    let content_type = |headers: &HeaderMap| headers.get("content-type").cloned();
    assert_eq!(content_type(fine.headers()), Some(HeaderValue::from_static("application/json")));
    let error = barewire_mcp::error::Error::Internal;
    assert_eq!(server::reply(&id, Era::Modern, Err(&error)).status().as_u16(), 500);
    assert_eq!(server::reply(&id, Era::Legacy, Err(&error)).status().as_u16(), 200);
    let accepted = server::accepted();
    assert_eq!((accepted.status().as_u16(), accepted.body().len()), (202, 0));
    assert_eq!(Revision::LATEST_LEGACY, Revision::V2025_11_25);
}

/// An array is a batch where it may be one of 2025-03-26; what the session says comes after.
#[test]
fn where_a_batch_may_be() {
    let batch = json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]);
    let legacy = |version, session| {
        post(&[
            ("mcp-protocol-version", version),
            ("mcp-session-id", session),
            ("mcp-method", None),
            ("mcp-name", None),
        ])
    };
    check(&legacy(None, None), &batch, "batch None None");
    check(&legacy(None, Some("s")), &batch, r#"batch Some("s") None"#);
    check(&legacy(Some("2025-03-26"), Some("s")), &batch, r#"batch Some("s") Some(V2025_03_26)"#);
    for version in ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28", "1900-01-01"] {
        check(&legacy(Some(version), Some("s")), &batch, "400 -32600 id null");
    }
    check(&legacy(None, Some("a b")), &batch, "404 -32600 id null");
}

#[test]
fn the_members_of_a_batch() {
    let ping = |id: i64| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let seen = |batch: Value| -> String {
        let members = match legacy::accept_batch(batch.to_string().as_bytes(), 5) {
            Ok(members) => members,
            Err(rejection) => return rejection.error.to_string(),
        };
        let member = |member: legacy::Member| {
            let what = match member.message {
                Ok(legacy::Incoming::Request { id, request, .. }) => format!("{id} {}", request.method()),
                Ok(legacy::Incoming::Notification(_)) => "notification".to_owned(),
                Ok(legacy::Incoming::Response { .. }) => "response".to_owned(),
                Err(rejection) => {
                    format!("{:?} {}", rejection.id.is_some(), rejection.error.codes(rejection.era).0)
                }
            };
            format!("{what}{}", if member.is_answered { "!" } else { "" })
        };
        members.into_iter().map(member).collect::<Vec<_>>().join(", ")
    };
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    assert_eq!(seen(json!([ping(1), told, answer, ping(2)])), "1 ping!, notification, response, 2 ping!");
    let unknown = json!({ "jsonrpc": "2.0", "id": 3, "method": "nonsense" });
    let broken =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": [] } });
    assert_eq!(
        seen(json!([7, unknown, broken, { "jsonrpc": "1.0", "id": 4, "method": "ping" }])),
        "false -32600!, true -32601!, false -32602, true -32600!"
    );
    let modern = json!({ "jsonrpc": "2.0", "id": 5, "method": "ping", "params": { "_meta": meta() } });
    assert_eq!(seen(json!([modern])), "true -32600!");

    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} });
    assert_eq!(seen(json!([ping(2), hello])), "`initialize` cannot be in a batch");
    assert_eq!(seen(json!([ping(1), ping(2), ping(1)])), "two requests of the batch have the same id");
    let bad_twin = json!({ "jsonrpc": "2.0", "id": 1, "method": "nonsense" });
    assert_eq!(seen(json!([ping(1), bad_twin])), "two requests of the batch have the same id");
    let text = json!({ "jsonrpc": "2.0", "id": "1", "method": "ping" });
    assert_eq!(seen(json!([ping(1), text])), "1 ping!, 1 ping!", "a number is not its text");
    assert_eq!(seen(json!([ping(1), [ping(2)]])), "a batch cannot be in a batch");
    assert_eq!(seen(json!([])), "the batch is empty");
    assert_eq!(seen((1..=6).map(ping).collect()), "the batch has too many messages");
}
