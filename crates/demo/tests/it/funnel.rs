//! The connection funnel of the running demo: a client that connects, and each way in which one does not.

use std::time::Duration;

use barewire_audit::funnel::{Attempt, Outcome, Step};
use barewire_audit::{AttemptStore as _, AttemptsWanted};
use barewire_store::Store;
use barewire_testkit::login::{PKCE_VERIFIER, REDIRECT_URI};
use barewire_testkit::{Browser, OAuthClient, TempDir};
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use crate::world::{READ, World};

/// A demo, a client that says what it is, and a browser.
struct Connecting {
    dir: TempDir,
    world: World,
    browser: Browser,
}

impl Connecting {
    async fn start() -> Self {
        let dir = TempDir::new();
        let world = World::start_with(|config| config.server.data_dir = dir.path().to_owned()).await;
        Self { dir, world, browser: Browser::new() }
    }

    async fn call(&self, token: Option<&str>) -> StatusCode {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let mut request = self.world.http.post(self.world.url("/mcp")).json(&message);
        request = request.header("accept", "application/json, text/event-stream");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        response.bytes().await.unwrap();
        status
    }

    /// As clients begin.
    async fn discover(&self) {
        assert_eq!(self.call(None).await, StatusCode::UNAUTHORIZED);
        for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"] {
            let response = self.world.http.get(self.world.url(path)).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
        }
    }

    async fn register(&self) -> OAuthClient {
        OAuthClient::register(&self.world.origin, "A client").await.unwrap()
    }

    async fn code(&mut self, client: &OAuthClient) -> String {
        let resource = self.world.resource();
        client.code(&mut self.browser, &resource, ("johndoe", "secret"), READ).await.unwrap()
    }

    async fn redeem(&self, client: &OAuthClient, code: &str, verifier: &str) -> Value {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.client_id.as_str()),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", verifier),
            ("resource", &self.world.resource()),
        ];
        self.world.http.post(self.world.url("/token")).form(&form).send().await.unwrap().json().await.unwrap()
    }

    /// The one attempt there was, once the demo has stopped; after a silence, if there is to be one.
    async fn end(self, after: Duration) -> Attempt {
        self.world.clock.advance(after);
        self.world.stop().await;
        let store = Store::open(self.dir.join("audit.sqlite")).await.unwrap();
        let wanted = AttemptsWanted { limit: 10, ..AttemptsWanted::default() };
        let mut all = store.attempts(&wanted).await.unwrap();
        store.close().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0).1
    }
}

const SILENCE: Duration = Duration::from_secs(16 * 60);

