//! What servers in the field answer to a modern probe. Each of these once stranded somebody's client.

use axum::response::Response;
use barewire_exchange::Step;
use barewire_mcp::revision::Revision;
use barewire_mcp_client::{Answered, Client, ConnectError, EraChoice, TransportError};
use serde_json::json;

use crate::stage::{Seen, Stage, event, events, json_reply, reply, with_header};
use crate::watcher::{Watcher, options};

/// An older server that answers the probe like this.
async fn older(probe: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Stage {
    Stage::new(move |seen| match seen.method().as_str() {
        "server/discover" => probe(&seen),
        "initialize" => seen.initialized("2025-06-18", Some("session-1")),
        "tools/list" => seen.result(json!({"tools": [{"name": "t", "inputSchema": {"type": "object"}}]})),
        _ if seen.verb == "GET" => reply(405, "", ""),
        _ => reply(202, "", ""),
    })
    .await
}

async fn check_older(name: &str, probe: impl Fn(&Seen) -> Response + Send + Sync + 'static) {
    let stage = older(probe).await;
    let watcher = Watcher::new();
    let client =
        Client::connect(stage.url(), options(&watcher)).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(client.server().revision, Revision::V2025_06_18, "{name}");
    assert_eq!(client.list_tools().await.unwrap().len(), 1, "{name}");
    let listing = stage.until(|seen| seen.method() == "tools/list").await;
    assert_eq!(listing.header("mcp-session-id"), Some("session-1"), "{name}");
    assert_eq!(listing.header("mcp-protocol-version"), Some("2025-06-18"), "{name}");
    assert!(watcher.steps().starts_with(&[Step::Discover, Step::Initialize, Step::Initialized]), "{name}");
    let probe = &watcher.exchanges()[0];
    assert!(
        probe.narration.conclusions[0].text.contains("`initialize` is tried"),
        "{name}: {:?}",
        probe.narration
    );
}

#[tokio::test]
async fn an_older_server_is_reached_whatever_it_answers() {
    let error = |code: i64, message: &str| json!({"code": code, "message": message});
    check_older("404 Invalid session ID", move |seen| seen.error(404, error(-32001, "Invalid session ID")))
        .await;
    check_older("404 in plain text", |_| reply(404, "text/plain", "Invalid session ID")).await;
    check_older("400 that is not JSON-RPC", |_| json_reply(400, &json!({"title": "Bad Request"}))).await;
    check_older("400 in HTML", |_| reply(400, "text/html", "<h1>Bad Request</h1>")).await;
    check_older("another code", move |seen| seen.error(400, error(-32000, "Server not initialized"))).await;
    check_older("an invented code", move |seen| seen.error(200, error(1234, "no"))).await;
    check_older("400 Missing session ID", |_| {
        json_reply(400, &json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "Missing session ID"}}))
    })
    .await;
    check_older("an empty 200", |_| reply(200, "", "")).await;
    check_older("an empty 202", |_| reply(202, "", "")).await;
    check_older("method not found", move |seen| seen.error(200, error(-32601, "Method not found"))).await;
    check_older("an error inside a stream", |seen| {
        let id = seen.json()["id"].clone();
        events(event(
            &json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "Method not found"}}),
        ))
    })
    .await;
    check_older("a stream that ends at once", |_| events(": hello\n\n")).await;
    check_older("older revisions only", |seen| {
        seen.result(
            json!({"resultType": "complete", "supportedVersions": ["2025-06-18"], "capabilities": {}}),
        )
    })
    .await;
    check_older("another method's result", |seen| seen.result(json!({}))).await;
    check_older("500", |_| reply(500, "text/plain", "oops")).await;
}

#[tokio::test]
async fn a_handshake_answered_in_a_stream_counts() {
    let stage = Stage::new(|seen| match seen.method().as_str() {
        "initialize" => {
            let id = seen.json()["id"].clone();
            let result = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}});
            events(format!(": ping\n\nid: 1\ndata:\n\n{}", event(&json!({"jsonrpc": "2.0", "id": id, "result": result}))))
        }
        _ if seen.verb == "GET" => reply(405, "", ""),
        // Some answer every other POST, notifications included, with an empty result.
        _ => seen.result(json!({})),
    })
    .await;
    let client = Client::connect(stage.url(), options(&Watcher::new())).await.unwrap();
    assert_eq!(client.server().revision, Revision::V2025_03_26);
}

#[tokio::test]
async fn a_modern_server_that_wants_another_revision_is_asked_again() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stage = Stage::new(move |seen| {
        if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            let data = json!({"supported": ["2026-07-28"], "requested": "2026-07-28"});
            return seen.error(
                400,
                json!({"code": -32022, "message": "Unsupported protocol version", "data": data}),
            );
        }
        seen.discovered()
    })
    .await;
    let client = Client::connect(stage.url(), options(&Watcher::new())).await.unwrap();
    assert_eq!(client.server().revision, Revision::V2026_07_28);
    assert_eq!(stage.story(), ["server/discover", "server/discover"]);
}

