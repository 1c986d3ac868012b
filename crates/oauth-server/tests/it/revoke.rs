//! `POST /revoke`.

use barewire_oauth::bearer::BearerError;
use reqwest::StatusCode;
use serde_json::Value;

use crate::world::{Tokens, World};

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
