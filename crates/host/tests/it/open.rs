//! A server that asks for no login, and asks the person everything else: for a text in place of a model, to go to an
//! address; and that talks while it works.

use std::sync::Arc;

use axum::Router;
use barewire_host::api::{
    Authorization, CallResult, CallStatus, CallView, ErrorCode, InputKind, ServerStatusKind, ServerView,
};
use barewire_host::{HostConfig, MemoryHostStore};
use barewire_mcp::revision::Revision;
use barewire_mcp::types::content::Role;
use barewire_mcp::types::elicitation::{ElicitAction, ElicitRequest};
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::sampling::{CreateMessageRequest, SamplingMessage};
use barewire_mcp_server::{Context, McpServer, Tool, ToolError};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::demo::Person;
use crate::support::{Running, refused};

/// The server, and its endpoint.
async fn open_server() -> String {
    let server = McpServer::builder("open", "1.0.0")
        .title("An open server")
        .logging()
        .tool(Tool::new("ask_model", "Asks a model."), async |ctx: Context, _: Nothing| {
            let messages = vec![SamplingMessage::text(Role::User, "What is the capital of France?")];
            let request =
                CreateMessageRequest { messages, max_tokens: 10, ..CreateMessageRequest::default() };
            let said = ctx.sample("capital", request).await?;
            let text: String = said.content.blocks().iter().filter_map(|it| it.as_text()).collect();
            Ok::<_, ToolError>(format!("{} said {text}", said.model))
        })
        .tool(Tool::new("go", "Sends the person to an address."), async |ctx: Context, args: Go| {
            let answer = ctx.elicit("go", ElicitRequest::url("Confirm there.", args.url)).await?;
            Ok::<_, ToolError>(match answer.action {
                ElicitAction::Accept => "gone",
                ElicitAction::Decline => "declined",
                ElicitAction::Cancel => "cancelled",
            })
        })
        .tool(Tool::new("talk", "Logs."), async |ctx: Context, _: Nothing| {
            ctx.log(LoggingLevel::Info, Some("talk"), json!({ "step": 1 })).await;
            ctx.log(LoggingLevel::Warning, None, "x".repeat(100_000)).await;
            Ok::<_, ToolError>("done")
        })
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/mcp", listener.local_addr().unwrap());
    let app = Router::new().route_service("/mcp", server.service());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    endpoint
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Go {
    url: String,
}

async fn connect(running: &Running, endpoint: &str, era: &str) -> (Person, ServerView) {
    let mut person = Person::new(running, "johndoe").await;
    let add = json!({ "url": endpoint, "era": era });
    let server: ServerView = person.page.post("/api/servers", &add).await.json().await.unwrap();
    let server = person.events.server(&server.id, ServerStatusKind::Ready).await;
    (person, server)
}

/// A host that is an older client: what it proposes is what is spoken, and it is remembered with the server.
#[tokio::test]
async fn an_older_revision_can_be_chosen() {
    let store = Arc::new(MemoryHostStore::default());
    let running = Running::with(HostConfig::default(), store.clone()).await;
    let endpoint = open_server().await;
    let mut person = Person::new(&running, "johndoe").await;
    let mut ids = Vec::new();
    for (add, revision, newest) in [
        (json!({ "newest": "2025-03-26" }), "2025-03-26", Some(Revision::V2025_03_26)),
        (json!({ "newest": "2024-11-05", "era": "legacy" }), "2024-11-05", Some(Revision::V2024_11_05)),
        (json!({ "newest": "2026-07-28" }), "2026-07-28", Some(Revision::V2026_07_28)),
        (json!({}), "2026-07-28", None),
    ] {
        let mut add = add;
        add["url"] = json!(endpoint);
        let server: ServerView = person.page.post("/api/servers", &add).await.json().await.unwrap();
        assert_eq!(server.newest, newest);
        let server = person.events.server(&server.id, ServerStatusKind::Ready).await;
        assert_eq!(server.revision.as_deref(), Some(revision), "{add}");
        // The same choice is the same server, another one is another.
        let again: ServerView = person.page.post("/api/servers", &add).await.json().await.unwrap();
        assert_eq!(again.id, server.id);
        assert!(!ids.contains(&server.id));
        ids.push(server.id);
    }
    for unknown in [json!("2099-01-01"), json!(""), json!(20250326)] {
        let add = json!({ "url": endpoint, "newest": unknown });
        let response = person.page.post("/api/servers", &add).await;
        refused(response, StatusCode::BAD_REQUEST, ErrorCode::BadRequest).await;
    }
    let cookie = person.page.cookie().unwrap();
    running.stop().await;
    let running = Running::with(HostConfig::default(), store).await;
    let state = running.browser().with_cookie(&cookie).state().await;
    let newest: Vec<_> = state.servers.iter().map(|server| server.newest).collect();
    let all = [Revision::V2025_03_26, Revision::V2024_11_05, Revision::V2026_07_28];
    assert_eq!(newest, all.into_iter().map(Some).chain([None]).collect::<Vec<_>>());
}

/// Starts a call and waits for what the server asks.
async fn asked(person: &mut Person, server: &str, request: Value) -> (CallView, String, InputKind) {
    let call = person.start_call(server, &request).await;
    let asked =
        person.events.call(&call.id, |it| matches!(it.status, CallStatus::InputRequired { .. })).await;
    let CallStatus::InputRequired { requests } = asked.status else { panic!() };
    let [request] = requests.try_into().unwrap();
    (call, request.key, request.input)
}

async fn answer(person: &mut Person, call: &CallView, answer: Value) -> CallView {
    let response = person.page.post(&format!("/api/calls/{}/answer", call.id), &answer).await;
    assert_eq!(response.status(), StatusCode::OK);
    person.events.call(&call.id, |it| it.finished_at.is_some()).await
}

fn text(call: &CallView) -> &str {
    match &call.result {
        Some(CallResult::Tool { content, .. }) => content[0]["text"].as_str().unwrap(),
        other => panic!("{other:?} of {call:?}"),
    }
}

async fn questions(era: &str) {
    let running = Running::start().await;
    let (mut person, server) = connect(&running, &open_server().await, era).await;
    let id = server.id.as_str();
    assert_eq!(server.authorization, Authorization::None);
    assert_eq!((server.name.as_str(), &server.user, &server.issuer), ("An open server", &None, &None));

    let request = json!({ "kind": "tool", "name": "ask_model" });
    let (call, key, input) = asked(&mut person, id, request.clone()).await;
    let InputKind::Sampling { params } = input else { panic!("{input:?}") };
    assert_eq!(params["maxTokens"], 10);
    let paris = json!({ "key": key, "action": "accept", "content": { "text": "Paris" } });
    assert_eq!(text(&answer(&mut person, &call, paris).await), "human said Paris");
    let (call, key, _) = asked(&mut person, id, request).await;
    let call = answer(&mut person, &call, json!({ "key": key, "action": "decline" })).await;
    // Without a handshake there is no way to say no but not to go on.
    let refused = matches!(call.result, Some(CallResult::Tool { is_error: true, .. }));
    assert!(refused || call.status == CallStatus::Cancelled, "{call:?}");

    let go = |url: &str| json!({ "kind": "tool", "name": "go", "arguments": { "url": url } });
    let (call, key, input) = asked(&mut person, id, go("https://example.com/confirm?id=1")).await;
    assert!(matches!(input, InputKind::Url { url, .. } if url == "https://example.com/confirm?id=1"));
    assert_eq!(text(&answer(&mut person, &call, json!({ "key": key, "action": "accept" })).await), "gone");
    // What is no web address is not even shown.
    let call = person.call(id, &go("javascript:alert(1)")).await;
    assert_eq!(text(&call), "declined");

    let call = person.call(id, &json!({ "kind": "tool", "name": "talk" })).await;
    assert_eq!(call.logs.len(), 2, "{call:?}");
    assert_eq!((call.logs[0].level.as_str(), &call.logs[0].data), ("info", &json!({ "step": 1 })));
    assert!(call.logs[1].data.as_str().unwrap().len() < 20_000);
}

#[tokio::test]
async fn a_server_without_a_login_asks_and_talks_without_a_handshake() {
    questions("modern").await;
}

#[tokio::test]
async fn a_server_without_a_login_asks_and_talks_in_a_session() {
    questions("legacy").await;
}

#[tokio::test]
async fn many_people_call_at_once_and_no_answer_crosses() {
    let running = Arc::new(Running::start().await);
    let endpoint = open_server().await;
    let people = (0..8).map(|number| {
        let (running, endpoint) = (running.clone(), endpoint.clone());
        tokio::spawn(async move {
            let era = if number % 2 == 0 { "modern" } else { "legacy" };
            let (mut person, server) = connect(&running, &endpoint, era).await;
            for round in 0..4 {
                let (call, key, _) =
                    asked(&mut person, &server.id, json!({ "kind": "tool", "name": "ask_model" })).await;
                let own = format!("{number}.{round}");
                let said = json!({ "key": key, "action": "accept", "content": { "text": own } });
                assert_eq!(text(&answer(&mut person, &call, said).await), format!("human said {own}"));
            }
        })
    });
    for person in people.collect::<Vec<_>>() {
        person.await.unwrap();
    }
}
