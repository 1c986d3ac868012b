//! Leaving in order.

use barewire_serve::ServeConfig;

use crate::support::{Running, SOON, patient};

#[tokio::test]
async fn a_request_in_flight_ends_and_everything_else_is_closed() {
    let mut running = Running::start(patient()).await;
    let mut idle = running.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.until("hello").await;
    let mut silent = running.connect().await;
    let mut half = running.say("GET / HTTP/1.1\r\nho").await;
    let mut in_flight = running.say("GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await;
    running.gate.entered.notified().await;

    running.stop();
    for closed in [&mut idle, &mut silent, &mut half] {
        assert_eq!(closed.rest().await, "");
    }
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err(), "a new connection is refused");

    running.gate.let_go.notify_one();
    assert!(in_flight.rest().await.ends_with("at last"));
    running.ended().await;
}

#[tokio::test]
async fn what_does_not_end_is_cut_after_the_grace() {
    let mut running = Running::start(ServeConfig { shutdown_grace: SOON, ..patient() }).await;
    let mut stream = running.say("GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    stream.until("data: 0").await;
    running.stop();
    running.ended().await;
    stream.rest().await;
}
