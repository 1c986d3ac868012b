//! What a client sends and what it reads.

use barewire_mcp::client::{self, Incoming, legacy, modern};
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::server::{self, Accepted, Policy};
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::operation::{Operation, Outcome, Page};
use barewire_mcp::types::resources::ReadResourceRequest;
use barewire_mcp::types::tasks::{TaskRequest, TaskResult, TaskWanted};
use barewire_mcp::types::tools::CallToolRequest;
use barewire_mcp::wire::{v2025_11_25, v2026_07_28};
use http::HeaderMap;
use serde_json::json;

use crate::acceptance::head;

fn lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

fn modern_request(request: &v2026_07_28::Request, mirrored: &MirroredParams) -> client::Outgoing {
    let (info, capabilities) = (Implementation::new("test", "1"), ClientCapabilities::default());
    let meta = v2026_07_28::ClientMeta {
        revision: Revision::V2026_07_28,
        client_info: &info,
        client_capabilities: &capabilities,
        log_level: None,
        progress_token: None,
        extra: None,
    };
    modern::request(&Id::from(1), request, &meta, mirrored).unwrap()
}

fn about_task(wanted: TaskWanted) -> v2026_07_28::Request {
    v2026_07_28::Request::Task(TaskRequest { task_id: "t1".into(), wanted })
}

/// What the client writes, the server takes.
fn taken(outgoing: &client::Outgoing) -> Accepted {
    let mut parts = head("POST", &[]);
    parts.headers.extend(outgoing.headers.clone());
    server::accept(&parts, &outgoing.body, &Policy::default()).unwrap()
}

#[test]
fn a_modern_call_repeats_its_body_in_headers() {
    let schema = json!({ "type": "object", "properties": { "region": { "type": "string", "x-mcp-header": "Region" } } });
    let mirrored = MirroredParams::of_schema(&schema.into()).unwrap();
    let arguments = Some(RawJson::from(json!({ "region": "süd" })));
    let request = v2026_07_28::Request::Operation(Operation::CallTool(CallToolRequest {
        name: "query".into(),
        arguments,
        ..Default::default()
    }));
    let outgoing = modern_request(&request, &mirrored);
    assert_eq!(
        lines(&outgoing.headers),
        [
            "accept: application/json, text/event-stream",
            "content-type: application/json",
            "mcp-method: tools/call",
            "mcp-name: query",
            "mcp-param-region: =?base64?c8O8ZA==?=",
            "mcp-protocol-version: 2026-07-28",
        ]
    );
    let Accepted::Call(call) = taken(&outgoing) else { panic!("not modern") };
    assert_eq!(call.request, request);
    assert_eq!(call.check_mirrored(&mirrored, &outgoing.headers), Ok(()));
    assert!(call.check_mirrored(&mirrored, &HeaderMap::new()).is_err());
}

#[test]
fn every_modern_request_is_taken() {
    let page = Page { cursor: Some("c".into()) };
    for request in [
        v2026_07_28::Request::Discover,
        v2026_07_28::Request::Listen(Default::default()),
        about_task(TaskWanted::Get),
        about_task(TaskWanted::Update(
            [("name".to_owned(), json!({ "action": "decline" }).into())].into_iter().collect(),
        )),
        about_task(TaskWanted::Cancel),
        v2026_07_28::Request::Operation(Operation::ListTools(page.clone())),
        v2026_07_28::Request::Operation(Operation::ListResources(page.clone())),
        v2026_07_28::Request::Operation(Operation::ListResourceTemplates(page.clone())),
        v2026_07_28::Request::Operation(Operation::ListPrompts(page)),
        v2026_07_28::Request::Operation(Operation::GetPrompt(Default::default())),
        v2026_07_28::Request::Operation(Operation::ReadResource(ReadResourceRequest {
            uri: "file:///ä b".into(),
            ..Default::default()
        })),
    ] {
        let Accepted::Call(call) = taken(&modern_request(&request, &MirroredParams::default())) else {
            panic!("not modern")
        };
        assert_eq!(call.request, request);
    }
}

#[test]
fn a_session_is_established_and_kept() {
    let hello = v2025_11_25::Request::Initialize(Box::new(v2025_11_25::InitializeRequest {
        protocol_version: "2025-11-25".into(),
        capabilities: ClientCapabilities::default(),
        client_info: Implementation::new("test", "1"),
    }));
    let none = legacy::Session::default();
    let outgoing = legacy::request(&Id::from(1), &hello, None, &none).unwrap();
    assert_eq!(
        lines(&outgoing.headers),
        ["accept: application/json, text/event-stream", "content-type: application/json"]
    );
    assert!(matches!(taken(&outgoing), Accepted::Legacy(post) if post.session.is_none()));

    let result = |version: &str| {
        RawJson::from(
            json!({ "protocolVersion": version, "capabilities": {}, "serverInfo": { "name": "s", "version": "1" } }),
        )
    };
    let mut headers = HeaderMap::new();
    headers.insert("mcp-session-id", "s1".parse().unwrap());
    let (_, session) = legacy::established(&result("2025-03-26"), &headers).unwrap();
    assert_eq!(session.revision, Some(Revision::V2025_03_26));
    assert!(legacy::established(&result("2026-07-28"), &headers).is_err());
    assert!(legacy::established(&RawJson::empty_object(), &headers).is_err());

    let (_, session) = legacy::established(&result("2025-11-25"), &headers).unwrap();
    let outgoing = legacy::request(&Id::from(2), &v2025_11_25::Request::Ping, None, &session).unwrap();
    assert!(matches!(taken(&outgoing), Accepted::Legacy(post) if post.session.as_deref() == Some("s1")));
    let event = "e1".parse().unwrap();
    assert_eq!(
        lines(&legacy::listen(&session, Some(&event))),
        [
            "accept: text/event-stream",
            "last-event-id: e1",
            "mcp-protocol-version: 2025-11-25",
            "mcp-session-id: s1"
        ]
    );
    assert_eq!(lines(&legacy::end(&session)), ["mcp-protocol-version: 2025-11-25", "mcp-session-id: s1"]);
    headers.insert("mcp-session-id", "a b".parse().unwrap());
    assert_eq!(legacy::established(&result("2025-11-25"), &headers), Err(legacy::HandshakeFault::SessionId));
}

