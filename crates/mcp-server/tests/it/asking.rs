//! One handler that asks its client, in both eras.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use barewire_mcp_server::{Context, McpServer, Observer, Outcome, Record, Tool};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Echo, Probe, Reply, Server, name_form, resource_server, toolbox};

fn accept(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name } })
}

/// Another round of a modern call.
async fn again(client: &Client, tool: &str, arguments: Value, responses: Value, state: &Value) -> Reply {
    let mut params = json!({ "name": tool, "arguments": arguments, "inputResponses": responses });
    if !state.is_null() {
        params["requestState"] = state.clone();
    }
    client.request(8, "tools/call", params).await
}

#[tokio::test]
async fn a_question_is_a_result_in_one_era_and_a_request_in_the_other() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let arguments = json!({ "text": "x" });
    let question = json!({
        "mode": "form",
        "message": "Who?",
        "requestedSchema": {
            "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"],
        },
    });

    let modern = server.modern();
    let first = modern.call("ask_name", arguments.clone()).await;
    assert!(!first.streamed);
    assert_eq!(first.result()["resultType"], "input_required");
    assert_eq!(
        first.result()["inputRequests"],
        json!({ "name": { "method": "elicitation/create", "params": question } })
    );
    let state = first.result()["requestState"].clone();
    let done = again(&modern, "ask_name", arguments.clone(), json!({ "name": accept("Ann") }), &state).await;
    assert_eq!(done.result()["resultType"], "complete");
    assert_eq!(done.text(), "Hello Ann");

    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_name", arguments).await;
    let asked = stream.next().await.unwrap();
    assert_eq!((&asked["method"], &asked["params"]), (&json!("elicitation/create"), &question));
    assert_eq!(legacy.answer(&asked, accept("Ann")).await, StatusCode::ACCEPTED);
    assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "Hello Ann");
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn rounds_build_on_each_other_and_steps_do_not_run_twice() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).build().unwrap()).await;

    let modern = server.modern();
    let first = modern.call("ask_twice", json!({})).await;
    let state = first.result()["requestState"].clone();
    let second = again(&modern, "ask_twice", json!({}), json!({ "first": accept("a") }), &state).await;
    assert_eq!(second.result()["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), ["second"]);
    let next = second.result()["requestState"].clone();
    assert_ne!(state, next);
    let done = again(&modern, "ask_twice", json!({}), json!({ "second": accept("b") }), &next).await;
    assert_eq!(done.text(), r#"41 "a" "b""#);
    assert_eq!(probe.runs.load(Ordering::SeqCst), 1);

    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_twice", json!({})).await;
    for name in ["a", "b"] {
        let asked = stream.next().await.unwrap();
        legacy.answer(&asked, accept(name)).await;
    }
    assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], r#"41 "a" "b""#);
    assert_eq!(probe.runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn several_questions_are_one_round() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let said = json!({ "role": "assistant", "content": { "type": "text", "text": "hi" }, "model": "m" });
    let answers = json!({ "name": { "action": "decline" }, "said": said, "roots": { "roots": [] } });

    let modern = server.modern();
    let first = modern.call("ask_all", json!({})).await;
    let methods: Vec<_> = first.result()["inputRequests"]
        .as_object()
        .unwrap()
        .values()
        .map(|request| request["method"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(methods, ["elicitation/create", "sampling/createMessage", "roots/list"]);
    let state = first.result()["requestState"].clone();
    let done = again(&modern, "ask_all", json!({}), answers.clone(), &state).await;
    assert_eq!(done.text(), "Decline m 0");

    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_all", json!({})).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(stream.next().await.unwrap());
    }
    // Answered in another order than asked.
    for question in asked.iter().rev() {
        let key = match question["method"].as_str().unwrap() {
            "elicitation/create" => "name",
            "sampling/createMessage" => "said",
            _ => "roots",
        };
        legacy.answer(question, answers[key].clone()).await;
    }
    assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "Decline m 0");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let bad = [
        json!(12345),
        json!({ "action": "accept" }),
        json!({ "action": "accept", "content": { "name": 1 } }),
    ];
    let arguments = json!({ "text": "x" });

    let modern = server.modern();
    for answer in &bad {
        let responses = json!({ "name": answer, "other": 1 });
        let reply = again(&modern, "ask_name", arguments.clone(), responses, &Value::Null).await;
        assert_eq!(reply.result()["resultType"], "input_required", "{answer}");
    }
    let wrong_key = json!({ "wrong": accept("x") });
    let reply = again(&modern, "ask_name", arguments.clone(), wrong_key, &Value::Null).await;
    assert_eq!(reply.result()["resultType"], "input_required");
    let extra = json!({ "name": accept("Ann"), "one": 1, "two": null });
    assert_eq!(again(&modern, "ask_name", arguments.clone(), extra, &Value::Null).await.text(), "Hello Ann");

    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_name", arguments.clone()).await;
    for answer in [&bad[1], &accept("Ann")] {
        let asked = stream.next().await.unwrap();
        legacy.answer(&asked, answer.clone()).await;
    }
    assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "Hello Ann");

    let mut stream = legacy.call_streaming(2, "ask_name", arguments).await;
    for answer in &bad {
        let asked = stream.next().await.unwrap();
        legacy.answer(&asked, answer.clone()).await;
    }
    let given_up = stream.next().await.unwrap();
    assert_eq!(given_up["result"]["isError"], true, "{given_up}");
}

#[tokio::test]
async fn a_state_is_good_for_its_request_and_principal_only() {
    let server = Server::start(toolbox(&Arc::default()).auth(resource_server()).build().unwrap()).await;
    let alice = server.modern().with_token("alice.read").with_header("host", "api.example.com");
    let bob = server.modern().with_token("bob.read").with_header("host", "api.example.com");
    let arguments = json!({ "text": "x" });
    let first = alice.call("ask_name", arguments.clone()).await;
    let state = first.result()["requestState"].as_str().unwrap().to_owned();
    let answers = json!({ "name": accept("Ann") });

    let check =
        async |client: &Client, tool: &str, arguments: Value, state: String, expected: Option<i64>| {
            let reply = again(client, tool, arguments, answers.clone(), &json!(state)).await;
            assert_eq!(reply.body["error"]["code"].as_i64(), expected, "{}", reply.body);
        };
    check(&alice, "ask_name", json!({ "text": "x" }), format!("{state}-TAMPERED"), Some(-32602)).await;
    check(&alice, "ask_name", json!({ "text": "x" }), "nonsense".into(), Some(-32602)).await;
    check(&alice, "ask_name", json!({ "text": "y" }), state.clone(), Some(-32602)).await;
    check(&alice, "ask_twice", json!({}), state.clone(), Some(-32602)).await;
    check(&bob, "ask_name", json!({ "text": "x" }), state.clone(), Some(-32602)).await;
    check(&alice, "ask_name", json!({ "text": "x" }), state, None).await;
}

#[tokio::test]
async fn nobody_is_asked_what_they_cannot_do() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let modern = server.modern().with_capabilities(json!({ "sampling": {} }));
    let reply = modern.call("ask_name", json!({ "text": "x" })).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, -32021));
    assert_eq!(reply.body["error"]["data"], json!({ "requiredCapabilities": { "elicitation": {} } }));
    assert_eq!(modern.call("needs_sampling", json!({})).await.text(), "ok");

    let modern = server.modern().with_capabilities(json!({}));
    let reply = modern.call("needs_sampling", json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, -32021));
    assert_eq!(reply.body["error"]["data"], json!({ "requiredCapabilities": { "sampling": {} } }));

    let mut legacy = Client::new(&server.url, "2025-11-25").with_capabilities(json!({}));
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" },
    });
    legacy.session = Some(legacy.request(1, "initialize", params).await.header("mcp-session-id").to_owned());
    for tool in ["ask_name", "needs_sampling"] {
        let reply = legacy.call(tool, json!({ "text": "x" })).await;
        assert_eq!(reply.result()["isError"], true);
    }
}

