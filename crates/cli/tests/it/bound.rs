use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::demo::{Demo, json, stderr, stdout};

const STRICT: &[&str] =
    &["auth.dpop=required", "auth.dpop_nonces=true", "mcp.dpop_nonces=true", "mcp.dpop_window=30s"];

/// The kept token is bound to a key, and every proof needs a nonce of the server.
#[test]
fn doctor_and_replay_prove_to_have_the_key() {
    let demo = Demo::start_with(STRICT);
    assert_eq!(demo.log_in(&[]).status.code(), Some(0));

    let report = demo.run(&["doctor", &demo.url, "--logged-in", "--json"]);
    assert_eq!(report.status.code(), Some(0), "{}", stdout(&report));
    let report = json(&report);
    assert_eq!((&report["withToken"], &report["summary"]["error"]), (&true.into(), &0.into()));
    assert!(report["server"]["revisions"].to_string().contains("2026-07-28"), "{}", report["server"]);
    let exchanges = report["exchanges"].as_array().unwrap();
    let header = |exchange: &serde_json::Value, name: &str| {
        let headers = exchange["request"]["headers"].as_array().unwrap();
        headers.iter().find(|h| h["name"] == name).map(|h| h["value"].as_str().unwrap().to_owned())
    };
    let bound = exchanges.iter().filter(|exchange| header(exchange, "dpop").is_some());
    let bound: Vec<_> = bound.map(|exchange| header(exchange, "authorization").unwrap()).collect();
    assert!(bound.len() > 10 && bound.iter().all(|line| line.starts_with("DPoP ")), "{bound:?}");
    assert!(!report.to_string().contains("eyJ"), "neither token nor proof is shown");

    let report = demo.run(&["replay", &demo.url, "--logged-in", "--json", "--call", "list_posts"]);
    assert_eq!(report.status.code(), Some(0), "{}", stdout(&report));
    let report = json(&report);
    let played = report["transcripts"].as_array().unwrap();
    let same = played.iter().flat_map(|it| it["steps"].as_array().unwrap());
    assert!(same.filter(|step| step["outcome"] == "same").count() > 30);
    assert_eq!(report["summary"]["differs"], 0);
}

/// What somebody pipes into curl.
#[test]
fn headers_for_one_request() {
    let demo = Demo::start_with(STRICT);
    assert_eq!(demo.run(&["token", &demo.url]).status.code(), Some(4), "nobody has logged in");
    assert_eq!(demo.log_in(&[]).status.code(), Some(0));
    let headers = |more: &[&str]| {
        let output = demo.run(&[&["token", demo.url.as_str()], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let mut headers = HeaderMap::new();
        for line in stdout(&output).lines() {
            let (name, value) = line.split_once(": ").unwrap();
            headers.insert(name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
        }
        headers
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let me = demo.url.replace("/mcp", "/users/me/");
    let ask = |headers: &HeaderMap| {
        let request = reqwest::Client::new().get(&me).headers(headers.clone());
        runtime.block_on(request.send()).unwrap()
    };
    let without = headers(&["--method", "GET", "--for", &me]);
    assert_eq!(without.len(), 2);
    let refused = ask(&without);
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let nonce = refused.headers()["dpop-nonce"].to_str().unwrap();
    let with = headers(&["--method", "get", "--for", &me, "--nonce", nonce]);
    assert_eq!(ask(&with).status(), StatusCode::OK);
    assert_eq!(ask(&with).status(), StatusCode::UNAUTHORIZED, "it counts once");
    assert_eq!(ask(&headers(&["--nonce", nonce])).status(), StatusCode::UNAUTHORIZED, "for another request");

    let plain = Demo::start_with(&["auth.dpop=off"]);
    assert_eq!(plain.log_in(&[]).status.code(), Some(0));
    let shown = json(&plain.run(&["token", &plain.url, "--json"]));
    assert!(shown["authorization"].as_str().unwrap().starts_with("Bearer ") && shown["dpop"].is_null());
}
