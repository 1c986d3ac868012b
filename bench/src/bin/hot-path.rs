//! Instructions per request of the whole server, from the `http::Request` to the last byte of the response, without a
//! socket: for changes that are too small for a clock.
//!
//! ```text
//! cargo build --release -p barewire-bench --bin hot-path
//! target/release/hot-path                    # every case under callgrind, as a table
//! target/release/hot-path echo sse           # some of them
//! target/release/hot-path --times 1000 echo  # the case itself, for a profiler to look at
//! ```
//!
//! Only what is inside of `measured` is counted, so that building the server and its keys is not. A case is run twice,
//! with few requests and with many; the difference of the two counts over the difference in requests is free of what
//! happens at the first one. Valgrind hides the processor's SHA, ADX and AVX-512 instructions
//! from the program, so a digest and a signature cost more here than they do on the machine, in each case alike.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use barewire_bench::dialect::{LEGACY, MODERN};
use barewire_bench::server::{SCOPE, TOOLS, limits, tools};
use barewire_bench::signed::SignedToken;
use barewire_mcp_server::{
    Limits, McpServerBuilder, McpService, Observer, Principal, Record, ResourceServer, TokenVerifier,
};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::scope::ScopeSet;
use bytes::Bytes;
use clap::Parser;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower_service::Service as _;

const FEW: u64 = 200;
const MANY: u64 = 1_200;

/// As long as a signed token with a few claims.
const TOKEN_BYTES: usize = 600;

/// What is measured, each by its name.
const CASES: [(&str, Make); 15] = [
    ("floor", floor),
    ("request", request),
    ("echo", |times| call(tools(0), &modern("echo", &json!({ "text": TEXT })), times)),
    ("echo-session", |times| session(times, "echo", &json!({ "text": TEXT }))),
    ("get-user", |times| call(tools(0), &modern("get_user", &json!({ "id": 617 })), times)),
    ("echo-bearer", |times| {
        call(protected(), &modern("echo", &json!({ "text": TEXT })).header("authorization", bearer()), times)
    }),
    ("echo-observer", |times| {
        call(tools(0).observer(Quiet), &modern("echo", &json!({ "text": TEXT })), times)
    }),
    ("sse", |times| call(tools(0), &modern("echo_with_progress", &json!({ "text": TEXT })), times)),
    ("tools-list", |times| call(tools(0), &listing(), times)),
    ("tools-list-bearer", |times| call(protected(), &listing().header("authorization", bearer()), times)),
    ("tools-list-10-of-10", |times| call(page_of_ten(10), &listing(), times)),
    ("tools-list-10-of-10000", |times| call(page_of_ten(10_000), &listing(), times)),
    ("token-cold", |times| token(times, |token| token.verify().map(drop))),
    ("signature", |times| token(times, SignedToken::verify_signature)),
    ("signature-jsonwebtoken", |times| token(times, SignedToken::verify_signature_with_jsonwebtoken)),
];

const TEXT: &str = "hello";

type Make = fn(u64) -> anyhow::Result<()>;

/// Counts instructions of our server under callgrind, and prints a table.
#[derive(Parser)]
struct Arguments {
    /// Run the case itself so many times, for callgrind or a profiler to look at.
    #[arg(long, requires = "cases")]
    times: Option<u64>,
    /// Only these cases.
    cases: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> anyhow::Result<()> {
    let Arguments { times, mut cases } = Arguments::parse();
    if let Some(times) = times {
        return cases.iter().try_for_each(|name| run(name, times));
    }
    if cases.is_empty() {
        cases = CASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    }
    println!("{:<24} {:>12}", "case", "instructions");
    for name in cases {
        let (few, many) = (counted(&name, FEW)?, counted(&name, MANY)?);
        println!("{name:<24} {:>12}", (many - few) / (MANY - FEW));
    }
    Ok(())
}

fn run(name: &str, times: u64) -> anyhow::Result<()> {
    let (_, make) =
        CASES.iter().find(|(known, _)| *known == name).with_context(|| format!("no case {name}"))?;
    make(times)
}

/// The instructions of one whole run.
fn counted(name: &str, times: u64) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured*"])
        .arg(std::env::current_exe()?)
        .args(["--times", &times.to_string(), name])
        .output()
        .context("valgrind has to be installed")?;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{log}");
    let count =
        log.lines().find_map(|line| line.split_once("Collected : ")).context("callgrind gives a count")?;
    Ok(count.1.trim().parse()?)
}

