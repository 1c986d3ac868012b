//! The modern era: headers, rounds of questions, lists, cancellation, subscriptions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use barewire_exchange::Step;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::subscriptions::{Change, SubscriptionFilter};
use barewire_mcp_client::{CallError, CallOptions, Client};
use serde_json::{Value, json};

use crate::stage::{Stage, event, events, open_stream, reply};
use crate::watcher::{Watcher, options};

fn arguments(value: Value) -> RawJson {
    RawJson::from(value)
}

fn complete(text: &str) -> Value {
    json!({"resultType": "complete", "content": [{"type": "text", "text": text}]})
}

fn form(message: &str) -> Value {
    json!({"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": {
        "type": "object",
        "properties": {"name": {"type": "string", "default": "Ada"}, "age": {"type": "integer"}},
    }}})
}

#[tokio::test]
async fn every_request_says_what_the_body_says() {
    let tool = json!({"name": "get ä", "inputSchema": {"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "query": {"type": "string"},
    }}});
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        "tools/list" => seen
            .result(json!({"resultType": "complete", "tools": [tool], "ttlMs": 0, "cacheScope": "private"})),
        _ => seen.result(complete("ok")),
    })
    .await;
    let client = Client::connect(stage.url(), options(&Watcher::new())).await.unwrap();
    client.list_tools().await.unwrap();
    let given = json!({"region": " eu", "count": 3, "query": "q"});
    client.call_tool("get ä", arguments(given), CallOptions::default()).await.unwrap();
    let call = stage.until(|seen| seen.method() == "tools/call").await;
    for (name, expected) in [
        ("mcp-protocol-version", Some("2026-07-28")),
        ("mcp-method", Some("tools/call")),
        ("mcp-name", Some("=?base64?Z2V0IMOk?=")),
        ("mcp-param-region", Some("=?base64?IGV1?=")),
        ("mcp-param-count", Some("3")),
        ("mcp-param-query", None),
        ("mcp-session-id", None),
        ("accept", Some("application/json, text/event-stream")),
        ("user-agent", Some("test-client/1.0.0")),
    ] {
        assert_eq!(call.header(name), expected, "{name}");
    }
    let meta = &call.json()["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "test-client");
    assert!(meta["io.modelcontextprotocol/clientCapabilities"]["elicitation"].is_object());
}

#[tokio::test]
async fn tools_that_http_cannot_carry_are_left_out_and_named() {
    let with = |name: &str, annotated: Value| json!({"name": name, "inputSchema": {"type": "object", "properties": {"p": annotated}}});
    let tools = json!([
        with("good", json!({"type": "string", "x-mcp-header": "Region"})),
        with("number", json!({"type": "number", "x-mcp-header": "N"})),
        with("empty", json!({"type": "string", "x-mcp-header": ""})),
        with("blank", json!({"type": "string", "x-mcp-header": "a b"})),
    ]);
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        "tools/list" => seen
            .result(json!({"resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "private"})),
        _ => seen.result(complete("ok")),
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
    let names: Vec<_> = client.list_tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["good"]);
    let rejected: Vec<_> = client.rejected_tools().into_iter().map(|tool| tool.name).collect();
    assert_eq!(rejected, ["number", "empty", "blank"]);
    let told = &watcher.exchanges()[1].narration.conclusions[0];
    assert!(told.refused && told.text.ends_with("number, empty, blank."), "{told:?}");
    let error = client.call_tool("number", arguments(json!({})), CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, CallError::ToolRejected { .. }));
    assert!(!stage.story().contains(&"tools/call".to_owned()));
}

#[tokio::test]
async fn other_headers_are_learned_from_the_list() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        "tools/list" => seen.result(json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": [
            {"name": "t", "inputSchema": {"type": "object", "properties": {"r": {"type": "string", "x-mcp-header": "R"}}}}
        ]})),
        _ if seen.header("mcp-param-r") != Some("x") => {
            seen.error(400, json!({"code": -32020, "message": "Header mismatch"}))
        }
        _ => seen.result(complete("ok")),
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
    client.call_tool("t", arguments(json!({"r": "x"})), CallOptions::default()).await.unwrap();
    assert_eq!(stage.story(), ["server/discover", "tools/call", "tools/list", "tools/call"]);
    let exchanges = watcher.exchanges();
    assert_eq!(exchanges[3].repeats.as_ref(), Some(&exchanges[1].id));
}

