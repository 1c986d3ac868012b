//! The transport of 2024-11-05, beside the other one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use axum::Router;
use barewire_mcp::http::sse::{Decoder, Event};
use barewire_mcp_server::{
    BuildError, Context, Issuers, JwtVerifier, Limits, McpServer, McpServerBuilder, NoArguments, Principal,
    ResourceMetadata, ResourceServer, ResourceServerError, TokenVerifier, Tool,
};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::jwk::JwkSet;
use barewire_oauth::resource::Resource;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::mounting::serve;
use crate::subscriptions::Revocable;
use crate::support::{Client, Probe, resource_server, toolbox};

const OLD: &str = "2024-11-05";

pub(crate) async fn start(mcp: &McpServer) -> String {
    let (streams, messages) = mcp.sse_services().unwrap();
    let mut router = Router::new()
        .route_service("/mcp", mcp.service())
        .route_service("/sse", streams)
        .route_service("/messages", messages);
    let metadata = mcp.resource_metadata();
    for path in metadata.iter().flat_map(ResourceMetadata::paths) {
        router = router.route_service(path, metadata.clone().unwrap());
    }
    serve(router).await
}

fn with(limits: Limits) -> (Arc<Probe>, McpServerBuilder) {
    let probe = Arc::new(Probe::default());
    let builder = toolbox(&probe).limits(limits).sse_transport("/sse", "/messages").tool(
        Tool::new("ask_roots", "Asks."),
        |ctx: Context, _: NoArguments| async move {
            Ok(format!("{} roots", ctx.roots("roots").await?.roots.len()))
        },
    );
    (probe, builder)
}

/// A client of this transport, with its stream open.
pub(crate) struct Old {
    http: reqwest::Client,
    url: String,
    token: Option<&'static str>,
    messages: String,
    events: Events,
}

struct Events {
    response: reqwest::Response,
    decoder: Decoder,
    ready: VecDeque<Event>,
}

impl Events {
    async fn next(&mut self) -> Option<Event> {
        while self.ready.is_empty() {
            let piece = self.response.chunk().await.ok()??;
            self.ready.extend(self.decoder.feed(&piece).unwrap());
        }
        self.ready.pop_front()
    }
}

async fn get(url: &str, token: Option<&str>) -> reqwest::Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http.get(format!("{url}/sse")).header("accept", "text/event-stream");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

impl Old {
    pub(crate) async fn open(url: &str, token: Option<&'static str>) -> Self {
        let response = get(url, token).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut events = Events { response, decoder: Decoder::new(1 << 20), ready: VecDeque::new() };
        let first = events.next().await.unwrap();
        assert_eq!(first.event.as_deref(), Some("endpoint"));
        assert!(first.data.starts_with("/messages?sessionId="), "{}", first.data);
        let messages = format!("{url}{}", first.data);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, url: url.to_owned(), token, messages, events }
    }

    /// With a handshake.
    async fn connect(url: &str, token: Option<&'static str>) -> Self {
        let mut client = Self::open(url, token).await;
        let answer = client.request(1, "initialize", hello(OLD)).await;
        assert_eq!(answer["result"]["protocolVersion"], OLD);
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(client.post(&told).await.status(), StatusCode::ACCEPTED);
        client
    }

    pub(crate) async fn post(&self, message: &Value) -> reqwest::Response {
        self.post_as(self.token, message).await
    }

    async fn post_as(&self, token: Option<&str>, message: &Value) -> reqwest::Response {
        let mut request = self
            .http
            .post(&self.messages)
            .header("content-type", "application/json")
            .body(message.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    /// The next message on the stream.
    async fn next(&mut self) -> Value {
        let event = self.events.next().await.expect("the stream goes on");
        assert_eq!(event.event.as_deref(), Some("message"));
        serde_json::from_str(&event.data).unwrap()
    }

    /// Asks and takes what comes next for the answer.
    pub(crate) async fn request(&mut self, id: i64, method: &str, params: Value) -> Value {
        let response = self.post(&message(id, method, params)).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.bytes().await.unwrap().len(), 0);
        let answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.request(7, "tools/call", json!({ "name": tool, "arguments": arguments })).await
    }
}