#[test]
fn messages_of_a_server() {
    let check = |era, message: &str, expected: &str| {
        let seen = match client::read(era, message.as_bytes()) {
            Ok(Incoming::Response { id, outcome }) => format!("response {id:?} {}", outcome.is_ok()),
            Ok(Incoming::Notification { notification, subscription }) => {
                format!("{notification:?} {subscription:?}")
            }
            Ok(Incoming::Request { id, request }) => format!("request {id} {request:?}"),
            Err(fault) => format!("fault {fault}"),
        };
        assert!(seen.starts_with(expected), "{message}: {seen}");
    };
    check(Era::Modern, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "response Some(Integer(1)) true");
    check(Era::Modern, r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, "response None false");
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":4}}}"#;
    check(Era::Modern, changed, "Change(Tools) Some(Integer(4))");
    check(Era::Modern, r#"{"jsonrpc":"2.0","method":"notifications/new"}"#, "Other");
    check(Era::Modern, r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#, "fault");
    check(
        Era::Modern,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        "fault the server sent the request `ping`",
    );
    check(Era::Legacy, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 Ok(Ping)");
    check(Era::Legacy, r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#, "request 1 Ok(Input(Roots");
    check(Era::Legacy, r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#, "request 1 Err(MethodNotFound");
    check(
        Era::Legacy,
        r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}"#,
        "request 1 Err(InvalidParams",
    );
    check(Era::Legacy, "<html>", "fault");
}

#[test]
fn results_that_a_client_does_not_take() {
    let decode = |operation: &Operation, result: serde_json::Value| {
        let raw = RawJson::from(result);
        v2026_07_28::decode_result(operation, raw.as_raw()).map(|decoded| decoded.outcome)
    };
    let tool = Operation::CallTool(Default::default());
    let list = Operation::ListTools(Page::default());
    // The method decides, not the shape: a result with a stray member stays what it is.
    let stray = json!({ "content": [], "tools": [], "messages": [], "contents": [] });
    assert!(matches!(decode(&tool, stray), Ok(Outcome::CallTool(_))));
    assert!(decode(&tool, json!({ "resultType": "task", "taskId": "x" })).is_err());
    assert!(decode(&tool, json!({ "resultType": "input_required" })).is_err());
    assert!(decode(&tool, json!({ "resultType": "input_required", "requestState": "x" })).is_ok());
    assert!(decode(&list, json!({ "resultType": "input_required", "requestState": "x" })).is_err());
    assert!(decode(&list, json!({ "tools": [{ "name": "x" }] })).is_err());
    assert!(decode(&list, json!({ "tools": [], "ttlMs": -5, "cacheScope": "other" })).is_ok());
    let unknown_block =
        json!({ "content": [{ "type": "hologram", "x": 1 }, { "type": "text", "text": "t" }] });
    assert!(decode(&tool, unknown_block).is_ok());
    assert!(decode(&tool, json!({ "content": [{ "type": "text" }] })).is_err());
}

#[test]
fn only_a_call_becomes_a_task() {
    let task = json!({
        "resultType": "task", "taskId": "t1", "status": "working", "ttlMs": null,
        "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z",
    });
    let raw = RawJson::from(task.clone());
    let call = Operation::CallTool(CallToolRequest { name: "x".into(), ..Default::default() });
    let decoded = v2026_07_28::decode_result(&call, raw.as_raw()).unwrap();
    let Outcome::Task(created) = decoded.outcome else { panic!("{decoded:?}") };
    assert!(matches!(*created, TaskResult::Created(task) if task.task_id == "t1"));
    let read = Operation::ReadResource(ReadResourceRequest { uri: "a:b".into(), ..Default::default() });
    for other in [read, Operation::ListTools(Page::default())] {
        assert!(v2026_07_28::decode_result(&other, raw.as_raw()).is_err(), "{other:?}");
    }
    // Asked about, a task is a result like any other.
    let get = TaskRequest { task_id: "t1".into(), wanted: TaskWanted::Get };
    assert!(v2026_07_28::decode_task_result(&get, raw.as_raw()).is_err());
    let mut found = task;
    found["resultType"] = "complete".into();
    let found = v2026_07_28::decode_task_result(&get, RawJson::from(found).as_raw()).unwrap();
    assert!(matches!(found, TaskResult::Found(task) if task.task_id == "t1"));
}

#[test]
fn a_missing_resource_is_recognised_in_both_eras() {
    let check = |error, expected| assert_eq!(client::is_resource_not_found(&error), expected);
    check(ErrorObject::new(-32002, "x"), true);
    check(ErrorObject::new(-32602, "x").with_data(json!({ "uri": "a:b" })), true);
    check(ErrorObject::new(-32602, "x"), false);
}
