//! `POST /token` with a code.

use barewire_oauth::bearer::BearerError;
use barewire_oauth::resource::Resource;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{BACKEND_SECRET, Tokens, VERIFIER, WEB_CALLBACK, World, config, query};

fn refused(code: &str) -> (StatusCode, Value) {
    (if code == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST }, json!(code))
}

async fn error(world: &World, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let (status, answer) = world.token(form).await;
    if status != StatusCode::OK {
        assert!(answer["error_description"].is_string(), "{answer}");
    }
    (status, answer["error"].clone())
}

#[tokio::test]
async fn a_code_becomes_tokens_that_say_what_they_are_for() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code_with(&client, &[("scope", "posts:read posts:write")]).await;
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], config().access_token_ttl.as_secs());
    assert_eq!(answer["scope"], "posts:read posts:write");
    let tokens = Tokens::read(&answer);
    assert!(tokens.refresh.starts_with("bwr_"));
    let resource = Resource::parse("https://rs.example/mcp").unwrap();
    let claims = world.server.access_tokens().verify(&tokens.access, &resource, world.clock.now()).unwrap();
    assert_eq!(claims.sub, "johndoe");
    assert_eq!(claims.client_id, client);
    assert_eq!(claims.iss, world.server.issuer());
    assert!(claims.grant_id.is_some());
    let other = Resource::parse("https://rs.example/other").unwrap();
    let verdict = world.server.access_tokens().verify(&tokens.access, &other, world.clock.now());
    assert_eq!(verdict.unwrap_err(), BearerError::WrongAudience);
    world.advance(config().access_token_ttl.as_secs());
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Expired));
}

#[tokio::test]
async fn what_does_not_fit_the_code_is_refused_and_the_code_stays_good() {
    let world = World::new().await;
    let (client, stranger) = (world.register().await, "web");
    let code = world.code(&client).await;
    let other_verifier = "x".repeat(43);
    let base =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("client_id", client.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [&base[..], more].concat();
    assert_eq!(error(&world, &with(&[])).await, refused("invalid_request"));
    let wrong = [&base[..], &[("code_verifier", other_verifier.as_str())]].concat();
    assert_eq!(error(&world, &wrong).await, refused("invalid_grant"));
    assert_eq!(error(&world, &with(&[("code_verifier", "wrong")])).await, refused("invalid_grant"));
    let right = ("code_verifier", VERIFIER);
    assert_eq!(
        error(&world, &with(&[right, ("redirect_uri", WEB_CALLBACK)])).await,
        refused("invalid_grant")
    );
    let resource = ("resource", "https://rs.example/other");
    assert_eq!(error(&world, &with(&[right, resource])).await, refused("invalid_target"));
    assert_eq!(error(&world, &with(&[right, right])).await, refused("invalid_request"));
    let thief = [base[0], base[1], ("client_id", stranger), right];
    assert_eq!(error(&world, &thief).await, refused("invalid_grant"));
    assert_eq!(
        error(&world, &[base[0], base[1], ("client_id", "nobody"), right]).await,
        refused("invalid_client")
    );
    assert_eq!(error(&world, &[base[0], base[1], right]).await, refused("invalid_request"));
    let secret = with(&[right, ("client_secret", "x")]);
    assert_eq!(error(&world, &secret).await, refused("invalid_client"));
    // OAuth 2.1: neither redirect_uri nor resource has to be repeated.
    assert_eq!(world.token(&with(&[right])).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_code_expires() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code(&client).await;
    world.advance(config().code_ttl.as_secs());
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!((status, answer["error"].clone()), refused("invalid_grant"));
}

#[tokio::test]
async fn of_many_redemptions_one_succeeds_and_a_replay_revokes() {
    // Whether one of the losers came late enough to be a replay is a matter of luck; `redeeming.rs` has the rule.
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code(&client).await;
    let answers = join_all((0..20).map(|_| world.redeem(&client, &code))).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(status, _)| *status == StatusCode::OK);
    assert_eq!((won.len(), lost.len()), (1, 19));
    assert!(
        lost.iter().all(|(status, answer)| (*status, answer["error"].clone()) == refused("invalid_grant"))
    );
    let tokens = Tokens::read(&won[0].1);

    world.advance(1);
    let (status, _) = world.redeem(&client, &code).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    let (status, answer) = world.refresh(&client, &tokens.refresh).await;
    assert_eq!((status, answer["error"].clone()), refused("invalid_grant"));
}

#[tokio::test]
async fn a_replay_by_another_client_does_no_harm() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code(&client).await;
    let (_, answer) = world.redeem(&client, &code).await;
    let (status, _) = world.redeem("web", &code).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(world.verify(&Tokens::read(&answer).access), Ok(()));
}

#[tokio::test]
async fn a_confidential_client_proves_itself_either_way() {
    let world = World::new().await;
    let url = world.authorize_url("backend", WEB_CALLBACK, &[]);
    for way in ["basic", "post", "wrong", "none"] {
        let callback =
            barewire_testkit::Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
        let code = query(&callback)["code"].clone();
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
        let mut request = world.http.post(world.at("/token"));
        match way {
            "basic" => request = request.basic_auth("backend", Some("s3cret+%25%2F%3A+that+nobody+guesses")),
            "wrong" => request = request.basic_auth("backend", Some("guess")),
            "post" => form.extend([("client_id", "backend"), ("client_secret", BACKEND_SECRET)]),
            _ => form.push(("client_id", "backend")),
        }
        let answer = request.form(&form).send().await.unwrap();
        let good = matches!(way, "basic" | "post");
        assert_eq!(answer.status(), if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{way}");
        // A client that tried the header is challenged there, one that did not is not.
        assert_eq!(answer.headers().contains_key("www-authenticate"), way == "wrong");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["error"], if good { Value::Null } else { json!("invalid_client") });
    }
}

#[tokio::test]
async fn a_client_that_does_not_refresh_gets_no_refresh_token_unless_it_asks() {
    let world = World::new().await;
    let registered = world.register_with(json!({ "grant_types": ["authorization_code"] })).await;
    let client = registered["client_id"].as_str().unwrap();
    let (_, answer) = world.redeem(client, &world.code(client).await).await;
    assert!(answer["refresh_token"].is_null());
    let code = world.code_with(client, &[("scope", "posts:read offline_access")]).await;
    let (_, answer) = world.redeem(client, &code).await;
    assert!(answer["refresh_token"].is_string());
    assert_eq!(answer["scope"], "posts:read offline_access");
}

#[tokio::test]
async fn other_shapes_of_requests_are_refused_as_json() {
    let world = World::new().await;
    let url = world.at("/token");
    let get = world.http.get(url.clone()).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get.headers()["allow"], "POST, OPTIONS");
    let huge = "x".repeat(config().max_body_bytes + 1);
    for (request, expected) in [
        (world.http.get(url.clone()), 405),
        (world.http.post(url.clone()).json(&json!({ "grant_type": "authorization_code" })), 400),
        (world.http.post(url.clone()), 400),
        (world.http.post(url.clone()).form(&[("code", &huge)]), 400),
        (world.http.post(url.clone()).form(&[("grant_type", "password"), ("client_id", "web")]), 400),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["error"].is_string() && answer["error_description"].is_string(), "{answer}");
    }
}
