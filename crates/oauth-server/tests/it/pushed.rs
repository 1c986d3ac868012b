//! Pushed authorization requests ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)).

use aws_lc_rs::hmac;
use barewire_oauth_server::AuthConfig;
use barewire_testkit::{Browser, BrowserError, Holder, Landing};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use crate::consent::consent_page;
use crate::signing::{ASSERTION_TYPE, SigningKey};
use crate::world::{
    BACKEND_SECRET, CALLBACK, CHALLENGE, RawForm, STATE, WEB_CALLBACK, World, config, documented, query,
    redemption,
};

impl World {
    async fn push(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.http.post(self.at("/par")).form(form).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status(), answer.json().await.unwrap())
    }

    /// The reference to a good request.
    async fn pushed(&self, client: &str, changes: &[(&str, &str)]) -> String {
        let (status, answer) = self.push(&form(client, CALLBACK, changes)).await;
        assert_eq!((status, &answer["expires_in"]), (StatusCode::CREATED, &json!(60)), "{answer}");
        answer["request_uri"].as_str().unwrap().to_owned()
    }

    fn with_reference(&self, client: &str, reference: &str, beside: &[(&str, &str)]) -> Url {
        let mut url = self.at("/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", client)
            .append_pair("request_uri", reference)
            .extend_pairs(beside);
        url
    }

    /// What a browser sees that is not logged in.
    async fn visit(&self, url: &Url) -> (StatusCode, Option<String>) {
        let answer = self.http.get(url.clone()).send().await.unwrap();
        let location = answer.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
        (answer.status(), location)
    }

    async fn is_refused(&self, url: &Url) -> bool {
        let (status, location) = self.visit(url).await;
        assert_eq!(location, None, "nobody is sent anywhere");
        status == StatusCode::BAD_REQUEST
    }
}

async fn allow(browser: &mut Browser, url: &Url, user: &str) -> Result<Url, BrowserError> {
    browser.login_and_consent_until(url, &Url::parse(CALLBACK).unwrap(), user, "secret").await
}

fn form<'a>(client: &'a str, callback: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", callback),
        ("state", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", "https://rs.example/mcp"),
    ];
    for (name, value) in changes {
        form.retain(|(key, _)| key != name);
        form.push((name, value));
    }
    form
}

#[tokio::test]
async fn what_was_pushed_is_what_is_answered() {
    let world = World::new().await;
    let client = world.register().await;
    let reference = world.pushed(&client, &[("scope", "posts:write")]).await;
    // Whatever stands beside the reference says nothing.
    let beside = [
        ("redirect_uri", "https://evil.example/cb"),
        ("scope", "posts:read"),
        ("state", "another"),
        ("code_challenge", &"A".repeat(43)),
        ("response_type", "token"),
    ];
    let url = world.with_reference(&client, &reference, &beside);
    let callback = allow(&mut Browser::new(), &url, "johndoe").await.unwrap();
    assert!(callback.as_str().starts_with(CALLBACK), "{callback}");
    assert_eq!(query(&callback)["state"], STATE);
    let (status, answer) = world.redeem(&client, &query(&callback)["code"]).await;
    assert_eq!((status, &answer["scope"]), (StatusCode::OK, &json!("posts:write")), "{answer}");
}

#[tokio::test]
async fn a_reference_has_one_answer() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.with_reference(&client, &world.pushed(&client, &[]).await, &[]);
    // A link scanner first, and a page that is loaded again: both are harmless.
    for _ in 0..2 {
        assert_eq!(world.visit(&url).await.0, StatusCode::SEE_OTHER);
    }
    allow(&mut Browser::new(), &url, "johndoe").await.unwrap();
    assert!(world.is_refused(&url).await, "used a second time");
    // A refusal is an answer, too.
    let url = world.with_reference(&client, &world.pushed(&client, &[]).await, &[]);
    let mut browser = Browser::new();
    let page = consent_page(&mut browser, &url).await;
    let form = page.forms().into_iter().find_map(|form| form.press(&["deny"])).unwrap();
    let callback = Url::parse(CALLBACK).unwrap();
    let Landing::Left(landing) = browser.submit(&page, &form, Some(&callback)).await.unwrap() else {
        panic!()
    };
    assert_eq!(query(&landing)["error"], "access_denied");
    assert!(world.is_refused(&url).await, "used after a refusal");
}

