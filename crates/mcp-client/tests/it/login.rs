//! Logins against a scripted resource and authorization server: from the first 401 to the call, more scope, limits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::response::Response;
use barewire_exchange::{Phase, Step};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{
    AuthorizeError, Authorizer, CallError, CallOptions, Client, ClientOptions, ConnectError, Login,
    LoginError, LoginRequired,
};
use barewire_oauth::client_flow::FlowError;
use barewire_oauth::scope::ScopeSet;
use serde_json::{Value, json};

use crate::stage::{Seen, Stage, challenge, json_reply, reply, with_header};
use crate::watcher::{Watcher, options};

/// A browser without a person: the authorization server says yes at once.
pub(crate) struct Headless {
    http: reqwest::Client,
    visits: Mutex<Vec<String>>,
}

impl Headless {
    pub(crate) fn new() -> Arc<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Arc::new(Self { http, visits: Mutex::default() })
    }

    /// The parameters of each authorization request.
    pub(crate) fn visits(&self) -> Vec<HashMap<String, String>> {
        let visits = self.visits.lock().unwrap();
        visits.iter().map(|url| url::Url::parse(url).unwrap().query_pairs().into_owned().collect()).collect()
    }
}

#[async_trait]
impl Authorizer for Headless {
    async fn authorize(&self, url: &str) -> Result<String, AuthorizeError> {
        self.visits.lock().unwrap().push(url.to_owned());
        let response = self.http.get(url).send().await.map_err(|_| AuthorizeError::Abandoned)?;
        let location = response.headers().get("location").ok_or(AuthorizeError::Abandoned)?;
        Ok(location.to_str().unwrap().to_owned())
    }
}

/// What the world does; everything can be changed while it runs.
pub(crate) struct Rules {
    /// The issuer that the resource names: a path on the same origin.
    pub(crate) issuer: Mutex<&'static str>,
    /// Scope that a method needs.
    pub(crate) needs: fn(&str) -> Option<&'static str>,
    /// Tokens: what they carry, and who issued them.
    pub(crate) tokens: Mutex<HashMap<String, (String, String)>>,
    pub(crate) refreshable: bool,
    pub(crate) expires_in: u64,
    pub(crate) issued: AtomicUsize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            issuer: Mutex::new("/as1"),
            needs: |_| None,
            tokens: Mutex::default(),
            refreshable: false,
            expires_in: 3600,
            issued: AtomicUsize::new(0),
        }
    }
}

impl Rules {
    /// Forgets every access token.
    pub(crate) fn expire_all(&self) {
        self.tokens.lock().unwrap().clear();
    }

    fn issue(&self, scope: &str, issuer: &str) -> Value {
        let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!("access-token-number-{number}");
        self.tokens.lock().unwrap().insert(token.clone(), (scope.to_owned(), issuer.to_owned()));
        let mut answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in, "scope": scope});
        if self.refreshable {
            answer["refresh_token"] = json!(format!("refresh-token-number-{number}"));
        }
        answer
    }
}

/// A modern MCP server at `/mcp` and authorization servers at `/as1` and `/as2`.
pub(crate) async fn world(rules: Arc<Rules>) -> Stage {
    world_around(rules, |_| None).await
}

