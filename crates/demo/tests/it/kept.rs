//! What a person, a device and a client have been told is still so after `kill -9`: everything beside codes and tokens,
//! which [`kill`](crate::kill) is about.

use std::time::{SystemTime, UNIX_EPOCH};

use barewire_testkit::login::{PKCE_CHALLENGE, REDIRECT_URI};
use barewire_testkit::{Authenticator, Browser, Holder, OAuthClient, Page, Tokens};
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use crate::site::Site;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NEW: &str = "a horse and a battery";

impl Site {
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.http.post(self.origin.join(path).unwrap()).form(form).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn register(&self, metadata: &Value) -> String {
        let answer =
            self.http.post(self.origin.join("/register").unwrap()).json(metadata).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["client_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn open(&self, browser: &mut Browser, path: &str) -> Page {
        browser.open(&self.origin.join(path).unwrap()).await.unwrap()
    }

    /// Gives name and password, and is not asked for more.
    async fn sign_in(&self, user: &str) -> Browser {
        let mut browser = Browser::new();
        let page = self.password(&mut browser, user, "secret").await;
        assert_eq!(page.heading(), "You are signed in");
        browser
    }

    async fn password(&self, browser: &mut Browser, user: &str, password: &str) -> Page {
        let page = self.open(browser, "/login").await;
        let form = page.form_with("password").unwrap().fill("username", user).fill("password", password);
        browser.send(&page, &form).await
    }

    /// A post of this user's, or the status of the refusal.
    async fn writes(&self, token: &str) -> StatusCode {
        let request = self.http.post(self.origin.join("/posts").unwrap()).bearer_auth(token);
        request
            .json(&json!({ "title": "A title", "content": "A text", "tags": [], "status": "draft" }))
            .send()
            .await
            .unwrap()
            .status()
    }
}

/// A login that begins at one device and is answered in a browser.
struct Device {
    client: String,
    device_code: String,
    user_code: String,
}

impl Device {
    async fn begin(site: &Site, client: &str) -> Self {
        let resource = site.resource();
        let form = [("client_id", client), ("resource", &resource), ("scope", "posts:read")];
        let (status, answer) = site.post("/device_authorization", &form).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self { client: client.to_owned(), device_code: text("device_code"), user_code: text("user_code") }
    }

    async fn is_allowed(&self, site: &Site, browser: &mut Browser) {
        let page = site.open(browser, "/device").await;
        let page = browser
            .send(&page, &page.form_with("user_code").unwrap().fill("user_code", &self.user_code))
            .await;
        let form = page.form_with("decision").unwrap().press(&["allow"]).unwrap();
        assert_eq!(browser.send(&page, &form).await.status, StatusCode::OK);
    }

    async fn collects(&self, site: &Site) -> Tokens {
        let form =
            [("grant_type", DEVICE_CODE), ("device_code", &self.device_code), ("client_id", &self.client)];
        let (status, answer) = site.post("/token", &form).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        Tokens {
            access: text("access_token").unwrap(),
            refresh: text("refresh_token"),
            scope: text("scope").unwrap(),
        }
    }
}

/// A client that signs who it is, once.
struct Signer {
    holder: Holder,
    client: String,
    statement: String,
}

impl Signer {
    async fn new(site: &Site) -> Self {
        let holder = Holder::new();
        let metadata = json!({
            "client_name": "a service that signs",
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": { "keys": [holder.jwk()] },
        });
        let client = site.register(&metadata).await;
        let mut signer = Self { holder, client, statement: String::new() };
        signer.statement = signer.says(site, "one");
        signer
    }

    fn says(&self, site: &Site, id: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let issuer = site.origin.as_str().trim_end_matches('/');
        let claims = json!({
            "iss": self.client, "sub": self.client, "aud": issuer, "iat": now, "exp": now + 60, "jti": id
        });
        self.holder.sign(&json!({ "alg": "ES256" }), &claims)
    }

