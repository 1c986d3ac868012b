//! What it costs to observe a request: calls of our server without a socket, with and without log and metrics, in turn
//! within one run. CPU time is that of the whole process, the log's writer included.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use barewire_audit::{Audit, AuditConfig, Clock, Metrics, MetricsConfig, Recorder};
use barewire_bench::server;
use barewire_mcp_server::{McpService, Principal, ResourceServer, TokenVerifier};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::scope::ScopeSet;
use barewire_store::Store;
use barewire_testkit::TempDir;
use bytes::Bytes;
use clap::Parser;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tower_service::Service as _;

/// Calls `echo` with a token, again and again, on two threads.
#[derive(Parser)]
struct Arguments {
    /// Calls of one turn.
    #[arg(long, default_value_t = 100_000)]
    calls: usize,
    /// Turns of each kind.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Only this kind: none, metrics, audit or both.
    #[arg(long)]
    only: Option<Kind>,
    /// Threads that call.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Kind {
    None,
    Metrics,
    Audit,
    Both,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = TempDir::new();
    let store = Arc::new(Store::open(folder.path().join("audit.sqlite")).await?);
    let clock: Clock = Arc::new(SystemTime::now);
    let audit = Audit::start(store.clone(), AuditConfig::default(), clock.clone());
    let metrics = Arc::new(Metrics::new(&MetricsConfig::default()));
    let kinds = [Kind::None, Kind::Metrics, Kind::Audit, Kind::Both];
    let mut services = Vec::new();
    for kind in kinds.into_iter().filter(|kind| arguments.only.is_none_or(|only| only == *kind)) {
        let mut recorder = Recorder::new("http://localhost/mcp");
        if matches!(kind, Kind::Audit | Kind::Both) {
            recorder = recorder.audit(&audit, &[7; 32], clock.clone());
        }
        if matches!(kind, Kind::Metrics | Kind::Both) {
            recorder = recorder.metrics(metrics.clone());
        }
        let guard =
            ResourceServer::new("http://localhost/mcp", OneUser).authorization_server("http://localhost");
        let mut server = server::tools(0).auth(guard);
        if kind != Kind::None {
            server = server.observer(recorder);
        }
        services.push((kind, server.build()?.service()));
    }
    let mut out = std::io::stdout();
    for turn in 0..=arguments.turns {
        for (kind, service) in &services {
            let (cpu, began) = (cpu_time()?, Instant::now());
            call(service, arguments.calls, arguments.threads).await?;
            // What waits belongs to this turn.
            tokio::time::sleep(Duration::from_millis(600)).await;
            let (cpu, took) = (cpu_time()? - cpu, began.elapsed() - Duration::from_millis(600));
            // The first turn warms up.
            if turn > 0 {
                let each = |time: Duration| time.as_secs_f64() * 1e6 / arguments.calls as f64;
                writeln!(out, "{kind:?}: {:.2} µs CPU, {:.2} µs", each(cpu), each(took))?;
            }
        }
    }
    audit.close().await;
    store.close().await;
    Ok(())
}

async fn call(service: &McpService, calls: usize, threads: usize) -> Result<()> {
    let tasks: Vec<_> = (0..threads)
        .map(|_| {
            let mut service = service.clone();
            tokio::spawn(async move {
                for id in 0..calls / threads {
                    let response = service.call(request(id)).await.unwrap_or_else(|never| match never {});
                    let body = response.into_body().collect().await.unwrap_or_else(|never| match never {});
                    anyhow::ensure!(body.to_bytes().len() > 50);
                }
                Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

fn request(id: usize) -> Request<Full<Bytes>> {
    const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench-client","version":"1.0.0"}}"#;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"hello, world"}},"_meta":{META}}}}}"#
    );
    Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", "Bearer 0123456789abcdef0123456789abcdef0123456789abcdef")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "echo")
        .body(Full::new(Bytes::from(body)))
        .expect("the parts are constants")
}

struct OneUser;

impl TokenVerifier for OneUser {
    async fn verify(&self, _: &str, now: SystemTime) -> Result<Principal, BearerError> {
        let mut principal = Principal::new("9b2f6c1e4d8a4f0b");
        principal.client_id = Some("c_4f8e2a6b9d1c3e5f7a8b".to_owned());
        principal.grant_id = Some("g_7d3c5e9f1a2b4c6d8e0f".to_owned());
        principal.scopes = ScopeSet::from_tokens(["bench"]);
        principal.expires_at = now.checked_add(Duration::from_secs(3600));
        Ok(principal)
    }
}

/// Of all threads of this process.
fn cpu_time() -> Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split_whitespace().next().context("the kernel counts no time")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}
