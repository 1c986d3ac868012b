//! A service at its own path, and an application for everything else.

use std::convert::Infallible;

use axum::Router;
use axum::routing::get;
use barewire_serve::{Mount, RequestBody, ServeConfig, WithPeer, bind, serve};
use http::{Request, Response};

use crate::support::{Peer, who};

#[tokio::test]
async fn one_path_is_the_services_and_all_others_the_applications() {
    let listeners = bind("127.0.0.1:0").await.unwrap();
    let address = listeners.addresses()[0];
    let service = tower::service_fn(async |request: Request<RequestBody>| {
        let known = request.extensions().get::<axum::extract::ConnectInfo<std::net::SocketAddr>>().is_some();
        let said = format!("service for {}, in the extensions: {known}", request.body().peer());
        Ok::<_, Infallible>(Response::new(said))
    });
    let rest = Router::new().route("/who", get(who)).fallback(async || "rest");
    let plain = Mount::new("/mcp", service, rest.clone());
    tokio::spawn(serve(listeners, plain, ServeConfig::default(), std::future::pending()));

    let check = async |path: &str, expected: &dyn Fn(&str) -> String| {
        let mut peer = Peer(tokio::net::TcpStream::connect(address).await.unwrap());
        let own = peer.0.local_addr().unwrap().to_string();
        peer.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        let said = peer.rest().await;
        assert!(said.ends_with(&format!("\r\n\r\n{}", expected(&own))), "{path}: {said}");
    };
    let service_said = |own: &str| format!("service for {own}, in the extensions: false");
    check("/mcp", &service_said).await;
    check("/mcp/", &service_said).await;
    check("/mcp?a=b", &service_said).await;
    for path in ["/", "/mc", "/mcp2", "/mcp/x", "/x/mcp", "/MCP"] {
        check(path, &|_| "rest".to_owned()).await;
    }
    check("/who", &str::to_owned).await;

    let listeners = bind("127.0.0.1:0").await.unwrap();
    let address = listeners.addresses()[0];
    let with_peer = Mount::new("/mcp", WithPeer::new(service), rest);
    tokio::spawn(serve(listeners, with_peer, ServeConfig::default(), std::future::pending()));
    let mut peer = Peer(tokio::net::TcpStream::connect(address).await.unwrap());
    peer.send("GET /mcp HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(peer.rest().await.ends_with("in the extensions: true"));
}

/// A service that is not ready at once is waited for.
#[tokio::test]
async fn a_service_may_be_busy() {
    let listeners = bind("127.0.0.1:0").await.unwrap();
    let address = listeners.addresses()[0];
    let slow = tower::service_fn(async |_: Request<RequestBody>| {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Response::new("at last".to_owned()))
    });
    let one_at_a_time = tower::limit::ConcurrencyLimit::new(slow, 1);
    tokio::spawn(serve(listeners, one_at_a_time, ServeConfig::default(), std::future::pending()));
    let mut peers = Vec::new();
    for _ in 0..8 {
        let mut peer = Peer(tokio::net::TcpStream::connect(address).await.unwrap());
        peer.send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        peers.push(peer);
    }
    for mut peer in peers {
        assert!(peer.rest().await.ends_with("at last"));
    }
}
