//! Accepting, and leaving in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
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
/// HTTP/1.1 or HTTP/2 without TLS, whichever the peer begins with. The peer's address is in each request's extensions
/// as [`axum::extract::ConnectInfo`]`<SocketAddr>`.
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
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let limits = Arc::new(config);
    let drain = CancellationToken::new();
    let room = Room::new(limits.max_connections.get(), limits.patience);
    let shared = Arc::new(Shared::new(limits.clone(), drain.clone()));
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            let (stream, peer) = accept(&mut listeners, &room).await;
            // Answers are small and somebody waits for each.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "a connection was gone before it was there");
                continue;
            }
            let seat = room.seat().await;
            while connections.try_join_next().is_some() {}
            connections.spawn(shared.clone().answer(stream, peer, service.clone(), seat));
        }
    };
    tokio::select! {
        () = shutdown => {}
        () = accepting => {}
    }
    drop(listeners);
    drain.cancel();
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.shutdown_grace, all).await.is_err() {
        tracing::warn!(connections = connections.len(), "some requests did not end in time and were cut off");
        connections.shutdown().await;
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
