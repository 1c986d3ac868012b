//! A host on a port of its own, and a page that speaks to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use barewire_host::api::{ErrorBody, ErrorCode, Event, ServerView, State};
use barewire_host::{Host, HostConfig, HostStore, MemoryHostStore};
use barewire_mcp_client::{CredentialStore, MemoryCredentials};
use barewire_serve::ServeConfig;
use barewire_testkit::TestClock;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A URL at which nothing listens.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9/mcp";

/// A test that waits for something which does not come fails after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running host.
pub(crate) struct Running {
    pub(crate) origin: String,
    pub(crate) clock: TestClock,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    /// With defaults, and nothing in the store.
    pub(crate) async fn start() -> Self {
        Self::with(HostConfig::default(), Arc::new(MemoryHostStore::default())).await
    }

    pub(crate) async fn with(config: HostConfig, store: Arc<dyn HostStore>) -> Self {
        Self::keeping(config, store, Arc::new(MemoryCredentials::new()), TestClock::default()).await
    }

    pub(crate) async fn keeping(
        config: HostConfig,
        store: Arc<dyn HostStore>,
        credentials: Arc<dyn CredentialStore>,
        clock: TestClock,
    ) -> Self {
        let config = match config.listen == HostConfig::default().listen {
            true => HostConfig { listen: "localhost:0".to_owned(), ..config },
            false => config,
        };
        let listeners = barewire_serve::bind(&config.listen).await.unwrap();
        let origin = config.origin(listeners.loopback_origin().as_deref()).unwrap();
        let text = origin.as_str().to_owned();
        let host =
            Host::builder(config, origin).store(store).credentials(credentials).clock(clock.clock()).build();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(barewire_host::serve(host, listeners, ServeConfig::default(), async move {
            let _ = stopped.await;
        }));
        Self { origin: text, clock, stop, ended }
    }

    /// As SIGTERM does.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.ended.await.unwrap();
    }

    /// A browser that was never here.
    pub(crate) fn browser(&self) -> Page {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Page { origin: self.origin.clone(), http, cookie: Arc::default() }
    }

    /// A browser with a session.
    pub(crate) async fn open(&self) -> Page {
        let page = self.browser();
        page.state().await;
        page
    }
}

/// What the page in one browser does.
#[derive(Clone)]
pub(crate) struct Page {
    origin: String,
    http: reqwest::Client,
    cookie: Arc<Mutex<Option<String>>>,
}

impl Page {
    /// The session cookie as `name=value`.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    pub(crate) fn with_cookie(self, cookie: &str) -> Self {
        *self.cookie.lock().unwrap() = Some(cookie.to_owned());
        self
    }

    /// A request with the cookie, and nothing else of what the page adds.
    pub(crate) fn raw(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.origin));
        match self.cookie() {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    pub(crate) fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        let request = self.raw(method.clone(), path).header("origin", &self.origin);
        if *method == Method::GET { request } else { request.header("x-barewire", "1") }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(&Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(&Method::POST, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.request(&Method::DELETE, path).send().await.unwrap()
    }

    pub(crate) async fn state(&self) -> State {
        let response = self.get("/api/state").await.error_for_status().unwrap();
        if let Some(cookie) = response.headers().get("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            *self.cookie.lock().unwrap() = Some(pair);
        }
        response.json().await.unwrap()
    }

    pub(crate) async fn add_server(&self, url: &str) -> ServerView {
        let response = self.post("/api/servers", &json!({ "url": url })).await;
        response.error_for_status().unwrap().json().await.unwrap()
    }

    pub(crate) async fn events(&self, after: &str) -> Events {
        Events::of(self.get(&format!("/api/events?after={after}")).await)
    }
}

/// An open event stream.
pub(crate) struct Events {
    pub(crate) response: Response,
    unread: Vec<u8>,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        Self { response: response.error_for_status().unwrap(), unread: Vec::new() }
    }

    /// The next event and its id; `None` when the stream ended.
    pub(crate) async fn next(&mut self) -> Option<(String, Event)> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("nothing happened any more")
    }

    async fn read(&mut self) -> Option<(String, Event)> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|it| it == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                let block = String::from_utf8(block).unwrap();
                let field =
                    |name: &str| block.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(": "));
                if let Some(data) = field("data") {
                    let id = field("id").unwrap_or_default().to_owned();
                    return Some((id, serde_json::from_str(data).unwrap()));
                }
                continue;
            }
            let chunk = self.response.chunk().await.ok()??;
            self.unread.extend_from_slice(&chunk);
        }
    }

    /// Reads until one fits.
    pub(crate) async fn until<T>(&mut self, fits: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let (_, event) = self.next().await.expect("the stream ended");
            if let Some(found) = fits(&event) {
                return found;
            }
        }
    }
}

/// Asserts how a request was refused.
pub(crate) async fn refused(response: Response, status: StatusCode, code: ErrorCode) -> ErrorBody {
    assert_eq!(response.status(), status);
    let body: ErrorBody = response.json().await.unwrap();
    assert_eq!(body.code, code, "{body:?}");
    body
}
