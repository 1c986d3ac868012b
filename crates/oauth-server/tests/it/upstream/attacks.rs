//! What an attacker may try around a login at an identity provider.

use std::time::Duration;

use barewire_oauth_server::AuthConfig;
use barewire_testkit::{Browser, Landing, Page};
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::idp::{Idp, Signer, allow, page, tokens};
use crate::world::{CALLBACK, World, config, query};

const AT: &str = "login /login/upstream/{provider}/callback";

/// A login that has come as far as the provider's answer, which the browser has not followed yet.
async fn answered(world: &World, browser: &mut Browser, client: &str, name: &str) -> Url {
    let page = browser.open(&world.authorize_url(client, CALLBACK, &[])).await.unwrap();
    let link = page.link(&format!("Sign in with {name}")).unwrap();
    let back = world.at(&format!("/login/upstream/{}/callback", name.to_lowercase()));
    match browser.open_until(&link, &back).await.unwrap() {
        Landing::Left(url) => url,
        Landing::Page(page) => panic!("{}", page.text()),
    }
}

/// The same answer with another value for this parameter.
fn with(url: &Url, name: &str, value: &str) -> Url {
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs).append_pair(name, value);
    url
}

fn assert_refused(page: &Page, status: StatusCode, says: &str) {
    assert_eq!(page.status, status, "{}", page.text());
    assert!(page.text().contains(says), "{}", page.text());
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
}

async fn is_signed_in(world: &World, browser: &mut Browser) -> bool {
    browser.open(&world.at("/login")).await.unwrap().text().contains("You are signed in")
}

#[tokio::test]
async fn an_answer_counts_only_in_the_browser_that_asked() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let client = world.register().await;
    // The attacker logs in as himself and sends somebody his answer (login CSRF).
    let (mut attacker, mut victim) = (Browser::new(), Browser::new());
    let answer = answered(&world, &mut attacker, &client, "Corporate").await;
    assert_refused(&victim.open(&answer).await.unwrap(), StatusCode::BAD_REQUEST, "another browser");
    victim.open(&world.at("/login")).await.unwrap();
    assert_refused(&victim.open(&answer).await.unwrap(), StatusCode::BAD_REQUEST, "another browser");
    assert!(!is_signed_in(&world, &mut victim).await);
    assert_eq!(world.witness.count(&format!("{AT} upstream_other_browser")), 2);
    // It was not used up by that.
    assert!(attacker.open(&answer).await.unwrap().text().contains("Allow"));
}

