//! `POST /revoke`.

use std::sync::Arc;
use std::time::Duration;

use barewire_oauth::bearer::BearerError;
use barewire_oauth::resource::Resource;
use barewire_oauth_server::{AuthConfig, AuthorizationServer};
use barewire_store::Store;
use reqwest::StatusCode;
use serde_json::Value;

use crate::world::{Tokens, World, config};

async fn revoke(world: &World, form: &[(&str, &str)]) -> StatusCode {
    world.http.post(world.at("/revoke")).form(form).send().await.unwrap().status()
}

#[tokio::test]
async fn a_refresh_token_takes_its_grant_with_it_at_once() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    assert_eq!(world.verify(&tokens.access), Ok(()));
    let form =
        [("token", tokens.refresh.as_str()), ("client_id", &client), ("token_type_hint", "access_token")];
    assert_eq!(revoke(&world, &form).await, StatusCode::OK);
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    assert_eq!(world.refresh(&client, &tokens.refresh).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(revoke(&world, &form).await, StatusCode::OK);
}

#[tokio::test]
async fn an_access_token_ends_alone() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let form = [("token", tokens.access.as_str()), ("client_id", &client)];
    assert_eq!(revoke(&world, &form).await, StatusCode::OK);
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    let (status, answer) = world.refresh(&client, &tokens.refresh).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(world.verify(&Tokens::read(&answer).access), Ok(()));
}

#[tokio::test]
async fn nobody_revokes_what_is_not_theirs() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    for token in [&tokens.refresh, &tokens.access] {
        assert_eq!(revoke(&world, &[("token", token), ("client_id", "web")]).await, StatusCode::BAD_REQUEST);
        assert_eq!(
            revoke(&world, &[("token", token), ("client_id", "backend")]).await,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(world.verify(&tokens.access), Ok(()));
    // Whoever keeps account hears of it.
    assert_eq!(world.witness.count("revocation /revoke wrong_client"), 2);
    assert_eq!(world.witness.count("revocation /revoke client_authentication"), 2);
}

#[tokio::test]
async fn a_public_client_may_leave_out_its_name_and_nonsense_is_fine() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    for nonsense in ["x", "a.b.c", "bwr_AAAA", "bwr_%"] {
        assert_eq!(revoke(&world, &[("token", nonsense)]).await, StatusCode::OK);
    }
    let tampered = format!("{}x", tokens.access);
    assert_eq!(revoke(&world, &[("token", &tampered)]).await, StatusCode::OK);
    assert_eq!(world.verify(&tokens.access), Ok(()));
    let answer = world.http.post(world.at("/revoke")).form(&[("x", "y")]).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"], "invalid_request");
    assert_eq!(revoke(&world, &[("token", &tokens.refresh)]).await, StatusCode::OK);
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
}

#[tokio::test]
async fn what_one_process_revokes_the_others_learn() {
    let world = World::new().await;
    // As another process has it: the same file, and nothing else in common.
    let store = Arc::new(Store::open(world.dir.join("auth.sqlite")).await.unwrap());
    let other = AuthorizationServer::builder(world.server.issuer(), store)
        .resource("https://rs.example/mcp")
        .scope("posts:read", "Read your posts")
        .scope("posts:write", "Write posts as you")
        .config(AuthConfig { revocation_poll: Duration::from_millis(5), ..config() })
        .clock(world.clock.clock())
        .build()
        .await
        .unwrap();
    let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
    let verify = |token: &str| other.access_tokens().verify(token, &resource, world.clock.now()).map(drop);
    let (client, tokens) = world.logged_in().await;
    let (other_client, other_tokens) = world.logged_in().await;
    for (client, access, revoked) in [
        (&client, &tokens.access, &tokens.access),
        (&other_client, &other_tokens.access, &other_tokens.refresh),
    ] {
        assert_eq!(verify(access), Ok(()));
        assert_eq!(revoke(&world, &[("token", revoked), ("client_id", client)]).await, StatusCode::OK);
        let learned = async {
            while verify(access) != Err(BearerError::Revoked) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), learned).await.expect("the other one learns of it");
    }
}
