//! What a provider says later, when a token is refreshed here.

use barewire_oauth_server::store::Grants as _;
use barewire_testkit::Browser;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::idp::{Idp, tokens};
use super::login::claims;
use crate::world::World;

fn token(answer: &Value) -> &str {
    answer["refresh_token"].as_str().unwrap()
}

fn refused() -> Option<(u16, Value)> {
    Some((
        400,
        json!({ "error": "invalid_grant", "error_description": "AADSTS50057: The user account is disabled." }),
    ))
}

/// Why the grant of these tokens ended, if it did.
async fn ended(world: &World, answer: &Value) -> Option<&'static str> {
    let id = claims(answer)["grant_id"].as_str().unwrap().to_owned();
    world.store.grant(&id).await.unwrap().unwrap().revoked.map(|revocation| revocation.reason.as_str())
}

#[tokio::test]
async fn a_refusal_ends_exactly_the_grant_that_is_refreshed() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let mut browser = Browser::new();
    let (client, first) = tokens(&world, &mut browser, "posts:read").await;
    let (other_client, second) = tokens(&world, &mut browser, "posts:read").await;
    idp.does().claims["sub"] = json!("eve-2");
    let (eves_client, eves) = tokens(&world, &mut Browser::new(), "posts:read").await;
    world.advance(61);
    idp.does().refresh_answer = refused();
    let (status, answer) = world.refresh(&client, token(&first)).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert_eq!(ended(&world, &first).await, Some("upstream"));
    assert!(
        world.verify(first["access_token"].as_str().unwrap()).is_err(),
        "its access token is out at once"
    );
    for (answer, whose) in [(&second, "the same user's other grant"), (&eves, "another user's")] {
        assert_eq!(ended(&world, answer).await, None, "{whose}");
        assert_eq!(world.verify(answer["access_token"].as_str().unwrap()), Ok(()), "{whose}");
    }
    assert!(world.witness.at("/token").contains(&"upstream"), "the revocation is told");
    // The provider is not asked again about what it has refused; the next one ends when it comes.
    idp.does().refresh_answer = None;
    let asked = idp.refreshes();
    assert_eq!(world.refresh(&other_client, token(&second)).await.1["error"], "invalid_grant");
    assert_eq!(ended(&world, &second).await, Some("upstream"));
    assert_eq!(idp.refreshes(), asked);
    assert_eq!(world.refresh(&eves_client, token(&eves)).await.0, StatusCode::OK);
    // And the browser's session is none any more.
    let page = browser.open(&world.at("/account/apps")).await.unwrap();
    assert!(page.link("Sign in with Corporate").is_some(), "{}", page.text());
}

#[tokio::test]
async fn an_outage_ends_nothing() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let (client, mut answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    let mut refresh = async |expected: StatusCode| {
        let (status, next) = world.refresh(&client, answer["refresh_token"].as_str().unwrap()).await;
        assert_eq!(status, expected, "{next}");
        if status == StatusCode::OK {
            answer = next;
        } else {
            assert_eq!(next["error"], "temporarily_unavailable");
        }
        assert_eq!(ended(&world, &answer).await, None);
    };
    for (code, body) in [
        (503, json!({ "error": "temporarily_unavailable" })),
        (500, json!({ "error": "invalid_grant" })),
        (429, json!({ "error": "invalid_grant" })),
        (401, json!({ "error": "invalid_client" })),
        (400, json!({ "error": "invalid_request" })),
        (400, json!({ "not": "an error" })),
        (200, json!([])),
    ] {
        world.advance(61);
        idp.does().refresh_answer = Some((code, body));
        refresh(StatusCode::OK).await;
    }
    // For that long the last yes was enough; now nothing is renewed, and nothing ends.
    world.advance(200);
    refresh(StatusCode::SERVICE_UNAVAILABLE).await;
    // A question that was not answered is not asked again at once.
    let asked = idp.refreshes();
    refresh(StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(idp.refreshes(), asked);
    // Gone altogether.
    world.advance(31);
    idp.does().down = Some(503);
    refresh(StatusCode::SERVICE_UNAVAILABLE).await;
    world.advance(31);
    idp.does().down = None;
    idp.does().refresh_answer = None;
    refresh(StatusCode::OK).await;
}

#[tokio::test]
async fn the_provider_is_asked_once_in_a_while_and_once_at_a_time() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let (client, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    let (_, answer) = world.refresh(&client, token(&answer)).await;
    assert_eq!(idp.refreshes(), 0, "the login is an answer");
    world.advance(61);
    // Its refresh tokens are good once each: two questions would look like a theft.
    let answers = join_all((0..10).map(|_| world.refresh(&client, token(&answer)))).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK), "{answers:?}");
    assert!(answers.iter().all(|(_, one)| token(one) == token(&answers[0].1)), "one successor");
    assert_eq!(idp.refreshes(), 1);
    for asked in idp.asked("token") {
        assert!(!asked.contains_key("resource") && !asked.contains_key("scope"), "{asked:?}");
    }
    world.advance(61);
    let (status, _) = world.refresh(&client, token(&answers[0].1)).await;
    assert_eq!((status, idp.refreshes()), (StatusCode::OK, 2), "the next one is kept");
}