#[tokio::test]
async fn an_answer_counts_once_and_in_its_time() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let client = world.register().await;
    let mut browser = Browser::new();
    let answer = answered(&world, &mut browser, &client, "Corporate").await;
    let mut twin = browser.clone();
    let (first, second) = tokio::join!(browser.open(&answer), twin.open(&answer));
    let came_in =
        [first.unwrap(), second.unwrap()].iter().filter(|page| page.text().contains("Allow")).count();
    assert_eq!(came_in, 1);
    let mut browser = Browser::new();
    let answer = answered(&world, &mut browser, &client, "Corporate").await;
    world.advance(600);
    assert_refused(&browser.open(&answer).await.unwrap(), StatusCode::BAD_REQUEST, "took too long");
    for query in ["", "state=", "state=made-up&code=c", "state=a&state=b&code=c"] {
        let mut url = world.at("/login/upstream/corporate/callback");
        url.set_query(Some(query));
        let page = browser.open(&url).await.unwrap();
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let mut long = world.at("/login/upstream/corporate/callback");
    long.set_query(Some(&"x".repeat(9_000)));
    assert_eq!(browser.open(&long).await.unwrap().status, StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused() {
    let (honest, evil) = (Idp::start().await, Idp::start().await);
    let upstream = [
        ("honest".to_owned(), honest.section(json!({ "display_name": "Honest" }))),
        ("evil".to_owned(), evil.section(json!({ "display_name": "Evil" }))),
    ];
    let world = World::with(AuthConfig { upstream: upstream.into(), ..config() }).await;
    let client = world.register().await;
    // The person means the evil one; it leads them to the honest one, whose answer it wants to have.
    let mut browser = Browser::new();
    let answer = answered(&world, &mut browser, &client, "Evil").await;
    let mut elsewhere = answer.clone();
    elsewhere.set_path("/login/upstream/honest/callback");
    assert_refused(&browser.open(&elsewhere).await.unwrap(), StatusCode::BAD_REQUEST, "another provider");
    assert!(honest.asked("token").is_empty() && evil.asked("token").is_empty(), "no code went anywhere");
    // It says itself whose it is.
    let issuer = honest.does().issuer.clone();
    let named = with(&answer, "iss", &issuer);
    assert_refused(&browser.open(&named).await.unwrap(), StatusCode::BAD_REQUEST, "was asked");
    assert!(evil.asked("token").is_empty());
    assert_eq!(world.witness.count(&format!("{AT} upstream_issuer")), 1);
    // One that says that its answers say so does not leave it out.
    honest.does().document = json!({ "authorization_response_iss_parameter_supported": true });
    let mut browser = Browser::new();
    let answer = answered(&world, &mut browser, &client, "Honest").await;
    assert_refused(
        &browser.open(&answer).await.unwrap(),
        StatusCode::BAD_REQUEST,
        "does not say whose it is",
    );
    honest.does().answer = vec![("iss", issuer)];
    let answer = answered(&world, &mut browser, &client, "Honest").await;
    assert!(browser.open(&answer).await.unwrap().text().contains("Allow"));
}

#[tokio::test]
async fn a_code_of_another_login_is_of_no_use() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let client = world.register().await;
    // A stolen code in the thief's own login: its verifier does not fit.
    let (mut owner, mut thief) = (Browser::new(), Browser::new());
    let stolen = query(&answered(&world, &mut owner, &client, "Corporate").await)["code"].clone();
    let own = answered(&world, &mut thief, &client, "Corporate").await;
    let injected = thief.open(&with(&own, "code", &stolen)).await.unwrap();
    assert_refused(&injected, StatusCode::BAD_REQUEST, "provider refused: invalid_grant");
    // With a provider that does not look at verifiers, the nonce does not fit.
    idp.does().ignores_pkce = true;
    let stolen = query(&answered(&world, &mut owner, &client, "Corporate").await)["code"].clone();
    let own = answered(&world, &mut thief, &client, "Corporate").await;
    let injected = thief.open(&with(&own, "code", &stolen)).await.unwrap();
    assert_refused(&injected, StatusCode::BAD_GATEWAY, "belongs to another login");
    assert!(!is_signed_in(&world, &mut thief).await);
    assert_eq!(world.witness.count(&format!("{AT} upstream_id_token_nonce")), 1);
}

#[tokio::test]
async fn an_id_token_of_others_or_of_another_login_is_refused() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let client = world.register().await;
    let now = idp.does().clock.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let other = Idp::start().await.origin;
    let check = async |claims: Value, header: Value, forger: Option<Signer>, rule: &str| {
        let mut all = json!({ "sub": "ada-1" });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        (idp.does().claims, idp.does().header, idp.does().forger) = (all, header, forger);
        let before = world.witness.count(&format!("{AT} {rule}"));
        let mut browser = Browser::new();
        let refused = page(&world, &mut browser, &client, &[]).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{claims}: {}", refused.text());
        assert_eq!(world.witness.count(&format!("{AT} {rule}")), before + 1, "{claims} {}", refused.text());
        assert!(!is_signed_in(&world, &mut browser).await, "{claims}");
    };
    let (no, none) = (json!({}), json!({}));
    check(json!({ "iss": other }), no.clone(), None, "upstream_id_token_issuer").await;
    check(json!({ "aud": "another-app" }), no.clone(), None, "upstream_id_token_audience").await;
    check(json!({ "aud": ["our-id", "another-app"] }), no.clone(), None, "upstream_id_token_audience").await;
    check(json!({ "azp": "another-app" }), no.clone(), None, "upstream_id_token_audience").await;
    check(json!({ "nonce": "an earlier one" }), no.clone(), None, "upstream_id_token_nonce").await;
    check(json!({ "nonce": null }), no.clone(), None, "upstream_id_token_nonce").await;
    check(json!({ "exp": now - 10 }), no.clone(), None, "upstream_id_token_time").await;
    check(json!({ "iat": now - 60 }), no.clone(), None, "upstream_id_token_time").await;
    check(json!({ "sub": null }), no, None, "upstream_id_token").await;
    check(json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), none.clone(), None, "upstream_id_token_at_hash")
        .await;
    for alg in ["none", "HS256"] {
        check(none.clone(), json!({ "alg": alg }), None, "upstream_id_token_algorithm").await;
    }
    let forger = || Some(Signer::ec("k1"));
    check(none.clone(), none.clone(), forger(), "upstream_id_token_signature").await;
    let own_key = json!({ "jwk": { "kty": "EC" }, "jku": format!("{other}/keys") });
    check(none.clone(), own_key, forger(), "upstream_id_token_signature").await;
    check(none, json!({ "crit": ["x"] }), None, "upstream_id_token").await;
    (idp.does().claims, idp.does().header, idp.does().forger) = (json!({ "sub": "ada-1" }), json!({}), None);
    assert!(page(&world, &mut Browser::new(), &client, &[]).await.text().contains("Allow"));
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_found() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    tokens(&world, &mut Browser::new(), "posts:read").await;
    idp.does().keys.push(Signer::ec("k2"));
    world.advance(31);
    tokens(&world, &mut Browser::new(), "posts:read").await;
    // The keys cannot be had for a while: the known ones do.
    world.advance(20 * 60);
    idp.does().document = json!({ "jwks_uri": format!("{}/nowhere", idp.origin) });
    tokens(&world, &mut Browser::new(), "posts:read").await;
}

