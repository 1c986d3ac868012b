//! Every revision that our client can be against every revision that a server can be: which one is spoken, and what it
//! has; or which error says why none is.
//!
//! The server is ours, which speaks all of them. In front of it stands what makes it older: it takes back what its
//! revision did not know, and answers a proposal with what it speaks, as servers of that time do.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{CallOptions, Client, ClientOptions, ConnectError};
use barewire_mcp_server::{Context, McpServer, McpService, Structured, Tool, ToolError};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::json_reply;
use crate::watcher::{Watcher, options};

/// What a server speaks.
#[derive(Clone, Copy, Debug)]
enum Speaks {
    /// This revision and all before it.
    UpTo(Revision),
    /// This revision and no other.
    Only(Revision),
}

impl Speaks {
    fn newest(self) -> Revision {
        match self {
            Self::UpTo(revision) | Self::Only(revision) => revision,
        }
    }

    /// What it answers to a proposal.
    fn answer(self, proposed: &str) -> Revision {
        match (self, Revision::parse(proposed)) {
            (Self::UpTo(newest), Some(proposed)) => proposed.min(newest),
            (Self::UpTo(newest) | Self::Only(newest), _) => newest,
        }
    }
}

struct Server {
    url: String,
    /// The headers of every `tools/call`.
    calls: Arc<Mutex<Vec<HeaderMap>>>,
    _stop: DropGuard,
}

#[derive(Clone)]
struct Front {
    service: McpService,
    speaks: Speaks,
    calls: Arc<Mutex<Vec<HeaderMap>>>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

impl Server {
    async fn that(speaks: Speaks) -> Self {
        let add = async |_: Context, Add { a, b }: Add| Ok::<_, ToolError>(Structured(Sum { sum: a + b }));
        let server = McpServer::builder("matrix", "1")
            .tool(Tool::new("add", "Adds.").title("Addition"), add)
            .build()
            .unwrap();
        let calls = Arc::default();
        let front = Front { service: server.service(), speaks, calls: Arc::clone(&calls) };
        let router = Router::new().fallback(older).with_state(front);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, router).into_future() => served.unwrap(),
            }
        });
        Self { url, calls, _stop: stop.drop_guard() }
    }
}

async fn older(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = message["id"].clone();
    let refused = |error: Value| json_reply(400, &json!({"jsonrpc": "2.0", "id": id, "error": error}));
    let modern = message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].is_string();
    if modern && front.speaks.newest().era() == Era::Legacy {
        return refused(json!({"code": -32000, "message": "Bad Request: Server not initialized"}));
    }
    if message["method"] == "tools/call" {
        front.calls.lock().unwrap().push(parts.headers.clone());
    }
    let body = match message["params"]["protocolVersion"].as_str() {
        Some(proposed) if message["method"] == "initialize" => {
            let answer = front.speaks.answer(proposed);
            if answer.era() == Era::Modern {
                let data = json!({"supported": [answer], "requested": proposed});
                return refused(json!({"code": -32022, "message": "Unsupported", "data": data}));
            }
            message["params"]["protocolVersion"] = json!(answer);
            Bytes::from(message.to_string())
        }
        _ => body,
    };
    let mut request = Request::from_parts(parts, Body::from(body));
    request.headers_mut().remove(http::header::CONTENT_LENGTH);
    tower::ServiceExt::oneshot(front.service, request).await.unwrap().map(Body::new)
}

fn client(newest: Revision) -> ClientOptions {
    ClientOptions { newest, ..options(&Watcher::new()) }
}

