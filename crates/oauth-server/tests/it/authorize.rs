//! `GET /authorize`: who is told what is wrong, and where a browser may be sent.

use barewire_testkit::{Browser, Landing};
use reqwest::StatusCode;
use serde_json::json;
use url::Url;

use crate::world::{CALLBACK, STATE, WEB_CALLBACK, World, query};

async fn location(world: &World, url: Url) -> (StatusCode, Option<String>) {
    let answer = world.http.get(url).send().await.unwrap();
    let location = answer.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
    (answer.status(), location)
}

#[tokio::test]
async fn a_wrong_client_or_redirect_gets_a_page_and_never_a_redirect() {
    let world = World::new().await;
    let client = world.register().await;
    for (client, redirect_uri, changes) in [
        ("nobody", CALLBACK, &[][..]),
        ("", CALLBACK, &[("client_id", "")]),
        (&client, CALLBACK, &[("+client_id", "other")]),
        (&client, CALLBACK, &[("+redirect_uri", CALLBACK)]),
        (&client, "http://localhost:5173/other", &[]),
        (&client, "http://127.0.0.1:5173/callback", &[]),
        (&client, "http://localhost.evil.example:5173/callback", &[]),
        (&client, "http://localhost:5173@evil.example/callback", &[]),
        (&client, "https://evil.example/callback", &[]),
        (&client, "//evil.example/callback", &[]),
        (&client, "javascript:alert(1)", &[]),
        (&client, "http://localhost:5173/callback#fragment", &[]),
        ("web", "https://web.example/callback/../evil", &[]),
        ("web", "https://web.example:8443/callback", &[]),
        ("web", "https://web.example/callback?x=1", &[]),
        ("https://evil.example", CALLBACK, &[]),
        ("http://169.254.169.254/latest", CALLBACK, &[]),
    ] {
        let url = world.authorize_url(client, redirect_uri, changes);
        for path in ["/authorize", "/login", "/consent"] {
            let mut url = url.clone();
            url.set_path(path);
            let (status, location) = location(&world, url.clone()).await;
            assert_eq!((status, location), (StatusCode::BAD_REQUEST, None), "{url}");
        }
    }
}

#[tokio::test]
async fn other_mistakes_lead_back_with_error_state_and_iss() {
    let world = World::new().await;
    let client = world.register().await;
    for (change, expected) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("scope", "posts:delete"), "invalid_scope"),
        (("resource", "https://elsewhere.example/mcp"), "invalid_target"),
        (("+resource", "https://rs.example/other"), "invalid_target"),
        (("+scope", "x"), "invalid_scope"),
        (("+response_type", "code"), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ] {
        let url = world.authorize_url(&client, CALLBACK, &[change]);
        let (status, location) = location(&world, url).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{change:?}");
        let location = Url::parse(&location.unwrap()).unwrap();
        assert!(location.as_str().starts_with(CALLBACK), "{location}");
        let query = query(&location);
        assert_eq!(query["error"], expected, "{change:?}");
        assert_eq!(query["state"], STATE);
        assert_eq!(query["iss"], world.server.issuer());
        assert!(!query["error_description"].is_empty());
    }
}

#[tokio::test]
async fn the_loopback_port_is_free() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.authorize_url(&client, "http://localhost:49152/callback", &[]);
    let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    assert_eq!(callback.port(), Some(49152));
    // The token request has to repeat that very URI, if it repeats one.
    let code = query(&callback)["code"].clone();
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

#[tokio::test]
async fn fetching_it_twice_does_no_harm() {
    let world = World::new().await;
    let client = world.register().await;
    let url = world.authorize_url(&client, CALLBACK, &[]);
    assert_eq!(location(&world, url.clone()).await, location(&world, url.clone()).await);
    let mut browser = Browser::new();
    browser.open(&url).await.unwrap();
    let callback = browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let (status, _) = world.redeem(&client, &query(&callback)["code"]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn prompt_decides_what_is_asked() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let stop = Url::parse(WEB_CALLBACK).unwrap();
    let url = |prompt: &str| world.authorize_url("web", WEB_CALLBACK, &[("prompt", prompt)]);

    let callback = browser.login_and_consent(&url(""), "johndoe", "secret").await.unwrap();
    assert!(query(&callback).contains_key("code"));
    // Remembered: nothing is asked any more, not even with prompt=none.
    for prompt in ["", "none"] {
        let Landing::Left(callback) = browser.open_until(&url(prompt), &stop).await.unwrap() else {
            panic!("asked again with {prompt:?}");
        };
        assert!(query(&callback).contains_key("code"), "{callback}");
    }
    let Landing::Page(page) = browser.open_until(&url("consent"), &stop).await.unwrap() else { panic!() };
    assert_eq!(page.url.path(), "/consent");
    let Landing::Page(page) = browser.open_until(&url("login"), &stop).await.unwrap() else { panic!() };
    assert_eq!(page.url.path(), "/login");
    // The password is asked for once, and then it goes on.
    let callback = browser.login_and_consent(&url("login"), "johndoe", "secret").await.unwrap();
    assert!(query(&callback).contains_key("code"));
}

#[tokio::test]
async fn a_query_longer_than_allowed_is_not_read() {
    let world = World::new().await;
    let long = "x".repeat(9000);
    let (status, location) =
        location(&world, world.authorize_url("web", WEB_CALLBACK, &[("state", &long)])).await;
    assert_eq!((status, location), (StatusCode::URI_TOO_LONG, None));
}