fn message(id: i64, method: &str, params: Value) -> Value {
    let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
    message["params"] = params;
    message
}

fn hello(revision: &str) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": { "roots": {}, "sampling": {} },
        "clientInfo": { "name": "test", "version": "1" },
    })
}

#[tokio::test]
async fn answers_come_on_the_stream() {
    let (_, builder) = with(Limits::default());
    let url = start(&builder.build().unwrap()).await;
    let mut client = Old::connect(&url, None).await;
    assert_eq!(client.request(2, "ping", json!({})).await["result"], json!({}));
    assert_eq!(client.call("echo", json!({ "text": "a" })).await["result"]["content"][0]["text"], "a");
    let sum = client.call("add", json!({ "a": 1, "b": 2 })).await;
    assert_eq!(sum["result"]["content"][0]["text"], r#"{"sum":3}"#);
    assert!(sum["result"].get("structuredContent").is_none(), "in the words of its revision");
    let list = client.request(9, "tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "echo"), "{list}");
    assert_eq!(client.request(3, "nonsense", json!({})).await["error"]["code"], -32601);
    assert_eq!(client.request(4, "tools/call", json!([])).await["error"]["code"], -32600);
    assert_eq!(client.request(5, "initialize", hello(OLD)).await["error"]["code"], -32600, "twice");
    let read = client.request(6, "resources/read", json!({ "uri": "test://nothing" })).await;
    assert_eq!(read["error"]["code"], -32002);

    let params = json!({ "name": "progress", "arguments": {}, "_meta": { "progressToken": "t" } });
    client.post(&message(8, "tools/call", params)).await;
    for _ in 0..3 {
        let progress = client.next().await;
        assert_eq!(progress["method"], "notifications/progress");
        assert!(progress["params"].get("message").is_none(), "in the words of its revision");
    }
    assert_eq!(client.next().await["result"]["content"][0]["text"], "done");

    // Beside it, on the same server, the other transport.
    let other = Client::new(&format!("{url}/mcp"), "2026-07-28");
    assert_eq!(other.call("echo", json!({ "text": "b" })).await.text(), "b");
}

/// Newer clients come this way too, and speak as they agreed.
#[tokio::test]
async fn the_handshake_says_the_revision() {
    let (_, builder) = with(Limits::default());
    let url = start(&builder.build().unwrap()).await;
    for (revision, structured) in [("2025-11-25", true), ("2025-06-18", true), ("2025-03-26", false)] {
        let mut client = Old::open(&url, None).await;
        let answer = client.request(1, "initialize", hello(revision)).await;
        assert_eq!(answer["result"]["protocolVersion"], revision);
        let sum = client.call("add", json!({ "a": 1, "b": 2 })).await;
        assert_eq!(sum["result"].get("structuredContent").is_some(), structured, "{revision}");
        // Batches came with the other transport.
        let response = client.post(&json!([message(1, "ping", json!({}))])).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{revision}");
    }
    // Whoever lost the stream and opens another one goes on, without a handshake.
    let mut client = Old::open(&url, None).await;
    let sum = client.call("add", json!({ "a": 1, "b": 2 })).await;
    assert_eq!(sum["result"]["content"][0]["text"], r#"{"sum":3}"#);
}

#[tokio::test]
async fn handlers_ask_over_the_stream() {
    let (_, builder) = with(Limits::default());
    let url = start(&builder.build().unwrap()).await;
    let mut client = Old::connect(&url, None).await;
    client.post(&message(2, "tools/call", json!({ "name": "ask_roots", "arguments": {} }))).await;
    let asked = client.next().await;
    assert_eq!(asked["method"], "roots/list");
    let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "roots": [] } });
    let mut stranger = Old::connect(&url, None).await;
    assert_eq!(stranger.post(&answer).await.status(), StatusCode::BAD_REQUEST, "it was not asked");
    assert_eq!(client.post(&answer).await.status(), StatusCode::ACCEPTED);
    assert_eq!(client.next().await["result"]["content"][0]["text"], "0 roots");
    assert_eq!(client.post(&answer).await.status(), StatusCode::BAD_REQUEST, "once");
    assert_eq!(stranger.request(1, "ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn changes_and_levels_are_the_sessions_own() {
    let (_, builder) = with(Limits::default());
    let mcp = builder.build().unwrap();
    let url = start(&mcp).await;
    let (mut client, mut other) = (Old::connect(&url, None).await, Old::connect(&url, None).await);
    client.request(2, "resources/subscribe", json!({ "uri": "test://static" })).await;
    mcp.publish().resource_updated("test://static");
    mcp.publish().tools_changed();
    assert_eq!(client.next().await["method"], "notifications/resources/updated");
    assert_eq!(client.next().await["method"], "notifications/tools/list_changed");
    assert_eq!(other.next().await["method"], "notifications/tools/list_changed");
    client.request(3, "logging/setLevel", json!({ "level": "debug" })).await;
    for (client, level) in [(&mut client, "debug"), (&mut other, "warning")] {
        client.post(&message(4, "tools/call", json!({ "name": "log", "arguments": {} }))).await;
        assert_eq!(client.next().await["params"]["level"], level);
    }
}

#[tokio::test]
async fn what_is_no_message_is_said_on_the_post() {
    let (_, builder) = with(Limits { max_body_bytes: 1_000, ..Limits::default() });
    let url = start(&builder.build().unwrap()).await;
    let client = Old::connect(&url, None).await;
    let http = &client.http;
    let check = async |request: reqwest::RequestBuilder, status: u16| {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{}", response.text().await.unwrap());
    };
    let post = |url: &str, body: &str| {
        http.post(url).header("content-type", "application/json").body(body.to_owned())
    };
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    check(post(&client.messages, "{"), 400).await;
    check(post(&client.messages, "[]"), 400).await;
    check(post(&client.messages, &" ".repeat(1_001)), 413).await;
    check(post(&client.messages, ping).header("content-type", "text/plain"), 415).await;
    check(post(&client.messages, ping).header("mcp-protocol-version", "2026-07-28"), 400).await;
    check(post(&client.messages, ping).header("origin", "https://evil.example"), 403).await;
    check(post(&client.messages, ping).header("host", "evil.example"), 403).await;
    check(post(&format!("{url}/messages"), ping), 400).await;
    for wrong in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(10_000)] {
        check(post(&format!("{url}/messages?sessionId={wrong}"), ping), 404).await;
    }
    // How a client finds out that the server is an old one.
    let tried = post(&format!("{url}/sse"), ping).send().await.unwrap();
    assert_eq!((tried.status().as_u16(), tried.headers()["allow"].to_str().unwrap()), (405, "GET, OPTIONS"));
    let tried = http.get(&client.messages).send().await.unwrap();
    assert_eq!((tried.status().as_u16(), tried.headers()["allow"].to_str().unwrap()), (405, "POST, OPTIONS"));
    check(http.get(format!("{url}/sse")).header("accept", "application/json"), 406).await;
    check(http.get(format!("{url}/sse")).header("origin", "https://evil.example"), 403).await;
    for path in ["/sse", "/messages"] {
        let preflight = http.request(Method::OPTIONS, format!("{url}{path}")).send().await.unwrap();
        assert!(preflight.headers().contains_key("access-control-allow-headers"));
    }
}

#[tokio::test]
async fn a_session_is_its_openers() {
    let (_, builder) = with(Limits::default());
    let write = Tool::new("write", "Writes.").scopes(["write"]);
    let builder =
        builder.auth(resource_server()).tool(write, |_: Context, _: NoArguments| async { Ok("written") });
    let url = start(&builder.build().unwrap()).await;
    let response = get(&url, None).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("resource_metadata="), "{challenge}");

    let mut ann = Old::connect(&url, Some("ann.read")).await;
    assert_eq!(ann.call("whoami", json!({})).await["result"]["content"][0]["text"], "ann");
    let who = message(9, "tools/call", json!({ "name": "whoami", "arguments": {} }));
    let nobody = ann.post_as(None, &who).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    assert!(nobody.headers().contains_key("www-authenticate"));
    assert_eq!(ann.post_as(Some("bob.read"), &who).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ann.post_as(Some("nonsense"), &who).await.status(), StatusCode::UNAUTHORIZED);

    // What she may not do yet is said on the POST, with the scopes to ask for; with them she goes on.
    let write = message(10, "tools/call", json!({ "name": "write", "arguments": {} }));
    let refused = ann.post(&write).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("write"));
    assert_eq!(ann.post_as(Some("ann.read+write"), &write).await.status(), StatusCode::ACCEPTED);
    assert_eq!(ann.next().await["result"]["content"][0]["text"], "written");
}