#[tokio::test]
async fn a_modern_refusal_is_not_taken_for_an_older_server() {
    let stage = Stage::new(|seen| {
        let data = json!({"supported": ["2031-01-01"], "requested": "2026-07-28"});
        seen.error(400, json!({"code": -32022, "message": "Unsupported protocol version", "data": data}))
    })
    .await;
    let error = Client::connect(stage.url(), options(&Watcher::new())).await.err().unwrap();
    assert!(matches!(&error, ConnectError::Revision { offered } if offered == &["2031-01-01"]), "{error:?}");
    assert_eq!(stage.story(), ["server/discover"]);
}

#[tokio::test]
async fn the_verdict_is_remembered_until_it_expires_or_is_wrong() {
    let modern_now = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = std::sync::Arc::clone(&modern_now);
    let stage = Stage::new(move |seen| {
        let modern = switch.load(std::sync::atomic::Ordering::SeqCst);
        match seen.method().as_str() {
            "server/discover" if modern => seen.discovered(),
            "initialize" if !modern => seen.initialized("2025-11-25", None),
            _ if seen.verb == "GET" => reply(405, "", ""),
            _ if modern => seen.error(404, json!({"code": -32601, "message": "Method not found"})),
            _ => reply(202, "", ""),
        }
    })
    .await;
    let clock = barewire_testkit::TestClock::default();
    let mut options = options(&Watcher::new());
    options.clock = clock.clock();
    let probes = || stage.story().iter().filter(|method| *method == "server/discover").count();

    let _first = Client::connect(stage.url(), options.clone()).await.unwrap();
    assert_eq!(probes(), 1);
    let _second = Client::connect(stage.url(), options.clone()).await.unwrap();
    assert_eq!(probes(), 1, "known to be older");
    clock.advance(std::time::Duration::from_secs(601));
    let _third = Client::connect(stage.url(), options.clone()).await.unwrap();
    assert_eq!(probes(), 2, "asked anew");
    modern_now.store(true, std::sync::atomic::Ordering::SeqCst);
    let fourth = Client::connect(stage.url(), options.clone()).await.unwrap();
    assert_eq!(fourth.server().revision, Revision::V2026_07_28, "the verdict was wrong");
}

#[tokio::test]
async fn an_era_can_be_chosen() {
    let stage = older(|_| reply(404, "", "")).await;
    let mut chosen = options(&Watcher::new());
    chosen.era = EraChoice::Legacy;
    let _client = Client::connect(stage.url(), chosen.clone()).await.unwrap();
    assert!(!stage.story().contains(&"server/discover".to_owned()));
    chosen.era = EraChoice::Modern;
    let error = Client::connect(stage.url(), chosen).await.err().unwrap();
    assert!(matches!(error, ConnectError::NotMcp { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_url_says_what_answered_instead() {
    type Answer = fn() -> Response;
    type Expected = fn(&ConnectError) -> bool;
    let cases: [(&str, Answer, Expected); 5] = [
        (
            "a page",
            || reply(200, "text/html; charset=utf-8", "<!doctype html><h1>Welcome</h1>"),
            |e| matches!(e, ConnectError::NotMcp { answered: Answered::Html { .. }, .. }),
        ),
        (
            "404",
            || reply(404, "text/html", "<h1>Not found</h1>"),
            |e| matches!(e, ConnectError::NotMcp { answered: Answered::NotFound, .. }),
        ),
        (
            "405",
            || reply(405, "", ""),
            |e| matches!(e, ConnectError::NotMcp { answered: Answered::MethodNotAllowed, .. }),
        ),
        (
            "a redirect",
            || with_header(reply(307, "", ""), "location", "/mcp/?token=hush-hush-hush-hush"),
            |e| matches!(e, ConnectError::NotMcp { answered: Answered::Redirect { location }, .. } if location.starts_with("/mcp/?token=••••")),
        ),
        (
            "busy",
            || reply(503, "text/plain", "later"),
            |e| matches!(e, ConnectError::Refused { answered: Answered::Status { .. } }),
        ),
    ];
    for (name, answer, is_expected) in cases {
        let stage = Stage::new(move |_| answer()).await;
        let error = Client::connect(stage.url(), options(&Watcher::new())).await.err().unwrap();
        assert!(is_expected(&error), "{name}: {error:?}");
        assert!(error.what_next().is_some_and(|next| !next.is_empty()), "{name}");
    }
}

#[tokio::test]
async fn nobody_there_and_no_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    let watcher = Watcher::new();
    let error = Client::connect(url, options(&watcher)).await.err().unwrap();
    assert!(matches!(error, ConnectError::Transport(TransportError::Connect { .. })), "{error:?}");
    assert_eq!(
        watcher.exchanges()[0].failure.as_ref().unwrap().kind,
        barewire_exchange::FailureKind::Connect
    );
    for url in ["", "mcp", "ftp://a/mcp", "http://u:p@a/mcp"] {
        let error = Client::connect(url, options(&watcher)).await.err().unwrap();
        assert!(matches!(error, ConnectError::Url { .. }), "{url}");
    }
}
