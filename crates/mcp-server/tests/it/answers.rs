//! JSON until it has to stream, and what the answers say.

use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_server::Limits;
use serde_json::json;

use crate::support::{Client, Probe, Server, Stream, toolbox};

async fn both(server: &Server) -> [Client; 2] {
    [server.modern(), server.legacy().await]
}

#[tokio::test]
async fn a_plain_answer_is_one_json_body() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    for client in both(&server).await {
        let reply = client.call("echo", json!({ "text": "hi" })).await;
        assert!(!reply.streamed);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.text(), "hi");
        assert_eq!(reply.body["id"], 7);

        let reply = client.call("add", json!({ "a": 1, "b": 2 })).await;
        assert_eq!(reply.result()["structuredContent"], json!({ "sum": 3 }));
        assert_eq!(reply.text(), r#"{"sum":3}"#);
        // Nobody asked for progress, so there is nothing to stream.
        assert!(!client.call("progress", json!({})).await.streamed);
    }
}

#[tokio::test]
async fn the_first_notification_makes_it_a_stream() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    for client in both(&server).await {
        let params = json!({ "name": "progress", "arguments": {}, "_meta": { "progressToken": 9 } });
        let reply = client.request("a", "tools/call", params).await;
        assert!(reply.streamed);
        assert_eq!(reply.header("x-accel-buffering"), "no");
        assert_eq!(reply.header("cache-control"), "no-cache, no-transform");
        let seen: Vec<_> = reply.notifications.iter().map(|message| &message["params"]).collect();
        let at =
            |done: u8| json!({ "progressToken": 9, "progress": done, "total": 100, "message": "working" });
        assert_eq!(seen, [&at(0), &at(50), &at(100)], "what does not go forward is not sent");
        assert_eq!((&reply.body["id"], reply.text()), (&json!("a"), "done"));
    }
}

#[tokio::test]
async fn a_quiet_handler_begins_to_stream_before_it_is_done() {
    let probe = Arc::new(Probe::default());
    let limits = Limits { first_byte: Duration::from_millis(5), ..Limits::default() };
    let server = Server::start(toolbox(&probe).limits(limits).build().unwrap()).await;
    for client in both(&server).await {
        // The head arrives although the handler waits for this test.
        let mut stream = client.call_streaming(1, "quiet", json!({})).await;
        probe.go.notify_one();
        assert_eq!(stream.next().await.unwrap()["result"]["content"][0]["text"], "at last");
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive() {
    let probe = Arc::new(Probe::default());
    let tick = Duration::from_millis(5);
    let limits = Limits { first_byte: tick, keep_alive: tick, ..Limits::default() };
    let server = Server::start(toolbox(&probe).limits(limits).build().unwrap()).await;
    let client = server.modern();
    let params = json!({ "name": "quiet", "arguments": {} });
    let mut response = client.post(&client.message(1, "tools/call", params)).await;
    for _ in 0..3 {
        let piece = response.chunk().await.unwrap().unwrap();
        assert!(piece.starts_with(b":"), "{piece:?}");
    }
    probe.go.notify_one();
    assert!(Stream::open(response).next().await.unwrap()["result"].is_object());
}

#[tokio::test]
async fn log_messages_are_for_those_who_want_them() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let levels = |reply: &crate::support::Reply| {
        reply.notifications.iter().map(|message| message["params"]["level"].clone()).collect::<Vec<_>>()
    };

    let modern = server.modern();
    assert!(!modern.call("log", json!({})).await.streamed);
    for (level, expected) in [("debug", json!(["debug", "warning"])), ("info", json!(["warning"]))] {
        let meta = json!({ "io.modelcontextprotocol/logLevel": level });
        let reply = modern.request(1, "tools/call", json!({ "name": "log", "_meta": meta })).await;
        assert_eq!(json!(levels(&reply)), expected);
    }
    let meta = json!({ "io.modelcontextprotocol/logLevel": "loud" });
    assert_eq!(modern.request(1, "tools/call", json!({ "name": "log", "_meta": meta })).await.code(), -32602);

    let (one, other) = (server.legacy().await, server.legacy().await);
    let set = one.request(2, "logging/setLevel", json!({ "level": "debug" })).await;
    assert_eq!(set.body["result"], json!({}));
    assert_eq!(levels(&one.call("log", json!({})).await), ["debug", "warning"]);
    assert_eq!(
        levels(&other.call("log", json!({})).await),
        ["warning"],
        "another session's level is its own"
    );
}

#[tokio::test]
async fn discovery_and_handshake_say_the_same() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    let capabilities = json!({
        "logging": {}, "completions": {}, "prompts": { "listChanged": true },
        "resources": { "subscribe": true, "listChanged": true }, "tools": { "listChanged": true },
    });
    let found = server.modern().request(1, "server/discover", json!({})).await;
    assert_eq!(
        *found.result(),
        json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"],
            "capabilities": capabilities,
            "instructions": "Try them.",
            "ttlMs": 60_000,
            "cacheScope": "public",
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "toolbox", "version": "1.2.3" } },
        })
    );
    let client = Client::new(&server.url, "2025-11-25");
    for proposed in ["2025-11-25", "2026-07-28", "1900-01-01"] {
        let info = json!({ "name": "x", "version": "1" });
        let params = json!({ "protocolVersion": proposed, "capabilities": {}, "clientInfo": info });
        let reply = client.request(1, "initialize", params).await;
        assert_eq!(
            *reply.result(),
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": capabilities,
                "serverInfo": { "name": "toolbox", "version": "1.2.3" },
                "instructions": "Try them.",
            })
        );
    }
}

