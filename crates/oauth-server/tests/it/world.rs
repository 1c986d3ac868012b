//! One authorization server on a port of its own, with a clock that the test owns, and the smallest of clients.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use barewire_oauth::bearer::BearerError;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::{AuthConfig, AuthorizationServer, ConfiguredClient, Dpop, Event, Witness};
use barewire_store::Store;
use barewire_testkit::{Browser, Landing, TempDir, TestClock};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Nobody listens there: the browser stops before it.
pub(crate) const CALLBACK: &str = "http://localhost:5173/callback";
pub(crate) const WEB_CALLBACK: &str = "https://web.example/callback";
pub(crate) const STATE: &str = "a state & more";
/// Of the client `backend`; with characters that Basic has to encode, and one that parts name and secret.
pub(crate) const BACKEND_SECRET: &str = "s3cret %/: that nobody guesses";

/// Of the client `rs`, which serves `https://rs.example/mcp`.
pub(crate) const RS_SECRET: &str = "another secret nobody guesses";

pub(crate) struct World {
    pub(crate) url: Url,
    pub(crate) http: reqwest::Client,
    pub(crate) server: AuthorizationServer,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: TestClock,
    pub(crate) dir: TempDir,
    pub(crate) witness: Witnessed,
    serving: tokio::task::JoinHandle<()>,
}

/// What the witness was told of: what, where, and why or by which rule not.
#[derive(Clone, Default)]
pub(crate) struct Witnessed(Arc<Mutex<Vec<Told>>>);

struct Told {
    kind: &'static str,
    endpoint: &'static str,
    refused: Option<&'static str>,
    reason: Option<&'static str>,
    user: Option<String>,
    by: Option<String>,
}

impl Witness for Witnessed {
    fn happened(&self, event: &Event<'_>) {
        let (kind, endpoint) = (event.kind.as_str(), event.endpoint);
        let [user, by] = [event.user, event.by].map(|id| id.map(str::to_owned));
        let (refused, reason) = (event.refused, event.reason);
        self.0.lock().unwrap().push(Told { kind, endpoint, refused, reason, user, by });
    }
}

impl Witnessed {
    /// How often that was told.
    pub(crate) fn count(&self, refusal: &str) -> usize {
        let is_it = |told: &&Told| {
            told.refused.is_some_and(|rule| format!("{} {} {rule}", told.kind, told.endpoint) == refusal)
        };
        self.0.lock().unwrap().iter().filter(is_it).count()
    }

    /// What this administrator did, or could not: what, where, how it ended, and to whom.
    pub(crate) fn by(&self, administrator: &str) -> Vec<String> {
        let all = self.0.lock().unwrap();
        let theirs = all.iter().filter(|told| told.by.as_deref() == Some(administrator));
        theirs
            .map(|told| {
                let ending = told.refused.or(told.reason).unwrap_or_default();
                format!(
                    "{} {} {ending} {}",
                    told.kind,
                    told.endpoint,
                    told.user.as_deref().unwrap_or_default()
                )
            })
            .collect()
    }

    /// What became of each request to this path, in their order.
    pub(crate) fn at(&self, path: &str) -> Vec<&'static str> {
        let all = self.0.lock().unwrap();
        let there = all.iter().filter(|told| told.endpoint == path);
        there.map(|told| told.refused.or(told.reason).unwrap_or_default()).collect()
    }
}

