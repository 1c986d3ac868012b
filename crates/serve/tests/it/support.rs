//! A server on a port of its own, and a peer that writes what it wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use barewire_serve::{Listeners, ServeConfig, WithPeer, bind, serve};
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A test that waits for something which does not come fails after this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A limit that comes up at once.
pub(crate) const SOON: Duration = Duration::from_millis(50);

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

/// Holds the handler of `/held` until the test lets go.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) let_go: Notify,
}

/// Limits that never come up by themselves.
pub(crate) fn patient() -> ServeConfig {
    let long = Duration::MAX;
    ServeConfig {
        header_timeout: long,
        body_timeout: long,
        idle_timeout: long,
        write_timeout: long,
        patience: SOON,
        shutdown_grace: long,
        ..ServeConfig::default()
    }
}

impl Running {
    pub(crate) async fn start(config: ServeConfig) -> Self {
        Self::on(bind("127.0.0.1:0").await.unwrap(), config)
    }

    pub(crate) fn on(listeners: Listeners, config: ServeConfig) -> Self {
        let address = listeners.addresses()[0];
        let (stop, stopped) = oneshot::channel::<()>();
        let gate = Arc::new(Gate::default());
        let app = router(gate.clone());
        let ended = tokio::spawn(serve(listeners, WithPeer::new(app), config, async move {
            let _ = stopped.await;
        }));
        Self { address, gate, stop: Some(stop), ended }
    }

    pub(crate) async fn connect(&self) -> Peer {
        Peer(TcpStream::connect(self.address).await.unwrap())
    }

    /// A peer that has sent that.
    pub(crate) async fn say(&self, bytes: &str) -> Peer {
        let mut peer = self.connect().await;
        peer.send(bytes).await;
        peer
    }

    /// Whether somebody new is served.
    pub(crate) async fn serves(&self) {
        let mut peer = self.say("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(peer.rest().await.starts_with("HTTP/1.1 200"));
    }

    /// As SIGTERM does.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) async fn ended(self) {
        timeout(PATIENCE, self.ended).await.expect("it ends").unwrap();
    }
}

/// Says from where it was asked.
pub(crate) async fn who(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    peer.to_string()
}

fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/who", get(who))
        .route("/echo", post(async |body: Bytes| body))
        .route(
            "/held",
            get(async move || {
                gate.entered.notify_one();
                gate.let_go.notified().await;
                "at last"
            }),
        )
        .route("/ticks", get(async || Body::from_stream(ticks())))
        .route("/large", get(async || Body::from_stream(without_end())))
}

/// A stream of server-sent events that is silent most of the time.
fn ticks() -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold(0, async |count| {
        if count > 0 {
            tokio::time::sleep(3 * SOON).await;
        }
        Some((Ok(format!("data: {count}\n\n").into()), count + 1))
    })
}

fn without_end() -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::repeat_with(|| Ok(Bytes::from_static(&[b'.'; 64 * 1024])))
}

/// A client that is not bound to the rules.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// What comes until that text is there.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        timeout(PATIENCE, async {
            while !all.contains(text) {
                let mut bytes = [0; 4096];
                let count = self.0.read(&mut bytes).await.unwrap();
                assert_ne!(count, 0, "the connection ended after {all:?}");
                all.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{text:?} does not come"));
        all
    }

    /// What comes until the server closes the connection; a reset ends it as well.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _reset = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the server closes it");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
