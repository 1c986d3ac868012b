//! What an attacker with a socket tries, and that others notice nothing of it.

use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_server::{Context, Limits, McpServer, Tool, ToolError};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Client, Echo, LEGACY, Probe, Reply, Server, Stream, name_form, toolbox};

async fn start(limits: Limits) -> Server {
    Server::start(toolbox(&Arc::default()).limits(limits).build().unwrap()).await
}

#[tokio::test]
async fn whoever_has_no_session_hears_so_about_the_request() {
    let server = start(Limits::default()).await;
    let good = server.legacy().await;
    let id = good.session.clone().unwrap();
    let ended = server.legacy().await;
    ended.bare(Method::DELETE).await;
    for session in
        [&ended.session.unwrap(), &id[1..], &format!("{id}A"), &format!("{id},{id}"), &"A".repeat(50_000)]
    {
        let client = good.clone().with_header("mcp-session-id", session);
        let reply = client.request("mine", "ping", json!({})).await;
        assert_eq!((reply.status.as_u16(), reply.code(), &reply.body["id"]), (404, -32600, &json!("mine")));
    }
    let without = Client::new(&server.url, LEGACY);
    let reply = without.request(5, "resources/subscribe", json!({ "uri": "test://static" })).await;
    assert_eq!((reply.status.as_u16(), &reply.body["id"]), (400, &json!(5)), "{}", reply.body);
    assert_eq!(good.request(1, "ping", json!({})).await.body["result"], json!({}));
}

