//! What a client sends and what it reads.

use barewire_mcp::client::{self, Incoming, legacy, modern};
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::revision::Revision;
use barewire_mcp::server::{self, Accepted, Policy};
use barewire_mcp::types::capabilities::{ClientCapabilities, ElicitationCapability};
use barewire_mcp::types::completion::{
    CompleteRequest, CompletionArgument, CompletionContext, CompletionReference,
};
use barewire_mcp::types::content::{ContentBlock, MediaContent, Role};
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::json::{Meta, RawJson};
use barewire_mcp::types::operation::{Operation, Outcome, Page};
use barewire_mcp::types::resources::ReadResourceRequest;
use barewire_mcp::types::sampling::{CreateMessageResult, SamplingContent};
use barewire_mcp::types::tasks::{TaskRequest, TaskResult, TaskWanted};
use barewire_mcp::types::tools::CallToolRequest;
use barewire_mcp::wire::{legacy as wire, v2025_11_25, v2026_07_28};
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
    let propose = |revision| {
        let capabilities = ClientCapabilities {
            elicitation: Some(ElicitationCapability::default()),
            ..ClientCapabilities::default()
        };
        let mut info = Implementation::new("test", "1");
        info.title = Some("Test".into());
        info.website_url = Some("https://example.com".into());
        legacy::initialize(&Id::from(1), revision, capabilities, info).unwrap()
    };
    let outgoing = propose(Revision::V2025_11_25);
    assert_eq!(
        lines(&outgoing.headers),
        ["accept: application/json, text/event-stream", "content-type: application/json"]
    );
    assert!(matches!(taken(&outgoing), Accepted::Legacy(post) if post.session.is_none()));

    let params = |revision| {
        let body: serde_json::Value = serde_json::from_slice(&propose(revision).body).unwrap();
        body["params"].clone()
    };
    assert_eq!(
        params(Revision::V2025_06_18),
        json!({
            "protocolVersion": "2025-06-18",
            "capabilities": { "elicitation": {} },
            "clientInfo": { "name": "test", "version": "1", "title": "Test" },
        })
    );
    for older in [Revision::V2025_03_26, Revision::V2024_11_05] {
        assert_eq!(
            params(older),
            json!({
                "protocolVersion": older,
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            })
        );
    }

    let newest = Revision::V2025_11_25;
    let result = |version: &str| {
        RawJson::from(
            json!({ "protocolVersion": version, "capabilities": {}, "serverInfo": { "name": "s", "version": "1" } }),
        )
    };
    let mut headers = HeaderMap::new();
    headers.insert("mcp-session-id", "s1".parse().unwrap());
    let (_, session) = legacy::established(&result("2025-03-26"), &headers, newest).unwrap();
    assert_eq!(session.revision, Revision::V2025_03_26);
    assert_eq!(lines(&legacy::end(&session)), ["mcp-session-id: s1"], "the version header came later");
    assert!(legacy::established(&result("2025-06-18"), &headers, Revision::V2025_03_26).is_err());
    assert!(legacy::established(&result("2026-07-28"), &headers, newest).is_err());
    assert!(legacy::established(&RawJson::empty_object(), &headers, newest).is_err());

    let (_, session) = legacy::established(&result("2025-11-25"), &headers, newest).unwrap();
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
    assert_eq!(
        legacy::established(&result("2025-11-25"), &headers, newest),
        Err(legacy::HandshakeFault::SessionId)
    );
}

