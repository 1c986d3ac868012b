//! One record per request, whatever became of it.

use std::sync::{Arc, Mutex};

use barewire_mcp_server::{Observer, Record};
use serde_json::json;
use tokio::sync::Notify;

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