#[tokio::test]
async fn questions_are_answered_and_the_state_goes_back_as_it_was() {
    let state = "opaque ünïcode \" \\ state==";
    let round = AtomicUsize::new(0);
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ => match round.fetch_add(1, Ordering::SeqCst) {
            0 => seen.result(json!({"resultType": "input_required", "requestState": state,
                "inputRequests": {"who": form("Who?"), "where": {"method": "roots/list"}}})),
            1 => seen
                .result(json!({"resultType": "input_required", "inputRequests": {"again": form("decline")}})),
            _ => seen.result(complete("done")),
        },
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
    let call = CallOptions { tag: Some("call-1".into()), ..CallOptions::default() };
    client.call_tool("ask", arguments(json!({"a": 1})), call).await.unwrap();

    let calls: Vec<Value> = stage
        .seen()
        .iter()
        .filter(|seen| seen.method() == "tools/call")
        .map(super::stage::Seen::json)
        .collect();
    assert_eq!(calls.len(), 3);
    let ids: std::collections::HashSet<String> = calls.iter().map(|call| call["id"].to_string()).collect();
    assert_eq!(ids.len(), 3, "each round has an id of its own");
    assert!(calls.iter().all(|call| call["params"]["arguments"] == json!({"a": 1})));
    assert_eq!(calls[0]["params"].get("inputResponses"), None);
    assert_eq!(calls[1]["params"]["requestState"], state);
    assert_eq!(
        calls[1]["params"]["inputResponses"],
        json!({"who": {"action": "accept", "content": {"name": "Ada"}}, "where": {"roots": [{"uri": "file:///work"}]}}),
        "defaults are filled in, what has none is left out"
    );
    assert_eq!(calls[2]["params"].get("requestState"), None, "no state of an earlier round");
    assert_eq!(calls[2]["params"]["inputResponses"], json!({"again": {"action": "decline"}}));
    assert!(watcher.told().contains(&"elicit who Some(\"call-1\") Who?".to_owned()));
    let exchanges = watcher.exchanges();
    assert_eq!(exchanges[2].step, Step::AnswerInput);
    assert_eq!(exchanges[2].repeats.as_ref(), Some(&exchanges[1].id));
    assert!(exchanges.iter().skip(1).all(|exchange| exchange.tag.as_deref() == Some("call-1")));
}

#[tokio::test]
async fn rounds_are_bounded_and_undeclared_questions_refused() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ if seen.json()["params"]["name"] == "sample" => {
            let params = json!({"messages": [], "maxTokens": 1});
            seen.result(json!({"resultType": "input_required",
                "inputRequests": {"s": {"method": "sampling/createMessage", "params": params}}}))
        }
        _ => seen.result(json!({"resultType": "input_required", "requestState": "again"})),
    })
    .await;
    let mut few = options(&Watcher::new());
    few.config.max_input_rounds = 3;
    let client = Client::connect(stage.url(), few).await.unwrap();
    let error = client.call_tool("loop", arguments(json!({})), CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, CallError::TooManyRounds { rounds: 3 }), "{error:?}");
    assert_eq!(stage.story().iter().filter(|method| *method == "tools/call").count(), 4);
    let error = client.call_tool("sample", arguments(json!({})), CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, CallError::Undeclared { method } if method == "sampling/createMessage"));
}

#[tokio::test]
async fn lists_are_read_to_the_end_and_no_further() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        method => {
            let cursor = seen.json()["params"]["cursor"].as_str().map(str::to_owned);
            let page: usize = cursor.as_deref().unwrap_or("0").parse().unwrap();
            let next = match method {
                "tools/list" if page < 2 => json!((page + 1).to_string()),
                // never ends, and goes in a circle
                "prompts/list" => json!((page + 1).to_string()),
                "resources/list" => json!("1"),
                _ => Value::Null,
            };
            let tool = json!({"name": format!("t{page}"), "inputSchema": {"type": "object"}});
            let prompt = json!({"name": format!("p{page}")});
            let resource = json!({"uri": format!("a:{page}"), "name": "r"});
            let mut result = json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private",
                "tools": [tool], "prompts": [prompt], "resources": [resource]});
            if !next.is_null() {
                result["nextCursor"] = next;
            }
            seen.result(result)
        }
    })
    .await;
    let mut bounded = options(&Watcher::new());
    bounded.config.max_pages = 5;
    let client = Client::connect(stage.url(), bounded.clone()).await.unwrap();
    let tools: Vec<_> = client.list_tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
    assert_eq!(tools, ["t0", "t1", "t2"]);
    assert!(matches!(client.list_prompts().await.unwrap_err(), CallError::TooManyPages { pages: 5 }));
    assert!(
        matches!(client.list_resources().await.unwrap_err(), CallError::TooManyPages { pages: 1 }),
        "a circle"
    );
    bounded.config.max_entries = 2;
    let client = Client::connect(stage.url(), bounded).await.unwrap();
    assert_eq!(client.list_tools().await.unwrap().len(), 2, "as many as are kept");
}

#[tokio::test]
async fn an_answer_in_a_stream_brings_progress_and_logs() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ => {
            let request = seen.json();
            let token = &request["params"]["_meta"]["progressToken"];
            let note = |progress: i64, token: &Value| {
                event(&json!({"jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": token, "progress": progress}}))
            };
            let result = event(&json!({"jsonrpc": "2.0", "id": request["id"], "result": complete("ok")}));
            // Nonsense between them ends nothing; another call's progress is not ours.
            events(format!(
                ": hi\n\n{}data: nonsense\n\n{}{}{result}",
                note(1, token),
                note(7, &json!("x")),
                note(2, token)
            ))
        }
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
    let call = CallOptions { tag: Some("c".into()), ..CallOptions::default() };
    let result = client.call_tool("t", arguments(json!({})), call).await.unwrap();
    assert_eq!(result.content[0].as_text(), Some("ok"));
    assert_eq!(watcher.told(), ["progress Some(\"c\") 1", "progress Some(\"c\") 2"]);
    assert_eq!(watcher.exchanges()[1].response.as_ref().unwrap().events.len(), 5);
}

