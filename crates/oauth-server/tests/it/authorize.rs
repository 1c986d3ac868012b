//! `GET /authorize`: who is told what is wrong, and where a browser may be sent.

use barewire_testkit::{Browser, Landing};
use reqwest::StatusCode;
use serde_json::json;
use url::Url;

use crate::world::{CALLBACK, CHALLENGE, STATE, VERIFIER, WEB_CALLBACK, World, query};

/// Where a stranger wants to have people.
const PHISH: &str = "https://phish.example/cb";

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
        (&client, "http://LOCALHOST:5173/callback", &[]),
        (&client, "HTTP://localhost:5173/callback", &[]),
        (&client, "http://localhost.:5173/callback", &[]),
        (&client, "http://localhost:/callback", &[]),
        (&client, "http://%6cocalhost:5173/callback", &[]),
        (&client, "http://loc\u{AD}alhost:5173/callback", &[]),
        (&client, "http://localhost:５173/callback", &[]),
        (&client, "http:localhost:5173/callback", &[]),
        (&client, "http:///localhost:5173/callback", &[]),
        (&client, "http://localhost:5173\\@evil.example/callback", &[]),
        (&client, "http://evil@localhost:5173/callback", &[]),
        (&client, "http://[::1]:5173/callback", &[]),
        (&client, "http://[::ffff:127.0.0.1]:5173/callback", &[]),
        (&client, "http://127.1:5173/callback", &[]),
        (&client, "http://localhost:65536/callback", &[]),
        (&client, "https://localhost:5173/callback", &[]),
        (&client, "http://localhost:5173/callback/", &[]),
        (&client, "http://localhost:5173//callback", &[]),
        (&client, "http://localhost:5173/%63allback", &[]),
        (&client, "http://localhost:5173/%2fcallback", &[]),
        (&client, "http://localhost:5173/callback;x", &[]),
        (&client, "http://localhost:5173/callback?x", &[]),
        (&client, "http://localhost:5173/callback\0", &[]),
        (&client, "http://localhost:5173/callback\r\nx: y", &[]),
        (&client, " http://localhost:5173/callback", &[]),
        ("web", "https://web.example/callback/", &[]),
        ("web", "https://web.example./callback", &[]),
        ("web", "https://WEB.example/callback", &[]),
        ("web", "https://web.example:443/callback", &[]),
        ("web", "https://web.example%2fcallback", &[]),
        ("web", "https://web.example@evil.example/callback", &[]),
        ("web", "https://web.example.evil.example/callback", &[]),
        ("web", "http://web.example/callback", &[]),
        ("web", "https://web.example/callback#", &[]),
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
        (("code_challenge_method", "s256"), "invalid_request"),
        (("code_challenge_method", "S256 plain"), "invalid_request"),
        (("code_challenge_method", "S512"), "invalid_request"),
        (("+code_challenge_method", "plain"), "invalid_request"),
        (("+code_challenge", CHALLENGE), "invalid_request"),
        (("code_challenge", &CHALLENGE[..42]), "invalid_request"),
        (("code_challenge", &format!("{CHALLENGE}A")), "invalid_request"),
        (("code_challenge", &format!("{CHALLENGE}=")), "invalid_request"),
        (("code_challenge", &VERIFIER[..40]), "invalid_request"),
        (("code_challenge", &"+".repeat(43)), "invalid_request"),
        (("code_challenge", &"x".repeat(43)), "invalid_request"),
        (("response_type", "code token"), "unsupported_response_type"),
        (("response_type", "id_token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("response_mode", "form_post"), "invalid_request"),
        (("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"),
        (("request_uri", "https://evil.example/request"), "request_uri_not_supported"),
        (("scope", "posts:read posts:\u{202E}"), "invalid_scope"),
        (("scope", "posts:read\0"), "invalid_scope"),
        (("scope", "posts:read\tposts:write"), "invalid_scope"),
        (("scope", "\"posts:read\""), "invalid_scope"),
        (("resource", "https://rs.example/mcp#fragment"), "invalid_target"),
        (("resource", "https://u@rs.example/mcp"), "invalid_target"),
        (("resource", "https://rs.example/mcp/../evil"), "invalid_target"),
        (("resource", "https://rs.example.evil.example/mcp"), "invalid_target"),
        (("resource", "rs.example/mcp"), "invalid_target"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "magic"), "invalid_request"),
        (("+\"\u{202E}\n", "1"), "invalid_request"),
        (("scope", "posts:delete"), "invalid_scope"),
        (("resource", "https://elsewhere.example/mcp"), "invalid_target"),
        (("+resource", "https://rs.example/other"), "invalid_target"),
        (("+scope", "x"), "invalid_scope"),
        (("+response_type", "code"), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ] {
        // One of them is wrong only when it is there twice.
        let changes = if change.0.contains('\n') { &[change, change][..] } else { &[change] };
        let url = world.authorize_url(&client, CALLBACK, changes);
        let (status, location) = location(&world, url).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{change:?}");
        let location = Url::parse(&location.unwrap()).unwrap();
        assert!(location.as_str().starts_with(CALLBACK), "{location}");
        let query = query(&location);
        assert_eq!(query["error"], expected, "{change:?}");
        assert_eq!(query["state"], STATE);
        assert_eq!(query["iss"], world.server.issuer());
        let legal = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
        let description = &query["error_description"];
        assert!(!description.is_empty() && description.bytes().all(legal), "{description}");
    }
}

#[tokio::test]
async fn a_strangers_site_is_reached_by_a_click_only() {
    let world = World::new().await;
    let stranger = json!({ "client_name": "Friend", "redirect_uris": [PHISH], "application_type": "web" });
    let client = world.register_with(stranger).await["client_id"].as_str().unwrap().to_owned();
    for (change, error) in [
        (("scope", "x"), "invalid_scope"),
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("resource", "https://elsewhere.example"), "invalid_target"),
        (("prompt", "none"), "login_required"),
    ] {
        for path in ["/authorize", "/login", "/consent"] {
            let mut url = world.authorize_url(&client, PHISH, &[change]);
            url.set_path(path);
            if (path, error) == ("/login", "login_required") {
                continue;
            }
            let page = Browser::new().open(&url).await.unwrap();
            assert_eq!((page.status, page.url.path()), (StatusCode::BAD_REQUEST, path), "{change:?}");
            // Who decides to go back there takes along what the client has to know.
            let back = page.link("phish.example").unwrap();
            assert!(back.as_str().starts_with(PHISH), "{back}");
            let query = query(&back);
            assert_eq!((query["error"].as_str(), query["state"].as_str()), (error, STATE));
            assert_eq!(query["iss"], world.server.issuer());
        }
    }
    // The operator's own clients are told directly.
    let (status, location) =
        location(&world, world.authorize_url("web", WEB_CALLBACK, &[("scope", "x")])).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(location.unwrap().starts_with(WEB_CALLBACK));
}

