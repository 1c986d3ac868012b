//! What belongs to one browser, and to no other.

use std::sync::Arc;
use std::time::Duration;

use barewire_host::api::{ErrorCode, Offered};
use barewire_host::{HostConfig, Limits, MemoryHostStore};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{NOWHERE, Running, refused};

async fn with_limits(limits: Limits) -> Running {
    Running::with(HostConfig { limits, ..HostConfig::default() }, Arc::new(MemoryHostStore::default())).await
}

#[tokio::test]
async fn the_cookie_is_the_browsers_alone() {
    let running = Running::start().await;
    let response = running.browser().get("/api/state").await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["barewire_session=", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn an_id_that_the_host_did_not_give_is_not_taken_over() {
    let running = Running::start().await;
    let page = running.browser().with_cookie("barewire_session=planted");
    let exchanges = page.get("/api/exchanges?server=s1").await;
    refused(exchanges, StatusCode::UNAUTHORIZED, ErrorCode::NoSession).await;
    page.state().await;
    assert_ne!(page.cookie().unwrap(), "barewire_session=planted");
}

#[tokio::test]
async fn two_browsers_never_see_each_others_things() {
    let running = Running::start().await;
    let (first, second) = (running.open().await, running.open().await);
    let server = first.add_server(NOWHERE).await;
    assert_eq!(first.state().await.servers.len(), 1);
    assert_eq!(second.state().await.servers, []);
    let id = &server.id;
    for path in [
        format!("/api/servers/{id}/tools"),
        format!("/api/servers/{id}/export.har"),
        format!("/api/exchanges?server={id}"),
    ] {
        refused(second.get(&path).await, StatusCode::NOT_FOUND, ErrorCode::NotFound).await;
    }
    for (path, body) in [
        (format!("/api/servers/{id}/connect"), json!(null)),
        (format!("/api/servers/{id}/login"), json!({})),
        (format!("/api/servers/{id}/logout"), json!(null)),
        (format!("/api/servers/{id}/calls"), json!({ "kind": "tool", "name": "echo" })),
    ] {
        refused(second.post(&path, &body).await, StatusCode::NOT_FOUND, ErrorCode::NotFound).await;
    }
    refused(second.delete(&format!("/api/servers/{id}")).await, StatusCode::NOT_FOUND, ErrorCode::NotFound)
        .await;
    // Both may have the same server, and then it is not the same.
    assert_ne!(second.add_server(NOWHERE).await.id, server.id);
}

#[tokio::test]
async fn the_same_url_is_the_same_server() {
    let running = Running::start().await;
    let page = running.open().await;
    let first = page.add_server(NOWHERE).await;
    assert_eq!(page.add_server(NOWHERE).await.id, first.id);
    assert_eq!(page.delete(&format!("/api/servers/{}", first.id)).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(page.state().await.servers, []);
    assert_ne!(page.add_server(NOWHERE).await.id, first.id);
}

#[tokio::test]
async fn servers_of_a_session_are_bounded() {
    let running = with_limits(Limits { servers_per_session: 2, ..Limits::default() }).await;
    let page = running.open().await;
    for number in 0..2 {
        page.add_server(&format!("{NOWHERE}{number}")).await;
    }
    let response = page.post("/api/servers", &json!({ "url": NOWHERE })).await;
    refused(response, StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooMany).await;
}

#[tokio::test]
async fn a_host_for_others_connects_to_what_it_offers() {
    let offered = vec![Offered { name: "Blog".to_owned(), url: NOWHERE.to_owned() }];
    let config = HostConfig { offered, any_server: Some(false), ..HostConfig::default() };
    let running = Running::with(config, Arc::new(MemoryHostStore::default())).await;
    let page = running.open().await;
    assert!(!page.state().await.any_server, "the page knows, and asks for no URL");
    page.add_server(NOWHERE).await;
    let response = page.post("/api/servers", &json!({ "url": "http://169.254.169.254/latest" })).await;
    refused(response, StatusCode::FORBIDDEN, ErrorCode::Forbidden).await;
}

#[tokio::test]
async fn sessions_are_bounded_and_the_one_nobody_looks_at_makes_room() {
    let running = with_limits(Limits { sessions: 2, ..Limits::default() }).await;
    let watched = running.open().await;
    let events = watched.events("").await;
    running.clock.advance(Duration::from_secs(1));
    let idle = running.open().await;
    idle.add_server(NOWHERE).await;
    running.clock.advance(Duration::from_secs(1));
    running.open().await;
    // The idle one is out of memory; being back, it has its servers again.
    assert_eq!(idle.state().await.servers.len(), 1);
    drop(events);
}

#[tokio::test]
async fn with_every_session_looked_at_there_is_no_room() {
    let running = with_limits(Limits { sessions: 1, ..Limits::default() }).await;
    let watched = running.open().await;
    let events = watched.events("").await;
    let response = running.browser().get("/api/state").await;
    refused(response, StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooMany).await;
    drop(events);
}

#[tokio::test]
async fn servers_survive_a_restart() {
    let store = Arc::new(MemoryHostStore::default());
    let running = Running::with(HostConfig::default(), store.clone()).await;
    let page = running.open().await;
    let servers = [page.add_server(NOWHERE).await.id, page.add_server(&format!("{NOWHERE}2")).await.id];
    running.stop().await;

    let running = Running::with(HostConfig::default(), store).await;
    let state = running.browser().with_cookie(&page.cookie().unwrap()).state().await;
    assert_eq!(state.servers.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), servers);
}

#[tokio::test]
async fn a_session_that_stays_away_too_long_is_forgotten() {
    let store = Arc::new(MemoryHostStore::default());
    let running = Running::with(HostConfig::default(), store.clone()).await;
    let page = running.open().await;
    page.add_server(NOWHERE).await;
    running.stop().await;

    let running = Running::with(HostConfig::default(), store).await;
    running.clock.advance(Limits::default().session_idle + Duration::from_secs(1));
    let page = running.browser().with_cookie(&page.cookie().unwrap());
    refused(page.get("/api/calls/c1").await, StatusCode::UNAUTHORIZED, ErrorCode::NoSession).await;
}