#[tokio::test]
async fn resources_and_prompts() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    for client in both(&server).await {
        let read = async |uri: &str| client.request(1, "resources/read", json!({ "uri": uri })).await;
        let text = json!([{ "uri": "test://static", "mimeType": "text/plain", "text": "static text" }]);
        assert_eq!(read("test://static").await.result()["contents"], text);
        let blob = json!([{ "uri": "test://bytes", "mimeType": "image/png", "blob": "AQID" }]);
        assert_eq!(read("test://bytes").await.result()["contents"], blob);
        let item = json!([{ "uri": "test://item/7", "mimeType": "text/plain", "text": "item 7" }]);
        assert_eq!(read("test://item/7").await.result()["contents"], item);
        let code = if client.session.is_some() { -32002 } else { -32602 };
        for missing in ["test://nothing", "test://item/seven"] {
            let reply = read(missing).await;
            assert_eq!((reply.code(), &reply.body["error"]["data"]["uri"]), (code, &json!(missing)));
        }

        let arguments = json!({ "name": "Ann", "mood": "warmly" });
        let reply =
            client.request(1, "prompts/get", json!({ "name": "greet", "arguments": arguments })).await;
        let content = json!({ "type": "text", "text": "Greet Ann warmly" });
        assert_eq!(reply.result()["messages"], json!([{ "role": "user", "content": content }]));
        for wrong in [json!({ "name": "greet" }), json!({ "name": "nothing" })] {
            assert_eq!(client.request(1, "prompts/get", wrong).await.code(), -32602);
        }
    }
}

#[tokio::test]
async fn completion_gives_a_hundred_at_most() {
    let server = Server::start(toolbox(&Arc::default()).build().unwrap()).await;
    for client in both(&server).await {
        let complete = async |reference, argument: &str| {
            let argument = json!({ "name": argument, "value": "x" });
            client.request(1, "completion/complete", json!({ "ref": reference, "argument": argument })).await
        };
        let greet = json!({ "type": "ref/prompt", "name": "greet" });
        let reply = complete(greet.clone(), "name").await;
        let completion = &reply.result()["completion"];
        assert_eq!(completion["values"].as_array().unwrap().len(), 100);
        assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(150), &json!(true)));
        assert_eq!(complete(greet, "mood").await.result()["completion"]["values"], json!([]));
        let unknown = json!({ "type": "ref/prompt", "name": "nothing" });
        assert_eq!(complete(unknown, "name").await.code(), -32602);
    }
}