/// Takes tokens for these resources; a token is the end of the name of one.
struct Named(&'static [&'static str]);

impl TokenVerifier for Named {
    async fn verify(&self, token: &str, _now: SystemTime) -> Result<Principal, BearerError> {
        let known = self.0.contains(&token);
        if known { Ok(Principal::new("ann")) } else { Err(BearerError::WrongAudience) }
    }
}

/// A client that was given `/sse` looks for that name; a server that has both is told by its verifier which it takes.
#[tokio::test]
async fn the_stream_is_a_resource_of_its_own() {
    const TOKENS: [&str; 3] = ["mcp", "sse", "messages"];
    const MCP: &str = "https://api.example.com/mcp";
    const SSE: &str = "https://api.example.com/sse";
    // One that serves /mcp only, and one that takes tokens for both.
    for (accepted, expected) in [(&TOKENS[..1], [true, false, false]), (&TOKENS[..2], [true, true, false])] {
        let auth = ResourceServer::new(MCP, Named(accepted)).authorization_server("https://as.example.com");
        let write = Tool::new("write", "Writes.").scopes(["write"]);
        let (_, builder) = with(Limits::default());
        let builder = builder.auth(auth).tool(write, |_: Context, _: NoArguments| async { Ok("written") });
        let url = start(&builder.build().unwrap()).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let named = |response: &reqwest::Response| {
            let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
            let (_, url) = challenge.split_once("resource_metadata=\"").unwrap();
            url.trim_end_matches('"').to_owned()
        };
        let ping = message(1, "ping", json!({})).to_string();
        let post = async |path: &str, token: &str, body: String| {
            let request = http.post(format!("{url}{path}")).bearer_auth(token).body(body);
            let request = request.header("content-type", "application/json");
            let request = request.header("mcp-protocol-version", "2025-11-25");
            request.header("accept", "application/json, text/event-stream").send().await.unwrap()
        };
        for (token, expected) in TOKENS.into_iter().zip(expected) {
            let status = |fine: StatusCode| if expected { fine } else { StatusCode::UNAUTHORIZED };
            let at_mcp = post("/mcp", token, ping.clone()).await;
            assert_eq!(at_mcp.status(), status(StatusCode::OK), "{token}");
            let at_sse = get(&url, Some(token)).await;
            assert_eq!(at_sse.status(), status(StatusCode::OK), "{token}");
            if !expected {
                let at = "https://api.example.com/.well-known/oauth-protected-resource";
                assert_eq!(named(&at_mcp), format!("{at}/mcp"));
                assert_eq!(named(&at_sse), format!("{at}/sse"));
                let at_messages = post("/messages?sessionId=x", token, ping.clone()).await;
                assert_eq!(named(&at_messages), format!("{at}/sse"));
                continue;
            }
            let client = Old::connect(&url, Some(token)).await;
            let call = message(2, "tools/call", json!({ "name": "write", "arguments": {} }));
            let lacking = client.post(&call).await;
            assert_eq!(lacking.status(), StatusCode::FORBIDDEN);
            assert!(named(&lacking).ends_with("/oauth-protected-resource/sse"));
        }
        for (path, resource) in [
            ("/.well-known/oauth-protected-resource/mcp", MCP),
            ("/.well-known/oauth-protected-resource", MCP),
            ("/.well-known/oauth-protected-resource/sse", SSE),
            ("/sse/.well-known/oauth-protected-resource", SSE),
        ] {
            let document: Value =
                http.get(format!("{url}{path}")).send().await.unwrap().json().await.unwrap();
            assert_eq!(document["resource"], resource, "{path}");
            assert_eq!(document["authorization_servers"], json!(["https://as.example.com"]));
        }
        let none =
            http.get(format!("{url}/.well-known/oauth-protected-resource/messages")).send().await.unwrap();
        assert_eq!(none.status(), StatusCode::NOT_FOUND);
    }
}