#[test]
fn messages_of_a_server() {
    let check = |revision, message: &str, expected: &str| {
        let seen = match client::read(revision, message.as_bytes()) {
            Ok(Incoming::Response { id, outcome }) => format!("response {id:?} {}", outcome.is_ok()),
            Ok(Incoming::Notification { notification, subscription }) => {
                format!("{notification:?} {subscription:?}")
            }
            Ok(Incoming::Request { id, request }) => format!("request {id} {request:?}"),
            Err(fault) => format!("fault {fault}"),
        };
        assert!(seen.starts_with(expected), "{message}: {seen}");
    };
    check(Revision::V2026_07_28, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "response Some(Integer(1)) true");
    check(
        Revision::V2026_07_28,
        r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#,
        "response None false",
    );
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":4}}}"#;
    check(Revision::V2026_07_28, changed, "Change(Tools) Some(Integer(4))");
    check(Revision::V2026_07_28, r#"{"jsonrpc":"2.0","method":"notifications/new"}"#, "Other");
    check(
        Revision::V2026_07_28,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#,
        "fault",
    );
    check(
        Revision::V2026_07_28,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        "fault the server sent the request `ping`",
    );
    check(Revision::V2025_11_25, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 Ok(Ping)");
    check(
        Revision::V2025_11_25,
        r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#,
        "request 1 Ok(Input(Roots",
    );
    check(Revision::V2025_11_25, r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#, "request 1 Err(MethodNotFound");
    check(
        Revision::V2025_11_25,
        r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}"#,
        "request 1 Err(InvalidParams",
    );
    check(Revision::V2025_11_25, "<html>", "fault");
    // What came with a later revision is not there before it.
    let form = r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"m","requestedSchema":{"type":"object","properties":{}}}}"#;
    check(Revision::V2025_06_18, form, "request 1 Ok(Input(Elicit(Form");
    check(Revision::V2025_03_26, form, "request 1 Err(MethodNotFound");
    let done =
        r#"{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"e"}}"#;
    check(Revision::V2025_11_25, done, "ElicitationComplete");
    check(Revision::V2025_06_18, done, "Other");
}

#[test]
fn batches_of_a_server() {
    let batch = br#"[{"jsonrpc":"2.0","method":"notifications/new"},{"jsonrpc":"2.0","id":1,"result":{}}]"#;
    let messages = client::messages(Revision::V2025_03_26, batch, 2).unwrap();
    assert_eq!(messages.len(), 2);
    for message in messages {
        client::read(Revision::V2025_03_26, message).unwrap();
    }
    assert!(client::messages(Revision::V2025_03_26, batch, 1).is_err());
    assert_eq!(client::messages(Revision::V2025_03_26, b" {}", 1).unwrap(), [b" {}"]);
    let elsewhere = client::messages(Revision::V2025_06_18, batch, 2).unwrap();
    assert!(client::read(Revision::V2025_06_18, elsewhere[0]).is_err());
}

#[test]
fn what_an_older_revision_cannot_say() {
    let session = |revision| legacy::Session { id: None, revision };
    let request = CompleteRequest {
        reference: CompletionReference::Prompt { name: "p".into(), title: Some("P".into()) },
        argument: CompletionArgument { name: "a".into(), value: "v".into() },
        context: CompletionContext { arguments: [("b".to_owned(), "w".to_owned())].into() },
    };
    let request = v2025_11_25::Request::Operation(Operation::Complete(request));
    let written = |revision| {
        let outgoing = legacy::request(&Id::from(1), &request, None, &session(revision)).unwrap();
        serde_json::from_slice::<serde_json::Value>(&outgoing.body).unwrap()["params"].clone()
    };
    let older =
        json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": { "name": "a", "value": "v" } });
    assert_eq!(written(Revision::V2025_06_18)["context"], json!({ "arguments": { "b": "w" } }));
    assert_eq!(written(Revision::V2025_03_26), older);
    assert_eq!(written(Revision::V2024_11_05), older);

    let said = |revision, content: SamplingContent| {
        let (role, model) = (Role::Assistant, "m".to_owned());
        let result = CreateMessageResult { role, content, model, stop_reason: None, meta: Meta::new() };
        wire::sampled(revision, result).map(|result| result.content)
    };
    let texts = SamplingContent::Many(vec![ContentBlock::text("a"), ContentBlock::text("b")]);
    assert_eq!(said(Revision::V2025_11_25, texts.clone()), Some(texts.clone()));
    assert_eq!(said(Revision::V2025_06_18, texts), Some(ContentBlock::text("a\nb").into()));
    let media = || MediaContent {
        data: String::new(),
        mime_type: "audio/wav".into(),
        annotations: None,
        meta: Meta::new(),
    };
    let sound = SamplingContent::from(ContentBlock::Audio(media()));
    assert!(said(Revision::V2025_03_26, sound.clone()).is_some());
    assert_eq!(said(Revision::V2024_11_05, sound), None);
    let both = SamplingContent::Many(vec![ContentBlock::text("a"), ContentBlock::Image(media())]);
    assert_eq!(said(Revision::V2025_06_18, both), None);

    let by_address = ClientCapabilities {
        elicitation: Some(ElicitationCapability { form: None, url: Some(Default::default()) }),
        ..ClientCapabilities::default()
    };
    assert!(wire::declared(Revision::V2025_11_25, by_address.clone()).elicitation.is_some());
    assert!(wire::declared(Revision::V2025_06_18, by_address).elicitation.is_none());
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