#[tokio::test]
async fn a_login_elsewhere_leads_on_only_within_this_server() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let begin = |query: &str| {
        let mut url = world.at("/login/upstream/corporate");
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    };
    for query in [
        "next=https://evil.example",
        "account=https://evil.example",
        "client_id=https://evil.example",
        "client_id=nobody",
    ] {
        let page = Browser::new().open(&begin(query)).await.unwrap();
        assert!(
            page.status.is_client_error() && page.url.origin() == world.url.origin(),
            "{query} {}",
            page.status
        );
    }
    assert!(idp.asked("authorize").is_empty());
    // What stands in the answer leads nowhere.
    let mut browser = Browser::new();
    let back = world.at("/login/upstream/corporate/callback");
    for (name, value) in [
        ("redirect_uri", "https://evil.example/"),
        ("next", "//evil.example"),
        ("target_link_uri", "https://evil.example"),
    ] {
        let Landing::Left(answer) = browser.open_until(&begin("account=apps"), &back).await.unwrap() else {
            panic!("a page")
        };
        let page = browser.open(&with(&answer, name, value)).await.unwrap();
        assert_eq!(page.url, world.at("/account/apps"), "{name}");
        browser.forget();
    }
    // Where nobody is, nobody is led.
    for path in
        ["/login/upstream/nobody", "/login/upstream/nobody/callback", "/login/upstream/%2e%2e/callback"]
    {
        assert_eq!(
            Browser::new().open(&world.at(path)).await.unwrap().status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let answer = world.http.get(begin("")).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_login_elsewhere_gives_the_browser_a_new_session_id() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let mut browser = Browser::new();
    browser.open(&world.at("/login")).await.unwrap();
    let before = browser.cookie(&world.url, "barewire_auth").unwrap().to_owned();
    tokens(&world, &mut browser, "posts:read").await;
    let after = browser.cookie(&world.url, "barewire_auth").unwrap().to_owned();
    assert_ne!(before, after);
    assert!(!crate::world::has_session(&world, &format!("barewire_auth={before}")).await);
    assert!(crate::world::has_session(&world, &format!("barewire_auth={after}")).await);
}

#[tokio::test]
async fn a_flood_of_logins_is_bounded_and_costs_its_network() {
    let idp = Idp::start().await;
    let config = AuthConfig {
        max_upstream_logins: 3,
        client_address_header: Some("x-forwarded-for".to_owned()),
        ..idp.config(json!({}))
    };
    let world = World::with(config).await;
    let begin = async |address: &str| {
        let url = world.at("/login/upstream/corporate");
        let answer = world.http.get(url).header("x-forwarded-for", address).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = crate::world::set_cookies(&answer).join("; ");
        let location: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
        (cookie, query(&location)["state"].clone())
    };
    let says = async |(cookie, state): &(String, String)| {
        let mut url = world.at("/login/upstream/corporate/callback");
        url.query_pairs_mut().append_pair("state", state).append_pair("error", "access_denied");
        world.http.get(url).header("cookie", cookie).send().await.unwrap().text().await.unwrap()
    };
    let honest = begin("192.0.2.1").await;
    let first = begin("198.51.100.1").await;
    for _ in 0..10 {
        begin("198.51.100.1").await;
    }
    assert!(says(&first).await.contains("forgotten since"));
    assert!(says(&honest).await.contains("did not let you in"));
}

#[tokio::test]
async fn what_fails_at_the_provider_is_explained() {
    let idp = Idp::start().await;
    let (log, _guard) = crate::logs::Log::keep();
    let world = idp.world(json!({})).await;
    let client = world.register().await;
    let answer = async |pairs: &[(&'static str, &str)]| {
        idp.does().answer = pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        page(&world, &mut Browser::new(), &client, &[]).await
    };
    let denied =
        answer(&[("error", "access_denied"), ("error_description", "AADSTS65004: <b>declined</b>")]).await;
    assert_refused(&denied, StatusCode::FORBIDDEN, "AADSTS65004: <b>declined</b>");
    assert!(!denied.body.contains("<b>declined"), "it stays text");
    // The way back leads to the same errand.
    let again = denied.link("Go back").unwrap();
    assert_eq!((again.path(), query(&again)["client_id"].as_str()), ("/login", client.as_str()));
    assert_refused(&answer(&[("error", "invalid_scope")]).await, StatusCode::BAD_GATEWAY, "not set up right");
    assert_refused(
        &answer(&[("error", "temporarily_unavailable")]).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "right now",
    );
    idp.does().answer.clear();
    idp.does().down = Some(503);
    let mut browser = Browser::new();
    assert_refused(&page(&world, &mut browser, &client, &[]).await, StatusCode::SERVICE_UNAVAILABLE, "503");
    idp.does().down = None;
    let text = log.text();
    for part in ["upstream_denied", "AADSTS65004", "corporate"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    for secret in [super::idp::SECRET, "upstream-code", "upstream-access", "upstream-refresh", "eyJ"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[tokio::test]
async fn a_provider_has_a_time_and_a_size() {
    let idp = Idp::start().await;
    let section = |issuer: String| idp.section(json!({ "issuer": issuer }));
    // It takes the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let says = async |issuer: String, max: usize| {
        let upstream = [("corporate".to_owned(), section(issuer))].into();
        let config = AuthConfig {
            upstream,
            upstream_timeout: Duration::from_millis(200),
            upstream_max_bytes: max,
            ..config()
        };
        let world = World::with(config).await;
        let page = Browser::new().open(&world.at("/login/upstream/corporate")).await.unwrap();
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        page.text()
    };
    assert!(says(silent_url, 10_000).await.contains("does not answer"));
    assert!(says(idp.origin.clone(), 100).await.contains("auth.upstream_max_bytes"));
}

/// Whoever is let in nowhere else must not be let in because a provider's document is somebody else's.
#[tokio::test]
async fn a_document_of_another_issuer_is_refused() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let client = world.register().await;
    idp.does().issuer = "https://evil.example".to_owned();
    let page = page(&world, &mut Browser::new(), &client, &[]).await;
    assert_refused(
        &page,
        StatusCode::BAD_GATEWAY,
        "discovery document is of the issuer https://evil.example",
    );
}

#[tokio::test]
async fn whoever_goes_on_as_somebody_else_keeps_nothing_of_the_one_before() {
    let idp = Idp::start().await;
    let world = idp.world(json!({ "groups": { "readers": "posts:read", "writers": "posts:write" } })).await;
    let client = world.register().await;
    let both = [("scope", "posts:read posts:write"), ("prompt", "login")];
    let mut browser = Browser::new();
    idp.does().claims = json!({ "sub": "1", "groups": ["writers"] });
    let consent = page(&world, &mut browser, &client, &both).await;
    assert!(consent.text().contains("Write posts as you") && !consent.text().contains("Read your posts"));
    allow(&mut browser, &consent).await;
    idp.does().claims = json!({ "sub": "2", "groups": ["readers"] });
    let consent = page(&world, &mut browser, &client, &both).await;
    assert!(!consent.text().contains("Write posts as you") && consent.text().contains("Read your posts"));
}