/// What the issuer is.
enum Issuer<'a> {
    /// Where the server listens, with this path.
    Here(&'a str),
    /// This URL.
    Elsewhere(&'a str),
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The id of a client with a document that says this, at a web server of its own.
pub(crate) async fn documented(more: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = format!("http://127.0.0.1:{}/client", listener.local_addr().unwrap().port());
    let mut document = json!({
        "client_id": client, "client_name": "A documented app", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none"
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let document = ([(CONTENT_TYPE, "application/json")], document.to_string());
    let app = Router::new().route("/client", get(move || async move { document }));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    client
}

/// Settings that make a test fast, and two clients that the operator knows.
pub(crate) fn config() -> AuthConfig {
    let client = |id: &str, secret: Option<&str>, name: &str, uri: &str| ConfiguredClient {
        client_id: id.to_owned(),
        client_secret: secret.map(Into::into),
        client_name: name.to_owned(),
        redirect_uris: vec![uri.to_owned().try_into().unwrap()],
        ..ConfiguredClient::default()
    };
    AuthConfig {
        dpop: Dpop::Offered,
        password_memory_kib: 64,
        password_passes: 1,
        clients: vec![
            client("web", None, "The web app", WEB_CALLBACK),
            client("web2", None, "Another web app", "https://other.example/callback"),
            client("backend", Some(BACKEND_SECRET), "A backend", WEB_CALLBACK),
            ConfiguredClient {
                introspects: vec!["https://rs.example/mcp".to_owned()],
                ..client("rs", Some(RS_SECRET), "A resource server", WEB_CALLBACK)
            },
        ],
        own_access: [("backend".to_owned(), ScopeSet::parse("posts:read posts:write").unwrap())].into(),
        ..AuthConfig::default()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: AuthConfig) -> Self {
        Self::start(TempDir::new(), TestClock::default(), config, Issuer::Here(""), 0).await
    }

    /// A server whose issuer has this path.
    pub(crate) async fn at_path(path: &str) -> Self {
        Self::start(TempDir::new(), TestClock::default(), config(), Issuer::Here(path), 0).await
    }

    /// A server that the world knows under this URL, as behind a proxy.
    pub(crate) async fn known_as(issuer: &str) -> Self {
        Self::known_with(issuer, config()).await
    }

    pub(crate) async fn known_with(issuer: &str, config: AuthConfig) -> Self {
        Self::start(TempDir::new(), TestClock::default(), config, Issuer::Elsewhere(issuer), 0).await
    }

    /// The same address, state and clock, a new process: nothing but the store is taken over.
    pub(crate) async fn restarted(mut self, config: AuthConfig) -> Self {
        self.serving.abort();
        let _aborted = (&mut self.serving).await;
        let port = self.url.port().unwrap();
        let dir = std::mem::replace(&mut self.dir, TempDir::new());
        let clock = self.clock.clone();
        drop(self);
        Self::start(dir, clock, config, Issuer::Here(""), port).await
    }

    async fn start(
        dir: TempDir,
        clock: TestClock,
        config: AuthConfig,
        issuer: Issuer<'_>,
        port: u16,
    ) -> Self {
        let store = Arc::new(Store::open(dir.join("auth.sqlite")).await.unwrap());
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let issuer = match issuer {
            Issuer::Here(path) => format!("{origin}{path}"),
            Issuer::Elsewhere(issuer) => issuer.to_owned(),
        };
        let witness = Witnessed::default();
        let server = AuthorizationServer::builder(issuer, Arc::clone(&store) as _)
            .witness(witness.clone())
            .display_name("Blog")
            .resource("https://rs.example/mcp")
            .resource("https://rs.example/other")
            .scope("posts:read", "Read your posts")
            .scope("posts:write", "Write posts as you")
            .default_scopes(["posts:read"])
            .config(config)
            .clock(clock.clock())
            .build()
            .await
            .unwrap();
        server.create_user("johndoe", "secret").await.unwrap();
        server.create_user("janedoe", "secret").await.unwrap();
        server.create_administrator("admin", "secret").await.unwrap();
        let app = server.router().into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { url: Url::parse(&origin).unwrap(), http, server, store, clock, dir, witness, serving }
    }

    /// Sends these very bytes and reads the answer until the server closes.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.url.port().unwrap())).await.unwrap();
        connection.write_all(request.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    /// An authorization URL of `client` with these changes; an empty value takes a parameter away.
    pub(crate) fn authorize_url(&self, client: &str, redirect_uri: &str, changes: &[(&str, &str)]) -> Url {
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", redirect_uri),
            ("state", STATE),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", "https://rs.example/mcp"),
        ];
        for (name, value) in changes {
            match name.strip_prefix('+') {
                Some(name) => pairs.push((name, value)),
                None => {
                    pairs.retain(|(key, _)| key != name);
                    if !value.is_empty() {
                        pairs.push((name, value));
                    }
                }
            }
        }
        let mut url = self.at("/authorize");
        url.query_pairs_mut().extend_pairs(pairs);
        url
    }

    /// Registers a public native client.
    pub(crate) async fn register(&self) -> String {
        self.register_with(json!({})).await["client_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn register_with(&self, changes: Value) -> Value {
        let mut body = json!({
            "client_name": "A client", "redirect_uris": [CALLBACK], "application_type": "native",
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none"
        });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let answer = self.http.post(self.at("/register")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.unwrap()
    }

    /// Logs in as johndoe and allows; the code.
    pub(crate) async fn code(&self, client: &str) -> String {
        self.code_with(client, &[]).await
    }

    pub(crate) async fn code_with(&self, client: &str, changes: &[(&str, &str)]) -> String {
        let url = self.authorize_url(client, CALLBACK, changes);
        let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
        query(&callback)["code"].clone()
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.http.post(self.at("/token")).form(form).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status(), answer.json().await.unwrap())
    }

    /// Asks about a token.
    pub(crate) async fn introspect(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.http.post(self.at("/introspect")).form(form).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status(), answer.json().await.unwrap())
    }

    /// A token request with this proof: status, body, and the nonce that it gives.
    pub(crate) async fn token_with(
        &self,
        proof: &str,
        form: &[(&str, &str)],
    ) -> (StatusCode, Value, Option<String>) {
        let answer = self.http.post(self.at("/token")).header("dpop", proof).form(form).send().await.unwrap();
        let nonce = answer.headers().get("dpop-nonce").map(|nonce| nonce.to_str().unwrap().to_owned());
        (answer.status(), answer.json().await.unwrap(), nonce)
    }

    pub(crate) async fn redeem(&self, client: &str, code: &str) -> (StatusCode, Value) {
        self.redeem_at(client, code, CALLBACK).await
    }

    pub(crate) async fn redeem_at(
        &self,
        client: &str,
        code: &str,
        redirect_uri: &str,
    ) -> (StatusCode, Value) {
        self.token(&redemption(client, code, redirect_uri)).await
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> (StatusCode, Value) {
        self.token(&[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)]).await
    }

    /// A registered client with its tokens.
    pub(crate) async fn logged_in(&self) -> (String, Tokens) {
        let client = self.register().await;
        let (status, answer) = self.redeem(&client, &self.code(&client).await).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        (client, Tokens::read(&answer))
    }

    pub(crate) fn verify(&self, token: &str) -> Result<(), BearerError> {
        let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
        self.server.access_tokens().verify(token, &resource, self.clock.now()).map(|_| ())
    }

    /// A browser in which `user` is logged in.
    pub(crate) async fn signed_in(&self, user: &str) -> Browser {
        let mut browser = Browser::new();
        let page = browser.open(&self.at("/login")).await.unwrap();
        let form = page.form_with("password").unwrap().fill("username", user).fill("password", "secret");
        let landing = browser.submit(&page, &form, None).await.unwrap();
        assert!(matches!(landing, Landing::Page(page) if page.select("h1").unwrap() == "You are signed in"));
        browser
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// The form that redeems a code.
pub(crate) fn redemption<'a>(
    client: &'a str,
    code: &'a str,
    redirect_uri: &'a str,
) -> [(&'a str, &'a str); 6] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
        ("resource", "https://rs.example/mcp"),
    ]
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    pub(crate) fn read(answer: &Value) -> Self {
        let field =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
        Self { access: field("access_token"), refresh: field("refresh_token") }
    }
}

pub(crate) fn query(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// A form page fetched and posted by hand, where a browser would be too well-behaved.
pub(crate) struct RawForm {
    pub(crate) action: Url,
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl RawForm {
    /// The page at `url`, fetched with these cookies; the first form on it that posts to `path`.
    pub(crate) async fn get(world: &World, url: Url, path: &str, cookie: Option<&str>) -> Self {
        let mut request = world.http.get(url.clone());
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        let set = set_cookies(&answer);
        let page = barewire_testkit::Page {
            url,
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        };
        let ours = |form: &barewire_testkit::Form| form.post && form.action.path() == path;
        let form = page.forms().into_iter().find(ours).expect("the form");
        let csrf = form.fields.iter().find(|(name, _)| name == "csrf").expect("a token").1.clone();
        let cookie = cookie.map_or_else(|| set.join("; "), str::to_owned);
        Self { action: form.action, cookie, csrf }
    }

    pub(crate) async fn post(&self, world: &World, fields: &[(&str, &str)]) -> reqwest::Response {
        self.post_from(world, fields, None).await
    }

    pub(crate) fn request(&self, world: &World, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend_from_slice(fields);
        world.http.post(self.action.clone()).header("cookie", &self.cookie).form(&all)
    }

    pub(crate) async fn post_from(
        &self,
        world: &World,
        fields: &[(&str, &str)],
        address: Option<&str>,
    ) -> reqwest::Response {
        let mut request = self.request(world, fields);
        if let Some(address) = address {
            request = request.header("x-forwarded-for", address);
        }
        request.send().await.unwrap()
    }
}

/// The cookies of an answer, as a request would send them back.
pub(crate) fn set_cookies(answer: &reqwest::Response) -> Vec<String> {
    let lines = answer.headers().get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

/// Makes sure that the store's trait is in use here as the server uses it.
pub(crate) async fn has_session(world: &World, cookie: &str) -> bool {
    let value = cookie.split_once('=').unwrap().1;
    let digest = barewire_oauth_server::store::Digest(<sha2::Sha256 as sha2::Digest>::digest(value).into());
    let store: &dyn barewire_oauth_server::store::Store = world.store.as_ref();
    store.session(digest).await.unwrap().is_some()
}