    /// The status of a revocation of a token that there is not.
    async fn revokes(&self, site: &Site, statement: &str) -> StatusCode {
        let form = [
            ("token", "no-token"),
            ("client_id", &self.client),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", statement),
        ];
        site.post("/revoke", &form).await.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_devices_and_clients_were_told_is_still_so() {
    let site = Site::new();
    let resource = site.resource();
    let mut server = site.start().await;
    let mut john = site.sign_in("johndoe").await;

    // One device waits for its user, the other one's user has allowed it.
    let terminal = json!({
        "client_name": "A terminal",
        "grant_types": [DEVICE_CODE],
        "redirect_uris": [],
        "token_endpoint_auth_method": "none",
    });
    let terminal = site.register(&terminal).await;
    let waiting = Device::begin(&site, &terminal).await;
    let allowed = Device::begin(&site, &terminal).await;
    allowed.is_allowed(&site, &mut john).await;

    // A request that was pushed and not yet taken up.
    let client = OAuthClient::register(&site.origin, "A client").await.unwrap();
    let pushed = [
        ("client_id", client.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "posts:read"),
        ("code_challenge", PKCE_CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", &resource),
    ];
    let (status, answer) = site.post("/par", &pushed).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let reference = answer["request_uri"].as_str().unwrap().to_owned();

    // A connection that its user has narrowed.
    let narrowed = client.log_in(&resource, ("johndoe", "secret"), "posts:read posts:write").await.unwrap();
    assert_eq!(site.writes(&narrowed.access).await, StatusCode::CREATED);
    let list = site.open(&mut john, "/account/apps").await;
    let app = john.open(&list.link("A client").unwrap()).await.unwrap();
    let saved = john.send(&app, &app.press("narrow").uncheck("scope", "posts:write")).await;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    assert_eq!(site.writes(&narrowed.access).await, StatusCode::FORBIDDEN);

    // A second factor, and a new password.
    let mut jane = site.sign_in("janedoe").await;
    let page = site.open(&mut jane, "/account/totp").await;
    let page = jane.send(&page, &page.press("begin").fill("current", "secret")).await;
    let authenticator = Authenticator::new(&page.select(".key").unwrap());
    let code = authenticator.code(SystemTime::now(), 0);
    let page = jane.send(&page, &page.press("confirm").fill("code", &code)).await;
    assert_eq!(page.heading(), "The app is turned on");
    let recovery = page.select("li.code").unwrap();
    let page = site.open(&mut jane, "/account/password").await;
    let form = page.form_with("current").unwrap().fill("current", "secret").fill("new", NEW);
    assert_eq!(jane.send(&page, &form).await.heading(), "How you sign in");

    // A statement that counts once.
    let signer = Signer::new(&site).await;
    assert_eq!(signer.revokes(&site, &signer.statement).await, StatusCode::OK);

    server.kill();
    let mut server = site.start().await;

    assert_eq!(site.me(&allowed.collects(&site).await).await.unwrap(), StatusCode::OK);
    waiting.is_allowed(&site, &mut john).await;
    assert_eq!(site.me(&waiting.collects(&site).await).await.unwrap(), StatusCode::OK);

    let mut url = site.origin.join("/authorize").unwrap();
    url.query_pairs_mut().append_pair("client_id", &client.client_id).append_pair("request_uri", &reference);
    let stop_at = Url::parse(REDIRECT_URI).unwrap();
    let callback = john.login_and_consent_until(&url, &stop_at, "johndoe", "secret").await.unwrap();
    assert!(callback.query_pairs().any(|(name, _)| name == "code"), "{callback}");

    assert_eq!(site.writes(&narrowed.access).await, StatusCode::FORBIDDEN);
    let refreshed = client.refresh(narrowed.refresh.as_deref().unwrap(), &resource).await.unwrap();
    assert_eq!(refreshed.scope, "posts:read");

    let mut other = Browser::new();
    assert_eq!(site.password(&mut other, "janedoe", "secret").await.heading(), "Sign in");
    let page = site.password(&mut other, "janedoe", NEW).await;
    assert_eq!(page.heading(), "Second step");
    for (code, expected) in [(&code, "Second step"), (&recovery, "You are signed in")] {
        let answer = other.send(&page, &page.form_with("code").unwrap().fill("code", code)).await;
        assert_eq!(answer.heading(), expected, "{code}");
    }

    assert_eq!(signer.revokes(&site, &signer.statement).await, StatusCode::UNAUTHORIZED);
    assert_eq!(signer.revokes(&site, &signer.says(&site, "two")).await, StatusCode::OK);
    server.kill();
}
