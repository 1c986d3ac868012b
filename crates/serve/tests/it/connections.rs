//! More peers than there is room for.

use std::num::NonZeroUsize;

use barewire_serve::ServeConfig;

use crate::support::{Peer, Running, patient};

fn room_for(max: usize) -> ServeConfig {
    ServeConfig { max_connections: NonZeroUsize::new(max).unwrap(), ..patient() }
}

#[tokio::test]
async fn a_flood_of_silent_connections_shuts_nobody_out() {
    let running = Running::start(room_for(4)).await;
    let mut inside = running.say("GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await;
    running.gate.entered.notified().await;
    let mut stream = running.say("GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    stream.until("data: 0").await;
    let mut flood: Vec<Peer> = Vec::new();
    for beginning in ["", "GET / HT", "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab"] {
        for _ in 0..4 {
            flood.push(running.say(beginning).await);
        }
        running.serves().await;
    }
    stream.until("data: ").await;
    running.gate.let_go.notify_one();
    inside.until("at last").await;
    drop(flood);
    running.serves().await;
}

/// Nobody who is being answered is cut for somebody new, who waits instead.
#[tokio::test]
async fn a_server_full_of_answers_lets_new_ones_wait() {
    let running = Running::start(room_for(2)).await;
    let held = "GET /held HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut first = running.say(held).await;
    running.gate.entered.notified().await;
    let mut second = running.say(held).await;
    running.gate.entered.notified().await;
    let mut third = running.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tokio::time::sleep(4 * crate::support::SOON).await;
    running.gate.let_go.notify_one();
    third.until("hello").await;
    running.gate.let_go.notify_one();
    assert!(first.rest().await.ends_with("at last"));
    assert!(second.rest().await.ends_with("at last"));
}

/// A kept connection is worth less than somebody who asks.
#[tokio::test]
async fn idle_connections_make_room_for_new_ones() {
    let running = Running::start(room_for(2)).await;
    let mut idle = Vec::new();
    for _ in 0..6 {
        let mut peer = running.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        peer.until("hello").await;
        idle.push(peer);
    }
    assert_eq!(idle[0].rest().await, "", "it waited the longest");
}

/// A response that nobody reads holds no place for ever.
#[tokio::test]
async fn unread_answers_make_room_for_new_ones() {
    let running = Running::start(room_for(2)).await;
    let _unread = [
        running.say("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await,
        running.say("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await,
    ];
    running.serves().await;
}
