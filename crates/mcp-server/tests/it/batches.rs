//! Batches of 2025-03-26.

use std::sync::{Arc, Mutex};

use barewire_mcp_server::{Limits, Observer, Record, Tool};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Probe, Reply, Server, Stream, resource_server, toolbox};

const BATCHES: &str = "2025-03-26";

async fn start(limits: Limits) -> (Arc<Probe>, Server, Client) {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).limits(limits).build().unwrap()).await;
    let mut client = Client::new(&server.url, BATCHES);
    client.handshake().await;
    (probe, server, client)
}

fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    let mut params = json!({ "name": tool, "_meta": { "progressToken": "t" } });
    params["arguments"] = arguments;
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": "tools/call", "params": params })
}

fn told() -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })
}

/// Ids and codes of a whole answer.
fn codes(reply: &Reply) -> Vec<(Value, i64)> {
    let answers = reply.body.as_array().unwrap_or_else(|| panic!("no array: {}", reply.body));
    answers.iter().map(|a| (a["id"].clone(), a["error"]["code"].as_i64().unwrap_or(0))).collect()
}

#[tokio::test]
async fn a_quiet_batch_is_answered_with_an_array() {
    let (_, _server, client) = start(Limits::default()).await;
    let batch = json!([
        call(1, "echo", json!({ "text": "a" })),
        told(),
        { "jsonrpc": "2.0", "id": "two", "method": "ping" },
        { "jsonrpc": "2.0", "id": 3, "method": "nonsense" },
        7,
        call(4, "add", json!({ "a": 1, "b": 2 })),
        { "jsonrpc": "2.0", "id": 5, "method": "tools/list" },
    ]);
    let reply = Reply::read(client.post(&batch).await).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("content-type"), "application/json");
    let expected = [json!(1), json!("two"), json!(3), json!(null), json!(4), json!(5)];
    let expected: Vec<_> = expected.into_iter().zip([0, 0, -32601, -32600, 0, 0]).collect();
    assert_eq!(codes(&reply), expected);
    assert_eq!(reply.body[0]["result"]["content"][0]["text"], "a");
    let tools = reply.body[5]["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "echo"), "{tools:?}");
    let sum = &reply.body[4]["result"];
    assert_eq!(sum["content"][0]["text"], r#"{"sum":3}"#);
    assert!(sum.get("structuredContent").is_none(), "in the words of its revision");
}

#[tokio::test]
async fn what_says_something_makes_it_a_stream() {
    let (_, _server, client) = start(Limits::default()).await;
    let batch = json!([call(1, "echo", json!({ "text": "a" })), call(2, "progress", json!({}))]);
    let reply = Reply::read(client.post(&batch).await).await;
    assert!(reply.streamed);
    let mut messages = reply.notifications;
    messages.push(reply.body);
    let ids: Vec<_> = messages.iter().filter_map(|message| message["id"].as_i64()).collect();
    assert_eq!(ids.len(), 2, "{messages:?}");
    assert!(ids.contains(&1) && ids.contains(&2));
    let progress = messages.iter().filter(|message| message["method"] == "notifications/progress");
    assert_eq!(progress.count(), 3);
}

#[tokio::test]
async fn a_slow_batch_becomes_a_stream_too() {
    let first_byte = std::time::Duration::from_millis(20);
    let (probe, _server, client) = start(Limits { first_byte, ..Limits::default() }).await;
    let batch = json!([call(1, "quiet", json!({})), call(2, "echo", json!({ "text": "b" }))]);
    let mut stream = Stream::open(client.post(&batch).await);
    assert_eq!(stream.next().await.unwrap()["id"], 2);
    probe.go.notify_one();
    assert_eq!(stream.next().await.unwrap()["id"], 1);
    assert!(stream.next().await.is_none());
}

/// A question of one member is answered by another POST, in a batch or not.
#[tokio::test]
async fn members_may_ask() {
    let probe = Arc::new(Probe::default());
    let ask = Tool::new("ask_roots", "Asks.");
    let builder = toolbox(&probe).tool(
        ask,
        |ctx: barewire_mcp_server::Context, _: barewire_mcp_server::NoArguments| async move {
            Ok(format!("{} roots", ctx.roots("roots").await?.roots.len()))
        },
    );
    let server = Server::start(builder.build().unwrap()).await;
    let mut client = Client::new(&server.url, BATCHES);
    client.handshake().await;
    let batch = json!([call(1, "ask_roots", json!({})), call(2, "ask_roots", json!({}))]);
    let mut stream = Stream::open(client.post(&batch).await);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let asked = stream.next().await.unwrap();
        assert_eq!(asked["method"], "roots/list");
        answers.push(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "roots": [] } }));
    }
    assert_eq!(client.post(&json!(answers)).await.status(), StatusCode::ACCEPTED);
    for _ in 0..2 {
        assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "0 roots");
    }
    assert!(stream.next().await.is_none());
    let again = client.post(&json!(answers)).await.status();
    assert_eq!(again, StatusCode::BAD_REQUEST, "nobody asked that any more");
}

