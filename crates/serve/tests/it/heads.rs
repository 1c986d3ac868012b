//! How large the head of a request may be, to the byte.

use barewire_serve::ServeConfig;
use reqwest::{Client, StatusCode};
use tokio::io::AsyncWriteExt as _;

use crate::support::{Running, patient};

/// A request with a head of so many bytes.
fn head_of(bytes: usize) -> String {
    let (begins, ends) = ("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-filler: ", "\r\n\r\n");
    format!("{begins}{}{ends}", "a".repeat(bytes - begins.len() - ends.len()))
}

#[tokio::test]
async fn a_head_has_as_many_bytes_as_the_limit_and_not_one_more() {
    for limit in [200, 8 * 1024, 32 * 1024, 100_000] {
        let running = Running::start(ServeConfig { max_header_bytes: limit, ..patient() }).await;
        let limit = limit as usize;
        for (bytes, status) in [(limit, 200), (limit + 1, 431), (limit + 4_000, 431)] {
            let mut peer = running.say(&head_of(bytes)).await;
            let said = peer.rest().await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes} of {limit}: {said}");
            let words = format!("the head of this request has {bytes} bytes; {limit} are accepted\n");
            assert_eq!(said.ends_with(&words), status == 431, "{bytes} of {limit}: {said}");
        }
    }
}

/// What came with the request before it, in one piece, is counted as well.
#[tokio::test]
async fn a_pipelined_head_is_counted_by_itself() {
    let running = Running::start(ServeConfig { max_header_bytes: 1_000, ..patient() }).await;
    let small = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let mut peer = running.say(&[small.as_str(), &head_of(1_000)].concat()).await;
    assert_eq!(peer.rest().await.matches("HTTP/1.1 200 OK").count(), 101);
    let mut peer = running.say(&[small.as_str(), &head_of(1_001)].concat()).await;
    let said = peer.rest().await;
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 100, "{said}");
    assert!(said.contains("HTTP/1.1 431 "), "{said}");
}

/// Far beyond the limit nothing is kept to find out how far; and so with too many lines.
#[tokio::test]
async fn a_large_head_is_refused_with_431() {
    let running = Running::start(ServeConfig { max_headers: 10, ..patient() }).await;
    let lines = |count: usize| -> String {
        let fillers = (0..count - 2).map(|number| format!("x-{number}: a\r\n"));
        format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n", fillers.collect::<String>())
    };
    for (head, status) in [(lines(10), "200"), (lines(11), "431"), (head_of(64 * 1024), "431")] {
        let mut peer = running.connect().await;
        // It may be refused, and the connection closed, before all of it is sent.
        let _ = peer.0.write_all(head.as_bytes()).await;
        let said = peer.rest().await;
        let is_reset = head.len() > 40_000 && said.is_empty();
        assert!(is_reset || said.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {said}");
    }
}

#[tokio::test]
async fn http2_counts_names_values_and_32_for_each() {
    const LIMIT: usize = 2_000;
    let running = Running::start(ServeConfig { max_header_bytes: LIMIT as u32, ..patient() }).await;
    let client = Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let address = running.address.to_string();
    let field = |name: &str, value: &str| name.len() + value.len() + 32;
    let others = field(":method", "GET")
        + field(":scheme", "http")
        + field(":authority", &address)
        + field(":path", "/")
        + field("accept", "*/*");
    for (bytes, expected) in
        [(LIMIT, StatusCode::OK), (LIMIT + 1, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)]
    {
        let filler = "a".repeat(bytes - others - field("x-filler", ""));
        let request = client.get(format!("http://{address}/")).header("x-filler", filler);
        assert_eq!(request.send().await.unwrap().status(), expected, "{bytes}");
    }
}

/// Whoever stands before us may take one of two for the other.
#[tokio::test]
async fn a_request_that_does_not_name_one_host_is_refused() {
    let running = Running::start(patient()).await;
    for (head, status) in [
        ("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n", 200),
        ("GET http://x/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET http://x/ HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: x\r\nHOST: evil.example\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nhost: x\r\nhost: evil.example\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\n\r\n", 200),
    ] {
        let mut peer = running.say(head).await;
        let said = peer.rest().await;
        assert_eq!(said.split(' ').nth(1), Some(status.to_string().as_str()), "{head}: {said}");
    }
}
