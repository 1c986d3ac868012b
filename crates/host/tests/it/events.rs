//! The event stream.

use std::sync::Arc;

use barewire_host::api::{ErrorCode, Event};
use barewire_host::{HostConfig, Limits, MemoryHostStore};
use reqwest::{Method, StatusCode};

use crate::support::{Events, NOWHERE, Running, refused};

async fn with_limits(limits: Limits) -> Running {
    Running::with(HostConfig { limits, ..HostConfig::default() }, Arc::new(MemoryHostStore::default())).await
}

fn added(event: &Event) -> Option<String> {
    match event {
        Event::Server { server } => Some(server.id.clone()),
        _ => None,
    }
}

fn removed(event: &Event) -> Option<String> {
    match event {
        Event::ServerRemoved { server } => Some(server.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn a_page_sees_what_happens_after_its_state() {
    let running = Running::start().await;
    let page = running.open().await;
    let state = page.state().await;
    let server = page.add_server(NOWHERE).await;
    let mut events = page.events(&state.last_event).await;
    assert_eq!(events.response.headers()["content-type"], "text/event-stream");
    assert_eq!(events.until(added).await, server.id);
    page.delete(&format!("/api/servers/{}", server.id)).await;
    assert_eq!(events.until(removed).await, server.id);
}

#[tokio::test]
async fn a_lost_stream_goes_on_where_it_was() {
    let running = Running::start().await;
    let page = running.open().await;
    let mut events = page.events(&page.state().await.last_event).await;
    let server = page.add_server(NOWHERE).await;
    let (id, _) = events.next().await.unwrap();
    drop(events);
    page.delete(&format!("/api/servers/{}", server.id)).await;

    let request = page.request(&Method::GET, "/api/events?after=old").header("last-event-id", id);
    let mut events = Events::of(request.send().await.unwrap());
    loop {
        let (_, event) = events.next().await.unwrap();
        assert_ne!(event, Event::Resync);
        if removed(&event).is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn a_page_that_missed_too_much_is_told_so() {
    let running = with_limits(Limits { events: 1, ..Limits::default() }).await;
    let page = running.open().await;
    let before = page.state().await.last_event;
    for number in 0..3 {
        page.add_server(&format!("{NOWHERE}{number}")).await;
    }
    assert_eq!(page.events(&before).await.next().await.unwrap().1, Event::Resync);
}

#[tokio::test]
async fn an_id_of_another_run_of_the_host_is_a_resync() {
    let running = Running::start().await;
    let page = running.open().await;
    assert_eq!(page.events("earlier-7").await.next().await.unwrap().1, Event::Resync);
}

#[tokio::test]
async fn a_page_whose_session_is_gone_is_told_to_start_again() {
    let running = Running::start().await;
    let mut events = running.browser().with_cookie("barewire_session=gone").events("earlier-7").await;
    assert_eq!(events.next().await.unwrap().1, Event::Resync);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn two_browsers_have_two_streams() {
    let running = Running::start().await;
    let (first, second) = (running.open().await, running.open().await);
    let mut events = second.events(&second.state().await.last_event).await;
    first.add_server(NOWHERE).await;
    let server = second.add_server(NOWHERE).await;
    assert_eq!(events.until(added).await, server.id);
}

#[tokio::test]
async fn open_streams_are_bounded() {
    let running = with_limits(Limits { event_streams_per_session: 2, ..Limits::default() }).await;
    let page = running.open().await;
    let _open = (page.events("").await, page.events("").await);
    refused(page.get("/api/events").await, StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooMany).await;
}

#[tokio::test]
async fn streams_end_when_the_host_stops() {
    let running = Running::start().await;
    let page = running.open().await;
    let mut events = page.events(&page.state().await.last_event).await;
    running.stop().await;
    assert_eq!(events.next().await, None);
}
