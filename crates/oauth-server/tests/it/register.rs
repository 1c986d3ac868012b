//! `POST /register`.

use barewire_oauth_server::AuthConfig;
use barewire_testkit::Browser;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{CALLBACK, CHALLENGE, World, config};

async fn post(world: &World, body: &Value) -> (StatusCode, Value) {
    let answer = world.http.post(world.at("/register")).json(body).send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong() {
    let world = World::new().await;
    for (body, expected) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["http://evil.example/cb"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["myapp://cb"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [CALLBACK], "application_type": "web" }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [CALLBACK], "grant_types": ["implicit"] }), "invalid_client_metadata"),
        (json!([1]), "invalid_client_metadata"),
    ] {
        let (status, answer) = post(&world, &body).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!(expected)), "{body}");
        assert!(answer["error_description"].is_string());
    }
    let huge = json!({ "redirect_uris": [CALLBACK], "client_name": "x".repeat(config().max_body_bytes) });
    assert_eq!(post(&world, &huge).await.1["error"], "invalid_client_metadata");
    let form = world.http.post(world.at("/register")).form(&[("client_name", "x")]).send().await.unwrap();
    assert_eq!(form.status(), StatusCode::BAD_REQUEST);
    let get = world.http.get(world.at("/register")).send().await.unwrap();
    assert_eq!(
        (get.status(), get.headers()["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "POST, OPTIONS")
    );
}

#[tokio::test]
async fn equal_public_clients_are_one_and_confidential_ones_are_not() {
    let world = World::new().await;
    assert_eq!(world.register().await, world.register().await);
    let other = world.register_with(json!({ "client_name": "Another" })).await;
    assert_ne!(other["client_id"], world.register().await);
    let confidential = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let (one, two) =
        (world.register_with(confidential.clone()).await, world.register_with(confidential).await);
    assert_ne!(one["client_id"], two["client_id"]);
    assert_ne!(one["client_secret"], two["client_secret"]);
}

#[tokio::test]
async fn registrations_are_bounded_and_used_ones_stay() {
    let world = World::with(AuthConfig { max_clients: 3, ..config() }).await;
    let (used, tokens) = world.logged_in().await;
    for number in 0..10 {
        world.advance(1);
        world.register_with(json!({ "client_name": format!("flood {number}") })).await;
    }
    assert_eq!(world.refresh(&used, &tokens.refresh).await.0, StatusCode::OK);
    let newest = world.register_with(json!({ "client_name": "flood 9" })).await;
    let url = world.authorize_url(newest["client_id"].as_str().unwrap(), CALLBACK, &[]);
    assert!(Browser::new().login_and_consent(&url, "johndoe", "secret").await.is_ok());
}

#[tokio::test]
async fn a_client_is_not_tied_to_the_scope_it_registered_with() {
    let world = World::new().await;
    let registered = world.register_with(json!({ "scope": "posts:read" })).await;
    assert_eq!(registered["scope"], "posts:read");
    let client = registered["client_id"].as_str().unwrap();
    let code = world.code_with(client, &[("scope", "posts:write")]).await;
    assert_eq!(world.redeem(client, &code).await.1["scope"], "posts:write");
}

#[tokio::test]
async fn it_can_be_turned_off() {
    let world = World::with(AuthConfig { dynamic_registration: false, ..config() }).await;
    let answer = world.http.post(world.at("/register")).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let metadata = world.http.get(world.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
    assert!(metadata.json::<Value>().await.unwrap().get("registration_endpoint").is_none());
}

#[tokio::test]
async fn redirect_uris_that_mislead_are_refused() {
    let world = World::new().await;
    for uri in [
        "https:evil.example/cb",
        "https:/evil.example/cb",
        "https:///evil.example/cb",
        "//evil.example/cb",
        "https://good.example@evil.example/cb",
        "https://good.example:x@evil.example/cb",
        "https://evil.example/cb#fragment",
        "https://evil.example\\good.example/cb",
        "https://%65vil.example/cb",
        "https://ev\u{AD}il.example/cb",
        "https://еvil.example/cb",
        "https://evil.example/\u{202E}bc",
        "https://evil.example/c b",
        "https://evil.example/\0",
        "https://a;b.example/cb",
        "https://a,b.example/cb",
        "https://*.example/cb",
        "https://evil.example:/cb",
        "https://evil.example:70000/cb",
        "http://evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://localhost./cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.2/cb",
        "http://127.1/cb",
        "http://2130706433/cb",
        "http://0x7f000001/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://0.0.0.0/cb",
        "http://[::]/cb",
        "javascript:alert(1)",
        "JAVASCRIPT://localhost/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "com.example.app:/cb",
        "about:blank",
        "",
    ] {
        let (status, answer) = post(&world, &json!({ "redirect_uris": [CALLBACK, uri] })).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_redirect_uri")),
            "{uri}"
        );
    }
    let many = vec![CALLBACK; 21];
    assert_eq!(post(&world, &json!({ "redirect_uris": many })).await.1["error"], "invalid_redirect_uri");
    let long = format!("https://evil.example/{}", "x".repeat(2048));
    assert_eq!(post(&world, &json!({ "redirect_uris": [long] })).await.1["error"], "invalid_redirect_uri");
}

#[tokio::test]
async fn a_name_is_what_can_be_seen_of_it() {
    let world = World::new().await;
    let long = "x".repeat(5000);
    for (name, expected) in [
        ("An app", json!("An app")),
        ("\u{202E}evil\u{202C} app", json!("evil app")),
        ("a\u{200B}\u{2060}\u{FEFF}\u{AD}b", json!("ab")),
        ("Blog (verified)\n\n\r\n\u{2028}Trusted\0", json!("Blog (verified) Trusted")),
        ("\u{1b}[31mred", json!("[31mred")),
        ("\u{3164}\u{115F}\u{2800}\u{200E}\u{E0041}", Value::Null),
        ("   ", Value::Null),
        (&long, json!("x".repeat(100))),
        ("עברית", json!("עברית")),
    ] {
        let registered = world.register_with(json!({ "client_name": name })).await;
        assert_eq!(registered["client_name"], expected, "{name:?}");
    }
    // Links of a client are shown to nobody, and those that would do something are not even kept.
    for (uri, expected) in [
        ("https://app.example", json!("https://app.example")),
        ("javascript:alert(1)", Value::Null),
        ("data:text/html,x", Value::Null),
    ] {
        let links = json!({ "client_uri": uri, "logo_uri": uri, "tos_uri": uri, "policy_uri": uri });
        let registered = world.register_with(links).await;
        assert_eq!(registered["client_uri"], expected);
        let url = world.authorize_url(registered["client_id"].as_str().unwrap(), CALLBACK, &[]);
        let mut browser = Browser::new();
        browser.login_and_consent(&url, "johndoe", "secret").await.unwrap();
        let consent = browser.open(&url).await.unwrap();
        assert_eq!(consent.url.path(), "/consent");
        assert!(!consent.body.contains(uri), "{uri}");
    }
}

#[tokio::test]
async fn what_is_no_metadata_is_refused_in_a_sentence() {
    let world = World::new().await;
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let twice = format!(r#"{{"redirect_uris":["{CALLBACK}"],"redirect_uris":["https://evil.example/"]}}"#);
    for body in [
        "",
        "null",
        "\"x\"",
        "{",
        "{}}",
        "[1]",
        "[]",
        &nested,
        &twice,
        r#"{"redirect_uris":"http://localhost/cb"}"#,
        r#"{"redirect_uris":["http://localhost/cb"],"client_name":{"a":"\u202e\""}}"#,
        r#"{"redirect_uris":["http://localhost/cb"],"client_name":"\ud800"}"#,
        r#"{"redirect_uris":["http://localhost/cb"],"token_endpoint_auth_method":"private_key_jwt"}"#,
        r#"{"redirect_uris":["http://localhost/cb"],"grant_types":["implicit"]}"#,
        r#"{"redirect_uris":["http://localhost/cb"],"response_types":["token"]}"#,
    ] {
        let request = world.http.post(world.at("/register")).header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body:.80}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"], "invalid_client_metadata", "{body:.80}: {answer}");
        let description = answer["error_description"].as_str().unwrap();
        assert!(description.len() <= 500 && description.is_ascii(), "{description}");
    }
    // Who names its own identifier or secret gets another.
    let own = json!({ "client_id": "web", "client_secret": "x", "token_endpoint_auth_method": "client_secret_post" });
    let registered = world.register_with(own).await;
    assert_ne!((&registered["client_id"], &registered["client_secret"]), (&json!("web"), &json!("x")));
}

#[tokio::test]
async fn a_flood_stands_in_a_line_of_its_own() {
    let settings = AuthConfig {
        registration_queue: 1,
        client_address_header: Some("x-forwarded-for".into()),
        ..config()
    };
    let world = World::with(settings).await;
    let register = |name: String, address: &'static str| {
        let body = json!({ "client_name": name, "redirect_uris": [CALLBACK] });
        let request = world.http.post(world.at("/register")).header("x-forwarded-for", address).json(&body);
        async { request.send().await.unwrap() }
    };
    let flood = join_all((0..30).map(|number| register(format!("Flood {number}"), "192.0.2.66")));
    let (flood, honest) = tokio::join!(flood, register("Honest".into(), "192.0.2.1"));
    assert_eq!(honest.status(), StatusCode::CREATED);
    for answer in flood {
        match answer.status() {
            StatusCode::CREATED => {}
            StatusCode::SERVICE_UNAVAILABLE => assert_eq!(answer.headers()["retry-after"], "1"),
            other => panic!("{other}"),
        }
    }
    // So do devices that begin, and pushed requests.
    let metadata = json!({
        "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]
    });
    let client = world.register_with(metadata).await["client_id"].as_str().unwrap().to_owned();
    let pushed = [
        ("response_type", "code"),
        ("client_id", &client),
        ("redirect_uri", CALLBACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", "https://rs.example/mcp"),
    ];
    for (path, form) in [("/device_authorization", &pushed[1..2]), ("/par", &pushed[..])] {
        let send = |address: &'static str| {
            let request = world.http.post(world.at(path)).header("x-forwarded-for", address).form(form);
            async { request.send().await.unwrap().status() }
        };
        let (flood, honest) = tokio::join!(join_all((0..60).map(|_| send("192.0.2.66"))), send("192.0.2.1"));
        assert!(honest.is_success(), "{path}: {honest}");
        assert!(flood.iter().any(StatusCode::is_success), "{path}");
        assert!(flood.contains(&StatusCode::SERVICE_UNAVAILABLE), "{path}: {flood:?}");
    }
    // With the line as long as it is by default, nobody is refused.
    let world = World::new().await;
    let register = |number| world.register_with(json!({ "client_name": format!("App {number}") }));
    assert_eq!(join_all((0..100).map(register)).await.len(), 100);
}

#[tokio::test]
async fn a_flood_takes_nobody_elses_first_login_away() {
    let settings =
        AuthConfig { max_clients: 5, client_address_header: Some("x-forwarded-for".into()), ..config() };
    let world = World::with(settings).await;
    let register = async |name: &str, address: &str| {
        world.advance(1);
        let body =
            json!({ "client_name": name, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
        let request = world.http.post(world.at("/register")).header("x-forwarded-for", address);
        let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        answer["client_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let honest = register("Honest", "192.0.2.1").await;
    for number in 0..20 {
        // Out of one network that is large enough to have many addresses.
        register(&format!("Flood {number}"), &format!("2001:db8:666:{number:x}::1")).await;
    }
    let second = register("Honest, too", "192.0.2.2").await;
    register("Flood", "2001:db8:666::1").await;
    for client in [honest, second] {
        let (status, answer) = world.redeem(&client, &world.code(&client).await).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}
