//! The handshake era: sessions, the server's stream, questions, broken streams, cancellation.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use barewire_exchange::Step;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::subscriptions::{Change, SubscriptionFilter};
use barewire_mcp_client::{CallError, CallOptions, Client, ClientOptions, EraChoice, TransportError};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::stage::{Stage, event, events, open_stream, reply};
use crate::watcher::{Watcher, options};

fn legacy(watcher: &Arc<Watcher>) -> ClientOptions {
    let mut options = options(watcher);
    options.era = EraChoice::Legacy;
    options
}

fn empty() -> RawJson {
    RawJson::empty_object()
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

#[tokio::test]
async fn a_lost_session_is_opened_again_once() {
    for lost in [
        |_: &crate::stage::Seen| reply(404, "text/plain", "gone"),
        |seen: &crate::stage::Seen| seen.error(404, json!({"code": -32001, "message": "Session not found"})),
        |_: &crate::stage::Seen| reply(400, "text/plain", "Bad Request: No valid session ID provided"),
    ] {
        let sessions = AtomicUsize::new(0);
        let stage = Stage::new(move |seen| match seen.method().as_str() {
            "initialize" => {
                let number = sessions.fetch_add(1, Ordering::SeqCst) + 1;
                seen.initialized("2025-11-25", Some(&format!("session-{number}")))
            }
            "tools/call" if seen.header("mcp-session-id") == Some("session-1") => lost(&seen),
            "tools/call" => seen.result(text("ok")),
            _ if seen.verb == "GET" => reply(405, "", ""),
            _ => reply(202, "", ""),
        })
        .await;
        let watcher = Watcher::new();
        let client = Client::connect(stage.url(), legacy(&watcher)).await.unwrap();
        client.call_tool("t", empty(), CallOptions::default()).await.unwrap();
        let story = stage.story();
        assert_eq!(story.iter().filter(|method| *method == "initialize").count(), 2);
        assert_eq!(story.iter().filter(|method| *method == "tools/call").count(), 2);
        let calls: Vec<_> =
            watcher.exchanges().into_iter().filter(|exchange| exchange.step == Step::CallTool).collect();
        assert_eq!(calls[1].repeats.as_ref(), Some(&calls[0].id));
        let handshake = stage.seen().into_iter().filter(|seen| seen.method() == "initialize").nth(1).unwrap();
        assert_eq!(handshake.header("mcp-session-id"), None, "a new session begins without the old one's id");
    }
}

#[tokio::test]
async fn a_session_that_is_always_lost_is_given_up() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", Some("s")),
        "tools/call" => reply(404, "", ""),
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let client = Client::connect(stage.url(), legacy(&Watcher::new())).await.unwrap();
    let error = client.call_tool("t", empty(), CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, CallError::Http(_)), "{error:?}");
    assert_eq!(stage.story().iter().filter(|method| *method == "initialize").count(), 2);
}

#[tokio::test]
async fn concurrent_callers_open_one_new_session() {
    let sessions = AtomicUsize::new(0);
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "initialize" => {
            let number = sessions.fetch_add(1, Ordering::SeqCst) + 1;
            seen.initialized("2025-11-25", Some(&format!("session-{number}")))
        }
        "tools/call" if seen.header("mcp-session-id") == Some("session-1") => reply(404, "", ""),
        "tools/call" => seen.result(text("ok")),
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let client = Client::connect(stage.url(), legacy(&Watcher::new())).await.unwrap();
    let calls = (0..8).map(|_| client.call_tool("t", empty(), CallOptions::default()));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
    assert_eq!(stage.story().iter().filter(|method| *method == "initialize").count(), 2);
}

#[tokio::test]
async fn close_deletes_the_session() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", Some("session-1")),
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let client = Client::connect(stage.url(), legacy(&Watcher::new())).await.unwrap();
    client.close().await;
    let delete = stage.until(|seen| seen.verb == "DELETE").await;
    assert_eq!(delete.header("mcp-session-id"), Some("session-1"));
    assert_eq!(delete.header("mcp-protocol-version"), Some("2025-11-25"));
}