#[tokio::test]
async fn fewer_groups_narrow_the_grant_and_none_ends_it() {
    let idp = Idp::start().await;
    idp.does().claims = json!({ "sub": "1", "groups": ["readers", "writers"] });
    let world = idp.world(json!({ "groups": { "readers": "posts:read", "writers": "posts:write" } })).await;
    let (client, answer) = tokens(&world, &mut Browser::new(), "posts:read posts:write").await;
    assert_eq!(answer["scope"], "posts:read posts:write");
    let next = async |answer: &Value, groups: Value| {
        world.advance(61);
        idp.does().claims["groups"] = groups;
        world.refresh(&client, token(answer)).await.1
    };
    let answer = next(&answer, json!(["readers"])).await;
    assert_eq!(answer["scope"], "posts:read");
    // A grant only ever narrows.
    let answer = next(&answer, json!(["readers", "writers"])).await;
    assert_eq!(answer["scope"], "posts:read");
    // Too many to be told: that is no answer.
    let answer = next(&answer, json!(["readers"])).await;
    assert_eq!(ended(&world, &answer).await, None);
    let refused = next(&answer, json!(["guests"])).await;
    assert_eq!(refused["error"], "invalid_grant");
    assert_eq!(ended(&world, &answer).await, Some("upstream"));
}

#[tokio::test]
async fn an_answer_about_somebody_else_ends_the_grant() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let (client, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    world.advance(61);
    idp.does().claims["sub"] = json!("somebody else");
    assert_eq!(world.refresh(&client, token(&answer)).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn where_the_operator_says_so_the_provider_is_not_asked_again() {
    let idp = Idp::start().await;
    let world = idp.world(json!({ "recheck": "never" })).await;
    let (client, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    let asked = idp.asked("authorize").remove(0);
    assert!(!asked["scope"].contains("offline_access") && !asked.contains_key("prompt"), "{asked:?}");
    idp.does().refresh_answer = refused();
    world.advance(3_600);
    assert_eq!(world.refresh(&client, token(&answer)).await.0, StatusCode::OK);
    assert_eq!(idp.refreshes(), 0);
}

#[tokio::test]
async fn without_a_refresh_token_nobody_can_be_asked() {
    let idp = Idp::start().await;
    idp.does().no_refresh_tokens = true;
    let world = idp.world(json!({})).await;
    let (client, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    world.advance(3_600);
    assert_eq!(world.refresh(&client, token(&answer)).await.0, StatusCode::OK);
    assert_eq!(idp.refreshes(), 0);
}

#[tokio::test]
async fn what_a_provider_gave_outlives_a_restart_and_is_sealed() {
    let idp = Idp::start().await;
    let mut world = idp.world(json!({ "everybody": "posts:read" })).await;
    let mut browser = Browser::new();
    let (client, answer) = tokens(&world, &mut browser, "posts:read").await;
    for entry in std::fs::read_dir(world.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|part| part == b"upstream-refresh"), "a refresh token lies open");
        assert!(!bytes.windows(12).any(|part| part == b"dXBzdHJlYW0t"), "a refresh token lies open");
    }
    // Taken out of the settings: what came through it does not count as this server's own.
    world = world.restarted(crate::world::config()).await;
    assert_eq!(world.refresh(&client, token(&answer)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ended(&world, &answer).await, None);
    let page = browser.open(&world.at("/account/apps")).await.unwrap();
    assert!(page.form_with("password").is_some(), "the session does not count: {}", page.text());
    world = world.restarted(idp.config(json!({ "everybody": "posts:read" }))).await;
    world.advance(61);
    idp.does().refresh_answer = refused();
    assert_eq!(world.refresh(&client, token(&answer)).await.1["error"], "invalid_grant");
    assert_eq!(ended(&world, &answer).await, Some("upstream"));
}
