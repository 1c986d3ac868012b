//! Servers that want to hold the doctor, to flood it, or to send it somewhere.

use std::io::{Error, Write as _};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use barewire_doctor::{DoctorConfig, ExamineError, NoObserver, Report, examine};
use futures_util::stream;
use serde_json::json;

use crate::scripted::{Scripted, Seen, reply, with};
use crate::support::{check, target};

/// Short limits: what ends them is what is tested.
fn config() -> DoctorConfig {
    DoctorConfig {
        request_timeout: Duration::from_millis(700),
        stream_wait: Duration::from_millis(300),
        deadline: Duration::from_secs(20),
        max_answer_bytes: 100_000,
        ..DoctorConfig::default()
    }
}

async fn examined(url: &str) -> Result<Report, ExamineError> {
    examine(&target(url, None), config(), Arc::new(NoObserver)).await
}

fn endless(chunk: &'static str, pause: Duration) -> Body {
    Body::from_stream(stream::unfold((), move |()| async move {
        tokio::time::sleep(pause).await;
        Some((Ok::<_, Error>(chunk), ()))
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_end_is_ended_and_said() {
    type Script = fn(&Seen) -> Option<axum::response::Response>;
    let cases: [(&str, Script, &[&str]); 6] = [
        (
            "a stream of events without a response",
            |seen| {
                let events =
                    "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n";
                (seen.rpc() == "tools/list")
                    .then(|| reply(200, "text/event-stream", endless(events, Duration::from_millis(1))))
            },
            &["error reach.endless", "error list.answered"],
        ),
        (
            "a body that drips",
            |seen| {
                (seen.rpc() == "tools/list")
                    .then(|| reply(200, "application/json", endless(" ", Duration::from_millis(50))))
            },
            &["error reach.endless", "error list.answered"],
        ),
        (
            "a body that floods",
            |seen| {
                (seen.rpc() == "tools/list")
                    .then(|| reply(200, "application/json", endless("[[[[[[[[[[[[[[[[", Duration::ZERO)))
            },
            &["error reach.endless", "error list.answered"],
        ),
        (
            "one event without an end",
            |seen| {
                (seen.rpc() == "tools/list").then(|| {
                    let body = format!("data: {}", "x".repeat(200_000));
                    reply(200, "text/event-stream", body)
                })
            },
            &["error reach.endless", "error list.answered"],
        ),
        (
            "JSON in a text in JSON, each as deep as can be",
            |seen| {
                let mut bomb = "1".to_owned();
                for _ in 0..12 {
                    let inner = format!("{}{bomb}{}", "[".repeat(120), "]".repeat(120));
                    bomb = json!({ "$serde_json::private::RawValue": inner }).to_string();
                }
                let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{bomb}}}}}"#);
                (seen.rpc() == "tools/list").then(|| reply(200, "application/json", body))
            },
            &["error list.answered"],
        ),
        (
            "redirects in a circle",
            |seen| {
                let next = if seen.path == "/mcp" { "/mcp/a" } else { "/mcp" };
                seen.path.starts_with("/mcp").then(|| with(reply(307, "", ""), "location", next))
            },
            &["error redirect.endpoint", "error reach.answers"],
        ),
    ];
    for (name, script, expected) in cases {
        let server = Scripted::new(script).await;
        let report = examined(&server.url).await.unwrap();
        check(name, &report, expected);
        let bytes = serde_json::to_string(&report).unwrap().len();
        assert!(bytes < 4_000_000, "{name}: the report has {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_holds_and_is_said() {
    let server = Scripted::new(|seen| {
        (seen.rpc() == "tools/list")
            .then(|| reply(200, "application/json", endless(" ", Duration::from_millis(50))))
    })
    .await;
    let config = DoctorConfig { deadline: Duration::from_millis(900), ..config() };
    let report = examine(&target(&server.url, None), config, Arc::new(NoObserver)).await.unwrap();
    let left_out = report.findings.iter().find(|finding| finding.id == "reach.left_out").unwrap();
    assert!(left_out.observed.contains("were not sent"), "{}", left_out.observed);

    let few = DoctorConfig { max_requests: 12, ..self::config() };
    let report = examine(&target(&server.url, None), few, Arc::new(NoObserver)).await.unwrap();
    assert!(report.exchanges.len() <= 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_not_a_report() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let babble = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let talking = babble.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in babble.incoming().take(4).flatten() {
            let mut stream = stream;
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.7\r\n");
        }
    });
    for address in [closed, silent.local_addr().unwrap(), talking] {
        let outcome = examined(&format!("http://{address}/mcp")).await;
        assert!(matches!(outcome, Err(ExamineError::Unreachable { .. })), "{address}: {outcome:?}");
    }
    for url in ["ftp://127.0.0.1/mcp", "http://user:secret@127.0.0.1/mcp"] {
        let error = examined(url).await.unwrap_err();
        assert!(matches!(error, ExamineError::Url(_)), "{url}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_of_a_server_stay_texts_and_short() {
    let server = Scripted::new(|seen| {
        let long = "\u{1b}[2J".repeat(10_000);
        match seen.rpc().as_str() {
            "initialize" => Some(seen.result(&json!({
                "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                "serverInfo": { "name": long, "version": "1" },
            }))),
            "tools/list" => Some(seen.result(&json!({ "tools": [{ "name": long }] }))),
            _ => None,
        }
    })
    .await;
    let report = examined(&server.url).await.unwrap();
    assert!(report.server.name.as_ref().unwrap().chars().count() <= 201);
    for finding in &report.findings {
        assert!(finding.observed.chars().count() <= 1_001, "{}", finding.id);
    }
}
