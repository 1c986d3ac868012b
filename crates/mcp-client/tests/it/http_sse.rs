//! The transport of 2024-11-05: one stream, and another endpoint for what is sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use barewire_exchange::Step;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{
    CallError, CallOptions, Client, ClientOptions, ConnectError, EraChoice, TransportError,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::login::{Headless, Rules, world_around};
use crate::stage::{Seen, Stage, event, events, json_reply, open_stream, reply};
use crate::watcher::{Watcher, options};

/// A server of the first revision as it stands in the field: its stream at `/mcp`, its messages at `/messages`.
struct Old {
    stage: Stage,
    stream: Stream,
    /// Whether a GET opens a stream.
    door: Arc<AtomicBool>,
}

/// Where the server writes, while a stream is open.
type Stream = Arc<Mutex<Option<mpsc::Sender<String>>>>;

/// What a server answers on its stream.
type Script = fn(&Seen) -> Vec<Value>;

impl Old {
    async fn new(revision: &'static str, script: Script) -> Self {
        let (stream, door) = (Arc::default(), Arc::new(AtomicBool::new(true)));
        let (current, open) = (Arc::clone(&stream), Arc::clone(&door));
        let stage = Stage::new(move |seen| match open.load(Ordering::SeqCst) || seen.verb == "POST" {
            true => answer(&current, revision, script, &seen),
            false => reply(404, "", ""),
        })
        .await;
        Self { stage, stream, door }
    }

    /// Ends the stream.
    fn hang_up(&self) {
        *self.stream.lock().unwrap() = None;
    }

    fn count(&self, method: &str) -> usize {
        self.stage.seen().iter().filter(|seen| seen.path == "/messages" && seen.method() == method).count()
    }
}

fn answer(stream: &Stream, revision: &str, script: Script, seen: &Seen) -> Response {
    match (seen.verb.as_str(), seen.path.as_str()) {
        ("GET", "/mcp") => {
            let (sender, response) = open_stream();
            sender.try_send(": welcome\n\nevent: endpoint\ndata: /messages?session=1\n\n".into()).unwrap();
            *stream.lock().unwrap() = Some(sender);
            response
        }
        ("POST", "/messages") => {
            let said = match seen.method().as_str() {
                "initialize" => vec![json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {
                    "protocolVersion": revision,
                    "capabilities": {"tools": {"listChanged": true}},
                    "serverInfo": {"name": "old", "version": "1"},
                }})],
                _ => script(seen),
            };
            for message in said {
                let event = format!("event: message\n{}", event(&message));
                stream.lock().unwrap().as_ref().expect("a stream").try_send(event).unwrap();
            }
            reply(202, "text/plain", "Accepted")
        }
        _ => reply(404, "text/html", "<!DOCTYPE html><pre>Cannot POST /mcp</pre>"),
    }
}

fn result(seen: &Seen) -> Vec<Value> {
    match seen.method().as_str() {
        "tools/call" => vec![json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": text("ok")})],
        "ping" => vec![json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {}})],
        _ => Vec::new(),
    }
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn legacy(watcher: &Arc<Watcher>) -> ClientOptions {
    ClientOptions { era: EraChoice::Legacy, ..options(watcher) }
}

