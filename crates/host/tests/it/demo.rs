//! The demo blog beside the host, and a person who logs in to it.

use barewire_demo::{Server, Setup};
use barewire_host::api::{CallView, Event, LoginStarted, ServerStatusKind, ServerView};
use barewire_testkit::{Browser, TempDir, TestClock};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::support::{Events, Page, Running};

/// The blog on a port of its own.
pub(crate) struct Blog {
    pub(crate) origin: String,
    dir: TempDir,
    clock: TestClock,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Blog {
    pub(crate) async fn start(clock: &TestClock) -> Self {
        Self::bind("localhost:0".to_owned(), TempDir::new(), clock.clone()).await
    }

    async fn bind(listen: String, dir: TempDir, clock: TestClock) -> Self {
        let stop = CancellationToken::new();
        let demo = Setup { clock: clock.clock(), ..Setup::demo(listen, dir.path()) };
        let demo = Server::bind(demo).await.unwrap();
        let origin = demo.origin().to_owned();
        let running = tokio::spawn(demo.serve(stop.clone().cancelled_owned()));
        Self { origin, dir, clock, stop, running }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    pub(crate) async fn stop(self) -> Stopped {
        self.stop.cancel();
        self.running.await.unwrap();
        Stopped { origin: self.origin, dir: self.dir, clock: self.clock }
    }
}

/// The blog while it is down: its address and its data.
pub(crate) struct Stopped {
    origin: String,
    dir: TempDir,
    clock: TestClock,
}

impl Stopped {
    pub(crate) async fn start_again(self) -> Blog {
        let listen = self.origin.trim_start_matches("http://").to_owned();
        Blog::bind(listen, self.dir, self.clock).await
    }
}

/// A person with one browser: a page of the host, and the cookies of the authorization server.
pub(crate) struct Person {
    pub(crate) page: Page,
    pub(crate) events: Events,
    pub(crate) browser: Browser,
    pub(crate) name: &'static str,
}

impl Person {
    pub(crate) async fn new(running: &Running, name: &'static str) -> Self {
        let page = running.open().await;
        let events = page.events(&page.state().await.last_event).await;
        Self { page, events, browser: Browser::new(), name }
    }

    /// Adds the blog, logs in, and is connected.
    pub(crate) async fn connected(running: &Running, blog: &Blog, name: &'static str) -> (Self, ServerView) {
        Self::connected_in(running, blog, name, "either").await
    }

    /// The same in an era of the protocol.
    pub(crate) async fn connected_in(
        running: &Running,
        blog: &Blog,
        name: &'static str,
        era: &str,
    ) -> (Self, ServerView) {
        let mut person = Self::new(running, name).await;
        let add = json!({ "url": blog.endpoint(), "era": era });
        let server: ServerView = person.page.post("/api/servers", &add).await.json().await.unwrap();
        person.events.server(&server.id, ServerStatusKind::LoginRequired).await;
        person.log_in(&server.id, &json!({})).await;
        let server = person.events.server(&server.id, ServerStatusKind::Ready).await;
        (person, server)
    }

    /// Where the host sends the browser to log in.
    pub(crate) async fn authorize_url(&self, server: &str, request: &Value) -> Url {
        let response = self.page.post(&format!("/api/servers/{server}/login"), request).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", response.text().await.unwrap());
        let started: LoginStarted = response.json().await.unwrap();
        started.authorize_url.parse().unwrap()
    }

    /// Goes through the pages of the authorization server and says where it sends the browser back to.
    pub(crate) async fn consent(&mut self, authorize_url: &Url) -> Url {
        self.browser.login_and_consent(authorize_url, self.name, "secret").await.unwrap()
    }

    /// Follows the redirect to the host, and says where that leads.
    pub(crate) async fn come_back(&self, callback: &Url) -> reqwest::Response {
        let path = format!("/callback?{}", callback.query().unwrap());
        self.page.raw(Method::GET, &path).header("sec-fetch-site", "cross-site").send().await.unwrap()
    }

    /// A whole login.
    pub(crate) async fn log_in(&mut self, server: &str, request: &Value) {
        let authorize_url = self.authorize_url(server, request).await;
        let callback = self.consent(&authorize_url).await;
        let response = self.come_back(&callback).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()["location"], format!("/#/servers/{server}").as_str());
    }

    pub(crate) async fn start_call(&self, server: &str, request: &Value) -> CallView {
        let response = self.page.post(&format!("/api/servers/{server}/calls"), request).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// Calls and waits for the end.
    pub(crate) async fn call(&mut self, server: &str, request: &Value) -> CallView {
        let call = self.start_call(server, request).await;
        self.events.call(&call.id, |it| it.finished_at.is_some()).await
    }
}

impl Events {
    /// Until the server is in this status.
    pub(crate) async fn server(&mut self, id: &str, kind: ServerStatusKind) -> ServerView {
        self.server_that(id, |it| it.status.kind == kind).await
    }

    pub(crate) async fn server_that(&mut self, id: &str, fits: impl Fn(&ServerView) -> bool) -> ServerView {
        self.until(|event| match event {
            Event::Server { server } if server.id == id && fits(server) => Some((**server).clone()),
            _ => None,
        })
        .await
    }

    /// Until the call is in a status that fits.
    pub(crate) async fn call(&mut self, id: &str, fits: impl Fn(&CallView) -> bool) -> CallView {
        self.until(|event| match event {
            Event::Call { call } if call.id == id && fits(call) => Some((**call).clone()),
            _ => None,
        })
        .await
    }
}
