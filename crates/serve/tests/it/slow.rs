//! Peers that take their time.

use std::num::NonZeroU32;

use barewire_serve::ServeConfig;

use crate::support::{PATIENCE, Running, SOON, patient};

#[tokio::test]
async fn a_dribbled_head_is_cut() {
    for beginning in
        ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let running = Running::start(ServeConfig { header_timeout: SOON, ..patient() }).await;
        let mut peer = running.say(beginning).await;
        let said = peer.rest().await;
        assert!(!said.contains("200 OK"), "{beginning:?}: {said}");
        running.serves().await;
    }
}

/// Each byte comes in time; the head does not.
#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut() {
    let running = Running::start(ServeConfig { header_timeout: 4 * SOON, ..patient() }).await;
    let mut peer = running.say("GET / HTTP/1.1\r\nx-a: ").await;
    let (mut reader, mut writer) = peer.0.split();
    let dribble = async {
        use tokio::io::AsyncWriteExt as _;
        while writer.write_all(b"b").await.is_ok() {
            tokio::time::sleep(SOON / 5).await;
        }
    };
    let cut = async {
        use tokio::io::AsyncReadExt as _;
        let _ = reader.read_to_end(&mut Vec::new()).await;
    };
    let either = async {
        tokio::select! { () = dribble => {}, () = cut => {} }
    };
    tokio::time::timeout(PATIENCE, either).await.expect("it is cut");
}

#[tokio::test]
async fn a_dribbled_second_head_is_cut() {
    let running = Running::start(ServeConfig { header_timeout: SOON, ..patient() }).await;
    let mut peer = running.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("hello").await;
    peer.send("GET / HTTP/1.1\r\nho").await;
    assert_eq!(peer.rest().await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let running = Running::start(ServeConfig { idle_timeout: SOON, ..patient() }).await;
    let mut peer = running.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("hello").await;
    assert_eq!(peer.rest().await, "");
}

/// The time for a head does not count the pause before it.
#[tokio::test]
async fn an_idle_connection_is_kept_for_the_next_request() {
    let running = Running::start(ServeConfig { header_timeout: SOON, ..patient() }).await;
    let mut peer = running.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("hello").await;
    tokio::time::sleep(4 * SOON).await;
    peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("hello").await;
}

#[tokio::test]
async fn a_dribbled_body_is_refused_with_408() {
    let config = ServeConfig { body_timeout: SOON, body_min_rate: NonZeroU32::MAX, ..patient() };
    let running = Running::start(config).await;
    let mut peer = running.say("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc").await;
    let said = peer.rest().await;
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    running.serves().await;
}

/// Whoever sends enough may send for long.
#[tokio::test]
async fn a_long_body_that_keeps_coming_is_taken() {
    let config =
        ServeConfig { body_timeout: 20 * SOON, body_min_rate: NonZeroU32::new(1).unwrap(), ..patient() };
    let running = Running::start(config).await;
    let mut peer = running.say("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 40\r\n\r\n").await;
    for _ in 0..40 {
        peer.send("a").await;
        tokio::time::sleep(SOON).await;
    }
    assert!(peer.until(&"a".repeat(40)).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut() {
    let running = Running::start(ServeConfig { write_timeout: SOON, ..patient() }).await;
    let mut peer = running.say("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // What is in the buffers of both systems, and then the end.
    tokio::time::sleep(10 * SOON).await;
    peer.rest().await;
}

/// None of the limits is about a stream that is read.
#[tokio::test]
async fn a_slow_event_stream_lives_on() {
    let config = ServeConfig {
        header_timeout: SOON,
        body_timeout: SOON,
        idle_timeout: SOON,
        write_timeout: SOON,
        ..patient()
    };
    let running = Running::start(config).await;
    let mut peer = running.say("GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    peer.until("data: 5").await;
}
