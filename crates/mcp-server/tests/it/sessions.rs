//! Sessions of the legacy era.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_mcp_server::{KeyRing, Limits, McpServer, Secret};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Server, resource_server, toolbox};

fn ring(current: u8, previous: &[u8]) -> KeyRing {
    let secret = |byte: u8| Secret::new(vec![byte; 32]).unwrap();
    KeyRing::new(&secret(current), &previous.iter().map(|byte| secret(*byte)).collect::<Vec<_>>())
}

fn replica(keys: KeyRing) -> McpServer {
    toolbox(&Arc::default()).keys(keys).build().unwrap()
}

#[tokio::test]
async fn a_session_lives_until_it_is_deleted() {
    let server = Server::start(replica(ring(1, &[]))).await;
    let legacy = server.legacy().await;
    let id = legacy.session.clone().unwrap();
    assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
    assert_eq!(legacy.request(2, "ping", json!({})).await.body["result"], json!({}));
    let mut stream = legacy.listen().await;

    let other = server.legacy().await;
    assert_eq!(legacy.bare(Method::DELETE).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(stream.next().await, None, "its streams end with it");
    for _ in 0..2 {
        assert_eq!(legacy.request(2, "tools/list", json!({})).await.status, StatusCode::NOT_FOUND);
        assert_eq!(legacy.bare(Method::GET).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(legacy.bare(Method::DELETE).await.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(other.request(2, "ping", json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_a_session_is_not_found() {
    let server = Server::start(replica(ring(1, &[]))).await;
    let mut legacy = server.legacy().await;
    let id = legacy.session.clone().unwrap();
    for wrong in ["x", &id[1..], &format!("{id}A"), &id.to_uppercase(), "a b"] {
        legacy.session = Some(wrong.to_owned());
        assert_eq!(legacy.request(2, "ping", json!({})).await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}

#[tokio::test]
async fn a_session_belongs_to_its_principal() {
    let server = Server::start(toolbox(&Arc::default()).auth(resource_server()).build().unwrap()).await;
    let mut client = server.legacy_as(Some("ann.read")).await;
    client.token = Some("bob.read".into());
    assert_eq!(client.request(2, "ping", json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.bare(Method::GET).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(client.bare(Method::DELETE).await.status(), StatusCode::NOT_FOUND);
    client.token = Some("ann.read".into());
    assert_eq!(client.request(2, "ping", json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn any_replica_serves_any_session_through_a_rotation() {
    let (one, other) =
        (Server::start(replica(ring(1, &[]))).await, Server::start(replica(ring(1, &[]))).await);
    let mut client = one.legacy().await;
    client.url.clone_from(&other.url);
    assert_eq!(client.call("echo", json!({ "text": "hi" })).await.text(), "hi");
    other.mcp.rotate_keys(ring(2, &[1]));
    assert_eq!(client.call("echo", json!({ "text": "hi" })).await.text(), "hi");
    other.mcp.rotate_keys(ring(2, &[]));
    assert_eq!(client.call("echo", json!({ "text": "hi" })).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let clock = Arc::new(std::sync::Mutex::new(SystemTime::UNIX_EPOCH));
    let read = clock.clone();
    let limits = Limits { session_ttl: Duration::from_secs(60), ..Limits::default() };
    let builder = toolbox(&Arc::default()).limits(limits).clock(Arc::new(move || *read.lock().unwrap()));
    let server = Server::start(builder.build().unwrap()).await;
    let legacy = server.legacy().await;
    *clock.lock().unwrap() += Duration::from_secs(59);
    assert_eq!(legacy.request(2, "ping", json!({})).await.status, StatusCode::OK);
    *clock.lock().unwrap() += Duration::from_secs(1);
    assert_eq!(legacy.request(2, "ping", json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_version_that_is_not_spoken_is_refused() {
    let server = Server::start(replica(ring(1, &[]))).await;
    let legacy = server.legacy().await;
    let odd = legacy.clone().with_header("mcp-protocol-version", "1999-01-01");
    assert_eq!(odd.request(2, "ping", json!({})).await.status, StatusCode::BAD_REQUEST);
    let absent = legacy.with_header("mcp-protocol-version", "");
    assert_eq!(absent.request(2, "ping", json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_needs_no_session_works_without_one() {
    let server = Server::start(replica(ring(1, &[]))).await;
    let mut client = server.legacy().await;
    client.session = None;
    assert_eq!(client.call("echo", json!({ "text": "hi" })).await.text(), "hi");
    assert_eq!(client.request(2, "ping", json!({})).await.status, StatusCode::OK);
    let subscribed = client.request(2, "resources/subscribe", json!({ "uri": "test://static" })).await;
    assert_eq!(subscribed.status, StatusCode::BAD_REQUEST);
    assert_eq!(client.call("ask_name", json!({ "text": "x" })).await.result()["isError"], true);
}