/// Every client of such an endpoint would log in, and be refused with the token that it was given for it.
#[test]
fn a_resource_whose_tokens_nobody_takes_is_found_at_start() {
    const MCP: &str = "https://api.example.com/mcp";
    const SSE: &str = "https://api.example.com/sse";
    let at = |url: &str| Resource::parse(url).unwrap();
    let jwt = |issuer: &str, url: &str| JwtVerifier::with_keys(issuer, at(url), &JwkSet { keys: Vec::new() });
    let ours = |url: &str| jwt("https://as.example.com", url);
    let with = |auth: ResourceServer, sse: bool| {
        let mut builder =
            McpServer::builder("x", "1").auth(auth.authorization_server("https://as.example.com"));
        if sse {
            builder = builder.sse_transport("/sse", "/messages");
        }
        match builder.build() {
            Ok(_) => None,
            Err(BuildError::ResourceServer(ResourceServerError::NoTokensFor(resource))) => {
                Some(resource.as_str().to_owned())
            }
            Err(error) => panic!("{error}"),
        }
    };
    let build = |verifier: JwtVerifier, sse: bool| with(ResourceServer::new(MCP, verifier), sse);
    assert_eq!(build(ours(MCP), false), None);
    assert_eq!(build(ours(MCP), true).as_deref(), Some(SSE));
    assert_eq!(build(ours(MCP).also_for(at(SSE)), true), None);
    assert_eq!(build(ours("https://other.example.com/mcp"), false).as_deref(), Some(MCP));
    // What is no URL of either stands for the whole server.
    assert_eq!(build(ours(MCP).audience("api://mcp"), true), None);
    // One of several issuers is enough: clients go to that one.
    let theirs = || jwt("https://idp.example.com", MCP);
    let both = Issuers::new().jwt(theirs()).jwt(ours(MCP).also_for(at(SSE)));
    assert_eq!(with(ResourceServer::new(MCP, Arc::new(both)), true), None);
    let neither = Issuers::new().jwt(theirs()).jwt(ours(MCP));
    assert_eq!(with(ResourceServer::new(MCP, neither), true).as_deref(), Some(SSE));
    // A verifier that cannot say is asked with each token.
    assert_eq!(with(ResourceServer::new(MCP, Named(&["mcp"])), true), None);
}

