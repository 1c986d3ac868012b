//! `POST /register`.

use barewire_oauth_server::AuthConfig;
use barewire_testkit::Browser;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{CALLBACK, World, config};

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
