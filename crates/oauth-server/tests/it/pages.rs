//! What every page has: headers that bind it, text that cannot become markup.

use barewire_testkit::{Browser, Page};
use reqwest::StatusCode;
use serde_json::json;

use crate::world::{CALLBACK, RawForm, World, config};

/// The page that answers this request, whatever its status.
async fn raw(request: reqwest::RequestBuilder) -> Page {
    let answer = request.send().await.unwrap();
    let (url, status, headers) = (answer.url().clone(), answer.status(), answer.headers().clone());
    Page { url, status, headers, body: answer.text().await.unwrap() }
}

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

#[tokio::test]
async fn what_a_client_calls_itself_stays_text() {
    let world = World::new().await;
    let registered = world.register_with(json!({ "client_name": EVIL })).await;
    let client = registered["client_id"].as_str().unwrap();
    let state = format!("{EVIL}\"autofocus");
    let url = world.authorize_url(client, CALLBACK, &[("state", &state), ("login_hint", EVIL)]);
    let mut browser = Browser::new();
    let login = browser.open(&url).await.unwrap();
    browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let consent = browser.open(&url).await.unwrap();
    let error = browser.open(&world.authorize_url(EVIL, CALLBACK, &[("state", EVIL)])).await.unwrap();
    let redirect = browser.open(&world.authorize_url(client, EVIL, &[])).await.unwrap();
    assert_eq!(consent.url.path(), "/consent");
    assert_eq!(error.status, StatusCode::BAD_REQUEST);
    for page in [&login, &consent, &error, &redirect] {
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{}", page.body);
    }
    assert!(consent.text().contains("<script>alert(1)</script>"));
    // Nothing is inline, so nothing that gets in can run or look like ours.
    for page in [&login, &consent, &error] {
        for inline in ["style=", "onclick", "onload", "<style", "javascript:"] {
            assert!(!page.body.contains(inline), "{inline}");
        }
    }
}

#[tokio::test]
async fn pages_carry_their_headers() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let mut browser = Browser::new();
    let login = browser.open(&url).await.unwrap();
    browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let consent = browser.open(&url).await.unwrap();
    let plain = browser.open(&world.at("/login")).await.unwrap();
    let error = browser.open(&world.at("/authorize")).await.unwrap();
    let stranger = json!({ "redirect_uris": ["https://phish.example/cb"], "application_type": "web" });
    let stranger = world.register_with(stranger).await["client_id"].as_str().unwrap().to_owned();
    let by_click = world.authorize_url(&stranger, "https://phish.example/cb", &[("scope", "x")]);
    let by_click = browser.open(&by_click).await.unwrap();
    let too_long = world.authorize_url(&client, CALLBACK, &[("state", &"x".repeat(9000))]);
    let too_long = browser.open(&too_long).await.unwrap();
    let stale = raw(world.http.post(world.at("/login")).form(&[("x", "y")])).await;
    let wrong = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let wrong = wrong.request(&world, &[("username", "johndoe"), ("password", "guess")]);
    let wrong = raw(wrong).await;
    let misdirected = raw(world.http.get(world.at("/login")).header("host", "evil.example")).await;
    for (page, form_action) in [
        (&by_click, "form-action 'self';"),
        (&too_long, "form-action 'self';"),
        (&stale, "form-action 'self';"),
        (&wrong, "form-action 'self';"),
        (&misdirected, "form-action 'self';"),
        (&login, "form-action 'self' http://localhost:5173;"),
        (&consent, "form-action 'self' http://localhost:5173;"),
        (&plain, "form-action 'self';"),
        (&error, "form-action 'self';"),
    ] {
        let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            form_action,
        ] {
            assert!(policy.contains(part), "{part} is not in {policy}");
        }
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
    }
}

#[tokio::test]
async fn the_stylesheet_is_there_and_kept() {
    let world = World::new().await;
    let page = Browser::new().open(&world.at("/login")).await.unwrap();
    let href = page.body.split("stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = world.http.get(world.at(href)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/css"));
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
}

#[tokio::test]
async fn what_no_page_of_ours_has_sent_is_refused_and_told() {
    let world = World::new().await;
    let login = || world.http.post(world.at("/login"));
    let fields = [("username", "johndoe"), ("password", "secret")];
    let too_large = "x".repeat(config().max_body_bytes);
    for request in [
        login().form(&fields),
        login().json(&json!({ "username": "johndoe", "password": "secret" })),
        login().form(&[("username", too_large.as_str())]),
    ] {
        let page = raw(request).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert_eq!(page.heading(), "This form is no longer good");
    }
    assert_eq!(world.witness.at("/login"), ["stale_form"; 3]);
}