/// The same, around what answers those who have a token, at `/mcp` and at `/messages`.
pub(crate) async fn world_around(
    rules: Arc<Rules>,
    inside: impl Fn(&Seen) -> Option<Response> + Send + Sync + 'static,
) -> Stage {
    // What each code was asked for.
    let codes: Mutex<HashMap<String, String>> = Mutex::default();
    Stage::new(move |seen| {
        let origin = format!("http://{}", seen.header("host").unwrap());
        match seen.path.as_str() {
            "/.well-known/oauth-protected-resource/mcp" => {
                let issuer = format!("{origin}{}", rules.issuer.lock().unwrap());
                json_reply(
                    200,
                    &json!({"resource": format!("{origin}/mcp"), "authorization_servers": [issuer],
                    "scopes_supported": ["basic"]}),
                )
            }
            "/mcp" | "/messages" => resource(&rules, &seen, &origin, &inside),
            path if path.starts_with("/.well-known/oauth-authorization-server/as") => {
                let issuer = format!("{origin}/{}", path.rsplit('/').next().unwrap());
                json_reply(
                    200,
                    &json!({
                        "issuer": issuer,
                        "authorization_endpoint": format!("{issuer}/authorize"),
                        "token_endpoint": format!("{issuer}/token"),
                        "registration_endpoint": format!("{issuer}/register"),
                        "revocation_endpoint": format!("{issuer}/revoke"),
                        "code_challenge_methods_supported": ["S256"],
                        "token_endpoint_auth_methods_supported": ["none"],
                        "authorization_response_iss_parameter_supported": true,
                    }),
                )
            }
            path if path.ends_with("/register") => {
                let client = format!("client-of-{}", path.split('/').nth(1).unwrap());
                json_reply(201, &json!({"client_id": client, "token_endpoint_auth_method": "none"}))
            }
            path if path.ends_with("/authorize") => {
                let query: HashMap<String, String> =
                    url::form_urlencoded::parse(seen.query.as_bytes()).into_owned().collect();
                let issuer = format!("{origin}{}", path.trim_end_matches("/authorize"));
                let code = format!("authorization-code-{}", codes.lock().unwrap().len());
                codes.lock().unwrap().insert(code.clone(), query.get("scope").cloned().unwrap_or_default());
                let mut callback = url::Url::parse(&query["redirect_uri"]).unwrap();
                callback
                    .query_pairs_mut()
                    .append_pair("code", &code)
                    .append_pair("state", &query["state"])
                    .append_pair("iss", &issuer);
                with_header(reply(302, "", ""), "location", callback.as_str())
            }
            path if path.ends_with("/token") => {
                let issuer = path.trim_end_matches("/token");
                let form = seen.form();
                match form["grant_type"].as_str() {
                    "authorization_code" => {
                        let scope = codes.lock().unwrap().remove(&form["code"]).unwrap_or_default();
                        json_reply(200, &rules.issue(&scope, issuer))
                    }
                    _ => json_reply(200, &rules.issue("basic", issuer)),
                }
            }
            path if path.ends_with("/revoke") => reply(200, "", ""),
            "/users/me/" if authorized(&rules, &seen).is_some() => {
                json_reply(200, &json!({"username": "johndoe"}))
            }
            "/users/me/" => challenge(401, "Bearer error=\"invalid_token\""),
            _ => reply(404, "", ""),
        }
    })
    .await
}

fn authorized(rules: &Rules, seen: &Seen) -> Option<String> {
    let token = seen.header("authorization")?.strip_prefix("Bearer ")?;
    let tokens = rules.tokens.lock().unwrap();
    let (scope, issuer) = tokens.get(token)?;
    (issuer == *rules.issuer.lock().unwrap()).then(|| scope.clone())
}

fn resource(
    rules: &Rules,
    seen: &Seen,
    origin: &str,
    inside: &dyn Fn(&Seen) -> Option<Response>,
) -> Response {
    let place = format!("resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\"");
    let Some(scope) = authorized(rules, seen) else {
        return challenge(401, &format!("Bearer {place}, scope=\"basic\""));
    };
    let method = seen.method();
    if let Some(needed) = (rules.needs)(&method)
        && !scope.split(' ').any(|have| have == needed)
    {
        return challenge(403, &format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\", {place}"));
    }
    if let Some(response) = inside(seen) {
        return response;
    }
    match method.as_str() {
        "server/discover" => seen.discovered(),
        "tools/list" => {
            seen.result(json!({"resultType": "complete", "tools": [], "ttlMs": 0, "cacheScope": "private"}))
        }
        _ => seen.result(json!({"resultType": "complete", "content": []})),
    }
}

