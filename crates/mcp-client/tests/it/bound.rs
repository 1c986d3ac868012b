//! Our client against our server with tokens that are bound to a key (`DPoP`), behind a proxy: the origin that clients know is
//! not the one where the server listens.

use std::sync::Arc;
use std::time::Duration;

use barewire_demo::{Server, Setup};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{CallOptions, Client, ClientOptions, ConnectError, EraChoice};
use barewire_oauth::client_flow::DpopUse;
use barewire_oauth_server::Dpop;
use barewire_testkit::{TempDir, TestClock};
use reqwest::StatusCode;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::demo::Person;
use crate::watcher::{Watcher, options};

struct World {
    /// Where the proxy is.
    origin: String,
    clock: TestClock,
    _dir: TempDir,
    _stop: tokio_util::sync::DropGuard,
}

impl World {
    async fn start(change: impl FnOnce(&mut Setup)) -> Self {
        let (dir, clock, stop) = (TempDir::new(), TestClock::default(), CancellationToken::new());
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://127.0.0.1:{}", proxy.local_addr().unwrap().port());
        // Found out after it listens: the proxy asks for a free port itself.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let behind = listener.local_addr().unwrap();
        drop(listener);
        let mut config = Setup { clock: clock.clock(), ..Setup::demo(behind.to_string(), dir.path()) };
        config.server.public_url = Some(Url::parse(&origin).unwrap());
        config.auth.dpop = Dpop::Offered;
        change(&mut config);
        let demo = Server::bind(config).await.unwrap();
        assert_eq!(demo.origin(), origin);
        tokio::spawn(demo.serve(stop.clone().cancelled_owned()));
        tokio::spawn(async move {
            while let Ok((mut front, _)) = proxy.accept().await {
                tokio::spawn(async move {
                    let mut back = TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
                });
            }
        });
        Self { origin, clock, _dir: dir, _stop: stop.drop_guard() }
    }

    fn options(&self, dpop: DpopUse) -> ClientOptions {
        let mut options = options(&Watcher::new());
        options.clock = self.clock.clock();
        options.authorizer = Some(Arc::new(Person("johndoe")));
        options.login.dpop = dpop;
        options
    }

    async fn connect(&self, dpop: DpopUse) -> Result<Client, ConnectError> {
        Client::connect(format!("{}/mcp", self.origin), self.options(dpop)).await
    }

    /// What somebody gets who has the token and nothing else.
    async fn thief_gets(&self, token: &str) -> Vec<StatusCode> {
        let mut statuses = Vec::new();
        for scheme in ["Bearer", "DPoP"] {
            for path in ["/mcp", "/users/me/"] {
                let request = reqwest::Client::new()
                    .get(format!("{}{path}", self.origin))
                    .header("accept", "text/event-stream")
                    .header("authorization", format!("{scheme} {token}"));
                statuses.push(request.send().await.unwrap().status());
            }
        }
        statuses
    }
}

async fn list(client: &Client) -> String {
    let result =
        client.call_tool("list_posts", RawJson::from(json!({})), CallOptions::default()).await.unwrap();
    assert!(!result.is_error, "{result:?}");
    serde_json::to_string(&result.structured_content).unwrap()
}

#[tokio::test]
async fn tokens_are_bound_where_both_sides_offer_it() {
    let world = World::start(|_| ()).await;
    for era in [EraChoice::Modern, EraChoice::Legacy] {
        let mut options = world.options(DpopUse::default());
        options.era = era;
        let client = Client::connect(format!("{}/mcp", world.origin), options).await.unwrap();
        for _ in 0..3 {
            list(&client).await;
        }
        let me = client.authorized_get("/users/me/").await.unwrap();
        assert!(String::from_utf8_lossy(&me.body).contains("johndoe"), "REST takes the same token: {me:?}");
        let grant = client.grant().await.unwrap().unwrap();
        assert!(grant.tokens.is_bound());
        let stolen = world.thief_gets(grant.tokens.access_token.expose()).await;
        assert_eq!(stolen, [StatusCode::UNAUTHORIZED; 4]);
        client.close().await;
    }
    // Who does not want it is served as before.
    let client = world.connect(DpopUse::Never).await.unwrap();
    list(&client).await;
    assert!(!client.grant().await.unwrap().unwrap().tokens.is_bound());
}

/// The stream and the endpoint for messages have each their own URL, and so each their own proofs.
#[tokio::test]
async fn bound_tokens_at_both_endpoints_of_the_first_transport() {
    let world = World::start(|_| ()).await;
    let sse = format!("{}/sse", world.origin);
    let client = Client::connect(sse, world.options(DpopUse::Always)).await.unwrap();
    for _ in 0..3 {
        list(&client).await;
    }
    assert!(client.grant().await.unwrap().unwrap().tokens.is_bound());
    client.close().await;
}

#[tokio::test]
async fn every_proof_with_a_nonce_and_only_bound_tokens() {
    let world = World::start(|config| {
        config.auth.dpop = Dpop::Required;
        config.auth.dpop_nonces = true;
        config.mcp.dpop_nonces = true;
        config.mcp.dpop_window = Duration::from_secs(30);
    })
    .await;
    let client = world.connect(DpopUse::default()).await.unwrap();
    for _ in 0..3 {
        list(&client).await;
        world.clock.advance(Duration::from_secs(45));
    }
    // The nonce is long over: asked for anew, and nobody notices.
    world.clock.advance(Duration::from_secs(300));
    list(&client).await;
    let before = client.grant().await.unwrap().unwrap();
    let left = before.tokens.expires_at.unwrap().duration_since(world.clock.now()).unwrap();
    world.clock.advance(left + Duration::from_secs(1));
    list(&client).await;
    let after = client.grant().await.unwrap().unwrap();
    assert_ne!(before.tokens.access_token, after.tokens.access_token, "renewed with the same key");
    assert_eq!(before.proof_key, after.proof_key);
    assert!(world.connect(DpopUse::Never).await.is_err());
}

/// The client's clock is wrong by a day.
#[tokio::test]
async fn a_wrong_clock_is_mended_by_nonces() {
    let world = World::start(|_| ()).await;
    let clock = TestClock::at(world.clock.now() - Duration::from_secs(86_400));
    let mut options = world.options(DpopUse::Always);
    options.clock = clock.clock();
    let client = Client::connect(format!("{}/mcp", world.origin), options).await.unwrap();
    list(&client).await;
}

#[tokio::test]
async fn a_server_that_wants_requests_pushed_gets_them_so() {
    let world = World::start(|config| config.auth.require_pushed_authorization_requests = true).await;
    let client = world.connect(DpopUse::default()).await.unwrap();
    list(&client).await;
    assert!(
        client.grant().await.unwrap().unwrap().tokens.is_bound(),
        "the code was bound by the pushed request"
    );
}
