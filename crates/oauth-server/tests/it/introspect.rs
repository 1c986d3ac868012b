//! `POST /introspect`: who learns what about which token.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{BACKEND_SECRET, RS_SECRET, Tokens, VERIFIER, WEB_CALLBACK, World, query};

const RS: [(&str, &str); 2] = [("client_id", "rs"), ("client_secret", RS_SECRET)];
const BACKEND: [(&str, &str); 2] = [("client_id", "backend"), ("client_secret", BACKEND_SECRET)];

async fn ask(world: &World, who: &[(&str, &str)], token: &str) -> Value {
    let (status, answer) = world.introspect(&[who, &[("token", token)]].concat()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// The backend's tokens for a user.
async fn backends(world: &World, resource: &str) -> Tokens {
    let url = world.authorize_url("backend", WEB_CALLBACK, &[("resource", resource)]);
    let callback =
        barewire_testkit::Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let code = query(&callback)["code"].clone();
    let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
    let (status, answer) = world.token(&[&form[..], &BACKEND].concat()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    Tokens::read(&answer)
}

#[tokio::test]
async fn a_resource_server_learns_what_a_token_for_it_allows() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let answer = ask(&world, &RS, &tokens.access).await;
    assert_eq!(answer["active"], true);
    assert_eq!((&answer["sub"], &answer["client_id"]), (&json!("johndoe"), &json!(client)));
    assert_eq!((&answer["scope"], &answer["token_type"]), (&json!("posts:read"), &json!("Bearer")));
    assert_eq!(
        (&answer["aud"], &answer["iss"]),
        (&json!("https://rs.example/mcp"), &json!(world.server.issuer()))
    );
    assert!(answer["exp"].is_u64() && answer["iat"].is_u64() && answer["jti"].is_string());
    // By Basic, too, and with a hint that is wrong.
    let request =
        world.http.post(world.at("/introspect")).basic_auth("rs", Some(RS_SECRET.replace(' ', "+")));
    let form = [("token", tokens.access.as_str()), ("token_type_hint", "refresh_token")];
    let answer: Value = request.form(&form).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["active"], true);
    // Revocation is seen at once, and so is the end.
    let other = world.logged_in().await.1;
    let revoke = [("token", tokens.refresh.as_str()), ("client_id", client.as_str())];
    world.http.post(world.at("/revoke")).form(&revoke).send().await.unwrap();
    assert_eq!(ask(&world, &RS, &tokens.access).await, json!({ "active": false }));
    assert_eq!(ask(&world, &RS, &other.access).await["active"], true);
    world.advance(900);
    assert_eq!(ask(&world, &RS, &other.access).await, json!({ "active": false }));
}

#[tokio::test]
async fn foreign_and_unknown_tokens_are_not_active_and_nothing_more() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let elsewhere = backends(&world, "https://rs.example/other").await;
    let own = backends(&world, "https://rs.example/mcp").await;
    let (signed, _) = tokens.access.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    for (who, token, expected) in [
        (&RS, tokens.access.as_str(), true),
        (&RS, &own.access, true),
        (&BACKEND, &own.access, true),
        (&BACKEND, &own.refresh, true),
        (&BACKEND, &elsewhere.access, true),
        // Of another client, for another resource, of no interest to a resource, of nobody.
        (&BACKEND, &tokens.access, false),
        (&BACKEND, &tokens.refresh, false),
        (&RS, &elsewhere.access, false),
        (&RS, &own.refresh, false),
        (&RS, &forged, false),
        (&RS, "bwr_nonsense", false),
        (&RS, "a.b.c", false),
        (&RS, "opaque", false),
    ] {
        let answer = ask(&world, who, token).await;
        assert_eq!(answer["active"], expected, "{token}");
        assert_eq!(answer.as_object().unwrap().len() == 1, !expected, "{answer}");
    }
}

#[tokio::test]
async fn only_who_authenticates_may_ask() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let token = ("token", tokens.access.as_str());
    for (form, status, error) in [
        (vec![token], 401, "invalid_client"),
        (vec![token, ("client_id", client.as_str())], 401, "invalid_client"),
        (vec![token, ("client_id", "rs")], 401, "invalid_client"),
        (vec![token, ("client_id", "rs"), ("client_secret", "guessed")], 401, "invalid_client"),
        (vec![token, ("client_id", "nobody"), ("client_secret", RS_SECRET)], 401, "invalid_client"),
        (RS.to_vec(), 400, "invalid_request"),
        ([&RS[..], &[token, token]].concat(), 400, "invalid_request"),
    ] {
        let (answered, answer) = world.introspect(&form).await;
        assert_eq!((answered.as_u16(), &answer["error"]), (status, &json!(error)), "{form:?}");
    }
}

#[tokio::test]
async fn asking_changes_nothing() {
    let world = World::new().await;
    let own = backends(&world, "https://rs.example/mcp").await;
    let refresh = async |token: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        world.token(&[&form[..], &BACKEND].concat()).await
    };
    let (_, answer) = refresh(&own.refresh).await;
    let next = Tokens::read(&answer);
    world.advance(60);
    // The replaced token is over. Using it would end the grant; asking about it does not.
    assert_eq!(ask(&world, &BACKEND, &own.refresh).await, json!({ "active": false }));
    assert_eq!(ask(&world, &BACKEND, &next.refresh).await["active"], true);
    assert_eq!(refresh(&next.refresh).await.0, StatusCode::OK);
}
