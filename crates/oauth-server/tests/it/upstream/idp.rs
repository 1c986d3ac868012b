//! An identity provider as small as it can be, and as deliberately wrong as a test wants it. It refuses what Entra refuses:
//! a `resource`, a code that comes twice, a verifier that does not fit.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::UNIX_EPOCH;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::extract::{Path, RawForm, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use barewire_oauth_server::{AuthConfig, UpstreamConfig};
use barewire_testkit::{Browser, Landing, Page, TestClock};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};

use crate::signing::{SigningKey, changed};
use crate::world::{CALLBACK, World, config, query};

pub(crate) const SECRET: &str = "what both know ~ %";

/// The provider. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Idp {
    /// Where it listens.
    pub(crate) origin: String,
    inner: Arc<Mutex<Behaviour>>,
}

/// What it does, and what it was asked.
pub(crate) struct Behaviour {
    /// The path of its issuer.
    pub(crate) path: String,
    /// Its issuer, as its document says.
    pub(crate) issuer: String,
    /// Laid over its document.
    pub(crate) document: Value,
    /// Whoever logs in: laid over the ID token.
    pub(crate) claims: Value,
    /// The header of ID tokens.
    pub(crate) header: Value,
    /// What is at the userinfo endpoint.
    pub(crate) userinfo: Value,
    /// The keys that it publishes; the last one signs.
    pub(crate) keys: Vec<Signer>,
    /// What signs in place of it.
    pub(crate) forger: Option<Signer>,
    /// What it adds to its answers, or has in place of a code.
    pub(crate) answer: Vec<(&'static str, String)>,
    /// What a refresh gets instead of tokens.
    pub(crate) refresh_answer: Option<(u16, Value)>,
    /// What everything gets.
    pub(crate) down: Option<u16>,
    pub(crate) ignores_pkce: bool,
    pub(crate) no_refresh_tokens: bool,
    pub(crate) clock: TestClock,
    /// Every request but those for documents: where, and with what.
    pub(crate) asked: Vec<(&'static str, HashMap<String, String>)>,
    codes: HashMap<String, HashMap<String, String>>,
    refresh_tokens: Vec<String>,
    count: usize,
}

/// A key that signs ID tokens.
#[derive(Clone)]
pub(crate) enum Signer {
    Ec(Arc<SigningKey>),
    Rsa(&'static RsaKeyPair, String),
}

/// Making one takes long.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

impl Signer {
    pub(crate) fn ec(id: &str) -> Self {
        Self::Ec(Arc::new(SigningKey::new(id)))
    }

    pub(crate) fn rsa(id: &str) -> Self {
        Self::Rsa(&RSA, id.to_owned())
    }

    fn jwk(&self) -> Value {
        match self {
            Self::Ec(key) => key.jwk.clone(),
            Self::Rsa(pair, id) => {
                let public = pair.public_key();
                let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                json!({
                    "kty": "RSA", "kid": id, "use": "sig",
                    "n": text(public.modulus().big_endian_without_leading_zero()),
                    "e": text(public.exponent().big_endian_without_leading_zero()),
                })
            }
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        match self {
            Self::Ec(key) => key.sign(header, claims),
            Self::Rsa(pair, _) => {
                let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
                let message = format!("{}.{}", part(header), part(claims));
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
                    .unwrap();
                format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
            }
        }
    }

    fn header(&self) -> Value {
        let alg = if matches!(self, Self::Ec(_)) { "ES256" } else { "RS256" };
        json!({ "alg": alg, "kid": self.jwk()["kid"] })
    }
}

impl Idp {
    pub(crate) async fn start() -> Self {
        Self::start_at("").await
    }

    /// One whose issuer has this path.
    pub(crate) async fn start_at(path: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let behaviour = Behaviour {
            path: path.to_owned(),
            issuer: format!("{origin}{path}"),
            document: json!({}),
            claims: json!({ "sub": "ada-1", "preferred_username": "ada@example.com" }),
            header: json!({}),
            userinfo: json!({}),
            keys: vec![Signer::ec("k1")],
            forger: None,
            answer: Vec::new(),
            refresh_answer: None,
            down: None,
            ignores_pkce: false,
            no_refresh_tokens: false,
            clock: TestClock::default(),
            asked: Vec::new(),
            codes: HashMap::new(),
            refresh_tokens: Vec::new(),
            count: 0,
        };
        let idp = Self { origin, inner: Arc::new(Mutex::new(behaviour)) };
        let app = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
            .route("/userinfo", get(userinfo))
            .route("/{*path}", get(document))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        idp
    }

    /// What it does; to change it, or to look at what it was asked.
    pub(crate) fn does(&self) -> MutexGuard<'_, Behaviour> {
        self.inner.lock().unwrap()
    }

    /// What it was asked at this endpoint.
    pub(crate) fn asked(&self, endpoint: &str) -> Vec<HashMap<String, String>> {
        let does = self.does();
        does.asked.iter().filter(|(at, _)| *at == endpoint).map(|(_, form)| form.clone()).collect()
    }

    /// How often it was asked again about somebody.
    pub(crate) fn refreshes(&self) -> usize {
        self.asked("token").iter().filter(|form| form["grant_type"] == "refresh_token").count()
    }

    /// The section of the settings for it.
    pub(crate) fn section(&self, changes: Value) -> UpstreamConfig {
        let section = json!({
            "issuer": self.does().issuer, "client_id": "our-id", "client_secret": SECRET, "display_name": "Corporate",
            "recheck_interval": "1m", "outage_grace": "10m",
        });
        let Value::Object(changes) = changes else { panic!("no object: {changes}") };
        serde_json::from_value(changed(section, &Value::Object(changes))).unwrap()
    }

    pub(crate) fn config(&self, changes: Value) -> AuthConfig {
        let upstream = [("corporate".to_owned(), self.section(changes))].into();
        AuthConfig { upstream, ..config() }
    }

    /// A server of ours at which people log in through it.
    pub(crate) async fn world(&self, changes: Value) -> World {
        let world = World::with(self.config(changes)).await;
        self.does().clock = world.clock.clone();
        world
    }
}

impl Behaviour {
    fn now(&self) -> u64 {
        self.clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn id_token(&self, nonce: Option<&str>) -> String {
        let now = self.now();
        let claims = json!({
            "iss": self.issuer, "aud": "our-id", "iat": now, "exp": now + 300, "auth_time": now, "nonce": nonce
        });
        let signer = self.forger.as_ref().or(self.keys.last()).unwrap();
        let claims = changed(changed(claims, &json!({})), &self.claims);
        signer.sign(&changed(signer.header(), &self.header), &claims)
    }

    fn tokens(&mut self, nonce: Option<&str>) -> Response {
        self.count += 1;
        let refresh_token = format!("upstream-refresh-{}", self.count);
        let mut answer = json!({
            "token_type": "Bearer", "access_token": format!("upstream-access-{}", self.count),
            "id_token": self.id_token(nonce),
        });
        if !self.no_refresh_tokens {
            self.refresh_tokens.push(refresh_token.clone());
            answer["refresh_token"] = refresh_token.into();
        }
        Json(answer).into_response()
    }
}

fn refused(code: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code, "error_description": "as a test wants it" })))
        .into_response()
}

