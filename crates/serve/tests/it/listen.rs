//! Taking addresses.

use barewire_serve::{BindError, bind};

use crate::support::{Peer, Running, patient};

#[tokio::test]
async fn localhost_is_both_families_on_one_free_port() {
    let listeners = bind("localhost:0").await.unwrap();
    let addresses = listeners.addresses().to_vec();
    assert_ne!(listeners.port(), 0);
    assert!(addresses.iter().all(|address| address.port() == listeners.port()));
    assert_eq!(listeners.loopback_origin(), Some(format!("http://localhost:{}", listeners.port())));
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(addresses.len(), if has_ipv6 { 2 } else { 1 });
    let _running = Running::on(listeners, patient());
    for address in addresses {
        let mut peer = Peer(tokio::net::TcpStream::connect(address).await.unwrap());
        peer.send("GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let own = peer.0.local_addr().unwrap();
        assert!(peer.rest().await.ends_with(&format!("\r\n\r\n{own}")), "ConnectInfo is the peer's address");
    }
}

#[tokio::test]
async fn an_ipv4_peer_of_a_socket_for_both_has_its_ipv4_address() {
    let Ok(listeners) = bind("[::]:0").await else { return };
    let port = listeners.port();
    let _running = Running::on(listeners, patient());
    let mut peer = Peer(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    peer.send("GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(peer.rest().await.contains("\r\n127.0.0.1:"));
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_by_kind() {
    let first = bind("localhost:0").await.unwrap();
    let taken = bind(&format!("localhost:{}", first.port())).await.unwrap_err();
    assert!(matches!(taken, BindError::Taken { .. }), "{taken:?}");
    for nonsense in ["nonsense", "localhost", "localhost:http", "127.0.0.1:70000"] {
        let error = bind(nonsense).await.unwrap_err();
        assert!(matches!(error, BindError::NotAnAddress { .. }), "{error:?}");
        assert!(error.to_string().contains(nonsense));
    }
    let elsewhere = bind("192.0.2.1:0").await.unwrap_err();
    assert!(matches!(elsewhere, BindError::Refused { .. }), "{elsewhere:?}");
}

/// One of the two families is taken: half of the visitors would meet somebody else.
#[tokio::test]
async fn half_of_localhost_is_not_enough() {
    let other = std::net::TcpListener::bind("[::1]:0");
    let Ok(other) = other else { return };
    let error = bind(&format!("localhost:{}", other.local_addr().unwrap().port())).await.unwrap_err();
    assert!(matches!(error, BindError::Taken { .. }), "{error:?}");
}
