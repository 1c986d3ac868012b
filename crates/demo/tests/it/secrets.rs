//! Everything that people and clients do with secrets, in one run, and not one of them in the log; and nothing in the log
//! that its guide (`docs/audit.md`) does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::hmac;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::{ConfiguredClient, Dpop};
use barewire_testkit::login::{PKCE_CHALLENGE, PKCE_VERIFIER, REDIRECT_URI};
use barewire_testkit::{Browser, Form, Holder, Landing, OAuthClient, Page, TempDir};
use data_encoding::BASE32_NOPAD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use crate::audit::records;
use crate::world::{READ, World};

const MACHINE_SECRET: &str = "machine secret nobody guesses";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Somebody at a browser, and what must not be written down of it.
struct Run {
    world: World,
    browser: Browser,
    secrets: BTreeSet<String>,
}

impl Run {
    async fn start(dir: &TempDir) -> Self {
        let world = World::start_with(|config| {
            config.server.data_dir = dir.path().to_owned();
            config.auth.dpop = Dpop::Offered;
            config.auth.clients = vec![ConfiguredClient {
                client_id: "machine".to_owned(),
                client_secret: Some(MACHINE_SECRET.into()),
                client_name: "A machine".to_owned(),
                redirect_uris: vec!["https://machine.example/callback".to_owned().try_into().unwrap()],
                ..ConfiguredClient::default()
            }];
            config.auth.own_access = [("machine".to_owned(), ScopeSet::from_tokens([READ]))].into();
        })
        .await;
        let secrets = BTreeSet::from([MACHINE_SECRET.to_owned(), PKCE_VERIFIER.to_owned()]);
        Self { world, browser: Browser::new(), secrets }
    }

    /// It must not be in the log, and no part of it that is long enough to be one.
    fn keep(&mut self, secret: &str) {
        self.secrets.insert(secret.to_owned());
        let long = |part: &&str| part.len() >= 20;
        self.secrets.extend(secret.split(['.', ' ', ':']).filter(long).map(str::to_owned));
    }

    /// A moment later.
    fn wait(&self) {
        self.world.clock.advance(Duration::from_secs(1));
    }

    async fn open(&mut self, url: &Url) -> Page {
        let page = self.browser.open(url).await.unwrap();
        self.look(&page);
        page
    }

    async fn submit(&mut self, page: &Page, form: &Form) -> Page {
        self.wait();
        for (name, value) in &form.fields {
            if form.passwords.contains(name) || name == "code" {
                self.keep(value);
            }
        }
        let page = self.browser.send(page, form).await;
        self.look(&page);
        page
    }

    /// Forms have tokens, and the browser cookies.
    fn look(&mut self, page: &Page) {
        for form in page.forms() {
            for (name, value) in form.fields {
                if ["csrf", "half", "set_up"].contains(&name.as_str()) {
                    self.keep(&value);
                }
            }
        }
        for name in ["barewire_auth", "barewire_known"] {
            if let Some(value) = self.browser.cookie(&page.url, name).map(str::to_owned) {
                self.keep(&value);
            }
        }
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        self.wait();
        let answer = self.world.http.post(self.world.url(path)).form(form).send().await.unwrap();
        let status = answer.status();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        for name in ["access_token", "refresh_token", "device_code", "user_code", "request_uri"] {
            if let Some(secret) = answer[name].as_str() {
                self.keep(secret);
            }
        }
        (status, answer)
    }

