//! HAR and curl.

use std::time::{Duration, UNIX_EPOCH};

use barewire_exchange::{Exchange, Step, curl, har};
use http::{Method, StatusCode};

use crate::masking::{builder, headers};

fn call() -> Exchange {
    let mut record = builder(Step::CallTool);
    record.request(
        &Method::POST,
        "https://a.example/mcp?tenant=it's",
        &headers(&[
            ("authorization", "Bearer opaque-access-0123456789"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("content-length", "17"),
            ("mcp-method", "tools/call"),
        ]),
        Some(br#"{"password":"x","note":"it's"}"#),
    );
    record.response(
        StatusCode::OK,
        &headers(&[("content-type", "text/event-stream")]),
        UNIX_EPOCH + Duration::from_millis(1_004),
    );
    record.stream_event(Some("message"), Some("7"), None, "{\"a\":1}", UNIX_EPOCH);
    record.finish(UNIX_EPOCH + Duration::from_millis(1_010));
    record.exchange().clone()
}

#[test]
fn curl_can_be_pasted() {
    assert_eq!(
        curl::to_curl(&call()),
        "curl -i -X POST 'https://a.example/mcp?tenant=it'\\''s' -N \\\n  \
         -H 'authorization: Bearer '\"$TOKEN\" \\\n  \
         -H 'content-type: application/json' \\\n  \
         -H 'accept: application/json, text/event-stream' \\\n  \
         -H 'mcp-method: tools/call' \\\n  \
         --data-raw '{\"password\":\"'\"$PASSWORD\"'\",\"note\":\"it'\\''s\"}'"
    );
}

/// No curl can prove possession of a key.
#[test]
fn a_bound_token_is_left_to_a_command_that_has_the_key() {
    let mut record = builder(Step::CallTool);
    record.request(
        &Method::POST,
        "https://a.example/mcp",
        &headers(&[
            ("authorization", "DPoP opaque-access-0123456789"),
            ("dpop", "eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.c2ln"),
            ("content-type", "application/json"),
        ]),
        Some(b"{}"),
    );
    let command = curl::to_curl(record.exchange());
    assert_eq!(
        command,
        "barewire token --method POST 'https://a.example/mcp' | curl -i -X POST 'https://a.example/mcp' \\\n  \
         -H @- \\\n  \
         -H 'content-type: application/json' \\\n  \
         --data-raw '{}'"
    );
    // The token endpoint's proof is for nobody else to make: a variable, like every secret.
    let mut record = builder(Step::RedeemCode);
    record.request(
        &Method::POST,
        "https://a.example/token",
        &headers(&[("dpop", "eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.c2ln")]),
        None,
    );
    assert!(curl::to_curl(record.exchange()).contains(r#"-H 'dpop: '"$DPOP""#));
}

/// The shell itself reads the command back: every argument arrives as it was.
#[test]
fn a_shell_reads_the_command_as_it_was_meant() {
    let command = curl::to_curl(&call()).replacen("curl", "printf '%s\\n'", 1);
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .env("TOKEN", "t-1")
        .env("PASSWORD", "p-1")
        .output()
        .unwrap();
    let lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    for expected in [
        "https://a.example/mcp?tenant=it's",
        "authorization: Bearer t-1",
        r#"{"password":"p-1","note":"it's"}"#,
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} is not among {lines:?}");
    }
}

#[test]
fn har_has_what_the_format_requires() {
    let exchange = call();
    let har = serde_json::to_value(har::export([&exchange], "0.1.0")).unwrap();
    let entry = &har["log"]["entries"][0];
    assert_eq!(har["log"]["version"], "1.2");
    assert_eq!(har["log"]["creator"]["name"], "Barewire");
    assert_eq!(entry["startedDateTime"], "1970-01-01T00:00:01Z");
    assert_eq!(entry["time"], 10.0);
    assert_eq!(entry["timings"], serde_json::json!({"send": 0.0, "wait": 4.0, "receive": 6.0}));
    assert_eq!(entry["request"]["queryString"], serde_json::json!([{"name": "tenant", "value": "it's"}]));
    assert_eq!(entry["request"]["postData"]["mimeType"], "application/json");
    assert_eq!(entry["response"]["content"]["text"], "id: 7\nevent: message\ndata: {\"a\":1}\n\n");
    assert_eq!(entry["response"]["statusText"], "OK");
    assert_eq!(entry["_phase"], "call");
    for member in ["cache", "cookies", "headersSize", "bodySize", "httpVersion"] {
        assert!(
            entry.get(member).or_else(|| entry["request"].get(member)).is_some(),
            "{member} is required by HAR 1.2"
        );
    }
    let read: har::Har = serde_json::from_value(har).unwrap();
    assert_eq!(read.log.entries[0].narration, exchange.narration);
}
