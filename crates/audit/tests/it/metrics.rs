//! What is counted, and that there is an end to what is counted apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use barewire_audit::{Metrics, MetricsConfig, Recorder};
use barewire_mcp_server::{Context, McpServer, McpService, NoArguments, Tool, ToolError};
use http::Request;
use http_body_util::BodyExt;
use prometheus_parse::{Sample, Scrape, Value};
use tower_service::Service;

struct Counted {
    service: McpService,
    metrics: Arc<Metrics>,
}

impl Counted {
    fn start(config: &MetricsConfig) -> Self {
        let metrics = Arc::new(Metrics::new(config));
        let recorder = Recorder::new("http://localhost/mcp").metrics(metrics.clone());
        let server = McpServer::builder("x", "1")
            .observer(recorder)
            .tool(Tool::new("works", "Works."), async |_: Context, _: NoArguments| Ok::<_, ToolError>("yes"))
            .tool(Tool::new("fails", "Fails."), async |_: Context, _: NoArguments| {
                Err::<&str, _>(ToolError::new("no"))
            })
            .tool(Tool::new("speaks", "Streams."), async |ctx: Context, _: NoArguments| {
                ctx.progress(1.0, None, None).await;
                Ok::<_, ToolError>("done")
            });
        Self { service: server.build().unwrap().service(), metrics }
    }

    async fn call(&self, method: &str, name: &str) {
        let response = self.service.clone().call(request(method, name)).await.unwrap();
        response.into_body().collect().await.unwrap();
    }

    fn scrape(&self) -> Scrape {
        let text = self.metrics.expose(None).unwrap().text;
        Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
    }
}

fn request(method: &str, name: &str) -> Request<String> {
    let meta = r#"{"progressToken":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let params = format!(r#"{{"name":"{name}","arguments":{{}},"_meta":{meta}}}"#);
    Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .header("mcp-name", name)
        .body(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#))
        .unwrap()
}

fn count(sample: &Sample) -> f64 {
    match &sample.value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => *value,
        Value::Histogram(buckets) => buckets.last().map_or(0.0, |bucket| bucket.count),
        Value::Summary(_) => panic!("there are no summaries"),
    }
}

fn sum(scrape: &Scrape, metric: &str) -> f64 {
    scrape.samples.iter().filter(|sample| sample.metric == metric).map(count).sum()
}

#[tokio::test]
async fn each_ending_has_its_labels() {
    let counted = Counted::start(&MetricsConfig::default());
    for (method, name) in [
        ("tools/call", "works"),
        ("tools/call", "works"),
        ("tools/call", "fails"),
        ("tools/call", "speaks"),
        ("tools/call", "unknown"),
        ("tools/list", ""),
        ("nonsense", ""),
    ] {
        counted.call(method, name).await;
    }
    let scrape = counted.scrape();
    let operations: BTreeSet<String> = scrape
        .samples
        .iter()
        .filter(|sample| sample.metric == "mcp_server_operation_duration_seconds")
        .map(|sample| {
            let label = |name| sample.labels.get(name).unwrap_or("-").to_owned();
            format!(
                "{} {} {} {}",
                label("mcp_method_name"),
                label("gen_ai_tool_name"),
                label("error_type"),
                count(sample)
            )
        })
        .collect();
    let expected = [
        "tools/call _OTHER -32602 1",
        "tools/call fails tool_error 1",
        "tools/call speaks - 1",
        "tools/call works - 2",
        "tools/list - - 1",
    ];
    assert_eq!(operations.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(sum(&scrape, "barewire_requests_total"), 7.0);
    assert_eq!(sum(&scrape, "http_server_request_duration_seconds"), 7.0);
    assert_eq!(sum(&scrape, "barewire_streams_total"), 1.0);
    assert_eq!(sum(&scrape, "barewire_open_streams"), 0.0);
    assert_eq!(sum(&scrape, "http_server_active_requests"), 0.0);
}

#[tokio::test]
async fn what_goes_on_is_a_gauge() {
    let counted = Counted::start(&MetricsConfig::default());
    let response = counted.service.clone().call(request("tools/call", "speaks")).await.unwrap();
    let scrape = counted.scrape();
    let now = ["barewire_open_streams", "http_server_active_requests"].map(|metric| sum(&scrape, metric));
    assert_eq!(now, [1.0, 1.0]);
    drop(response);
    assert_eq!(sum(&counted.scrape(), "barewire_open_streams"), 0.0);
}

#[tokio::test]
async fn too_many_combinations_are_counted_as_one() {
    let counted = Counted::start(&MetricsConfig { max_series: 2, ..MetricsConfig::default() });
    for name in ["works", "fails", "speaks", "unknown", "works"] {
        counted.call("tools/call", name).await;
    }
    counted.call("tools/list", "").await;
    let scrape = counted.scrape();
    let other = |sample: &&Sample| sample.labels.get("mcp_method_name") == Some("_OTHER");
    let operations: Vec<_> = scrape
        .samples
        .iter()
        .filter(|sample| sample.metric == "mcp_server_operation_duration_seconds")
        .collect();
    assert_eq!(operations.len(), 3, "two, and one for the rest");
    assert_eq!(operations.into_iter().filter(other).map(count).sum::<f64>(), 3.0);
    assert_eq!(sum(&scrape, "barewire_requests_total"), 6.0, "nothing is left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_counted_twice_or_not_at_all() {
    let counted = Arc::new(Counted::start(&MetricsConfig::default()));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let counted = counted.clone();
            tokio::spawn(async move {
                for name in ["works", "fails", "unknown"].iter().cycle().take(300) {
                    counted.call("tools/call", name).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let scrape = counted.scrape();
    assert_eq!(sum(&scrape, "mcp_server_operation_duration_seconds"), 2400.0);
    assert_eq!(sum(&scrape, "http_server_active_requests"), 0.0);
}
