//! The demo, running on a port of its own under a clock of its own, and people who use it.

use std::sync::Mutex;
use std::time::Duration;

use barewire_demo::{Server, Setup};
use barewire_testkit::{OAuthClient, TempDir, TestClock};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) const READ: &str = "posts:read";
pub(crate) const BOTH: &str = "posts:read posts:write";

pub(crate) struct World {
    pub(crate) origin: Url,
    pub(crate) clock: TestClock,
    pub(crate) http: reqwest::Client,
    pub(crate) metrics: Option<std::net::SocketAddr>,
    _dir: TempDir,
    stop: CancellationToken,
    running: Mutex<Option<JoinHandle<()>>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Setup)) -> Self {
        let (dir, clock, stop) = (TempDir::new(), TestClock::default(), CancellationToken::new());
        let mut demo = Setup { clock: clock.clock(), ..Setup::demo("localhost:0", dir.path()) };
        change(&mut demo);
        let demo = Server::bind(demo).await.unwrap();
        let origin = Url::parse(demo.origin()).unwrap();
        let metrics = demo.metrics_address();
        let running = Mutex::new(Some(tokio::spawn(demo.serve(stop.clone().cancelled_owned()))));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { origin, clock, http, metrics, _dir: dir, stop, running }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.origin.join(path).unwrap()
    }

    pub(crate) fn resource(&self) -> String {
        self.url("/mcp").into()
    }

    /// A token for `user`, by way of the login page and the consent page.
    pub(crate) async fn token(&self, user: &str, scope: &str) -> String {
        let client = OAuthClient::register(&self.origin, &format!("{user}'s client")).await.unwrap();
        client.log_in(&self.resource(), (user, "secret"), scope).await.unwrap().access
    }

    pub(crate) async fn rest(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.rest(Method::GET, path, Some(token), None).await
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop_soon().await;
    }

    /// Asks it to stop; the future is ready when it has.
    pub(crate) fn stop_soon(&self) -> impl Future<Output = ()> + use<> {
        self.stop.cancel();
        let running = self.running.lock().unwrap().take().unwrap();
        async { tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap() }
    }
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn challenge(&self) -> &str {
        self.headers[WWW_AUTHENTICATE].to_str().unwrap()
    }

    /// Status, and the `error` of the body.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"].as_str().unwrap_or_default().to_owned())
    }
}

/// A post as JSON to create.
pub(crate) fn post(title: &str, status: &str) -> Value {
    json!({ "title": title, "content": format!("{title} content"), "tags": ["test"], "status": status })
}
