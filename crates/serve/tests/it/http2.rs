//! HTTP/2 with prior knowledge, on the same port.

use std::num::NonZeroUsize;

use barewire_serve::ServeConfig;
use reqwest::{Client, Version};

use crate::support::{Running, SOON, patient};

fn client() -> Client {
    Client::builder().http2_prior_knowledge().no_proxy().build().unwrap()
}

#[tokio::test]
async fn it_is_spoken_and_a_slow_stream_lives_on() {
    let config = ServeConfig {
        header_timeout: SOON,
        idle_timeout: SOON,
        write_timeout: SOON,
        ping_interval: SOON,
        ..patient()
    };
    let running = Running::start(config).await;
    let url = format!("http://{}", running.address);
    let client = client();
    let hello = client.get(&url).send().await.unwrap();
    assert_eq!(hello.version(), Version::HTTP_2);
    assert_eq!(hello.text().await.unwrap(), "hello");
    let mut ticks = client.get(format!("{url}/ticks")).send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("data: 5") {
        seen.push_str(&String::from_utf8_lossy(&ticks.chunk().await.unwrap().unwrap()));
    }
}

#[tokio::test]
async fn an_idle_connection_makes_room_and_its_client_comes_back() {
    let config = ServeConfig { max_connections: NonZeroUsize::MIN, ..patient() };
    let running = Running::start(config).await;
    let url = format!("http://{}", running.address);
    let (one, other) = (client(), client());
    for client in [&one, &other, &one] {
        assert_eq!(client.get(&url).send().await.unwrap().text().await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_request_in_flight_ends_while_the_server_drains() {
    let mut running = Running::start(patient()).await;
    let client = client();
    let idle = self::client();
    let url = format!("http://{}", running.address);
    idle.get(&url).send().await.unwrap().text().await.unwrap();
    let held = tokio::spawn(client.get(format!("{url}/held")).send());
    running.gate.entered.notified().await;
    running.stop();
    running.gate.let_go.notify_one();
    assert_eq!(held.await.unwrap().unwrap().text().await.unwrap(), "at last");
    running.ended().await;
}

/// A peer that opens a stream, lets nothing of the answer through, and answers pings.
#[tokio::test]
async fn a_peer_without_a_window_makes_room() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    /// Type, flags (end of headers), stream 1, `:status: 200`.
    const HEADERS_WITH_200: [u8; 7] = [1, 4, 0, 0, 0, 1, 0x88];
    let config = ServeConfig { max_connections: NonZeroUsize::MIN, ..patient() };
    let running = Running::start(config).await;
    let mut peer = running.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    // SETTINGS with INITIAL_WINDOW_SIZE 0, then HEADERS of stream 1: GET http / x, from the static table and literals.
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    let headers = [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
    peer.0.write_all(&settings).await.unwrap();
    peer.0.write_all(&headers).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(7).any(|bytes| bytes == HEADERS_WITH_200) {
        assert_ne!(peer.0.read_buf(&mut answer).await.unwrap(), 0, "the request is answered: {answer:?}");
    }
    running.serves().await;
}