/// What is spoken is what the revision has.
async fn check_words(client: &Client, server: &Server, cell: &str) {
    let revision = client.server().revision;
    let has_titles = revision.has_version_header();
    let tools = client.list_tools().await.unwrap_or_else(|error| panic!("{cell}: {error}"));
    let tool = tools.iter().find(|tool| tool.name == "add").expect(cell);
    assert_eq!(tool.title.is_some(), has_titles, "{cell}");
    assert_eq!(tool.output_schema.is_some(), has_titles, "{cell}");
    let arguments = RawJson::from(json!({"a": 19, "b": 23}));
    let result = client.call_tool("add", arguments, CallOptions::default()).await;
    let result = result.unwrap_or_else(|error| panic!("{cell}: {error}"));
    assert_eq!(result.content[0].as_text(), Some(r#"{"sum":42}"#), "{cell}");
    let structured = result.structured_content.map(|content| content.decode::<Value>().unwrap());
    assert_eq!(structured, has_titles.then(|| json!({"sum": 42})), "{cell}");
    let calls = server.calls.lock().unwrap();
    let header = calls.last().unwrap().get("mcp-protocol-version").and_then(|value| value.to_str().ok());
    assert_eq!(header, has_titles.then_some(revision.as_str()), "{cell}");
    let in_session = calls.last().unwrap().contains_key("mcp-session-id");
    assert_eq!(in_session, revision.era() == Era::Legacy, "{cell}");
}

#[tokio::test]
async fn every_client_and_every_server_speak_the_newest_that_both_know() {
    for theirs in Revision::ALL {
        let server = Server::that(Speaks::UpTo(theirs)).await;
        for ours in Revision::ALL {
            let cell = format!("client {ours}, server {theirs}");
            let client = Client::connect(server.url.clone(), client(ours)).await;
            let client = client.unwrap_or_else(|error| panic!("{cell}: {error}"));
            assert_eq!(client.server().revision, ours.min(theirs), "{cell}");
            check_words(&client, &server, &cell).await;
        }
    }
}

#[tokio::test]
async fn a_server_of_one_revision_is_spoken_to_in_it_or_named() {
    for theirs in Revision::ALL {
        let server = Server::that(Speaks::Only(theirs)).await;
        for ours in Revision::ALL {
            let cell = format!("client {ours}, server {theirs} only");
            match Client::connect(server.url.clone(), client(ours)).await {
                Ok(client) => {
                    assert!(theirs <= ours, "{cell}");
                    assert_eq!(client.server().revision, theirs, "{cell}");
                    check_words(&client, &server, &cell).await;
                }
                Err(ConnectError::Revision { offered }) => {
                    assert!(theirs > ours, "{cell}");
                    assert_eq!(offered, [theirs.as_str()], "{cell}");
                }
                Err(error) => panic!("{cell}: {error:?}"),
            }
        }
    }
}

/// What is found by a client that was told to be an older one says nothing of the server to the others.
#[tokio::test]
async fn an_older_client_teaches_the_others_nothing() {
    let server = Server::that(Speaks::UpTo(Revision::LATEST_MODERN)).await;
    let older = client(Revision::V2025_03_26);
    let connected = Client::connect(server.url.clone(), older.clone()).await.unwrap();
    assert_eq!(connected.server().revision, Revision::V2025_03_26);
    let newer = ClientOptions { newest: Revision::LATEST_MODERN, ..older };
    let connected = Client::connect(server.url.clone(), newer).await.unwrap();
    assert_eq!(connected.server().revision, Revision::LATEST_MODERN);
}

/// Over the transport of 2024-11-05 each client speaks what it would over the other one, as far as that has a handshake.
#[tokio::test]
async fn every_client_finds_the_first_transport() {
    let add = async |_: Context, Add { a, b }: Add| Ok::<_, ToolError>(Structured(Sum { sum: a + b }));
    let server = McpServer::builder("matrix", "1").sse_transport("/sse", "/messages");
    let server = server.tool(Tool::new("add", "Adds."), add).build().unwrap();
    let (streams, messages) = server.sse_services().unwrap();
    let router = Router::new().route_service("/sse", streams).route_service("/messages", messages);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sse", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            served = axum::serve(listener, router).into_future() => served.unwrap(),
        }
    });
    for ours in Revision::ALL {
        let client = Client::connect(url.clone(), client(ours)).await;
        let client = client.unwrap_or_else(|error| panic!("{ours}: {error:?}"));
        assert_eq!(client.server().revision, ours.proposal(), "{ours}");
        assert_eq!(client.list_tools().await.unwrap().len(), 1, "{ours}");
        let arguments = RawJson::from(json!({"a": 19, "b": 23}));
        let result = client.call_tool("add", arguments, CallOptions::default()).await.unwrap();
        assert_eq!(result.content[0].as_text(), Some(r#"{"sum":42}"#), "{ours}");
        client.close().await;
    }
}