fn with_browser(watcher: &Arc<Watcher>) -> (ClientOptions, Arc<Headless>) {
    let browser = Headless::new();
    let mut options = options(watcher);
    options.authorizer = Some(Arc::<Headless>::clone(&browser));
    (options, browser)
}

async fn call(client: &Client) -> Result<(), CallError> {
    client.call_tool("t", RawJson::empty_object(), CallOptions::default()).await.map(|_| ())
}

#[tokio::test]
async fn from_the_first_401_to_the_call() {
    let rules = Arc::new(Rules::default());
    let stage = world(rules).await;
    let watcher = Watcher::new();
    let (options, browser) = with_browser(&watcher);
    let client = Client::connect(stage.url(), options.clone()).await.unwrap();
    call(&client).await.unwrap();
    assert_eq!(
        watcher.steps(),
        [
            Step::Discover,
            Step::ResourceMetadataNamed,
            Step::ServerMetadataOauth,
            Step::Register,
            Step::Authorize,
            Step::Callback,
            Step::RedeemCode,
            Step::Discover,
            Step::CallTool,
        ]
    );
    let exchanges = watcher.exchanges();
    assert_eq!(exchanges[7].repeats.as_ref(), Some(&exchanges[0].id), "the retry points at what it repeats");
    for exchange in &exchanges[..8] {
        assert!(!exchange.narration.conclusions.is_empty(), "{:?} tells what was decided", exchange.step);
    }
    let visit = &browser.visits()[0];
    assert_eq!(visit["resource"], stage.url());
    assert_eq!(visit["scope"], "basic");
    let grant = client.grant().await.unwrap().unwrap();
    assert_eq!(grant.issuer, format!("{}/as1", stage.origin));
    assert_eq!(grant.tokens.scope.to_string(), "basic");

    // A second connection finds grant and registration.
    let again = Client::connect(stage.url(), options).await.unwrap();
    call(&again).await.unwrap();
    assert_eq!(browser.visits().len(), 1);
}

#[tokio::test]
async fn without_a_browser_the_application_logs_in_between() {
    let rules = Arc::new(Rules::default());
    let stage = world(rules).await;
    let watcher = Watcher::new();
    let options = options(&watcher);
    let error = Client::connect(stage.url(), options.clone()).await.err().unwrap();
    let ConnectError::LoginRequired(required) = error else { panic!("{error:?}") };
    assert!(required.challenge.is_some() && !required.step_up);
    let login = Login::start(options.clone(), *required, ScopeSet::parse("extra").unwrap()).await.unwrap();
    assert_eq!(login.pending().scopes.to_string(), "basic extra");
    assert!(login.authorize_url().contains(&format!("state={}", login.state())));
    let query = Headless::new().authorize(login.authorize_url()).await.unwrap();
    let grant = login.finish(&query).await.unwrap();
    assert_eq!(grant.tokens.scope.to_string(), "basic extra");
    let client = Client::connect(stage.url(), options).await.unwrap();
    call(&client).await.unwrap();
}

#[tokio::test]
async fn a_callback_of_another_login_is_refused() {
    let stage = world(Arc::new(Rules::default())).await;
    let watcher = Watcher::new();
    let login =
        Login::start(options(&watcher), LoginRequired::to(stage.url()), ScopeSet::new()).await.unwrap();
    let error = login.finish("code=stolen&state=somebody-elses").await.unwrap_err();
    assert!(
        matches!(&error, LoginError::Flow(flow) if matches!(**flow, FlowError::StateMismatch)),
        "{error:?}"
    );
    assert!(!stage.story().iter().any(|path| path.ends_with("/token")));
    let callback = watcher.exchanges().into_iter().find(|exchange| exchange.step == Step::Callback).unwrap();
    assert!(callback.narration.conclusions[0].refused);
}