/// A server that asks on its own stream while a call runs: the stream has to be open before the call.
#[tokio::test]
async fn a_question_on_the_servers_stream_is_answered() {
    let stream: Arc<Mutex<Option<mpsc::Sender<String>>>> = Arc::default();
    let call: Arc<Mutex<Option<mpsc::Sender<String>>>> = Arc::default();
    let (listening, calling) = (Arc::clone(&stream), Arc::clone(&call));
    let stage = Stage::new(move |seen| {
        let request = seen.json();
        match seen.method().as_str() {
            "initialize" => seen.initialized("2025-11-25", Some("s")),
            "tools/call" => {
                let question = json!({"jsonrpc": "2.0", "id": "q-1", "method": "elicitation/create", "params": {
                    "message": "Who?", "requestedSchema": {"type": "object", "properties": {
                        "name": {"type": "string", "default": "Ada"}, "ok": {"type": "boolean", "default": true}}}}});
                listening.lock().unwrap().as_ref().expect("open before the call").try_send(event(&question)).unwrap();
                let (sender, response) = open_stream();
                *calling.lock().unwrap() = Some(sender);
                response
            }
            _ if seen.verb == "GET" => {
                let (sender, response) = open_stream();
                sender.try_send(": open\n\n".into()).unwrap();
                *listening.lock().unwrap() = Some(sender);
                response
            }
            _ if request["id"] == "q-1" => {
                let result = json!({"jsonrpc": "2.0", "id": 2, "result": text("thanks")});
                calling.lock().unwrap().as_ref().unwrap().try_send(event(&result)).unwrap();
                reply(202, "", "")
            }
            _ => reply(202, "", ""),
        }
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), legacy(&watcher)).await.unwrap();
    let result = client.call_tool("t", empty(), CallOptions::default()).await.unwrap();
    assert_eq!(result.content[0].as_text(), Some("thanks"));
    let answer = stage.until(|seen| seen.json()["id"] == "q-1").await.json();
    assert_eq!(answer["result"], json!({"action": "accept", "content": {"name": "Ada", "ok": true}}));
    assert!(watcher.steps().contains(&Step::AnswerServer));
}

#[tokio::test]
async fn questions_that_cannot_be_answered_are_refused() {
    let stage = Stage::new(|seen| {
        let request = seen.json();
        match seen.method().as_str() {
            "initialize" => seen.initialized("2025-11-25", None),
            "tools/call" => {
                let ask = |id: i64, method: &str, params: Value| {
                    event(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
                };
                events(format!(
                    "{}{}{}{}",
                    ask(101, "sampling/createMessage", json!({"messages": [], "maxTokens": 1})),
                    ask(102, "ping", json!({})),
                    ask(103, "made/up", json!({})),
                    event(&json!({"jsonrpc": "2.0", "id": request["id"], "result": text("ok")})),
                ))
            }
            _ if seen.verb == "GET" => reply(405, "", ""),
            _ => reply(202, "", ""),
        }
    })
    .await;
    let client = Client::connect(stage.url(), legacy(&Watcher::new())).await.unwrap();
    client.call_tool("t", empty(), CallOptions::default()).await.unwrap();
    let answer = |id: i64| stage.until(move |seen| seen.json()["id"] == id && seen.method().is_empty());
    assert_eq!(answer(101).await.json()["error"]["code"], -32601);
    assert_eq!(answer(102).await.json()["result"], json!({}));
    assert_eq!(answer(103).await.json()["error"]["code"], -32601);
}

/// The server numbers its event, asks for a pause, and hangs up; the result comes on the resumed stream.
#[tokio::test]
async fn a_stream_that_breaks_is_resumed_where_it_was() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-03-26", Some("s")),
        "tools/call" => events("id: event-7\nretry: 30\ndata:\n\n"),
        _ if seen.verb == "GET" && seen.header("last-event-id") == Some("event-7") => {
            events(event(&json!({"jsonrpc": "2.0", "id": 2, "result": text("late")})))
        }
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), legacy(&watcher)).await.unwrap();
    let result = client.call_tool("t", empty(), CallOptions::default()).await.unwrap();
    assert_eq!(result.content[0].as_text(), Some("late"));
    let resumed = stage.until(|seen| seen.header("last-event-id").is_some()).await;
    assert_eq!(resumed.header("mcp-session-id"), Some("s"));
    assert_eq!(resumed.header("accept"), Some("text/event-stream"));
    let call = watcher.exchanges().into_iter().find(|exchange| exchange.step == Step::CallTool).unwrap();
    let told: Vec<_> = call.narration.conclusions.iter().map(|conclusion| conclusion.text.as_str()).collect();
    assert_eq!(told, ["The connection ended before the answer; it is resumed after 30 ms."]);
}

#[tokio::test]
async fn a_stream_that_never_answers_is_given_up() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", None),
        "tools/call" => events("id: 1\nretry: 1\ndata:\n\n"),
        _ if seen.header("last-event-id").is_some() => events(": still nothing\n\n"),
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let mut few = legacy(&Watcher::new());
    few.config.max_resumes = 3;
    let client = Client::connect(stage.url(), few).await.unwrap();
    let error = client.call_tool("t", empty(), CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, CallError::Http(_)), "{error:?}");
    assert_eq!(stage.seen().iter().filter(|seen| seen.header("last-event-id").is_some()).count(), 3);
}

