//! Who is let in.

use barewire_host::api::ErrorCode;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{NOWHERE, Running, refused};

#[tokio::test]
async fn a_foreign_host_name_is_not_served() {
    let running = Running::start().await;
    let page = running.browser();
    for (path, status) in
        [("/", 421), ("/api/state", 421), ("/callback", 421), ("/healthz", 200), ("/readyz", 200)]
    {
        let response = page.raw(Method::GET, path).header("host", "rebound.example").send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert!(response.headers().get("set-cookie").is_none(), "{path}");
    }
    let response = page.raw(Method::GET, "/").header("host", "rebound.example").send().await.unwrap();
    assert!(response.text().await.unwrap().contains(&running.origin));
}

#[tokio::test]
async fn a_foreign_page_cannot_change_or_read_anything() {
    let running = Running::start().await;
    let page = running.open().await;
    for headers in [
        vec![],
        vec![("origin", "http://evil.example"), ("x-barewire", "1")],
        vec![("sec-fetch-site", "cross-site"), ("x-barewire", "1")],
        vec![("x-barewire", "true")],
    ] {
        let mut request = page.raw(Method::POST, "/api/servers").json(&json!({ "url": NOWHERE }));
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        refused(request.send().await.unwrap(), StatusCode::FORBIDDEN, ErrorCode::Forbidden).await;
    }
    let read = page.raw(Method::GET, "/api/state").header("origin", "http://evil.example");
    refused(read.send().await.unwrap(), StatusCode::FORBIDDEN, ErrorCode::Forbidden).await;
    assert_eq!(page.state().await.servers, []);
}

#[tokio::test]
async fn every_answer_carries_the_policy() {
    let running = Running::start().await;
    for path in ["/nonsense.png", "/api/state", "/api/nonsense", "/callback", "/healthz"] {
        let response = running.browser().get(path).await;
        let header =
            |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned()).unwrap();
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_apis_own_words() {
    let running = Running::start().await;
    let page = running.open().await;
    let nested = "[".repeat(100_000);
    let large = format!("{{\"url\":\"{}\"}}", "a".repeat(2 << 20));
    for body in
        ["", "{", "[]", "{}", "{\"url\":1}", "{\"url\":\"x\",\"more\":1}", "\u{fffd}", &nested, &large]
    {
        let request = page.request(&Method::POST, "/api/servers").header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await.unwrap();
        refused(response, StatusCode::BAD_REQUEST, ErrorCode::BadRequest).await;
    }
    for url in ["", "localhost", "ftp://localhost/", "http://user:secret@localhost/mcp"] {
        let response = page.post("/api/servers", &json!({ "url": url })).await;
        let body = refused(response, StatusCode::BAD_REQUEST, ErrorCode::BadRequest).await;
        assert!(!body.message.contains("secret"), "{body:?}");
    }
    refused(page.get("/api/nonsense").await, StatusCode::NOT_FOUND, ErrorCode::NotFound).await;
}
