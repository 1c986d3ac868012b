//! What a hostile or careless client runs into.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use barewire_mcp_server::Limits;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Client, Probe, Reply, Server, toolbox};

async fn start(limits: Limits) -> Server {
    Server::start(toolbox(&Arc::default()).limits(limits).build().unwrap()).await
}

#[tokio::test]
async fn a_large_body_is_refused_while_it_is_read() {
    let server = start(Limits { max_body_bytes: 1_000, ..Limits::default() }).await;
    let client = server.modern();
    let long = "x".repeat(2_000);
    assert_eq!(client.call("echo", json!({ "text": long })).await.status, StatusCode::PAYLOAD_TOO_LARGE);

    // Without a length nobody knows until it arrives; this one never ends.
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 100]));
    let response = client
        .http
        .post(&server.url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(reqwest::Body::wrap_stream(endless))
        .send()
        .await;
    // The server may close before the client has stopped writing; then the client sees that.
    if let Ok(response) = response {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(client.call("echo", json!({ "text": "ok" })).await.text(), "ok");
}

#[tokio::test]
async fn a_body_that_does_not_come_times_out() {
    let server = start(Limits { body_timeout: Duration::from_millis(5), ..Limits::default() }).await;
    let nothing = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let response = server
        .modern()
        .http
        .post(&server.url)
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(nothing))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn nesting_bombs_are_just_bad_requests() {
    let server = start(Limits::default()).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let http = server.modern().http;
    let send = async |body: String| {
        let request = http.post(&server.url).header("content-type", "application/json").body(body);
        Reply::read(request.send().await.unwrap()).await
    };
    assert_eq!(send(deep.clone()).await.status, 400);
    for body in ["", "{", "[]", "null", r#"{"jsonrpc":"2.0"}"#, "\u{feff}{}"] {
        let reply = send(body.to_owned()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(matches!(reply.code(), -32700 | -32600), "{body}");
    }
    // In a call that is otherwise in order, the bomb goes as far as the handler's type, which does not take it.
    let params = format!(r#"{{"name":"echo","arguments":{{"text":{deep}}}}}"#);
    let reply = send(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)).await;
    assert_eq!(reply.result()["isError"], true);
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let server = start(Limits::default()).await;
    let check = async |name: &'static str, value: &str, status: u16| {
        let reply = server.modern().with_header(name, value).request(1, "tools/list", json!({})).await;
        assert_eq!(reply.status.as_u16(), status, "{name}: {value}");
        assert_eq!(reply.header("access-control-allow-origin").is_empty(), name == "host" || status == 403);
    };
    check("host", "evil.example.com", 403).await;
    check("host", "localhost:1234", 200).await;
    check("origin", "http://evil.example.com", 403).await;
    check("origin", "null", 403).await;
    check("origin", "http://localhost:5173", 200).await;
    let preflight =
        server.modern().with_header("origin", "http://evil.example.com").bare(Method::OPTIONS).await;
    assert_eq!(preflight.status(), StatusCode::FORBIDDEN);
}

/// Counts the warnings of this crate.
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN && metadata.target().starts_with("barewire")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn a_flood_of_foreign_hosts_is_one_line_in_the_log() {
    let warnings = Arc::new(AtomicUsize::new(0));
    // One thread serves and asks, so the log of both is here.
    let _guard = tracing::subscriber::set_default(Warnings(warnings.clone()));
    let server = start(Limits { refusal_log_pause: Duration::from_secs(3_600), ..Limits::default() }).await;
    for number in 0..20 {
        let (name, value) =
            if number % 2 == 0 { ("host", "evil.example") } else { ("origin", "https://evil.example") };
        let reply = server.modern().with_header(name, value).request(1, "tools/list", json!({})).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(warnings.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let server = start(Limits::default()).await;
    for method in [Method::PUT, Method::PATCH, Method::HEAD] {
        let response = server.modern().bare(method.clone()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()["allow"], "POST, GET, DELETE");
    }
    // The modern era has no streams by GET and no sessions to delete.
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(server.modern().bare(method).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(server.modern().bare(Method::OPTIONS).await.status(), StatusCode::NO_CONTENT);
    let html = server.legacy().await.with_header("accept", "text/html").bare(Method::GET).await;
    assert_eq!(html.status(), StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn twenty_streams_at_once() {
    let probe = Arc::new(Probe::default());
    let server = Server::start(toolbox(&probe).build().unwrap()).await;
    let client = server.modern();
    let mut streams = Vec::new();
    for number in 0..20 {
        let mut stream = client.call_streaming(number, "slow", json!({})).await;
        assert_eq!(stream.next().await.unwrap()["method"], "notifications/progress");
        streams.push(stream);
    }
    for (number, mut stream) in streams.into_iter().enumerate() {
        probe.go.notify_one();
        // Which of the waiting handlers goes on is not said; every stream gets its own answer in the end.
        if number == 19 {
            assert_eq!(stream.next().await.unwrap()["id"], 19);
        } else {
            tokio::spawn(async move { while stream.next().await.is_some() {} });
        }
    }
}

#[tokio::test]
async fn long_streams_are_counted() {
    let server = start(Limits { max_streams_per_principal: 2, ..Limits::default() }).await;
    let legacy = server.legacy().await;
    let (one, two) = (legacy.listen().await, legacy.listen().await);
    let refused = legacy.bare(Method::GET).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "5");
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let reply = server.modern().request(1, "subscriptions/listen", filter).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    drop((one, two));
    assert_eq!(Client::new(&server.url, "2025-11-25").bare(Method::GET).await.status(), 400);
}