#[tokio::test]
async fn state_comes_back_as_it_was_and_as_nothing_else() {
    let world = World::new().await;
    let client = world.register().await;
    let long = "s".repeat(5000);
    for state in [
        "x",
        "a b+c&iss=https://evil.example&code=1#f",
        "a\r\nset-cookie: x=1\r\n\r\n<script>",
        "\0\u{202E}é日本",
        "%00%0d%0a",
        "\"><script>alert(1)</script>",
        &long,
    ] {
        for change in [("prompt", "none"), ("prompt", "")] {
            let url = world.authorize_url(&client, CALLBACK, &[("state", state), change]);
            let answered = if change.1.is_empty() {
                Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap()
            } else {
                Url::parse(&location(&world, url).await.1.unwrap()).unwrap()
            };
            let pairs: Vec<_> = answered.query_pairs().collect();
            let of = |name: &str| pairs.iter().filter(|(key, _)| key == name).collect::<Vec<_>>();
            assert_eq!(of("state"), [&("state".into(), state.into())]);
            assert_eq!(of("iss"), [&("iss".into(), world.server.issuer().into())]);
            assert_eq!(answered.fragment(), None);
        }
    }
}

#[tokio::test]
async fn a_scope_named_twice_is_granted_once() {
    let world = World::new().await;
    let client = world.register().await;
    let changes = [("scope", "posts:write  posts:read posts:write"), ("+resource", "https://rs.example/mcp")];
    let (_, answer) = world.redeem(&client, &world.code_with(&client, &changes).await).await;
    assert_eq!(answer["scope"], "posts:write posts:read");
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