/// The official Python SDK sends the head first, and uses the connection again after a refusal.
#[tokio::test]
async fn a_refusal_before_the_body_leaves_the_connection_or_says_that_it_ends() {
    let server = start(Limits { discard_timeout: Duration::from_millis(300), ..Limits::default() }).await;
    let address = server.url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let head = |length: usize| {
        format!(
            "POST /mcp HTTP/1.1\r\nhost: {address}\r\norigin: https://stranger.example\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let mut connection = TcpStream::connect(&address).await.unwrap();
    let mut answer = [0; 4096];
    for _ in 0..3 {
        connection.write_all(head(body.len()).as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        connection.write_all(body.as_bytes()).await.unwrap();
        let length = connection.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
        assert!(answer.starts_with("http/1.1 403") && !answer.contains("connection: close"), "{answer}");
    }
    // A body that does not come, and one that is longer than is worth reading.
    for length in [10, 1_000_000] {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(head(length).as_bytes()).await.unwrap();
        let length = connection.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
        assert!(answer.starts_with("http/1.1 403") && answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn twenty_ends_of_one_session_are_one() {
    let server = start(Limits::default()).await;
    let legacy = server.legacy().await;
    let ends = futures_util::future::join_all((0..20).map(|_| legacy.bare(Method::DELETE))).await;
    let ended = ends.iter().filter(|response| response.status() == 204).count();
    assert!(ended >= 1 && ends.iter().all(|response| matches!(response.status().as_u16(), 204 | 404)));
    assert_eq!(legacy.request(1, "ping", json!({})).await.status, 404);
}

#[tokio::test]
async fn a_coded_body_is_not_taken_for_a_plain_one() {
    let client = start(Limits::default()).await.modern();
    let arguments = json!({ "text": "x" });
    let reply = client.clone().with_header("content-encoding", "gzip").call("echo", arguments.clone()).await;
    assert_eq!((reply.status.as_u16(), reply.header("accept-encoding")), (415, "identity"));
    assert_eq!(client.with_header("content-encoding", "identity").call("echo", arguments).await.text(), "x");
}

/// Arguments that do not decode as a whole are still part of what a state is good for.
#[tokio::test]
async fn a_state_does_not_move_between_requests_that_cannot_be_decoded() {
    let pay = |ctx: Context, Echo { text }: Echo| async move {
        ctx.elicit("name", name_form()).await?;
        Ok::<_, ToolError>(format!("paid {text}"))
    };
    let mcp =
        McpServer::builder("bank", "1").tool(Tool::new("pay", "Asks, then pays."), pay).build().unwrap();
    let server = Server::start(mcp).await;
    let client = server.modern();
    let call = async |text: &str, beside: &str, state: &Value| {
        let mut params = json!({ "name": "pay", "arguments": "HERE" });
        if !state.is_null() {
            params["requestState"] = state.clone();
            params["inputResponses"] =
                json!({ "name": { "action": "accept", "content": { "name": "Ann" } } });
        }
        let message = client.message(1, "tools/call", params);
        let body = message.to_string().replace(r#""HERE""#, &format!(r#"{{"text":"{text}","x":{beside}}}"#));
        let mut request = client.http.post(&server.url).body(body);
        for (name, value) in [
            ("content-type", "application/json"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "pay"),
        ] {
            request = request.header(name, value);
        }
        Reply::read(request.send().await.unwrap()).await
    };
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for beside in ["1", "1e400", r#""\ud800""#, &deep] {
        let state = call("5", beside, &Value::Null).await.result()["requestState"].clone();
        assert_eq!(call("5000", beside, &state).await.code(), -32602, "{beside}");
        assert_eq!(call("5", beside, &state).await.text(), "paid 5", "{beside}");
    }
}

#[tokio::test]
async fn an_array_is_no_answer() {
    let server = start(Limits::default()).await;
    let modern = server.modern();
    let first = modern.call("ask_name", json!({ "text": "x" })).await;
    for answer in
        [json!(["accept", { "name": "Ann" }]), json!("accept"), json!(null), json!({ "action": "perhaps" })]
    {
        let again = json!({
            "name": "ask_name", "arguments": { "text": "x" },
            "requestState": first.result()["requestState"], "inputResponses": { "name": answer },
        });
        let reply = modern.request(1, "tools/call", again).await;
        assert_eq!(reply.result()["resultType"], "input_required", "{answer}");
    }

    let legacy = server.legacy().await;
    let mut stream = legacy.call_streaming(1, "ask_name", json!({ "text": "x" })).await;
    let asked = stream.next().await.unwrap();
    legacy.answer(&asked, json!(["accept", { "name": "Ann" }])).await;
    assert_eq!(stream.next().await.unwrap()["method"], "elicitation/create", "asked again");
}

#[tokio::test]
async fn subscriptions_take_only_so_much_memory() {
    let server = start(Limits { max_subscription_bytes: 20, ..Limits::default() }).await;
    let legacy = server.legacy().await;
    let subscribe = async |uri: &str| legacy.request(1, "resources/subscribe", json!({ "uri": uri })).await;
    assert_eq!(subscribe("test://item/12345").await.body["result"], json!({}));
    assert_eq!(subscribe("test://item/12345").await.body["result"], json!({}), "the same one again");
    assert_eq!(subscribe("test://item/67890").await.code(), -32602);
    legacy.request(1, "resources/unsubscribe", json!({ "uri": "test://item/12345" })).await;
    assert_eq!(subscribe("test://item/67890").await.body["result"], json!({}));

    let modern = server.modern();
    let filter = json!({ "resourceSubscriptions": ["test://item/12345", "test://item/67890"] });
    let message = modern.message(1, "subscriptions/listen", json!({ "notifications": filter }));
    let agreed = Stream::open(modern.post(&message).await).next().await.unwrap();
    assert_eq!(agreed["params"]["notifications"], json!({ "resourceSubscriptions": ["test://item/12345"] }));
}

/// Half a head, half a body, a whole request and away, again and again, with everybody else served meanwhile.
#[tokio::test]
async fn clients_that_leave_at_any_moment_harm_nobody() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).build().unwrap()).await;
    let (modern, legacy) = (server.modern(), server.legacy().await);
    let address = server.url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    let session = legacy.session.clone().unwrap();
    for tool in ["echo", "slow", "progress", "ask_name", "panic"] {
        let call = legacy
            .message("same", "tools/call", json!({ "name": tool, "arguments": { "text": "x" } }))
            .to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nmcp-session-id: {session}\r\n\
             content-length: {}\r\n\r\n{call}",
            call.len()
        );
        for end in (0..request.len()).step_by(23).chain([request.len()]) {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(&request.as_bytes()[..end]).await.unwrap();
            if end == request.len() {
                // The answer has begun.
                assert_ne!(socket.read(&mut [0; 16]).await.unwrap(), 0);
            }
            drop(socket);
            let note = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "same" } });
            assert_eq!(legacy.post(&note).await.status(), 202);
            assert_eq!(modern.call("echo", json!({ "text": tool })).await.text(), tool);
        }
    }
}

/// HTTP/2 without TLS, many streams on one connection, each with its own answer.
#[tokio::test]
async fn one_connection_carries_many_calls() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).build().unwrap()).await;
    let mut client = server.modern();
    client.http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let calls = (0..300).map(|number| {
        let client = client.clone();
        async move { client.call("add", json!({ "a": number, "b": 1 })).await }
    });
    for (number, reply) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(reply.result()["structuredContent"]["sum"], number + 1);
    }
    for number in 0..100 {
        let mut stream = client.call_streaming(number, "slow", json!({})).await;
        stream.next().await.unwrap();
        drop(stream);
        probe.ended.notified().await;
    }
    assert_eq!(client.call("echo", json!({ "text": "well" })).await.text(), "well");
}