#[test]
fn what_is_no_path_is_found_at_start() {
    let build = |stream: &str, messages: &str| {
        let builder = McpServer::builder("x", "1").sse_transport(stream, messages);
        matches!(builder.build(), Err(BuildError::SsePath(_)))
    };
    assert!(!build("/a/sse", "/a/messages"));
    for wrong in ["", "sse", "//evil.example", "https://evil.example/sse", "/sse?x", "/sse#x", "/s e"] {
        assert!(build(wrong, "/messages") && build("/sse", wrong), "{wrong}");
    }
    assert!(McpServer::builder("x", "1").build().unwrap().sse_services().is_none());
}

/// As on every long stream, except that a client that comes back with a newer token keeps its stream.
#[tokio::test]
async fn a_stream_ends_with_its_newest_token() {
    let revoked = Arc::new(AtomicBool::new(false));
    let auth = ResourceServer::new("https://api.example.com/mcp", Revocable(revoked.clone()))
        .authorization_server("https://as.example.com");
    let mcp = with(Limits::default()).1.auth(auth).build().unwrap();
    let url = start(&mcp).await;
    let mut brief = Old::open(&url, Some("brief")).await;
    assert!(brief.events.next().await.is_none());

    let mut client = Old::open(&url, Some("short")).await;
    client.token = Some("long");
    client.request(1, "initialize", hello(OLD)).await;
    let quiet = tokio::time::timeout(Duration::from_millis(800), client.events.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    mcp.publish().tools_changed();
    assert_eq!(client.next().await["method"], "notifications/tools/list_changed");
    revoked.store(true, Ordering::SeqCst);
    mcp.publish().tools_changed();
    assert!(client.events.next().await.is_none(), "it ends instead of telling");
}

/// The stream goes when the client does, and takes with it the session and what was at work.
#[tokio::test]
async fn a_session_ends_with_its_stream() {
    let limits = Limits { max_sse_sessions: 1, ..Limits::default() };
    let (probe, builder) = with(limits);
    let mcp = builder.build().unwrap();
    let url = start(&mcp).await;
    let mut client = Old::connect(&url, None).await;
    let params = json!({ "name": "slow", "arguments": {}, "_meta": { "progressToken": "t" } });
    client.post(&message(2, "tools/call", params)).await;
    client.next().await;
    assert_eq!(get(&url, None).await.status(), StatusCode::TOO_MANY_REQUESTS);
    let Old { http, messages, events, .. } = client;
    drop(events);
    probe.ended.notified().await;
    let ping = message(3, "ping", json!({})).to_string();
    let late =
        http.post(&messages).header("content-type", "application/json").body(ping).send().await.unwrap();
    assert_eq!(late.status(), StatusCode::NOT_FOUND);
    let mut another = Old::connect(&url, None).await;
    assert_eq!(another.request(2, "ping", json!({})).await["result"], json!({}));
    tokio::time::timeout(Duration::from_secs(5), async {
        drop(another);
        mcp.drain().wait().await;
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn sessions_and_requests_are_counted() {
    let limits = Limits { max_sse_sessions_per_principal: 1, max_sse_requests: 2, ..Limits::default() };
    let (probe, builder) = with(limits);
    let url = start(&builder.auth(resource_server()).build().unwrap()).await;
    let mut ann = Old::connect(&url, Some("ann.read")).await;
    let second = get(&url, Some("ann.read")).await;
    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(second.headers().contains_key("retry-after"));
    let mut bob = Old::connect(&url, Some("bob.read")).await;

    let quiet = |id| message(id, "tools/call", json!({ "name": "quiet", "arguments": {} }));
    for id in [2, 3] {
        assert_eq!(ann.post(&quiet(id)).await.status(), StatusCode::ACCEPTED);
    }
    let third = ann.post(&message(4, "ping", json!({}))).await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } });
    assert_eq!(bob.request(4, "ping", json!({})).await["result"], json!({}), "nobody else has less");
    assert_eq!(ann.post(&told).await.status(), StatusCode::ACCEPTED, "what ends one still comes in");
    // Of what was cancelled comes no answer, and its place is free.
    while ann.post(&message(5, "ping", json!({}))).await.status() == StatusCode::TOO_MANY_REQUESTS {}
    assert_eq!(ann.next().await["id"], 5);
    probe.go.notify_one();
    assert_eq!(ann.next().await["id"], 3);
    assert_eq!(probe.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_idle_session_ends() {
    let limits = Limits { sse_idle: Duration::from_millis(300), ..Limits::default() };
    let (probe, builder) = with(limits);
    let url = start(&builder.build().unwrap()).await;
    let mut client = Old::connect(&url, None).await;
    // Not while something is at work.
    client.post(&message(2, "tools/call", json!({ "name": "quiet", "arguments": {} }))).await;
    let quiet = tokio::time::timeout(Duration::from_millis(600), client.events.next()).await;
    assert!(quiet.is_err());
    probe.go.notify_one();
    assert_eq!(client.next().await["id"], 2);
    let end = tokio::time::timeout(Duration::from_secs(5), client.events.next()).await.unwrap();
    assert!(end.is_none());
}

#[tokio::test]
async fn stopping_lets_what_is_at_work_end() {
    let (probe, builder) = with(Limits::default());
    let mcp = builder.build().unwrap();
    let url = start(&mcp).await;
    let mut client = Old::connect(&url, None).await;
    let mut idle = Old::connect(&url, None).await;
    client.post(&message(2, "tools/call", json!({ "name": "quiet", "arguments": {} }))).await;
    let drained = mcp.drain();
    assert!(idle.events.next().await.is_none());
    assert_eq!(client.post(&message(3, "ping", json!({}))).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&client.url, None).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(drained.remaining() > 0);
    probe.go.notify_one();
    assert_eq!(client.next().await["result"]["content"][0]["text"], "at last");
    assert!(client.events.next().await.is_none());
    tokio::time::timeout(Duration::from_secs(5), drained.wait()).await.unwrap();
}