/// What is counted, as callgrind finds it by this name.
#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// The least that any server of JSON does: the body through `serde_json::Value` both ways.
fn floor(times: u64) -> anyhow::Result<()> {
    let body = modern("echo", &json!({ "text": TEXT })).body;
    let echo = || -> anyhow::Result<Bytes> {
        let mut message: Value = serde_json::from_slice(&body)?;
        let text = message["params"]["arguments"]["text"].take();
        let result = json!({ "content": [{ "type": "text", "text": text }] });
        let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
        Ok(Bytes::from(serde_json::to_vec(&answer)?))
    };
    measured(|| (0..times).try_for_each(|_| echo().map(|answer| drop(black_box(answer)))))
}

/// What the program itself adds to every case below: the copy of a request.
fn request(times: u64) -> anyhow::Result<()> {
    let request = modern("echo", &json!({ "text": TEXT })).request()?;
    measured(|| (0..times).for_each(|_| drop(black_box(request.clone()))));
    Ok(())
}

/// A check of a signed token without anything around it.
fn token(times: u64, check: fn(&SignedToken) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let token = SignedToken::new()?;
    measured(|| (0..times).try_for_each(|_| check(black_box(&token))))
}

/// A request that can be sent again and again.
struct Wanted {
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Wanted {
    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What a connection would hand over.
    fn request(&self) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/mcp")
            .header("host", "127.0.0.1:8000")
            .header("user-agent", "hot-path/1")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("content-length", self.body.len());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Ok(request.body(Full::new(self.body.clone()))?)
    }
}

fn modern(tool: &str, arguments: &Value) -> Wanted {
    let params = json!({ "name": tool, "arguments": arguments });
    modern_message("tools/call", params).header("mcp-name", tool.to_owned())
}

/// A server of so many tools, which lists ten at once.
fn page_of_ten(all: usize) -> McpServerBuilder {
    tools(all - TOOLS).limits(Limits { page_size: 10, ..limits() })
}

fn listing() -> Wanted {
    modern_message("tools/list", json!({}))
}

fn modern_message(method: &str, mut params: Value) -> Wanted {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": { "name": "hot-path", "version": "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
        "progressToken": 7,
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let headers = vec![("mcp-protocol-version", MODERN.to_owned()), ("mcp-method", method.to_owned())];
    Wanted { headers, body: body.to_string().into() }
}

fn legacy(method: &str, params: &Value) -> Wanted {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    Wanted { headers: vec![("mcp-protocol-version", LEGACY.to_owned())], body: body.to_string().into() }
}

fn bearer() -> String {
    format!("Bearer {}", "a".repeat(TOKEN_BYTES))
}

fn call(server: McpServerBuilder, wanted: &Wanted, times: u64) -> anyhow::Result<()> {
    let (runtime, request) = (runtime()?, wanted.request()?);
    let mut service = server.build()?.service();
    measured(|| runtime.block_on(repeat(&mut service, &request, times)))
}

fn session(times: u64, tool: &str, arguments: &Value) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let mut service = tools(0).build()?.service();
    let hello = json!({
        "protocolVersion": LEGACY,
        "capabilities": { "elicitation": {} },
        "clientInfo": { "name": "hot-path", "version": "1.0.0" },
    });
    let Ok(opened) = runtime.block_on(service.call(legacy("initialize", &hello).request()?));
    let session = opened.headers().get("mcp-session-id").context("a session begins")?.to_str()?;
    let request = legacy("tools/call", &json!({ "name": tool, "arguments": arguments }))
        .header("mcp-session-id", session.to_owned())
        .request()?;
    measured(|| runtime.block_on(repeat(&mut service, &request, times)))
}

async fn repeat(service: &mut McpService, request: &Request<Full<Bytes>>, times: u64) -> anyhow::Result<()> {
    for _ in 0..times {
        let Ok(response) = service.call(request.clone()).await;
        ensure!(response.status() == StatusCode::OK, "{}", response.status());
        // As a connection takes it: part by part, and none copied.
        let (mut body, mut bytes) = (response.into_body(), 0);
        while let Some(frame) = body.frame().await {
            bytes += frame?.data_ref().map_or(0, Bytes::len);
        }
        ensure!(bytes > 0, "nothing was answered");
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn protected() -> McpServerBuilder {
    let resource = ResourceServer::new("http://127.0.0.1:8000/mcp", Anybody)
        .authorization_server("http://127.0.0.1:8000")
        .scopes_supported([SCOPE]);
    tools(0).auth(resource)
}

/// Takes every token; what is measured is the answer out of the cache.
struct Anybody;

impl TokenVerifier for Anybody {
    async fn verify(&self, _token: &str, now: SystemTime) -> Result<Principal, BearerError> {
        let mut principal = Principal::new("alice");
        principal.client_id = Some("hot-path".to_owned());
        principal.scopes = ScopeSet::from_tokens([SCOPE]);
        principal.expires_at = Some(now + Duration::from_secs(3_600));
        Ok(principal)
    }
}

struct Quiet;

impl Observer for Quiet {
    fn record(&self, record: &Record<'_>) {
        black_box(record.bytes_out);
    }
}