#[tokio::test]
async fn of_two_windows_one_gets_the_code() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.with_reference(&client, &world.pushed(&client, &[]).await, &[]);
    let (mut one, mut other) = (Browser::new(), Browser::new());
    let results = tokio::join!(allow(&mut one, &url, "johndoe"), allow(&mut other, &url, "janedoe"),);
    assert_eq!([results.0.is_ok(), results.1.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn a_reference_is_for_its_client() {
    let world = World::new().await;
    let client = world.register().await;
    let reference = world.pushed(&client, &[]).await;
    assert!(world.is_refused(&world.with_reference("web", &reference, &[])).await);
    assert_eq!(world.visit(&world.with_reference(&client, &reference, &[])).await.0, StatusCode::SEE_OTHER);
    let unknown = format!("{reference}x");
    assert!(world.is_refused(&world.with_reference(&client, &unknown, &[])).await);
}

#[tokio::test]
async fn a_reference_is_short_lived_until_a_browser_comes_and_then_as_long_as_a_login() {
    let world = World::new().await;
    let client = world.register().await;
    let late = world.with_reference(&client, &world.pushed(&client, &[]).await, &[]);
    let opened = world.with_reference(&client, &world.pushed(&client, &[]).await, &[]);
    world.advance(59);
    assert_eq!(world.visit(&opened).await.0, StatusCode::SEE_OTHER);
    world.advance(1);
    assert!(world.is_refused(&late).await, "a minute was over");
    world.advance(839);
    assert_eq!(world.visit(&opened).await.0, StatusCode::SEE_OTHER);
    world.advance(1);
    assert!(world.is_refused(&opened).await, "a quarter of an hour was over");
}

#[tokio::test]
async fn it_survives_a_restart() {
    let world = World::new().await;
    let client = world.register().await;
    let reference = world.pushed(&client, &[]).await;
    let world = world.restarted(config()).await;
    let url = world.with_reference(&client, &reference, &[]);
    allow(&mut Browser::new(), &url, "johndoe").await.unwrap();
    let world = world.restarted(config()).await;
    assert!(world.is_refused(&world.with_reference(&client, &reference, &[])).await);
}

#[tokio::test]
async fn nobody_is_sent_where_the_client_has_not_registered() {
    let world = World::new().await;
    let client = world.register().await;
    for elsewhere in ["https://evil.example/cb", "http://localhost:5173/other", "javascript:alert(1)"] {
        let (status, answer) = world.push(&form(&client, elsewhere, &[])).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
        assert_eq!(answer.get("request_uri"), None);
    }
    // Somebody else's document as a request is none of ours.
    for uri in ["https://evil.example/request.jwt", "urn:ietf:params:oauth:request_uri:"] {
        let beside = [("redirect_uri", "https://evil.example/cb")];
        for beside in [&[][..], &beside[..]] {
            let (_, location) = world.visit(&world.with_reference(&client, uri, beside)).await;
            assert!(location.is_none_or(|it| it.starts_with(CALLBACK)), "{uri}");
        }
    }
}

#[tokio::test]
async fn mistakes_are_told_when_it_is_pushed() {
    let world = World::new().await;
    let client = world.register().await;
    for (changes, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("scope", "posts:delete")], "invalid_scope"),
        (&[("resource", "https://elsewhere.example")], "invalid_target"),
        (&[("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request"),
        (&[("request", "e30.e30.")], "request_not_supported"),
    ] {
        let (status, answer) = world.push(&form(&client, CALLBACK, changes)).await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::BAD_REQUEST, Some(error)), "{answer}");
    }
    assert_eq!(world.push(&form("nobody", CALLBACK, &[])).await.0, StatusCode::UNAUTHORIZED);
    let get = world.http.get(world.at("/par")).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn clients_authenticate_as_at_the_token_endpoint() {
    let world = World::new().await;
    let request = form("backend", WEB_CALLBACK, &[]);
    for (secret, expected) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("wrong"), StatusCode::UNAUTHORIZED),
        (Some(BACKEND_SECRET), StatusCode::CREATED),
    ] {
        let secret: Vec<_> = secret.iter().map(|secret| ("client_secret", *secret)).collect();
        let (status, answer) = world.push(&[&request[..], &secret[..]].concat()).await;
        assert_eq!(status, expected, "{answer}");
    }
}