    async fn call(&mut self, token: Option<&str>) {
        self.wait();
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let mut request = self.world.http.post(self.world.url("/mcp")).json(&message);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().bytes().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_whole_run_is_in_the_log_and_nothing_that_the_guide_lacks() {
    let dir = TempDir::new();
    let mut run = Run::start(&dir).await;
    let resource = run.world.resource();

    // A client finds out, registers and sends its user, who mistypes the password and then consents.
    run.call(None).await;
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"] {
        run.world.http.get(run.world.url(path)).send().await.unwrap();
    }
    let client = OAuthClient::register(&run.world.origin, "a client").await.unwrap();
    let page = run.open(&client.authorize_url(&resource, READ, "a-state")).await;
    run.keep("typed into the wrong field");
    let form = page.form_with("password").unwrap().fill("username", "typed into the wrong field");
    let page = run.submit(&page, &form.fill("password", "not the password")).await;
    let form = page.form_with("password").unwrap().fill("username", "johndoe").fill("password", "secret");
    let page = run.submit(&page, &form).await;
    let form = page.form_with("decision").unwrap().press(&["allow"]).unwrap();
    let callback = Url::parse(REDIRECT_URI).unwrap();
    let landing = run.browser.submit(&page, &form, Some(&callback)).await.unwrap();
    let Landing::Left(callback) = landing else { panic!("no callback: {landing:?}") };
    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    run.keep(&code);
    run.wait();
    let redemption = [
        ("grant_type", "authorization_code"),
        ("client_id", client.client_id.as_str()),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("resource", &resource),
    ];
    let wrong = "a-verifier-that-somebody-has-made-up-who-has-not-the-right-one";
    run.keep(wrong);
    assert_eq!(run.post("/token", &[&redemption[..], &[("code_verifier", wrong)]].concat()).await.0, 400);
    let right = [&redemption[..], &[("code_verifier", PKCE_VERIFIER)]].concat();
    let (status, tokens) = run.post("/token", &right).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    run.call(Some(&access)).await;
    let forged = format!("{}A", &access[..access.len() - 3]);
    run.keep(&forged);
    run.call(Some(&forged)).await;

    // Refreshed, looked at, replayed, revoked.
    let renew = [
        ("grant_type", "refresh_token"),
        ("client_id", client.client_id.as_str()),
        ("refresh_token", refresh.as_str()),
    ];
    let (status, renewed) = run.post("/token", &renew).await;
    assert_eq!(status, StatusCode::OK, "{renewed}");
    let machine = [("client_id", "machine"), ("client_secret", MACHINE_SECRET)];
    let token = text(&renewed, "access_token");
    run.post(
        "/introspect",
        &[("token", token.as_str()), ("client_id", "machine"), ("client_secret", "guessed at random")],
    )
    .await;
    run.keep("guessed at random");
    run.post("/introspect", &[&machine[..], &[("token", token.as_str())]].concat()).await;
    run.world.clock.advance(Duration::from_secs(3600));
    assert_eq!(run.post("/token", &renew).await.0, 400);
    run.post("/revoke", &[("token", token.as_str()), ("client_id", client.client_id.as_str())]).await;
    run.call(Some(&token)).await;

    // For itself, with a secret, and bound to a key.
    let own = [&machine[..], &[("grant_type", "client_credentials")]].concat();
    let (status, answer) = run.post("/token", &own).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    run.call(answer["access_token"].as_str()).await;
    let holder = Holder::new();
    let proof = holder.proof("POST", run.world.url("/token").as_str(), None, run.world.clock.now());
    for _ in 0..2 {
        let request = run.world.http.post(run.world.url("/token")).header("dpop", &proof).form(&own);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().into_iter().for_each(|token| run.keep(token));
    }
    run.keep(&proof);

    // Pushed, and by a device.
    let pushed = [
        ("client_id", client.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT_URI),
        ("code_challenge", PKCE_CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let (status, answer) = run.post("/par", &pushed).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let metadata = json!({ "client_name": "A terminal", "grant_types": [DEVICE_CODE, "refresh_token"], "redirect_uris": [], "token_endpoint_auth_method": "none" });
    let answer = run.world.http.post(run.world.url("/register")).json(&metadata).send().await.unwrap();
    let terminal = text(&answer.json::<Value>().await.unwrap(), "client_id");
    let (status, device) = run.post("/device_authorization", &[("client_id", &terminal)]).await;
    assert_eq!(status, StatusCode::OK, "{device}");
    let page = run.open(&run.world.url("/device")).await;
    let form = page.form_with("user_code").unwrap().fill("user_code", "BCDF-GHJK");
    let page = run.submit(&page, &form).await;
    let form = page.form_with("user_code").unwrap().fill("user_code", &text(&device, "user_code"));
    let page = run.submit(&page, &form).await;
    let form = page.form_with("decision").unwrap().press(&["allow"]).unwrap();
    run.submit(&page, &form).await;
    let code = text(&device, "device_code");
    let redemption =
        [("grant_type", DEVICE_CODE), ("device_code", code.as_str()), ("client_id", terminal.as_str())];
    let (status, answer) = run.post("/token", &redemption).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    // An authenticator app, its recovery codes, another password, and a login with all of them.
    let totp = run.world.url("/account/totp");
    let page = run.open(&totp).await;
    let page = run.submit(&page, &page.press("begin").fill("current", "secret")).await;
    let key = page.select(".key").unwrap();
    run.keep(&key);
    let key = key.replace(' ', "");
    run.keep(&key);
    let app = BASE32_NOPAD.decode(key.as_bytes()).unwrap();
    let code = |run: &Run| {
        let step = run.world.clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &app);
        let mac = hmac::sign(&key, &step.to_be_bytes());
        format!("{:06}", barewire_oauth::totp::code(mac.as_ref().try_into().unwrap()))
    };
    let form = page.press("confirm").fill("code", &code(&run));
    let page = run.submit(&page, &form).await;
    let codes: Vec<_> = page.body.split("<li class=\"code\">").skip(1).collect();
    assert_eq!(codes.len(), 10, "{}", page.body);
    codes.iter().for_each(|rest| run.keep(rest.split('<').next().unwrap()));
    let recovery = codes[0].split('<').next().unwrap().to_owned();
    let page = run.open(&run.world.url("/account/password")).await;
    let form = page.form_with("new").unwrap().fill("current", "secret").fill("new", "another passphrase");
    run.submit(&page, &form).await;
    for answer in [None, Some(recovery)] {
        run.browser.forget();
        let page = run.open(&run.world.url("/login")).await;
        let form = page.form_with("password").unwrap().fill("username", "johndoe");
        let page = run.submit(&page, &form.fill("password", "another passphrase")).await;
        run.world.clock.advance(Duration::from_secs(60));
        let answer = answer.unwrap_or_else(|| code(&run));
        run.submit(&page, &page.form_with("code").unwrap().fill("code", &answer)).await;
    }
    // A form of another site's, and the end of the session.
    let page = run.open(&run.world.url("/account/password")).await;
    let form = page.form_with("new").unwrap().fill("csrf", "made-up-by-another-site");
    let page =
        run.submit(&page, &form.fill("current", "another passphrase").fill("new", "of another site")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let page = run.open(&run.world.url("/account/sessions")).await;
    let form = page.forms().into_iter().find(|form| form.action.path() == "/logout").unwrap();
    run.submit(&page, &form).await;
    let Run { world, secrets, .. } = run;
    world.stop().await;

    let all = records(dir.path()).await;
    let mut file = Vec::new();
    for name in ["audit.sqlite", "audit.sqlite-wal"] {
        file.extend(std::fs::read(dir.join(name)).unwrap_or_default());
    }
    let contains = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("johndoe") && contains("A terminal"), "what is searched is what was written");
    assert!(secrets.len() > 60, "{}", secrets.len());
    // `secret` is a word of the demo, and six digits may be anything; in a record they would be a field of their own.
    for secret in secrets.iter().filter(|secret| secret.len() > 6) {
        assert!(!contains(secret), "{secret}");
    }
    for record in &all {
        for (name, value) in record.as_object().unwrap() {
            let is_secret = value.as_str().is_some_and(|value| secrets.contains(value));
            assert!(!is_secret, "{name}: {record}");
        }
    }
    follows_the_guide(&all);
}

/// Each event has the fields and reasons that the guide says, and nearly every event there is happened.
fn follows_the_guide(records: &[Value]) {
    const GUIDE: &str = include_str!("../../../../docs/audit.md");
    const ALWAYS: [&str; 9] =
        ["at", "kind", "event", "endpoint", "decision", "address", "userAgent", "traceId", "parentId"];
    let words =
        |text: &str| -> BTreeSet<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let of_tokens =
        words(GUIDE.split("### Of the token endpoint\n").nth(1).unwrap().split("\n## ").next().unwrap());
    let table = GUIDE.split("\n## Events\n").nth(1).unwrap();
    let rows: BTreeMap<String, [BTreeSet<String>; 3]> = table
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let columns: Vec<_> = row.split('|').collect();
            let mut refused = words(columns[4]);
            if columns[4].contains("(#of-the-token-endpoint)") {
                refused.extend(of_tokens.iter().cloned());
            }
            (row.split('`').next().unwrap().to_owned(), [words(columns[2]), words(columns[3]), refused])
        })
        .collect();
    let mut seen = BTreeSet::new();
    for record in records.iter().filter(|record| record["kind"] == "event") {
        let event = record["event"].as_str().unwrap();
        let [fields, allowed, refused] = &rows[event];
        for name in record.as_object().unwrap().keys().filter(|name| *name != "reason") {
            assert!(ALWAYS.contains(&name.as_str()) || fields.contains(name), "{event} has {name}: {record}");
        }
        let was_refused = record["decision"] == "refused";
        let reasons = if was_refused { refused } else { allowed };
        match record["reason"].as_str() {
            Some(reason) => assert!(reasons.contains(reason), "{event} for {reason}: {record}"),
            None => assert!(!was_refused, "{record}"),
        }
        seen.insert(event);
    }
    for event in [
        "metadata",
        "authorization",
        "registration",
        "login",
        "logout",
        "consent",
        "grant",
        "refresh",
        "reuse",
        "revocation",
        "credential",
        "device_authorization",
        "pushed_request",
        "introspection",
    ] {
        assert!(seen.contains(event), "there was no {event}");
    }
}
