//! One record per request, whatever became of it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use barewire_mcp_server::{Context, NoArguments, Observer, Offers, Record, Tool};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;
use tokio::sync::Notify;

use crate::sse_transport::Old;
use crate::support::{Client, Server, resource_server, toolbox};

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    written: Notify,
}

struct Watch(Arc<Log>);

impl Observer for Watch {
    fn record(&self, record: &Record<'_>) {
        let line = format!(
            "{} {} {} {} {:?} {} {:?}",
            record.http_method,
            record.principal.map_or("-", |principal| &principal.subject),
            record.method.unwrap_or("-"),
            record.name.unwrap_or("-"),
            record.decision,
            record.status.as_u16(),
            record.outcome,
        );
        assert!(record.method.is_none() || record.bytes_in > 0);
        self.0.lines.lock().unwrap().push(line);
        self.0.written.notify_one();
    }
}

#[tokio::test]
async fn refusals_are_recorded_too() {
    let log = Arc::new(Log::default());
    let builder = toolbox(&Arc::default()).auth(resource_server()).observer(Watch(log.clone()));
    let server = Server::start(builder.build().unwrap()).await;
    let ann = server.modern().with_token("ann.read");
    let check = async |expected: &str| {
        log.written.notified().await;
        assert_eq!(log.lines.lock().unwrap().pop().unwrap(), expected);
    };

    ann.call("echo", json!({ "text": "x" })).await;
    check("POST ann tools/call echo Allowed 200 Result").await;
    ann.call("fail", json!({})).await;
    check("POST ann tools/call fail Allowed 200 ToolError").await;
    ann.call("nothing", json!({})).await;
    check("POST ann tools/call nothing Allowed 200 Error(-32602)").await;
    ann.call("ask_name", json!({ "text": "x" })).await;
    check("POST ann tools/call ask_name Allowed 200 InputRequired").await;
    let mut stream = ann.call_streaming(1, "progress", json!({})).await;
    while stream.next().await.is_some() {}
    check("POST ann tools/call progress Allowed 200 Result").await;
    ann.request(1, "server/discover", json!({})).await;
    check("POST ann server/discover - Allowed 200 Result").await;
    ann.request(1, "nonsense", json!({})).await;
    check("POST ann - - Allowed 404 Error(-32601)").await;
    server.modern().call("echo", json!({})).await;
    check("POST - - - Unauthenticated 401 Nothing").await;
    ann.clone().with_header("host", "evil.example").call("echo", json!({})).await;
    check("POST - - - Refused 403 Error(-32600)").await;
    let mut stream = ann.call_streaming(1, "slow", json!({})).await;
    stream.next().await.unwrap();
    drop(stream);
    check("POST ann tools/call slow Allowed 200 Cancelled").await;

    let client = Client::new(&server.url, "2025-11-25").with_token("ann.read");
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "n", "version": "v" } });
    client.request(1, "initialize", params).await;
    check("POST ann initialize - Allowed 200 Result").await;
}

/// Everything that an observer can say and be told.
#[derive(Default)]
struct Curious {
    offered: Mutex<Vec<String>>,
    full: AtomicBool,
    begun: AtomicUsize,
    streams: AtomicUsize,
    lines: Mutex<Vec<String>>,
    written: Notify,
}

struct Questions(Arc<Curious>);

impl Observer for Questions {
    fn attached(&self, offers: &Offers<'_>) {
        let names = offers.tools.iter().chain(&offers.prompts).map(ToString::to_string);
        self.0.offered.lock().unwrap().extend(names);
    }

    fn begin(&self, head: &Parts) -> Option<IpAddr> {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        head.headers.get("x-from")?.to_str().ok()?.parse().ok()
    }

    fn admits(&self) -> bool {
        !self.0.full.load(Ordering::SeqCst)
    }

    fn digest(&self, arguments: &str) -> Option<[u8; 16]> {
        Some([arguments.len() as u8; 16])
    }

    fn streaming(&self) {
        self.0.streams.fetch_add(1, Ordering::SeqCst);
    }

    fn record(&self, record: &Record<'_>) {
        let line = format!(
            "{} {} {} {} {} {:?} {}",
            record.address.map_or("-".to_owned(), |address| address.to_string()),
            record.trace.map_or("-".to_owned(), |trace| trace.to_string()),
            record.name.unwrap_or("-"),
            record.arguments.map_or("-".to_owned(), |digest| digest[0].to_string()),
            record.reason.unwrap_or("-"),
            record.decision,
            record.needed.map_or("-".to_owned(), ToString::to_string),
        );
        assert_eq!(record.streaming_after.is_some(), record.name == Some("progress"));
        self.0.lines.lock().unwrap().push(line);
        self.0.written.notify_one();
    }
}