#[tokio::test]
async fn more_scope_is_added_to_what_was_granted() {
    let rules = Rules { needs: |method| (method == "tools/call").then_some("write"), ..Rules::default() };
    let stage = world(Arc::new(rules)).await;
    let watcher = Watcher::new();
    let (options, browser) = with_browser(&watcher);
    let client = Client::connect(stage.url(), options).await.unwrap();
    client.list_tools().await.unwrap();
    call(&client).await.unwrap();
    let scopes: Vec<String> = browser.visits().iter().map(|visit| visit["scope"].clone()).collect();
    assert_eq!(scopes, ["basic", "basic write"]);
    let step_up: Vec<_> =
        watcher.exchanges().into_iter().filter(|exchange| exchange.phase == Phase::StepUp).collect();
    assert!(step_up.iter().any(|exchange| exchange.step == Step::RedeemCode));
}

#[tokio::test]
async fn without_a_browser_missing_scope_is_named() {
    let rules = Rules { needs: |method| (method == "tools/call").then_some("write"), ..Rules::default() };
    let stage = world(Arc::new(rules)).await;
    let watcher = Watcher::new();
    let (with, _) = with_browser(&watcher);
    // The first login belongs to the same store.
    let connected = Client::connect(stage.url(), with.clone()).await.unwrap();
    drop(connected);
    let without = ClientOptions { authorizer: None, ..with };
    let client = Client::connect(stage.url(), without).await.unwrap();
    let error = call(&client).await.unwrap_err();
    let CallError::ScopeRequired { scopes, login, .. } = error else { panic!("{error:?}") };
    assert_eq!(scopes.to_string(), "write");
    assert!(login.step_up);
    assert_eq!(login.scopes.to_string(), "basic", "what must not get lost");
}

#[tokio::test]
async fn a_server_that_always_asks_for_more_is_given_up() {
    let rules = Rules { needs: |_| Some("admin"), ..Rules::default() };
    let rules = Arc::new(rules);
    // Whatever is asked for, no token ever carries it.
    let stage = Stage::new({
        let inner = world(Arc::clone(&rules)).await;
        let origin = inner.origin.clone();
        std::mem::forget(inner);
        move |seen| {
            if seen.path == "/mcp" {
                let place = format!("resource_metadata=\"http://{}/prm\"", seen.header("host").unwrap());
                return match seen.header("authorization") {
                    None => challenge(401, &format!("Bearer {place}")),
                    Some(_) => challenge(
                        403,
                        &format!("Bearer error=\"insufficient_scope\", scope=\"admin\", {place}"),
                    ),
                };
            }
            let own = format!("http://{}/mcp", seen.header("host").unwrap());
            json_reply(200, &json!({"resource": own, "authorization_servers": [format!("{origin}/as1")]}))
        }
    })
    .await;
    let (options, browser) = with_browser(&Watcher::new());
    let error = Client::connect(stage.url(), options).await.err().unwrap();
    assert!(
        matches!(&error, ConnectError::Login(inner) if matches!(**inner, LoginError::ScopeLimit { attempts: 3, .. })),
        "{error:?}"
    );
    assert_eq!(browser.visits().len(), 3);
}

#[tokio::test]
async fn another_authorization_server_never_sees_the_old_client() {
    let rules = Arc::new(Rules::default());
    let stage = world(Arc::clone(&rules)).await;
    let (options, browser) = with_browser(&Watcher::new());
    let client = Client::connect(stage.url(), options).await.unwrap();
    call(&client).await.unwrap();
    *rules.issuer.lock().unwrap() = "/as2";
    call(&client).await.unwrap();
    let clients: Vec<String> = browser.visits().iter().map(|visit| visit["client_id"].clone()).collect();
    assert_eq!(clients, ["client-of-as1", "client-of-as2"]);
    for seen in stage.seen().iter().filter(|seen| seen.path.starts_with("/as2")) {
        let text = format!("{}{}", seen.query, String::from_utf8_lossy(&seen.body));
        assert!(!text.contains("as1"), "{}: {text}", seen.path);
    }
    assert_eq!(client.grant().await.unwrap().unwrap().issuer, format!("{}/as2", stage.origin));
}