#[tokio::test]
async fn cancelling_closes_the_stream() {
    let streams = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&streams);
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ => {
            let (sender, response) = open_stream();
            kept.lock().unwrap().push(sender);
            response
        }
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
    let call = CallOptions::default();
    let cancel = call.cancel.clone();
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.call_tool("t", arguments(json!({})), call).await }
    });
    stage.until(|seen| seen.method() == "tools/call").await;
    cancel.cancel();
    assert!(matches!(running.await.unwrap(), Err(CallError::Cancelled)));
    let sender = streams.lock().unwrap().pop().unwrap();
    sender.closed().await;
    assert_eq!(
        stage.story(),
        ["server/discover", "tools/call"],
        "no notification: the closed stream says it"
    );
}

#[tokio::test]
async fn a_subscription_brings_what_was_agreed() {
    let streams = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&streams);
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ => {
            let (sender, response) = open_stream();
            let agreed = json!({"toolsListChanged": true, "resourceSubscriptions": ["a:1"]});
            let note = |method: &str, params: Value| {
                event(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
            };
            for text in [
                note("notifications/subscriptions/acknowledged", json!({"notifications": agreed})),
                note("notifications/tools/list_changed", json!({})),
                note("notifications/resources/updated", json!({"uri": "a:2"})),
                note("notifications/resources/updated", json!({"uri": "a:1"})),
            ] {
                sender.try_send(text).unwrap();
            }
            kept.lock().unwrap().push(sender);
            response
        }
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
    let filter = SubscriptionFilter {
        tools_list_changed: true,
        prompts_list_changed: true,
        resource_subscriptions: vec!["a:1".into()],
        ..SubscriptionFilter::default()
    };
    let mut subscription = client.listen(filter).await.unwrap();
    assert!(!subscription.agreed().prompts_list_changed);
    assert_eq!(subscription.next().await.unwrap(), Some(Change::Tools));
    assert_eq!(subscription.next().await.unwrap(), Some(Change::Resource { uri: "a:1".into() }));
    let sender = streams.lock().unwrap().pop().unwrap();
    drop(subscription);
    sender.closed().await;
}

#[tokio::test]
async fn answers_that_are_none_are_named() {
    let stage = Stage::new(|seen| match seen.json()["params"]["name"].as_str() {
        None => seen.discovered(),
        Some("page") => reply(200, "text/html", "<!doctype html>"),
        Some("empty") => reply(200, "application/json", ""),
        Some("other id") => {
            crate::stage::json_reply(200, &json!({"jsonrpc": "2.0", "id": 999, "result": {}}))
        }
        Some("cut stream") => events(": nothing\n\n"),
        Some("wrong shape") => seen.result(json!({"resultType": "complete", "content": 7})),
        Some("strange type") => seen.result(json!({"resultType": "perhaps"})),
        Some("error") => seen.error(200, json!({"code": -32602, "message": "no such tool"})),
        Some(_) => reply(502, "text/plain", "bad gateway"),
    })
    .await;
    let client = Client::connect(stage.url(), options(&Watcher::new())).await.unwrap();
    type Expected = fn(&CallError) -> bool;
    let cases: [(&str, Expected); 8] = [
        ("page", |e| matches!(e, CallError::Http(barewire_mcp_client::Answered::Html { .. }))),
        ("empty", |e| matches!(e, CallError::Http(barewire_mcp_client::Answered::Empty { .. }))),
        ("other id", |e| matches!(e, CallError::Malformed { .. })),
        ("cut stream", |e| matches!(e, CallError::Http(barewire_mcp_client::Answered::StreamEnded))),
        ("wrong shape", |e| matches!(e, CallError::Malformed { .. })),
        ("strange type", |e| matches!(e, CallError::Malformed { .. })),
        ("error", |e| matches!(e, CallError::Rpc(error) if error.code == -32602)),
        ("gateway", |e| matches!(e, CallError::Http(barewire_mcp_client::Answered::Status { .. }))),
    ];
    for (name, is_expected) in cases {
        let error = client.call_tool(name, arguments(json!({})), CallOptions::default()).await.unwrap_err();
        assert!(is_expected(&error), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_not_read() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ if seen.json()["params"]["name"] == "stream" => events(event(
            &json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": complete(&"x".repeat(5_000))}),
        )),
        _ => seen.result(complete(&"x".repeat(5_000))),
    })
    .await;
    let mut small = options(&Watcher::new());
    small.config.max_answer_bytes = 2_000;
    let client = Client::connect(stage.url(), small).await.unwrap();
    for name in ["body", "stream"] {
        let error = client.call_tool(name, arguments(json!({})), CallOptions::default()).await.unwrap_err();
        let limit = matches!(
            error,
            CallError::Transport(barewire_mcp_client::TransportError::TooLarge { limit: 2_000 })
        );
        assert!(limit, "{name}: {error:?}");
    }
}
