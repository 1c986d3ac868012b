//! The blog over REST, with tokens from real logins.

use std::time::Duration;

use barewire_testkit::OAuthClient;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{BOTH, READ, World, post};

#[tokio::test]
async fn a_token_says_whose_it_is() {
    let world = World::start().await;
    for (user, name) in [("johndoe", "John Doe"), ("janedoe", "Jane Doe")] {
        let token = world.token(user, READ).await;
        for path in ["/users/me/", "/users/me"] {
            let me = world.get(path, &token).await;
            assert_eq!(me.status, StatusCode::OK, "{me:?}");
            let email = format!("{user}@example.com");
            assert_eq!(me.json(), json!({ "id": user, "username": user, "full_name": name, "email": email }));
            assert_eq!(me.headers["cache-control"], "no-store");
        }
    }
}

#[tokio::test]
async fn without_a_good_token_there_is_a_challenge() {
    let world = World::start().await;
    let metadata = world.url("/.well-known/oauth-protected-resource/mcp");
    for (token, error) in [(None, ""), (Some("nonsense"), "error=\"invalid_token\", ")] {
        let refused = world.rest(Method::GET, "/posts", token, None).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let challenge = refused.challenge();
        assert!(challenge.starts_with(&format!("Bearer {error}")), "{challenge}");
        assert!(challenge.contains(&format!("resource_metadata=\"{metadata}\"")), "{challenge}");
        assert!(challenge.contains("scope=\"posts:read\""), "{challenge}");
    }
    let document = world.rest(Method::GET, metadata.path(), None, None).await.json();
    assert_eq!(document["resource"], world.resource());
    assert_eq!(document["authorization_servers"], json!([world.origin.origin().ascii_serialization()]));
}

#[tokio::test]
async fn a_token_ends_and_its_refresh_token_gives_the_next() {
    let world = World::start().await;
    let client = OAuthClient::register(&world.origin, "c").await.unwrap();
    let tokens = client.log_in(&world.resource(), ("johndoe", "secret"), READ).await.unwrap();
    assert_eq!(tokens.scope, READ);
    world.clock.advance(Duration::from_secs(15 * 60));
    let refused = world.get("/users/me/", &tokens.access).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.challenge().contains("expired"), "{}", refused.challenge());
    let next = client.refresh(&tokens.refresh.unwrap(), &world.resource()).await.unwrap();
    assert_eq!(world.get("/users/me/", &next.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn writing_needs_its_scope_and_a_post_of_ones_own() {
    let world = World::start().await;
    let (reader, john) = (world.token("johndoe", READ).await, world.token("johndoe", BOTH).await);
    let jane = world.token("janedoe", BOTH).await;

    let refused = world.rest(Method::POST, "/posts", Some(&reader), Some(post("A", "draft"))).await;
    assert_eq!(refused.refusal(), (403, "insufficient_scope".into()));
    assert!(refused.challenge().contains("scope=\"posts:write\""), "{}", refused.challenge());

    let created = world.rest(Method::POST, "/posts", Some(&john), Some(post("A", "draft"))).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let path = created.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(world.get(&path, &john).await.json(), created.json());

    // A draft of somebody else does not exist; a published post exists and is not hers.
    let attempts = [
        (Method::GET, None),
        (Method::PATCH, Some(json!({ "title": "B" }))),
        (Method::PUT, Some(post("B", "published"))),
        (Method::DELETE, None),
    ];
    for (method, body) in attempts.clone() {
        let refused = world.rest(method.clone(), &path, Some(&jane), body).await;
        assert_eq!(refused.refusal(), (404, "not_found".into()), "{method}");
    }
    let published =
        world.rest(Method::PATCH, &path, Some(&john), Some(json!({ "status": "published" }))).await;
    assert_eq!(
        (published.json()["status"].as_str(), published.json()["title"].as_str()),
        (Some("published"), Some("A"))
    );
    assert_eq!(world.get(&path, &jane).await.json(), published.json());
    for (method, body) in attempts.into_iter().skip(1) {
        let refused = world.rest(method.clone(), &path, Some(&jane), body).await;
        assert_eq!(refused.refusal(), (403, "not_yours".into()), "{method}");
    }
    let replaced =
        world.rest(Method::PUT, &path, Some(&john), Some(json!({ "title": "C", "content": "D" }))).await;
    assert_eq!(replaced.json()["tags"], json!([]), "PUT leaves nothing as it was");
    assert_eq!(world.rest(Method::DELETE, &path, Some(&john), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&path, &john).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bad_input_is_answered_with_what_and_why() {
    let world = World::start().await;
    let john = world.token("johndoe", BOTH).await;
    for (method, path, body, expected) in [
        (Method::GET, "/posts?limit=0", None, (422, "invalid")),
        (Method::GET, "/posts?limit=many", None, (400, "bad_query")),
        (Method::GET, "/posts?nonsense=1", None, (400, "bad_query")),
        (Method::GET, "/posts/one", None, (404, "not_found")),
        (Method::GET, "/posts/99999999999999999999", None, (404, "not_found")),
        (Method::POST, "/posts", Some(json!({ "title": "t" })), (422, "bad_body")),
        (Method::POST, "/posts", Some(json!({ "title": " ", "content": "c" })), (422, "invalid")),
        (
            Method::POST,
            "/posts",
            Some(json!({ "title": "x".repeat(300_000), "content": "c" })),
            (413, "bad_body"),
        ),
        (Method::PATCH, "/posts/1", Some(json!({ "author": "janedoe" })), (422, "bad_body")),
        (Method::GET, "/nowhere", None, (404, "not_found")),
    ] {
        let answer = world.rest(method, path, Some(&john), body).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()), "{path} {answer:?}");
        assert!(answer.json()["message"].as_str().is_some_and(|m| m.len() > 10), "{path} {answer:?}");
    }
    let malformed =
        world.http.post(world.url("/posts")).bearer_auth(&john).header("content-type", "application/json");
    assert_eq!(malformed.body("{").send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn its_pages_are_pages_and_nobody_elses() {
    let world = World::start().await;
    for (path, status) in [("/", StatusCode::OK), ("/nowhere", StatusCode::NOT_FOUND)] {
        let page = world.http.get(world.url(path)).header("accept", "text/html").send().await.unwrap();
        assert_eq!(page.status(), status);
        for (header, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(page.headers()[header], value, "{path}");
        }
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(page.text().await.unwrap().contains("<h1>"), "{path}");
    }
}

#[tokio::test]
async fn it_says_what_it_is_and_how_it_is() {
    let world = World::start().await;
    for (path, expected) in [("/", "Barewire demo blog"), ("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = world.rest(Method::GET, path, None, None).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body.contains(expected), "{path}");
    }
    // Both addresses of localhost, where the machine has both.
    for host in ["127.0.0.1", "[::1]"] {
        let url = format!("http://{host}:{}/healthz", world.origin.port().unwrap());
        match world.http.get(url).send().await {
            Ok(answer) => assert_eq!(answer.status(), StatusCode::OK),
            Err(error) => assert!(host == "[::1]" && error.is_connect(), "{error}"),
        }
    }
    world.stop().await;
}