#[tokio::test]
async fn an_answer_counts_only_in_the_session_that_was_asked() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let (one, other) = (server.legacy().await, server.legacy().await);
    let mut stream = one.call_streaming(1, "ask_name", json!({ "text": "x" })).await;
    let asked = stream.next().await.unwrap();
    assert_eq!(other.answer(&asked, accept("Eve")).await, StatusCode::BAD_REQUEST);
    assert_eq!(one.answer(&json!({ "id": "made up" }), accept("Eve")).await, StatusCode::BAD_REQUEST);
    assert_eq!(one.answer(&asked, accept("Ann")).await, StatusCode::ACCEPTED);
    assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "Hello Ann");
    assert_eq!(one.answer(&asked, accept("late")).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_client_may_refuse() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_name", json!({ "text": "x" })).await;
    let asked = stream.next().await.unwrap();
    let error = json!({ "code": -1, "message": "not now" });
    legacy.post(&json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error })).await;
    let end = stream.next().await.unwrap();
    assert_eq!(end["result"]["isError"], true);
    assert_eq!(end["result"]["content"][0]["text"], "the client refused: not now");
}

/// Notes when a call's connection is lost.
struct Watch(Arc<Probe>);

impl Observer for Watch {
    fn record(&self, record: &Record<'_>) {
        if record.method == Some("tools/call") && record.outcome == Outcome::Cancelled {
            self.0.ended.notify_one();
        }
    }
}

#[tokio::test]
async fn a_question_whose_connection_was_lost_comes_on_the_sessions_own_stream() {
    let probe = Arc::new(Probe::default());
    let (inner, watching) = (probe.clone(), probe.clone());
    let mcp = McpServer::builder("x", "1")
        .observer(Watch(watching))
        .tool(Tool::new("late", "Asks late."), move |ctx: Context, _: Echo| {
            let probe = inner.clone();
            async move {
                ctx.progress(1.0, None, None).await;
                probe.go.notified().await;
                let answer = ctx.elicit("name", name_form()).await?;
                assert!(answer.content.is_some());
                probe.finished.notify_one();
                Ok("done")
            }
        })
        .build()
        .unwrap();
    let server = Server::start(mcp).await;
    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "late", json!({ "text": "x" })).await;
    stream.next().await.unwrap();
    let mut session = legacy.listen().await;
    drop(stream);
    // The observer hears of the lost connection; the call goes on without it.
    probe.ended.notified().await;
    probe.go.notify_one();
    let asked = session.next().await.unwrap();
    assert_eq!(asked["method"], "elicitation/create");
    legacy.answer(&asked, accept("Ann")).await;
    probe.finished.notified().await;
}

#[tokio::test]
async fn prompts_may_ask_and_lists_never_do() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let modern = server.modern();
    let first = modern.request(1, "prompts/get", json!({ "name": "ask" })).await;
    assert_eq!(first.result()["resultType"], "input_required");
    let params = json!({
        "name": "ask", "inputResponses": { "name": accept("x") }, "requestState": first.result()["requestState"],
    });
    assert_eq!(
        modern.request(2, "prompts/get", params).await.result()["messages"][0]["content"]["text"],
        "Accept"
    );
    for method in ["tools/list", "prompts/list"] {
        assert_eq!(modern.request(3, method, json!({})).await.result()["resultType"], "complete");
    }
}