/// Its document says that it signs; nobody else may push in its name, and use up its network's share.
#[tokio::test]
async fn a_documented_client_with_keys_signs_what_it_pushes() {
    let world = World::with(AuthConfig { client_documents_from_loopback: true, ..config() }).await;
    let key = SigningKey::new("k");
    let more = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.set() });
    let client = documented(more).await;
    let request = form(&client, CALLBACK, &[]);
    let (status, answer) = world.push(&request).await;
    assert_eq!((status, &answer["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    assert_eq!(world.witness.count("pushed_request /par client_authentication"), 1);
    let statement = key.client(&world, &client, "1");
    let signed = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", statement.as_str())];
    let (status, answer) = world.push(&[&request[..], &signed[..]].concat()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn one_network_has_a_bounded_share() {
    let world = World::with(AuthConfig { max_pushed_requests_per_source: 3, ..config() }).await;
    let client = world.register().await;
    for _ in 0..3 {
        world.pushed(&client, &[]).await;
    }
    let (status, answer) = world.push(&form(&client, CALLBACK, &[])).await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("temporarily_unavailable"))
    );
    world.advance(60);
    world.pushed(&client, &[]).await;
}

#[tokio::test]
async fn where_requests_have_to_be_pushed() {
    let everybody = World::with(AuthConfig { require_pushed_authorization_requests: true, ..config() }).await;
    let client = everybody.register().await;
    let metadata = everybody.http.get(everybody.at("/.well-known/oauth-authorization-server"));
    let metadata: Value = metadata.send().await.unwrap().json().await.unwrap();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["pushed_authorization_request_endpoint"], everybody.at("/par").as_str());
    let one = World::new().await;
    let demands = json!({ "require_pushed_authorization_requests": true });
    let demanding = one.register_with(demands).await["client_id"].as_str().unwrap().to_owned();
    for (world, client) in [(&everybody, &client), (&one, &demanding)] {
        let (_, location) = world.visit(&world.authorize_url(client, CALLBACK, &[])).await;
        let location = location.unwrap();
        assert!(location.starts_with(CALLBACK) && location.contains("error=invalid_request"), "{location}");
        let url = world.with_reference(client, &world.pushed(client, &[]).await, &[]);
        allow(&mut Browser::new(), &url, "johndoe").await.unwrap();
    }
}

#[tokio::test]
async fn a_wish_to_log_in_anew_is_fulfilled_once() {
    let world = World::new().await;
    let client = world.register().await;
    let mut browser = Browser::new();
    let first = world.with_reference(&client, &world.pushed(&client, &[]).await, &[]);
    allow(&mut browser, &first, "johndoe").await.unwrap();
    world.advance(10);
    // The browser is logged in; the wish makes it ask all the same, and then goes on.
    let url = world.with_reference(&client, &world.pushed(&client, &[("prompt", "login")]).await, &[]);
    allow(&mut browser, &url, "johndoe").await.unwrap();
}

#[tokio::test]
async fn an_answer_does_not_stand_in_for_the_login_that_was_asked_for() {
    let world = World::new().await;
    let client = world.register().await;
    let browser = world.signed_in("johndoe").await;
    world.advance(10);
    let reference = world.pushed(&client, &[("prompt", "login")]).await;
    let query = world.with_reference(&client, &reference, &[]).query().unwrap().to_owned();
    // Whoever sits at the browser knows its cookie, and can make the form that no page has shown.
    let cookie = browser.cookie(&world.url, "barewire_auth").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, cookie.as_bytes());
    let csrf = URL_SAFE_NO_PAD.encode(hmac::sign(&key, format!("Consent\n{query}").as_bytes()));
    let action = world.at(&format!("/consent?{query}"));
    let form = RawForm { action, cookie: format!("barewire_auth={cookie}"), csrf };
    for decision in ["allow", "deny"] {
        let answer = form.post(&world, &[("decision", decision)]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.starts_with("/login?"), "{decision}: {location}");
    }
}

#[tokio::test]
async fn a_proof_binds_the_code() {
    let (world, holder) = (World::new().await, Holder::new());
    let client = world.register().await;
    let push = async |jkt: Option<String>| {
        let proof = holder.proof("POST", world.at("/par").as_str(), None, world.clock.now());
        let changes: Vec<_> = jkt.iter().map(|jkt| ("dpop_jkt", jkt.as_str())).collect();
        let request = world.http.post(world.at("/par")).header("dpop", proof);
        let answer = request.form(&form(&client, CALLBACK, &changes)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    };
    assert_eq!(push(Some(Holder::new().thumbprint())).await["error"], "invalid_dpop_proof");
    assert!(push(Some(holder.thumbprint())).await["request_uri"].is_string());
    let answer = push(None).await;
    let url = world.with_reference(&client, answer["request_uri"].as_str().unwrap(), &[]);
    let callback = allow(&mut Browser::new(), &url, "johndoe").await.unwrap();
    let code = query(&callback)["code"].clone();
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_dpop_proof")));
    let proof = holder.proof("POST", world.at("/token").as_str(), None, world.clock.now());
    let (status, _, _) = world.token_with(&proof, &redemption(&client, &code, CALLBACK)).await;
    assert_eq!(status, StatusCode::OK);
}

/// [§2.3](https://www.rfc-editor.org/rfc/rfc9126#section-2.3) wants the status for pushed requests; it is one rule for all.
#[tokio::test]
async fn what_is_too_large_is_told_so_by_its_status() {
    let world = World::new().await;
    let huge = "x".repeat(config().max_body_bytes + 1);
    for path in ["/par", "/token", "/revoke", "/introspect", "/device_authorization"] {
        let form = [("client_id", "web"), ("state", &huge)];
        let answer = world.http.post(world.at(path)).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"], "invalid_request", "{path}");
    }
}
