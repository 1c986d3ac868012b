//! Each limit that has a name, at work.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use barewire_mcp_server::{Context, Limits, McpServer, NoArguments, Tool};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Probe, Server, resource_server, toolbox};

async fn start(limits: Limits) -> (Arc<Probe>, Server) {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).limits(limits).build().unwrap()).await;
    (probe, server)
}

#[tokio::test]
async fn a_question_waits_only_so_long() {
    let (_, server) = start(Limits { ask_timeout: Duration::from_millis(5), ..Limits::default() }).await;
    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_name", json!({ "text": "x" })).await;
    let asked = stream.next().await.unwrap();
    let end = stream.next().await.unwrap();
    assert_eq!(end["result"]["content"][0]["text"], "the client did not answer in time");
    let late = json!({ "action": "decline" });
    assert_eq!(legacy.answer(&asked, late).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_user_is_asked_only_so_often() {
    let (_, server) = start(Limits { ask_attempts: 1, ..Limits::default() }).await;
    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_name", json!({ "text": "x" })).await;
    let asked = stream.next().await.unwrap();
    legacy.answer(&asked, json!({ "action": "accept" })).await;
    assert_eq!(stream.next().await.unwrap()["result"]["isError"], true);
}

#[tokio::test]
async fn only_so_many_questions_wait_at_once() {
    let (_, server) = start(Limits { max_pending_asks: 1, ..Limits::default() }).await;
    let legacy = server.legacy().await;
    let arguments = json!({ "text": "x" });
    let mut one = legacy.call_streaming(1, "ask_name", arguments.clone()).await;
    let asked = one.next().await.unwrap();
    assert_eq!(legacy.call("ask_name", arguments.clone()).await.code(), -32603);
    legacy.answer(&asked, json!({ "action": "decline" })).await;
    assert_eq!(one.next().await.unwrap()["result"]["content"][0]["text"], "Decline");
    let mut two = legacy.call_streaming(2, "ask_name", arguments).await;
    assert_eq!(two.next().await.unwrap()["method"], "elicitation/create", "the place is free again");
}

#[tokio::test]
async fn only_so_many_calls_go_on_alone() {
    let (probe, server) = start(Limits { max_detached_calls: 0, ..Limits::default() }).await;
    let mut stream = server.legacy().await.call_streaming(1, "slow", json!({})).await;
    stream.next().await.unwrap();
    drop(stream);
    probe.ended.notified().await;
}

/// One user cannot take what is there for all.
#[tokio::test]
async fn everybody_has_a_share() {
    let limits = Limits {
        max_pending_asks_per_principal: 1,
        max_detached_calls_per_principal: 0,
        max_streams_per_principal: 1,
        ..Limits::default()
    };
    let probe = Arc::new(Probe::default());
    let mcp = toolbox(&probe).auth(resource_server()).limits(limits.clone()).build().unwrap();
    let server = Server::start(mcp).await;
    let ann = server.legacy_as(Some("ann.read")).await;
    let bob = server.legacy_as(Some("bob.read")).await;
    let again = server.legacy_as(Some("ann.read+write")).await;

    let arguments = json!({ "text": "x" });
    let mut asked = ann.call_streaming(1, "ask_name", arguments.clone()).await;
    asked.next().await.unwrap();
    assert_eq!(
        again.call("ask_name", arguments.clone()).await.code(),
        -32603,
        "another session, the same user"
    );
    let mut other = bob.call_streaming(1, "ask_name", arguments).await;
    assert_eq!(other.next().await.unwrap()["method"], "elicitation/create");

    let _stream = ann.listen().await;
    assert_eq!(again.bare(reqwest::Method::GET).await.status(), StatusCode::TOO_MANY_REQUESTS);
    let _stream = bob.listen().await;

    let mut lost = ann.call_streaming(2, "slow", json!({})).await;
    lost.next().await.unwrap();
    drop(lost);
    probe.ended.notified().await;

    // Where nobody is told apart, only the whole counts.
    let (probe, server) = start(limits).await;
    let mut lost = server.legacy().await.call_streaming(2, "slow", json!({})).await;
    lost.next().await.unwrap();
    drop(lost);
    probe.go.notify_one();
    probe.finished.notified().await;
}

#[tokio::test]
async fn a_state_is_only_so_large() {
    let mcp = McpServer::builder("x", "1")
        .limits(Limits { max_request_state_bytes: 1_000, ..Limits::default() })
        .tool(Tool::new("hoard", "Remembers too much."), |ctx: Context, _: NoArguments| async move {
            let _: String = ctx.memo("much", async { Ok("x".repeat(1_000)) }).await?;
            ctx.roots("roots").await?;
            Ok("never")
        })
        .build()
        .unwrap();
    let server = Server::start(mcp).await;
    assert_eq!(server.modern().call("hoard", json!({})).await.code(), -32603);
}

#[tokio::test]
async fn states_and_cursors_end() {
    let clock = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH));
    let read = clock.clone();
    let limits = Limits {
        request_state_ttl: Duration::from_secs(60),
        cursor_ttl: Duration::from_secs(60),
        page_size: 1,
        ..Limits::default()
    };
    let mcp = toolbox(&Arc::default()).limits(limits).clock(Arc::new(move || *read.lock().unwrap()));
    let server = Server::start(mcp.build().unwrap()).await;
    let modern = server.modern();
    let first = modern.call("ask_name", json!({ "text": "x" })).await;
    let page = modern.request(1, "tools/list", json!({})).await;
    let again = json!({
        "name": "ask_name", "arguments": { "text": "x" }, "requestState": first.result()["requestState"],
    });
    let next = json!({ "cursor": page.result()["nextCursor"] });
    for (seconds, fine) in [(59, true), (1, false)] {
        *clock.lock().unwrap() += Duration::from_secs(seconds);
        for (method, params) in [("tools/call", &again), ("tools/list", &next)] {
            let reply = modern.request(1, method, params.clone()).await;
            assert_eq!(reply.body["error"]["code"] == -32602, !fine, "{method} {}", reply.body);
        }
    }
}

#[tokio::test]
async fn only_so_many_streams_are_open() {
    let (_, server) = start(Limits { max_streams: 1, ..Limits::default() }).await;
    let legacy = server.legacy().await;
    let _stream = legacy.listen().await;
    assert_eq!(legacy.bare(reqwest::Method::GET).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_session_subscribes_to_only_so_much() {
    let (_, server) = start(Limits { max_subscriptions: 1, ..Limits::default() }).await;
    let legacy = server.legacy().await;
    let subscribe = async |uri: &str| legacy.request(1, "resources/subscribe", json!({ "uri": uri })).await;
    assert_eq!(subscribe("test://static").await.body["result"], json!({}));
    assert_eq!(subscribe("test://bytes").await.code(), -32602);

    let filter = json!({ "resourceSubscriptions": ["test://static", "test://bytes"] });
    let modern = server.modern();
    let message = modern.message(1, "subscriptions/listen", json!({ "notifications": filter }));
    let mut stream = crate::support::Stream::open(modern.post(&message).await);
    let agreed = &stream.next().await.unwrap()["params"]["notifications"];
    assert_eq!(*agreed, json!({ "resourceSubscriptions": ["test://static"] }));
}