/// Each time it says something, so that it is not given up, and asks to be called again at once.
#[tokio::test]
async fn a_server_that_always_hangs_up_is_not_called_in_a_circle() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", None),
        "tools/call" => events("id: 1\nretry: 0\ndata:\n\n"),
        _ if seen.verb == "GET" => events("id: 1\nretry: 0\ndata:\n\n"),
        _ => reply(202, "", ""),
    })
    .await;
    let mut slower = legacy(&Watcher::new());
    slower.config.min_retry = Duration::from_millis(200);
    let client = Client::connect(stage.url(), slower).await.unwrap();
    let call = client.call_tool("t", empty(), CallOptions::default());
    assert!(tokio::time::timeout(Duration::from_millis(900), call).await.is_err(), "it goes on");
    // The call's stream and the server's own, every fifth of a second each.
    let count = stage.seen().iter().filter(|seen| seen.verb == "GET").count();
    assert!((2..=12).contains(&count), "{count}");
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", None),
        "tools/call" => {
            let drops = stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, Infallible>(" "), ()))
            });
            reply(200, "application/json", Body::from_stream(drops))
        }
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let mut hasty = legacy(&Watcher::new());
    hasty.config.stream_idle_timeout = Duration::from_millis(300);
    let client = Client::connect(stage.url(), hasty).await.unwrap();
    let call = client.call_tool("t", empty(), CallOptions::default());
    let error = tokio::time::timeout(Duration::from_secs(20), call).await.expect("it ends").unwrap_err();
    assert!(matches!(error, CallError::Transport(TransportError::Timeout { .. })), "{error:?}");
}

#[tokio::test]
async fn cancelling_tells_the_server() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", Some("s")),
        "tools/call" => {
            let (sender, response) = open_stream();
            // Kept open until the client hangs up.
            tokio::spawn(async move { sender.closed().await });
            response
        }
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let client = Client::connect(stage.url(), legacy(&Watcher::new())).await.unwrap();
    let call = CallOptions::default();
    let cancel = call.cancel.clone();
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.call_tool("t", empty(), call).await }
    });
    let asked = stage.until(|seen| seen.method() == "tools/call").await.json();
    cancel.cancel();
    assert!(matches!(running.await.unwrap(), Err(CallError::Cancelled)));
    let told = stage.until(|seen| seen.method() == "notifications/cancelled").await.json();
    assert_eq!(told["params"]["requestId"], asked["id"]);
}

#[tokio::test]
async fn changes_come_on_the_sessions_stream() {
    let stream: Arc<Mutex<Option<mpsc::Sender<String>>>> = Arc::default();
    let stage = Stage::new(move |seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", Some("s")),
        "resources/subscribe" => {
            for (method, params) in [
                ("notifications/tools/list_changed", json!({})),
                ("notifications/resources/updated", json!({"uri": "a:9"})),
                ("notifications/resources/updated", json!({"uri": "a:1"})),
            ] {
                let note = json!({"jsonrpc": "2.0", "method": method, "params": params});
                stream.lock().unwrap().as_ref().unwrap().try_send(event(&note)).unwrap();
            }
            seen.result(json!({}))
        }
        "resources/unsubscribe" => seen.result(json!({})),
        _ if seen.verb == "GET" => {
            let (sender, response) = open_stream();
            sender.try_send(": open\n\n".into()).unwrap();
            *stream.lock().unwrap() = Some(sender);
            response
        }
        _ => reply(202, "", ""),
    })
    .await;
    let client = Client::connect(stage.url(), legacy(&Watcher::new())).await.unwrap();
    let filter = SubscriptionFilter {
        prompts_list_changed: true,
        resource_subscriptions: vec!["a:1".into()],
        ..SubscriptionFilter::default()
    };
    let mut subscription = client.listen(filter).await.unwrap();
    assert!(!subscription.agreed().prompts_list_changed, "not declared");
    assert_eq!(subscription.next().await.unwrap(), Some(Change::Resource { uri: "a:1".into() }));
    drop(subscription);
    let ended = stage.until(|seen| seen.method() == "resources/unsubscribe").await.json();
    assert_eq!(ended["params"]["uri"], "a:1");
}

#[tokio::test]
async fn the_log_level_is_set_when_it_changes() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => seen.initialized("2025-11-25", None),
        "tools/call" => seen.result(text("ok")),
        "logging/setLevel" => seen.result(json!({})),
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await;
    let client = Client::connect(stage.url(), legacy(&Watcher::new())).await.unwrap();
    for level in [Some(LoggingLevel::Debug), Some(LoggingLevel::Debug), None, Some(LoggingLevel::Info)] {
        let call = CallOptions { log_level: level, ..CallOptions::default() };
        client.call_tool("t", empty(), call).await.unwrap();
    }
    let levels: Vec<Value> = stage
        .seen()
        .iter()
        .filter(|seen| seen.method() == "logging/setLevel")
        .map(|seen| seen.json()["params"]["level"].clone())
        .collect();
    assert_eq!(levels, ["debug", "info"]);
}
