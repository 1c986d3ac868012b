//! `POST /token` with a refresh token.

use std::time::Duration;

use barewire_oauth::bearer::BearerError;
use barewire_oauth_server::AuthConfig;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::world::{BACKEND_SECRET, Tokens, World, config};

#[tokio::test]
async fn each_use_replaces_the_token() {
    let world = World::new().await;
    let (client, first) = world.logged_in().await;
    let (status, answer) = world.refresh(&client, &first.refresh).await;
    assert_eq!(status, StatusCode::OK);
    let second = Tokens::read(&answer);
    assert_ne!(first.refresh, second.refresh);
    assert_eq!(world.verify(&second.access), Ok(()));
    let (status, _) = world.refresh(&client, &second.refresh).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn all_concurrent_callers_get_the_same_successor() {
    let world = World::new().await;
    let (client, first) = world.logged_in().await;
    let answers = join_all((0..20).map(|_| world.refresh(&client, &first.refresh))).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK), "{answers:?}");
    let tokens: Vec<_> = answers.iter().map(|(_, answer)| Tokens::read(answer)).collect();
    assert!(tokens.iter().all(|other| other.refresh == tokens[0].refresh));
    assert!(tokens.iter().all(|token| world.verify(&token.access).is_ok()));
    // And one who is a little late, too; the family goes on from there.
    world.advance(config().refresh_grace.as_secs() - 1);
    let (_, late) = world.refresh(&client, &first.refresh).await;
    assert_eq!(Tokens::read(&late).refresh, tokens[0].refresh);
    assert_eq!(world.refresh(&client, &tokens[0].refresh).await.0, StatusCode::OK);
}

/// Whoever wants replaced tokens to be of no use at once does not log people out whose clients refresh twice at a time.
#[tokio::test]
async fn without_a_grace_one_of_many_at_once_gets_tokens_and_the_next_use_ends_the_family() {
    let world = World::with(AuthConfig { refresh_grace: Duration::ZERO, ..config() }).await;
    let mut unharmed = 0;
    for _ in 0..5 {
        let (client, first) = world.logged_in().await;
        let answers = join_all((0..20).map(|_| world.refresh(&client, &first.refresh))).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(status, _)| *status == StatusCode::OK);
        assert_eq!((won.len(), lost.len()), (1, 19));
        assert!(lost.iter().all(|(_, answer)| answer["error"] == "invalid_grant"), "{lost:?}");
        let second = Tokens::read(&won[0].1);
        // Whoever was under way together with the winner is no thief. One that came when all was over looks like one, and that
        // is a matter of luck, but not for all of them each time.
        unharmed += u32::from(world.verify(&second.access).is_ok());
        let (status, answer) = world.refresh(&client, &first.refresh).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        assert_eq!(world.verify(&second.access), Err(BearerError::Revoked));
        assert_eq!(world.refresh(&client, &second.refresh).await.1["error"], "invalid_grant");
    }
    assert!(unharmed > 0, "a client whose own requests race is logged out each time");
}

#[tokio::test]
async fn a_late_replay_ends_the_family() {
    let world = World::new().await;
    let (client, first) = world.logged_in().await;
    let (_, answer) = world.refresh(&client, &first.refresh).await;
    let second = Tokens::read(&answer);
    world.advance(config().refresh_grace.as_secs());
    let (status, answer) = world.refresh(&client, &first.refresh).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    let (status, answer) = world.refresh(&client, &second.refresh).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert_eq!(world.verify(&second.access), Err(BearerError::Revoked));
    // Exactly one grant ended.
    let (_, other) = world.logged_in().await;
    assert_eq!(world.verify(&other.access), Ok(()));
}

#[tokio::test]
async fn a_part_of_the_scope_can_be_asked_for_and_no_more() {
    let world = World::new().await;
    let client = world.register().await;
    let code = world.code_with(&client, &[("scope", "posts:read posts:write")]).await;
    let (_, answer) = world.redeem(&client, &code).await;
    let mut refresh = Tokens::read(&answer).refresh;
    for (scope, expected) in [
        (Some("posts:read"), Ok("posts:read")),
        (Some("posts:write posts:read"), Ok("posts:write posts:read")),
        (None, Ok("posts:read posts:write")),
        (Some("posts:read posts:delete"), Err("invalid_scope")),
        (Some("posts:write"), Ok("posts:write")),
    ] {
        let mut form =
            vec![("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", &refresh)];
        form.extend(scope.map(|scope| ("scope", scope)));
        let (_, answer) = world.token(&form).await;
        match expected {
            Ok(scope) => {
                assert_eq!(answer["scope"], scope);
                refresh = Tokens::read(&answer).refresh;
            }
            Err(error) => assert_eq!(answer["error"], error),
        }
    }
}

#[tokio::test]
async fn the_token_counts_for_its_client_and_resource_and_time() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let form = |client: &str, more: Option<(&'static str, &'static str)>| {
        let mut form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", client.to_owned()),
            ("refresh_token", tokens.refresh.clone()),
        ];
        form.extend(more.map(|(name, value)| (name, value.to_owned())));
        form
    };
    for (form, expected) in [
        (form("web", None), "invalid_grant"),
        (form("nobody", None), "invalid_client"),
        (form(&client, Some(("resource", "https://rs.example/other"))), "invalid_target"),
    ] {
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(world.token(&form).await.1["error"], expected);
    }
    for nonsense in
        ["bwr_", "bwr_AAAA", "x", "bwr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
    {
        assert_eq!(world.refresh(&client, nonsense).await.1["error"], "invalid_grant", "{nonsense}");
    }
    let again = form(&client, Some(("resource", "https://rs.example/mcp")));
    let again: Vec<_> = again.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, answer) = world.token(&again).await;
    assert_eq!(status, StatusCode::OK);
    world.advance(config().refresh_token_ttl.as_secs());
    assert_eq!(world.refresh(&client, &Tokens::read(&answer).refresh).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn an_expired_access_token_does_not_harm_its_refresh_token() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    world.advance(config().access_token_ttl.as_secs());
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Expired));
    let form = [("token", tokens.access.as_str()), ("client_id", &client)];
    let revoked = world.http.post(world.at("/revoke")).form(&form).send().await.unwrap();
    assert_eq!(revoked.status(), StatusCode::OK);
    assert_eq!(world.refresh(&client, &tokens.refresh).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_stolen_token_is_of_no_use_to_another_client() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let other = world.register_with(json!({ "client_name": "Another" })).await;
    for (thief, secret) in [
        (other["client_id"].as_str().unwrap(), None),
        ("web", None),
        ("backend", Some(BACKEND_SECRET)),
        ("https://app.example/client.json", None),
    ] {
        let mut form =
            vec![("grant_type", "refresh_token"), ("client_id", thief), ("refresh_token", &tokens.refresh)];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let (status, answer) = world.token(&form).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")), "{thief}");
    }
    // And the attempts have not spoiled it for its owner.
    assert_eq!(world.refresh(&client, &tokens.refresh).await.0, StatusCode::OK);
    assert_eq!(world.verify(&tokens.access), Ok(()));
}