#[tokio::test]
async fn what_needs_no_answer_gets_none() {
    let (_, _server, client) = start(Limits::default()).await;
    let response = client.post(&json!([told(), told()])).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_makes_no_sense_as_a_whole_is_refused_as_a_whole() {
    let (probe, server, client) = start(Limits { max_batch: 2, ..Limits::default() }).await;
    let runs = call(9, "ask_twice", json!({}));
    let ping = |id| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} });
    for batch in [
        json!([]),
        json!([runs, ping(1), ping(2)]),
        json!([runs, [ping(1)]]),
        json!([runs, hello]),
        json!([runs, ping(9)]),
    ] {
        let reply = Reply::read(client.post(&batch).await).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, -32600), "{batch}");
        assert!(reply.body.get("id").is_none());
    }
    assert_eq!(probe.runs.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(client.post(&json!([ping(1), ping(2)])).await.status(), StatusCode::OK);

    // The session's word counts, not the header's.
    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        for header in ["", BATCHES] {
            let mut other = Client::new(&server.url, revision);
            other.handshake().await;
            let other = other.with_header("mcp-protocol-version", header);
            let reply = Reply::read(other.post(&json!([ping(1)])).await).await;
            assert_eq!(
                (reply.status, reply.code()),
                (StatusCode::BAD_REQUEST, -32600),
                "{revision} {header}"
            );
        }
    }
    // Without a session and a header, a request is taken for one of 2025-03-26, and so is a batch.
    let nobody = Client::new(&server.url, BATCHES).with_header("mcp-protocol-version", "");
    assert_eq!(nobody.post(&json!([ping(1)])).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_so_many_work_at_once() {
    let limits = Limits { batch_concurrency: 2, ..Limits::default() };
    let (probe, _server, client) = start(limits).await;
    let batch: Value = (1..=4).map(|id| call(id, "slow", json!({}))).collect();
    let mut stream = Stream::open(client.post(&batch).await);
    for started in [2, 2] {
        for _ in 0..started {
            assert_eq!(stream.next().await.unwrap()["method"], "notifications/progress");
        }
        let third = tokio::time::timeout(std::time::Duration::from_millis(50), stream.next()).await;
        assert!(third.is_err(), "{third:?}");
        // Each that ends lets another one begin; two end before either of the new ones is let go.
        probe.go.notify_waiters();
        for _ in 0..2 {
            assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "finished");
        }
    }
    assert!(stream.next().await.is_none());
}

/// Of the old revisions, a lost connection cancels nothing: neither what works nor what waits for its turn.
#[tokio::test]
async fn a_lost_connection_cancels_no_member() {
    let (probe, _server, client) = start(Limits { batch_concurrency: 1, ..Limits::default() }).await;
    let batch = json!([call(1, "slow", json!({})), call(2, "slow", json!({}))]);
    let mut stream = Stream::open(client.post(&batch).await);
    stream.next().await.unwrap();
    probe.reached.notified().await;
    drop(stream);
    probe.reached.notified().await;
    for _ in 0..2 {
        probe.go.notify_one();
        probe.finished.notified().await;
    }
}