/// 401 although the token is good: some servers look for their session first, and the handshake is what they miss.
#[tokio::test]
async fn a_probe_refused_with_a_good_token_leads_to_the_handshake() {
    for status in [401, 403] {
        let rules = Arc::new(Rules::default());
        let authorization = world(Arc::clone(&rules)).await;
        let issuer = format!("{}/as1", authorization.origin);
        let stage = Stage::new(move |seen| {
            let origin = format!("http://{}", seen.header("host").unwrap());
            if seen.path != "/mcp" {
                return json_reply(
                    200,
                    &json!({"resource": format!("{origin}/mcp"), "authorization_servers": [issuer]}),
                );
            }
            match seen.method().as_str() {
                _ if seen.header("authorization").is_none() => {
                    challenge(401, &format!("Bearer resource_metadata=\"{origin}/prm\""))
                }
                "server/discover" => reply(status, "text/plain", "no session"),
                "initialize" => seen.initialized("2025-11-25", Some("s")),
                _ if seen.verb == "GET" => reply(405, "", ""),
                _ => reply(202, "", ""),
            }
        })
        .await;
        let (options, browser) = with_browser(&Watcher::new());
        let client = Client::connect(stage.url(), options).await.unwrap_or_else(|e| panic!("{status}: {e}"));
        assert_eq!(client.server().revision.as_str(), "2025-11-25");
        assert_eq!(browser.visits().len(), 1, "{status}: nobody is asked to log in twice");
    }
}

#[tokio::test]
async fn plain_resources_of_the_server_get_the_token_and_others_do_not() {
    let stage = world(Arc::new(Rules::default())).await;
    let other = Stage::new(|_| reply(200, "", "")).await;
    let (options, _) = with_browser(&Watcher::new());
    let client = Client::connect(stage.url(), options).await.unwrap();
    let me = client.authorized_get("/users/me/").await.unwrap();
    assert_eq!((me.status.as_u16(), &me.body[..]), (200, &br#"{"username":"johndoe"}"#[..]));
    for url in
        [other.url(), "//evil.example/x".to_owned(), "https://evil.example/x".to_owned(), "ftp:x".to_owned()]
    {
        let error = client.authorized_get(&url).await.unwrap_err();
        assert!(matches!(error, CallError::OtherOrigin { .. }), "{url}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn logging_out_revokes_and_forgets() {
    let rules = Rules { refreshable: true, ..Rules::default() };
    let stage = world(Arc::new(rules)).await;
    let (options, _) = with_browser(&Watcher::new());
    let client = Client::connect(stage.url(), options).await.unwrap();
    client.log_out().await.unwrap();
    assert_eq!(client.grant().await.unwrap(), None);
    let revoked: Vec<String> = stage
        .seen()
        .iter()
        .filter(|seen| seen.path.ends_with("/revoke"))
        .map(|seen| seen.form()["token_type_hint"].clone())
        .collect();
    assert_eq!(revoked, ["refresh_token", "access_token"]);
}

#[tokio::test]
async fn parallel_calls_lead_to_one_login() {
    let rules = Rules { needs: |method| (method == "tools/call").then_some("write"), ..Rules::default() };
    let stage = world(Arc::new(rules)).await;
    let (options, browser) = with_browser(&Watcher::new());
    let client = Client::connect(stage.url(), options).await.unwrap();
    for result in futures_util::future::join_all((0..8).map(|_| call(&client))).await {
        result.unwrap();
    }
    assert_eq!(browser.visits().len(), 2, "one to connect, one for all that lacked the scope");
}
