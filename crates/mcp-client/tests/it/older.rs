//! The revisions before 2025-11-25: what is proposed, what is understood, and what is said in each one's own way.

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::capabilities::{ClientCapabilities, SamplingCapability};
use barewire_mcp::types::content::{ContentBlock, Role};
use barewire_mcp::types::json::{Object, RawJson};
use barewire_mcp::types::sampling::{CreateMessageRequest, CreateMessageResult, SamplingContent};
use barewire_mcp_client::{Asked, CallError, CallOptions, Client, ConnectError, Handler, InputRefused};
use serde_json::{Value, json};

use crate::stage::{Seen, Stage, event, events, json_reply, reply};
use crate::watcher::{Watcher, options};

/// A server that agrees to one revision and answers calls like this.
async fn server(revision: &'static str, call: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Stage {
    Stage::new(move |seen| match seen.method().as_str() {
        "initialize" => seen.initialized(revision, Some("s")),
        "tools/call" => call(&seen),
        "server/discover" => seen.error(400, json!({"code": -32000, "message": "Server not initialized"})),
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

async fn called(client: &Client) -> Result<String, CallError> {
    let result = client.call_tool("t", RawJson::empty_object(), CallOptions::default()).await?;
    Ok(result.content[0].as_text().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_version_header_begins_with_2025_06_18() {
    for (revision, sent) in [
        ("2024-11-05", None),
        ("2025-03-26", None),
        ("2025-06-18", Some("2025-06-18")),
        ("2025-11-25", Some("2025-11-25")),
    ] {
        let stage = server(revision, |seen| seen.result(text("ok"))).await;
        let client = Client::connect(stage.url(), options(&Watcher::new())).await.unwrap();
        assert_eq!(client.server().revision.as_str(), revision);
        assert_eq!(called(&client).await.unwrap(), "ok");
        client.close().await;
        for verb in ["POST", "GET", "DELETE"] {
            let seen = stage.until(|seen| seen.verb == verb && seen.header("mcp-session-id").is_some()).await;
            assert_eq!(seen.header("mcp-protocol-version"), sent, "{revision} {verb}");
        }
    }
}

#[tokio::test]
async fn a_proposal_is_in_its_own_revisions_words() {
    for (newest, capabilities) in [
        (Revision::V2024_11_05, json!({"roots": {}})),
        (Revision::V2025_03_26, json!({"roots": {}})),
        (Revision::V2025_06_18, json!({"roots": {}, "elicitation": {}})),
        (Revision::V2025_11_25, json!({"roots": {}, "elicitation": {"form": {}}})),
    ] {
        let stage = server(newest.as_str(), |seen| seen.result(text("ok"))).await;
        let mut options = options(&Watcher::new());
        options.newest = newest;
        let _client = Client::connect(stage.url(), options).await.unwrap();
        let proposal = stage.until(|seen| seen.method() == "initialize").await.json();
        assert_eq!(proposal["params"]["protocolVersion"], newest.as_str());
        assert_eq!(proposal["params"]["capabilities"], capabilities, "{newest}");
        assert!(!stage.story().contains(&"server/discover".to_owned()), "{newest}");
    }
}

/// Elicitation did not exist yet, so a server that asks all the same is told that.
#[tokio::test]
async fn what_a_revision_does_not_have_is_not_answered() {
    let stage = server("2025-03-26", |seen| {
        let form = json!({"message": "m", "requestedSchema": {"type": "object", "properties": {}}});
        let asked = json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": form});
        let answer = json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": text("ok")});
        events(event(&asked) + &event(&answer))
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
    called(&client).await.unwrap();
    let answer = stage.until(|seen| seen.json()["id"] == "q").await.json();
    assert_eq!(answer["error"]["code"], -32601);
    assert!(watcher.told().is_empty(), "nobody was asked: {:?}", watcher.told());
}

/// Says two things at once.
struct Model;

#[async_trait]
impl Handler for Model {
    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities { sampling: Some(SamplingCapability::default()), ..ClientCapabilities::default() }
    }

    async fn sample(&self, _: Asked, _: CreateMessageRequest) -> Result<CreateMessageResult, InputRefused> {
        let content = SamplingContent::Many(vec![ContentBlock::text("a"), ContentBlock::text("b")]);
        let (role, model) = (Role::Assistant, "m".to_owned());
        Ok(CreateMessageResult { role, content, model, stop_reason: None, meta: Object::new() })
    }
}

#[tokio::test]
async fn an_answer_is_in_the_revisions_words() {
    for (revision, content) in [
        ("2025-11-25", json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])),
        ("2025-06-18", json!({"type": "text", "text": "a\nb"})),
        ("2024-11-05", json!({"type": "text", "text": "a\nb"})),
    ] {
        let stage = server(revision, |seen| {
            let params = json!({"messages": [], "maxTokens": 1});
            let asked =
                json!({"jsonrpc": "2.0", "id": "q", "method": "sampling/createMessage", "params": params});
            let answer = json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": text("ok")});
            events(event(&asked) + &event(&answer))
        })
        .await;
        let mut options = options(&Watcher::new());
        options.handler = Arc::new(Model);
        let client = Client::connect(stage.url(), options).await.unwrap();
        called(&client).await.unwrap();
        let answer = stage.until(|seen| seen.json()["id"] == "q").await.json();
        assert_eq!(answer["result"]["content"], content, "{revision}");
    }
}

/// A notification, another request's answer, a question and the answer, all at once.
fn batch(seen: &Seen) -> Value {
    json!([
        {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"},
        {"jsonrpc": "2.0", "id": 999, "result": text("another's")},
        {"jsonrpc": "2.0", "id": "q", "method": "ping"},
        {"jsonrpc": "2.0", "id": seen.json()["id"], "result": text("ours")},
    ])
}

#[tokio::test]
async fn a_batch_of_2025_03_26_is_read_as_a_body_and_as_an_event() {
    type Reply = fn(&Seen) -> Response;
    let ways: [Reply; 2] = [|seen| json_reply(200, &batch(seen)), |seen| events(event(&batch(seen)))];
    for way in ways {
        let stage = server("2025-03-26", way).await;
        let watcher = Watcher::new();
        let client = Client::connect(stage.url(), options(&watcher)).await.unwrap();
        assert_eq!(called(&client).await.unwrap(), "ours");
        assert_eq!(watcher.told(), ["changed Tools"]);
        let pong = stage.until(|seen| seen.json()["id"] == "q").await.json();
        assert_eq!(pong["result"], json!({}));
    }
}

#[tokio::test]
async fn a_batch_is_bounded_and_of_2025_03_26_only() {
    type Reply = fn(&Seen) -> Response;
    let ways: [Reply; 2] = [|seen| json_reply(200, &batch(seen)), |seen| events(event(&batch(seen)))];
    for way in ways {
        let stage = server("2025-03-26", way).await;
        let mut few = options(&Watcher::new());
        few.config.max_batch = 3;
        let client = Client::connect(stage.url(), few).await.unwrap();
        let error = called(&client).await.unwrap_err();
        let CallError::Malformed { detail, .. } = &error else { panic!("{error:?}") };
        assert!(detail.contains("too many messages"), "{detail}");

        let stage = server("2025-06-18", way).await;
        let client = Client::connect(stage.url(), options(&Watcher::new())).await.unwrap();
        assert!(matches!(called(&client).await, Err(CallError::Http(_))));
    }
}

#[tokio::test]
async fn a_revision_that_the_client_does_not_speak_is_named() {
    // Newer than proposed; and a refusal that names what the server speaks, as the specification writes it.
    let newer = server("2025-11-25", |seen| seen.result(text("ok"))).await;
    let refusing = Stage::new(|seen| {
        let data = json!({"supported": ["2030-01-01"], "requested": "2025-03-26"});
        seen.error(200, json!({"code": -32602, "message": "Unsupported protocol version", "data": data}))
    })
    .await;
    for (stage, named) in [(newer, "2025-11-25"), (refusing, "2030-01-01")] {
        let mut options = options(&Watcher::new());
        options.newest = Revision::V2025_03_26;
        let error = Client::connect(stage.url(), options).await.err().unwrap();
        assert!(matches!(&error, ConnectError::Revision { offered } if offered == &[named]), "{error:?}");
    }
}