async fn called(client: &Client) -> Result<String, CallError> {
    let result = client.call_tool("t", RawJson::empty_object(), CallOptions::default()).await?;
    Ok(result.content[0].as_text().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_last_rung_of_the_ladder() {
    let old = Old::new("2024-11-05", result).await;
    let watcher = Watcher::new();
    let client = Client::connect(old.stage.url(), options(&watcher)).await.unwrap();
    assert_eq!(client.server().revision, Revision::V2024_11_05);
    assert_eq!(client.server().implementation.unwrap().name, "old");
    assert_eq!(called(&client).await.unwrap(), "ok");
    assert_eq!(
        old.stage.story(),
        ["server/discover", "initialize", "GET", "initialize", "notifications/initialized", "tools/call"]
    );
    let sent = old.stage.until(|seen| seen.method() == "tools/call").await;
    assert_eq!((sent.path.as_str(), sent.query.as_str()), ("/messages", "session=1"));
    assert_eq!(sent.header("mcp-protocol-version"), None);
    let opened = old.stage.until(|seen| seen.verb == "GET").await;
    assert_eq!(opened.header("accept"), Some("text/event-stream"));

    assert_eq!(
        watcher.steps(),
        [
            Step::Discover,
            Step::Initialize,
            Step::OpenHttpSse,
            Step::Initialize,
            Step::Initialized,
            Step::CallTool
        ]
    );
    let told = |at: usize| watcher.exchanges()[at].narration.conclusions[0].text.clone();
    assert!(told(2).contains("/messages?session=1") && told(2).contains("2024-11-05"), "{}", told(2));
    assert_eq!(told(5), "Accepted; the answer comes on the session's stream.");
}

/// The transport and the revision are two things: servers of later revisions have kept the old transport.
#[tokio::test]
async fn a_later_revision_over_the_first_transport() {
    let old = Old::new("2025-06-18", result).await;
    let client = Client::connect(old.stage.url(), options(&Watcher::new())).await.unwrap();
    assert_eq!(client.server().revision, Revision::V2025_06_18);
    called(&client).await.unwrap();
    let sent = old.stage.until(|seen| seen.method() == "tools/call").await;
    assert_eq!(sent.header("mcp-protocol-version"), Some("2025-06-18"));
}

/// A login on the way, and then the token on the stream and on every message.
#[tokio::test]
async fn the_token_goes_to_both_endpoints() {
    let stream = Stream::default();
    let stage = world_around(Arc::new(Rules::default()), move |seen| {
        Some(answer(&stream, "2024-11-05", result, seen))
    })
    .await;
    let mut options = options(&Watcher::new());
    options.authorizer = Some(Headless::new());
    let client = Client::connect(stage.url(), options).await.unwrap();
    assert_eq!(called(&client).await.unwrap(), "ok");
    let bearer = |seen: &Seen| seen.header("authorization").is_some_and(|it| it.starts_with("Bearer "));
    let opened = stage.until(|seen| seen.verb == "GET" && seen.path == "/mcp").await;
    assert!(bearer(&opened));
    let sent: Vec<_> = stage.seen().into_iter().filter(|seen| seen.path == "/messages").collect();
    assert!(sent.len() == 3 && sent.iter().all(bearer), "{:?}", stage.story());
}

#[tokio::test]
async fn only_400_404_and_405_lead_there() {
    for (status, tried) in [(400, true), (404, true), (405, true), (403, false), (410, false), (500, false)] {
        let stage = Stage::new(move |seen| match seen.verb.as_str() {
            "GET" => reply(404, "", ""),
            _ => reply(status, "", ""),
        })
        .await;
        let error = Client::connect(stage.url(), legacy(&Watcher::new())).await.err().unwrap();
        assert_eq!(stage.seen().iter().any(|seen| seen.verb == "GET"), tried, "{status}: {error:?}");
    }
    // Whoever names revisions has understood.
    let stage = Stage::new(|seen| {
        let data = json!({"supported": ["2030-01-01"]});
        seen.error(400, json!({"code": -32602, "message": "Unsupported protocol version", "data": data}))
    })
    .await;
    let error = Client::connect(stage.url(), legacy(&Watcher::new())).await.err().unwrap();
    assert!(matches!(error, ConnectError::Revision { .. }), "{error:?}");
    assert!(stage.seen().iter().all(|seen| seen.verb == "POST"));
}

#[tokio::test]
async fn an_endpoint_elsewhere_gets_nothing() {
    let other = Stage::new(|_| reply(202, "", "")).await;
    let away = format!("event: endpoint\ndata: {}/messages\n\n", other.origin);
    let stage = Stage::new(move |seen| match seen.verb.as_str() {
        "GET" => events(away.clone()),
        _ => reply(405, "", ""),
    })
    .await;
    let error = Client::connect(stage.url(), legacy(&Watcher::new())).await.err().unwrap();
    let ConnectError::Endpoint { endpoint } = &error else { panic!("{error:?}") };
    assert!(endpoint.starts_with(&other.origin) && error.what_next().is_some());
    assert!(other.seen().is_empty());
}

/// The error is that of the handshake, whatever was found behind the GET.
#[tokio::test]
async fn what_is_no_such_stream_changes_nothing() {
    type Reply = fn() -> Response;
    let replies: [Reply; 5] = [
        || reply(405, "", ""),
        || json_reply(200, &json!({"hello": "world"})),
        || events("data: {}\n\n"),
        || events(": nothing\n\n"),
        || {
            let (sender, response) = open_stream();
            tokio::spawn(async move { sender.closed().await });
            response
        },
    ];
    for answer in replies {
        let stage = Stage::new(move |seen| match seen.verb.as_str() {
            "GET" => answer(),
            _ => reply(405, "", ""),
        })
        .await;
        let mut options = legacy(&Watcher::new());
        options.config.endpoint_timeout = Duration::from_millis(200);
        let error = Client::connect(stage.url(), options).await.err().unwrap();
        assert!(matches!(error, ConnectError::NotMcp { .. }), "{error:?}");
    }
}

/// A request that waits is not repeated, since it may have been done; the next one finds another session.
#[tokio::test]
async fn a_lost_stream_is_a_lost_session() {
    let old = Old::new("2024-11-05", |seen| match seen.json()["params"]["name"].as_str() {
        Some("slow") => Vec::new(),
        _ => result(seen),
    })
    .await;
    let watcher = Watcher::new();
    let mut options = legacy(&watcher);
    options.config.default_retry = Duration::from_millis(50);
    let client = Client::connect(old.stage.url(), options).await.unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.call_tool("slow", RawJson::empty_object(), CallOptions::default()).await }
    });
    old.stage.until(|seen| seen.method() == "tools/call").await;
    old.hang_up();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Http(_)), "{error:?}");
    assert_eq!(called(&client).await.unwrap(), "ok");
    assert_eq!(old.count("initialize"), 2);
    assert_eq!(old.count("tools/call"), 2, "the lost one is not repeated");
    let lost = watcher.exchanges().into_iter().find(|exchange| exchange.step == Step::OpenHttpSse).unwrap();
    let told = &lost.narration.conclusions.last().unwrap().text;
    assert!(told.contains("One request has lost its answer"), "{told}");

    // Nobody has to ask for it: what the server tells by itself is heard again.
    old.hang_up();
    let sessions = || old.count("notifications/initialized");
    tokio::time::timeout(Duration::from_secs(5), async {
        while sessions() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("a third session");
}

#[tokio::test]
async fn a_stream_that_stays_lost_is_given_up() {
    let old = Old::new("2024-11-05", result).await;
    let mut options = legacy(&Watcher::new());
    options.config.max_resumes = 2;
    let client = Client::connect(old.stage.url(), options).await.unwrap();
    let knocks = || old.stage.seen().iter().filter(|seen| seen.verb == "GET").count();
    old.door.store(false, Ordering::SeqCst);
    old.hang_up();
    tokio::time::timeout(Duration::from_secs(5), async {
        while knocks() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("two attempts");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(knocks(), 3, "and no more");
    let error = called(&client).await.unwrap_err();
    assert!(matches!(error, CallError::Http(_)), "{error:?}");
    assert_eq!(knocks(), 4, "a request tries once");
    old.door.store(true, Ordering::SeqCst);
    assert_eq!(called(&client).await.unwrap(), "ok");
}

#[tokio::test]
async fn questions_and_news_come_on_the_stream_too() {
    let old = Old::new("2025-06-18", |seen| {
        let id = &seen.json()["id"];
        match (seen.method().as_str(), id.as_str()) {
            ("tools/call", _) => vec![
                json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
                json!({"jsonrpc": "2.0", "id": format!("q{id}"), "method": "elicitation/create", "params": {
                    "message": "Who?", "requestedSchema": {"type": "object", "properties": {}}}}),
            ],
            ("", Some(question)) => {
                let asked: i64 = question[1..].parse().unwrap();
                vec![json!({"jsonrpc": "2.0", "id": asked, "result": text("thanks")})]
            }
            _ => Vec::new(),
        }
    })
    .await;
    let watcher = Watcher::new();
    let client = Client::connect(old.stage.url(), legacy(&watcher)).await.unwrap();
    assert_eq!(called(&client).await.unwrap(), "thanks");
    assert!(watcher.told().iter().any(|line| line == "changed Tools"), "{:?}", watcher.told());
    let answer = old.stage.until(|seen| seen.json()["result"]["action"] == "accept").await;
    assert_eq!(answer.path, "/messages");
}

#[tokio::test]
async fn cancelling_tells_the_server_at_its_endpoint() {
    let old = Old::new("2024-11-05", |_| Vec::new()).await;
    let client = Client::connect(old.stage.url(), legacy(&Watcher::new())).await.unwrap();
    let call = CallOptions::default();
    let cancel = call.cancel.clone();
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.call_tool("t", RawJson::empty_object(), call).await }
    });
    let asked = old.stage.until(|seen| seen.method() == "tools/call").await.json();
    cancel.cancel();
    assert!(matches!(running.await.unwrap(), Err(CallError::Cancelled)));
    let told = old.stage.until(|seen| seen.method() == "notifications/cancelled").await;
    assert_eq!(told.path, "/messages");
    assert_eq!(told.json()["params"]["requestId"], asked["id"]);
}