#[tokio::test]
async fn a_record_says_by_which_rule_and_for_which_trace() {
    const HEADER: &str = "00-11111111111111111111111111111111-1111111111111111-00";
    const META: &str = "00-22222222222222222222222222222222-2222222222222222-01";
    let seen = Arc::new(Curious::default());
    let ok = |_: Context, _: NoArguments| async { Ok("ok") };
    let builder = toolbox(&Arc::default())
        .auth(resource_server())
        .tool(Tool::new("secret", "Not for everybody.").visible_to(|_| false), ok)
        .tool(Tool::new("scoped", "For some.").scopes(["write"]), ok)
        .observer(Questions(seen.clone()));
    let server = Server::start(builder.build().unwrap()).await;
    assert!(
        ["echo", "secret", "greet"].iter().all(|name| seen.offered.lock().unwrap().contains(&(*name).into()))
    );
    let ann = server.modern().with_token("ann.read").with_header("x-from", "192.0.2.7");
    let check = async |expected: String| {
        seen.written.notified().await;
        assert_eq!(seen.lines.lock().unwrap().pop().unwrap(), expected);
    };

    ann.call("echo", json!({ "text": "x" })).await;
    check("192.0.2.7 - echo 12 - Allowed -".into()).await;
    let traced = ann.clone().with_header("traceparent", HEADER);
    traced.call("echo", json!({ "text": "x" })).await;
    check(format!("192.0.2.7 {HEADER} echo 12 - Allowed -")).await;
    let params = json!({ "name": "echo", "arguments": { "text": "" }, "_meta": { "traceparent": META } });
    traced.request(1, "tools/call", params).await;
    check(format!("192.0.2.7 {META} echo 11 - Allowed -")).await;
    let params = json!({ "name": "echo", "arguments": { "text": "" }, "_meta": { "traceparent": 7 } });
    traced.request(1, "tools/call", params).await;
    check(format!("192.0.2.7 {HEADER} echo 11 - Allowed -")).await;

    let same = ann.call("secret", json!({})).await;
    check("192.0.2.7 - secret 2 hidden Hidden -".into()).await;
    let nothing = ann.call("public", json!({})).await;
    check("192.0.2.7 - public 2 unknown_tool Allowed -".into()).await;
    assert_eq!(same.body["error"]["code"], nothing.body["error"]["code"], "only the record tells them apart");
    ann.call("scoped", json!({})).await;
    check("192.0.2.7 - scoped 2 insufficient_scope InsufficientScope write".into()).await;
    ann.clone().with_token("nonsense").call("echo", json!({})).await;
    check("192.0.2.7 - - - invalid_token Unauthenticated -".into()).await;
    ann.clone().with_header("origin", "https://evil.example").call("echo", json!({})).await;
    check("192.0.2.7 - - - origin Refused -".into()).await;
    let mut stream = ann.call_streaming(1, "progress", json!({})).await;
    while stream.next().await.is_some() {}
    check("192.0.2.7 - progress 2 - Allowed -".into()).await;
    assert_eq!(seen.streams.load(Ordering::SeqCst), 1);

    seen.full.store(true, Ordering::SeqCst);
    let refused = ann.post(&ann.message(1, "server/discover", json!({}))).await;
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"5".parse().unwrap())
    );
    check("192.0.2.7 - - - unobserved Refused -".into()).await;
    assert_eq!(seen.begun.load(Ordering::SeqCst), 11);
}

/// Remembers at which path it was asked to observe.
struct Door(&'static str, Arc<Log>);

impl Observer for Door {
    fn at(&self, path: &str) -> Option<Arc<dyn Observer>> {
        let path = ["/sse", "/messages"].into_iter().find(|known| *known == path)?;
        Some(Arc::new(Self(path, self.1.clone())))
    }

    fn record(&self, record: &Record<'_>) {
        let status = record.status.as_u16();
        let line = format!("{} {} {} {status}", record.http_method, self.0, record.method.unwrap_or("-"));
        self.1.lines.lock().unwrap().push(line);
        self.1.written.notify_one();
    }
}

#[tokio::test]
async fn each_endpoint_has_its_own_observer() {
    let log = Arc::new(Log::default());
    let builder =
        toolbox(&Arc::default()).sse_transport("/sse", "/messages").observer(Door("/mcp", log.clone()));
    let url = crate::sse_transport::start(&builder.build().unwrap()).await;
    let check = async |expected: &str| {
        log.written.notified().await;
        assert_eq!(log.lines.lock().unwrap().pop().unwrap(), expected);
    };
    let mut old = Old::open(&url, None).await;
    old.request(1, "ping", json!({})).await;
    check("POST /messages ping 202").await;
    old.request(2, "tools/call", json!({ "name": "echo", "arguments": { "text": "x" } })).await;
    check("POST /messages tools/call 202").await;
    drop(old);
    check("GET /sse - 200").await;
    Client::new(&format!("{url}/mcp"), "2026-07-28").call("echo", json!({ "text": "x" })).await;
    check("POST /mcp tools/call 200").await;
}