fn check(attempt: &Attempt, outcome: Outcome, stands_at: Step, reason: &str) {
    assert_eq!(
        (attempt.outcome, attempt.stands_at(), attempt.reason.as_deref().unwrap_or_default()),
        (outcome, Some(stands_at), reason),
        "{attempt:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_connection_is_complete() {
    let mut it = Connecting::start().await;
    it.discover().await;
    let client = it.register().await;
    let code = it.code(&client).await;
    let tokens = it.redeem(&client, &code, PKCE_VERIFIER).await;
    assert_eq!(it.call(tokens["access_token"].as_str()).await, StatusCode::OK);
    it.call(tokens["access_token"].as_str()).await;
    let attempt = it.end(Duration::ZERO).await;
    check(&attempt, Outcome::Complete, Step::Call, "");
    let steps: Vec<_> = attempt.steps.iter().map(|reached| reached.step).collect();
    assert_eq!(steps, Step::ALL, "{attempt:#?}");
    assert_eq!(attempt.client, Some(client.client_id));
    assert_eq!(attempt.client_name.as_deref(), Some("A client"));
    assert_eq!(attempt.registration.as_deref(), Some("dynamic"));
    assert_eq!((attempt.user.as_deref(), attempt.endpoint.as_deref()), (Some("johndoe"), Some("/mcp")));
    let how = |step: Step| attempt.steps.iter().find(|reached| reached.step == step).unwrap().how.clone();
    assert_eq!(how(Step::ServerMetadata).as_deref(), Some("/.well-known/oauth-authorization-server"));
    // The browser comes again after the login.
    assert_eq!(how(Step::Authorization).as_deref(), Some("consent_asked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_out_and_goes_no_further_is_told_by_the_last_step() {
    let it = Connecting::start().await;
    it.call(None).await;
    check(&it.end(SILENCE).await, Outcome::Abandoned, Step::Challenge, "metadata_not_fetched");

    let it = Connecting::start().await;
    it.discover().await;
    check(&it.end(SILENCE).await, Outcome::Abandoned, Step::ServerMetadata, "not_registered");

    let it = Connecting::start().await;
    it.discover().await;
    it.register().await;
    check(&it.end(SILENCE).await, Outcome::Abandoned, Step::Registration, "browser_not_sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_refused_says_why() {
    let it = Connecting::start().await;
    it.discover().await;
    let metadata = json!({ "client_name": "A client", "redirect_uris": ["cursor://somewhere/callback"] });
    let answer = it.world.http.post(it.world.url("/register")).json(&metadata).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let attempt = it.end(Duration::ZERO).await;
    check(&attempt, Outcome::Stopped, Step::Registration, "redirect_uri");
    assert_eq!(attempt.steps.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_says_why() {
    for (name, value, reason) in [
        ("redirect_uri", "https://elsewhere.example/callback", "redirect_uri"),
        ("client_id", "client_of_another_server", "unknown_client"),
        ("resource", "https://elsewhere.example/mcp", "invalid_target"),
        ("scope", "posts:everything", "invalid_scope"),
        ("code_challenge_method", "plain", "code_challenge"),
    ] {
        let mut it = Connecting::start().await;
        it.discover().await;
        let client = it.register().await;
        let mut url = client.authorize_url(&it.world.resource(), READ, "a-state");
        let changed: Vec<(String, String)> = url
            .query_pairs()
            .map(|(key, old)| {
                (key.clone().into_owned(), if key == name { value.to_owned() } else { old.into_owned() })
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(changed);
        let stop_at = Url::parse(REDIRECT_URI).unwrap();
        it.browser.open_until(&url, &stop_at).await.unwrap();
        let attempt = it.end(Duration::ZERO).await;
        check(&attempt, Outcome::Stopped, Step::Authorization, reason);
        assert!(attempt.reached(Step::Registration), "{attempt:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_does_not_come_back_or_says_no() {
    let mut it = Connecting::start().await;
    it.discover().await;
    let client = it.register().await;
    let url = client.authorize_url(&it.world.resource(), READ, "a-state");
    it.browser.open(&url).await.unwrap();
    check(&it.end(SILENCE).await, Outcome::Abandoned, Step::Authorization, "login_not_finished");

    let mut it = Connecting::start().await;
    let client = it.register().await;
    let url = client.authorize_url(&it.world.resource(), READ, "a-state");
    let page = it.browser.open(&url).await.unwrap();
    let form = page.form_with("password").unwrap().fill("username", "johndoe").fill("password", "secret");
    let page = it.browser.send(&page, &form).await;
    let form = page.form_with("decision").unwrap().press(&["deny"]).unwrap();
    let callback = Url::parse(REDIRECT_URI).unwrap();
    it.browser.submit(&page, &form, Some(&callback)).await.unwrap();
    check(&it.end(Duration::ZERO).await, Outcome::Stopped, Step::Consent, "user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_does_no_good_says_why() {
    let mut it = Connecting::start().await;
    let client = it.register().await;
    it.code(&client).await;
    check(&it.end(SILENCE).await, Outcome::Abandoned, Step::Consent, "code_not_redeemed");

    for (late, verifier, reason) in [
        (true, PKCE_VERIFIER, "expired_code"),
        (false, "another-verifier-than-the-one-whose-challenge-was-sent", "wrong_verifier"),
    ] {
        let mut it = Connecting::start().await;
        let client = it.register().await;
        let code = it.code(&client).await;
        it.world.clock.advance(Duration::from_secs(if late { 90 } else { 1 }));
        let refused = it.redeem(&client, &code, verifier).await;
        assert_eq!(refused["error"], "invalid_grant");
        let attempt = it.end(Duration::ZERO).await;
        check(&attempt, Outcome::Stopped, Step::Token, reason);
        assert!(attempt.reached(Step::Consent));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redeemed_and_then_nothing_happened() {
    let mut it = Connecting::start().await;
    it.discover().await;
    let client = it.register().await;
    let code = it.code(&client).await;
    it.redeem(&client, &code, PKCE_VERIFIER).await;
    check(&it.end(SILENCE).await, Outcome::Abandoned, Step::Token, "token_not_used");

    let mut it = Connecting::start().await;
    let client = it.register().await;
    let code = it.code(&client).await;
    it.redeem(&client, &code, PKCE_VERIFIER).await;
    assert_eq!(it.call(None).await, StatusCode::UNAUTHORIZED);
    check(&it.end(Duration::ZERO).await, Outcome::Stopped, Step::Call, "request_without_token");

    let mut it = Connecting::start().await;
    let client = it.register().await;
    let code = it.code(&client).await;
    it.redeem(&client, &code, PKCE_VERIFIER).await;
    assert_eq!(it.call(Some("a.token.of-another-server")).await, StatusCode::UNAUTHORIZED);
    check(&it.end(Duration::ZERO).await, Outcome::Stopped, Step::Call, "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_the_ends_and_no_client_is_a_label() {
    let dir = TempDir::new();
    let world = World::start_with(|config| {
        config.server.data_dir = dir.path().to_owned();
        config.metrics.listen = Some("localhost:0".to_owned());
        config.funnel.flush_interval = Duration::from_millis(20);
    })
    .await;
    let client = OAuthClient::register(&world.origin, "A client with a name of its own").await.unwrap();
    let stop_at = Url::parse(REDIRECT_URI).unwrap();
    let mut url = client.authorize_url(&world.resource(), "no:such:scope", "a-state");
    Browser::new().open_until(&url, &stop_at).await.unwrap();
    url.query_pairs_mut().append_pair("unknown", "parameter");
    let metrics = format!("http://{}/metrics", world.metrics.unwrap());
    let expected = "barewire_connection_attempts_total{step=\"authorization\",outcome=\"stopped\",reason=\"invalid_scope\"} 1";
    let told = async {
        loop {
            let text = world.http.get(&metrics).send().await.unwrap().text().await.unwrap();
            if text.contains("barewire_connection_attempts_total{") {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let text = tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("name of its own") && !text.contains(&client.client_id), "{text}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_wants_to_know_nothing_is_kept() {
    let dir = TempDir::new();
    let world = World::start_with(|config| {
        config.server.data_dir = dir.path().to_owned();
        config.funnel.enabled = false;
    })
    .await;
    world.token("johndoe", READ).await;
    world.stop().await;
    let store = Store::open(dir.join("audit.sqlite")).await.unwrap();
    let wanted = AttemptsWanted { limit: 10, ..AttemptsWanted::default() };
    assert_eq!(store.attempts(&wanted).await.unwrap(), []);
}

/// What an administrator sees of it, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_where_it_stopped_and_why() {
    let dir = TempDir::new();
    let world = World::start_with(|config| {
        config.server.data_dir = dir.path().to_owned();
        config.funnel.flush_interval = Duration::from_millis(20);
    })
    .await;
    let page = world.url("/admin/funnel");
    let mut admin = signed_in(&world, "admin").await;
    assert!(admin.open(&page).await.unwrap().text().contains("No application has tried to connect yet"));

    let hostile = "</h2><script>alert(1)</script> \u{202e}eman";
    let client = OAuthClient::register(&world.origin, hostile).await.unwrap();
    let stop_at = Url::parse(REDIRECT_URI).unwrap();
    let url = client.authorize_url(&world.resource(), "no:such:scope", "a-state");
    Browser::new().open_until(&url, &stop_at).await.unwrap();
    let told = async {
        loop {
            let page = admin.open(&page).await.unwrap();
            if page.text().contains("invalid_scope") {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let shown = tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
    let text = shown.text();
    for expected in [
        "Stopped: authorization request",
        "a scope that there is not",
        "registered itself",
        "Compare the scope",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!shown.body.contains("<script>alert") && !shown.body.contains('\u{202e}'), "{}", shown.body);
    // What is asked for, also by whoever tries something.
    let mut open = async |query: &str| {
        let page = admin.open(&world.url(&format!("/admin/funnel?{query}"))).await.unwrap();
        assert_eq!(page.status, StatusCode::OK, "{query}");
        page.text()
    };
    for (query, there) in [
        ("outcome=stopped", true),
        ("outcome=complete", false),
        ("outcome=%27%20OR%201", true),
        ("client=alert", true),
        ("client=nobody", false),
        ("client=%25", false),
        ("after=0", false),
        ("after=x", true),
    ] {
        assert_eq!(open(query).await.contains("invalid_scope"), there, "{query}");
    }

    let mut john = signed_in(&world, "johndoe").await;
    assert_eq!(john.open(&page).await.unwrap().status, StatusCode::NOT_FOUND);
    let login = Browser::new().open(&page).await.unwrap();
    assert!(login.form_with("password").is_some(), "{}", login.text());
    world.stop().await;
}

async fn signed_in(world: &World, user: &str) -> Browser {
    let mut browser = Browser::new();
    let page = browser.open(&world.url("/login")).await.unwrap();
    let form = page.form_with("password").unwrap().fill("username", user).fill("password", "secret");
    browser.submit(&page, &form, None).await.unwrap();
    browser
}