#[tokio::test]
async fn silence_is_asked_about_before_it_is_a_loss() {
    // It answers pings: the session lives on.
    let old = Old::new("2024-11-05", result).await;
    let mut options = legacy(&Watcher::new());
    options.config.stream_idle_timeout = Duration::from_millis(200);
    let client = Client::connect(old.stage.url(), options.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(old.count("ping") >= 2, "{:?}", old.stage.story());
    assert_eq!(old.count("initialize"), 1);
    assert_eq!(called(&client).await.unwrap(), "ok");

    // It does not: what waits is told.
    let mute = Old::new("2024-11-05", |_| Vec::new()).await;
    let client = Client::connect(mute.stage.url(), options).await.unwrap();
    let error = called(&client).await.unwrap_err();
    assert!(matches!(error, CallError::Transport(TransportError::Timeout { .. })), "{error:?}");
}

#[tokio::test]
async fn an_event_is_bounded() {
    let old = Old::new("2024-11-05", |seen| match seen.method().as_str() {
        "tools/call" => {
            vec![json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": text(&"x".repeat(5_000))})]
        }
        _ => Vec::new(),
    })
    .await;
    let mut options = legacy(&Watcher::new());
    options.config.max_answer_bytes = 4_000;
    let client = Client::connect(old.stage.url(), options).await.unwrap();
    let error = called(&client).await.unwrap_err();
    let too_large = matches!(error, CallError::Transport(TransportError::TooLarge { limit: 4_000 }));
    assert!(too_large, "{error:?}");
}

#[tokio::test]
async fn closing_ends_the_stream_for_good() {
    let old = Old::new("2024-11-05", result).await;
    let client = Client::connect(old.stage.url(), legacy(&Watcher::new())).await.unwrap();
    let sender = old.stream.lock().unwrap().clone().unwrap();
    client.close().await;
    tokio::time::timeout(Duration::from_secs(5), sender.closed()).await.expect("the stream ends");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(old.count("initialize"), 1);
}