fn scoped(probe: &Arc<Probe>) -> barewire_mcp_server::McpServerBuilder {
    use barewire_mcp_server::{Context, NoArguments};
    let (write, admin, ran) = (Tool::new("write", "Writes."), Tool::new("admin", "Rules."), probe.clone());
    toolbox(probe)
        .auth(resource_server())
        .tool(write.scopes(["write"]), move |_: Context, _: NoArguments| {
            ran.runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async { Ok("written") }
        })
        .tool(admin.scopes(["admin"]), |_: Context, _: NoArguments| async { Ok("ruled") })
}

/// What can still be had by asking for scopes is said before anything is done, with the scopes of all members.
#[tokio::test]
async fn one_challenge_for_the_whole_batch() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(scoped(&probe).build().unwrap()).await;
    let session = async |token: &str| {
        let mut client = Client::new(&server.url, BATCHES).with_token(token);
        client.handshake().await;
        client
    };
    let batch = json!([call(1, "write", json!({})), call(2, "admin", json!({})), told()]);
    let ann = session("ann.write").await;
    let reply = Reply::read(ann.post(&batch).await).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let challenge = reply.header("www-authenticate");
    assert!(
        challenge.contains(r#"error="insufficient_scope""#) && challenge.contains("admin"),
        "{challenge}"
    );
    assert_eq!(
        probe.runs.load(std::sync::atomic::Ordering::SeqCst),
        0,
        "what she may do was not done either"
    );

    let bob = session("bob.read").await;
    let reply = Reply::read(bob.post(&batch).await).await;
    let challenge = reply.header("www-authenticate");
    assert!(challenge.contains("admin") && challenge.contains("write"), "{challenge}");

    let eve = session("eve.write+admin").await;
    let reply = Reply::read(eve.post(&batch).await).await;
    assert_eq!(codes(&reply), [(json!(1), 0), (json!(2), 0)]);
    let mut thief = eve.clone();
    thief.token = Some("ann.write".into());
    assert_eq!(thief.post(&batch).await.status(), StatusCode::NOT_FOUND, "the session is not hers");
    thief.token = None;
    let reply = Reply::read(thief.post(&batch).await).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.header("www-authenticate").contains("resource_metadata="));
}

struct Lines(Arc<Mutex<Vec<String>>>);

impl Observer for Lines {
    fn record(&self, record: &Record<'_>) {
        let line = format!(
            "{} {} {} {:?} {:?} {} in {} out {}",
            if record.batched { "member" } else { "request" },
            record.method.unwrap_or("-"),
            record.name.unwrap_or("-"),
            record.decision,
            record.outcome,
            record.status.as_u16(),
            record.bytes_in > 0,
            record.bytes_out > 0,
        );
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn each_member_is_recorded() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let builder = scoped(&Arc::default()).observer(Lines(lines.clone()));
    let server = Server::start(builder.build().unwrap()).await;
    let mut client = Client::new(&server.url, BATCHES).with_token("ann.write");
    client.handshake().await;
    let recorded = async |batch: Value, count: usize| {
        lines.lock().unwrap().clear();
        let _ = Reply::read(client.post(&batch).await).await;
        while lines.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
        }
        let mut lines = lines.lock().unwrap().clone();
        lines.sort();
        lines
    };
    let batch = json!([
        call(1, "write", json!({})),
        call(2, "fail", json!({})),
        call(3, "nothing", json!({})),
        told(),
        7
    ]);
    assert_eq!(
        recorded(batch, 6).await,
        [
            "member - - Allowed Error(-32600) 200 in true out true",
            "member - - Allowed Nothing 200 in true out false",
            "member tools/call fail Allowed ToolError 200 in true out true",
            "member tools/call nothing Allowed Error(-32602) 200 in true out true",
            "member tools/call write Allowed Result 200 in true out true",
            "request - - Allowed Result 200 in true out true",
        ]
    );
    assert_eq!(
        recorded(json!([call(1, "admin", json!({}))]), 1).await,
        ["request - - InsufficientScope Nothing 403 in true out true"]
    );
    assert_eq!(recorded(json!([]), 1).await, ["request - - Allowed Error(-32600) 400 in true out true"]);
}
