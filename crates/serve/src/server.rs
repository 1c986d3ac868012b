//! Accepting, and leaving in order.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tower::{BoxError, Service};

use crate::body::RequestBody;
use crate::config::ServeConfig;
use crate::connection::Shared;
use crate::listen::Listeners;
use crate::room::Room;

/// Pause after the system could not give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections make room when the process has no file descriptors left.
const SPARE: usize = 16;

/// Answers on `listeners` with `service` (an [`axum::Router`], or any tower service) until `shutdown` is ready, over
/// HTTP/1.1 or HTTP/2 without TLS, whichever the peer begins with. [`RequestBody::peer`] says who asks;
/// [`WithPeer`](crate::WithPeer) says it as [`axum::extract::ConnectInfo`].
///
/// Then it drains: new connections are refused and idle ones closed at once, and requests in flight have
/// [`shutdown_grace`](ServeConfig::shutdown_grace) to end. Whoever has streams that do not end by themselves ends them
/// as part of `shutdown`.
pub async fn serve<S, B>(
    mut listeners: Listeners,
    service: S,
    config: ServeConfig,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let limits = Arc::new(config);
    let room = Room::new(limits.clone());
    let _none_left_behind = Closed(room.clone());
    let shared = Arc::new(Shared::new(&limits));
    let accepting = async {
        loop {
            let (stream, peer) = accept(&mut listeners, &room).await;
            // Answers are small and somebody waits for each.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "a connection was gone before it was there");
                continue;
            }
            let seat = room.seat(peer).await;
            tokio::spawn(shared.clone().answer(stream, service.clone(), seat));
        }
    };
    let mut watching = pin!(room.watch());
    tokio::select! {
        () = shutdown => {}
        () = accepting => {}
        () = watching.as_mut() => {}
    }
    drop(listeners);
    tokio::select! {
        closed = timeout(limits.shutdown_grace, room.close()) => {
            if closed.is_err() {
                let connections = room.break_off();
                tracing::warn!(connections, "some requests did not end in time and were cut off");
                room.close().await;
            }
        }
        () = watching => {}
    }
}

/// Ends all connections with the server, also where its future is dropped.
struct Closed(Room);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.break_off();
    }
}

/// The next connection, whatever the system says in between.
async fn accept(listeners: &mut Listeners, room: &Room) -> (TcpStream, SocketAddr) {
    let mut told = false;
    loop {
        match listeners.accept().await {
            // As the address is in the IPv4 network, also where one socket listens for both.
            Ok((stream, peer)) => return (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())),
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                if !told {
                    tracing::error!(%error, "no connection can be accepted");
                    told = true;
                }
                room.make_room(SPARE);
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether only that one connection has failed.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