async fn document(State(idp): State<Idp>, Path(path): Path<String>) -> Response {
    let does = idp.does();
    if let Some(status) = does.down {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    if format!("/{path}") != format!("{}/.well-known/openid-configuration", does.path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let origin = &idp.origin;
    let document = json!({
        "issuer": does.issuer,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "jwks_uri": format!("{origin}/keys"),
        "userinfo_endpoint": format!("{origin}/userinfo"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "scopes_supported": null,
    });
    Json(changed(document, &does.document)).into_response()
}

async fn keys(State(idp): State<Idp>) -> Response {
    let does = idp.does();
    match does.down {
        Some(status) => StatusCode::from_u16(status).unwrap().into_response(),
        None => {
            Json(json!({ "keys": does.keys.iter().map(Signer::jwk).collect::<Vec<_>>() })).into_response()
        }
    }
}

async fn userinfo(State(idp): State<Idp>, headers: HeaderMap) -> Response {
    let does = idp.does();
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(token.starts_with("Bearer upstream-access-"), "{token}");
    Json(changed(json!({ "sub": does.claims["sub"] }), &does.userinfo)).into_response()
}

/// Everybody is logged in there already.
async fn authorize(State(idp): State<Idp>, RawQuery(query): RawQuery) -> Response {
    let asked = form(query.unwrap_or_default().as_bytes());
    let mut does = idp.does();
    does.asked.push(("authorize", asked.clone()));
    does.count += 1;
    let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
    let mut pairs = vec![("state", asked["state"].clone())];
    if asked.contains_key("resource") {
        pairs.push(("error", "invalid_target".to_owned()));
        pairs
            .push(("error_description", "AADSTS9010010: The resource parameter is not supported".to_owned()));
    } else if !does.answer.iter().any(|(name, _)| matches!(*name, "code" | "error")) {
        let code = format!("upstream-code-{}", does.count);
        does.codes.insert(code.clone(), asked);
        pairs.push(("code", code));
    }
    pairs.extend(does.answer.iter().cloned());
    back.query_pairs_mut().extend_pairs(pairs);
    Redirect::to(back.as_str()).into_response()
}

async fn token(State(idp): State<Idp>, RawForm(body): RawForm) -> Response {
    let asked = form(&body);
    let mut does = idp.does();
    does.asked.push(("token", asked.clone()));
    if let Some(status) = does.down {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    if asked.contains_key("resource") {
        return refused("invalid_target");
    }
    let proven = asked.get("client_secret").is_some_and(|secret| secret == SECRET);
    if asked["client_id"] != "our-id" || !(proven || asked.contains_key("client_assertion")) {
        return refused("invalid_client");
    }
    if asked["grant_type"] == "refresh_token" {
        if let Some((status, answer)) = does.refresh_answer.clone() {
            return (StatusCode::from_u16(status).unwrap(), Json(answer)).into_response();
        }
        // Each is good once.
        let known = does.refresh_tokens.iter().position(|token| *token == asked["refresh_token"]);
        let Some(known) = known else { return refused("invalid_grant") };
        does.refresh_tokens.remove(known);
        return does.tokens(None);
    }
    let Some(login) = does.codes.remove(&asked["code"]) else { return refused("invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&asked["code_verifier"]));
    let fits = does.ignores_pkce
        || (login["code_challenge"] == challenge && login["code_challenge_method"] == "S256");
    if !fits || login["redirect_uri"] != asked["redirect_uri"] {
        return refused("invalid_grant");
    }
    does.tokens(Some(&login["nonce"]))
}

fn form(bytes: &[u8]) -> HashMap<String, String> {
    let mut form = HashMap::new();
    for (name, value) in form_urlencoded::parse(bytes).into_owned() {
        assert_eq!(form.insert(name.clone(), value), None, "{name} is there twice");
    }
    form
}

/// The page to which a login through `provider` leads that this client asks for.
pub(crate) async fn through(
    world: &World,
    browser: &mut Browser,
    client: &str,
    changes: &[(&str, &str)],
) -> Landing {
    let page = browser.open(&world.authorize_url(client, CALLBACK, changes)).await.unwrap();
    let link = page.link("Sign in with Corporate").unwrap_or_else(|| panic!("{}", page.text()));
    browser.open_until(&link, &Url::parse(CALLBACK).unwrap()).await.unwrap()
}

/// A page that a login leads to, and no redirect to the client.
pub(crate) async fn page(
    world: &World,
    browser: &mut Browser,
    client: &str,
    changes: &[(&str, &str)],
) -> Page {
    match through(world, browser, client, changes).await {
        Landing::Page(page) => page,
        Landing::Left(url) => panic!("it leads to {url}"),
    }
}

/// Allows what a consent page asks; what the client gets.
pub(crate) async fn allow(browser: &mut Browser, page: &Page) -> HashMap<String, String> {
    let form = page.forms().into_iter().find_map(|form| form.press(&["allow"]));
    let form = form.unwrap_or_else(|| panic!("no question: {}", page.text()));
    match browser.submit(page, &form, Some(&Url::parse(CALLBACK).unwrap())).await.unwrap() {
        Landing::Left(url) => query(&url),
        Landing::Page(page) => panic!("stuck: {}", page.text()),
    }
}

/// A new client with tokens, of whoever the provider says.
pub(crate) async fn tokens(world: &World, browser: &mut Browser, scope: &str) -> (String, Value) {
    let client = world.register_with(json!({ "client_name": format!("A client {}", unique()) })).await;
    let client = client["client_id"].as_str().unwrap().to_owned();
    let page = browser.open(&world.authorize_url(&client, CALLBACK, &[("scope", scope)])).await.unwrap();
    let page = match page.link("Sign in with Corporate") {
        Some(link) => browser.open(&link).await.unwrap(),
        None => page,
    };
    let code = allow(browser, &page).await["code"].clone();
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    (client, answer)
}

fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}
