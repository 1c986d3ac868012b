//! What a restart must not lose. Nothing is closed or flushed before it: the new server sees only what was on disk.

use std::time::Duration;

use barewire_oauth::bearer::BearerError;
use barewire_oauth_server::AuthConfig;
use barewire_oauth_server::store::Clients as _;
use reqwest::StatusCode;
use serde_json::json;

use crate::world::{CALLBACK, RawForm, Tokens, WEB_CALLBACK, World, config, query, set_cookies};

#[tokio::test]
async fn codes_tokens_revocations_sessions_and_keys_survive() {
    let world = World::new().await;
    let (client, tokens) = world.logged_in().await;
    let (_, revoked) = world.logged_in().await;
    let (_, ended) = world.logged_in().await;
    let code = world.code(&client).await;
    let form = RawForm::get(&world, world.at("/login"), "/login", None).await;
    let answer = form.post(&world, &[("username", "johndoe"), ("password", "secret")]).await;
    let cookie = set_cookies(&answer)[0].clone();
    for (token, client) in [(&revoked.refresh, &client), (&ended.access, &client)] {
        let form = [("token", token.as_str()), ("client_id", client)];
        world.http.post(world.at("/revoke")).form(&form).send().await.unwrap();
    }
    let jwks = world.http.get(world.at("/jwks")).send().await.unwrap().text().await.unwrap();

    let world = world.restarted(config()).await;
    assert_eq!(world.http.get(world.at("/jwks")).send().await.unwrap().text().await.unwrap(), jwks);
    assert_eq!(world.verify(&tokens.access), Ok(()));
    assert_eq!(world.verify(&revoked.access), Err(BearerError::Revoked));
    assert_eq!(world.verify(&ended.access), Err(BearerError::Revoked));
    assert_eq!(world.redeem(&client, &code).await.0, StatusCode::OK);
    assert_eq!(world.refresh(&client, &tokens.refresh).await.0, StatusCode::OK);
    assert_eq!(world.refresh(&client, &revoked.refresh).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(world.refresh(&client, &ended.refresh).await.0, StatusCode::OK);
    let page = world.http.get(world.at("/login")).header("cookie", &cookie).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("You are signed in"));
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let callback =
        barewire_testkit::Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    assert!(query(&callback).contains_key("code"));
}

/// Of revocations as many are read as there is room for, and what they leave out is refused with them.
#[tokio::test]
async fn more_revocations_than_are_read_at_the_start_still_hold() {
    let world = World::new().await;
    let mut revoked = Vec::new();
    for number in 0..6 {
        let (client, tokens) = world.logged_in().await;
        // Grants and single tokens in turn.
        let token = if number % 2 == 0 { &tokens.refresh } else { &tokens.access };
        let form = [("token", token.as_str()), ("client_id", &client)];
        world.http.post(world.at("/revoke")).form(&form).send().await.unwrap();
        revoked.push(tokens.access);
        world.advance(5);
    }
    let (_, later) = world.logged_in().await;
    let world = world.restarted(AuthConfig { revocation_cache: 2, ..config() }).await;
    for token in revoked {
        assert_eq!(world.verify(&token), Err(BearerError::Revoked));
    }
    assert_eq!(world.verify(&later.access), Ok(()));
}

/// A sweep goes on by itself until nothing is left, however small its steps are.
#[tokio::test]
async fn a_sweep_in_steps_takes_all_that_is_over() {
    let world = World::with(AuthConfig { unused_client_ttl: Duration::from_secs(60), ..config() }).await;
    let mut clients = Vec::new();
    for number in 0..7 {
        let metadata = json!({ "client_name": format!("client {number}") });
        clients.push(world.register_with(metadata).await["client_id"].as_str().unwrap().to_owned());
    }
    world.advance(61);
    let small = AuthConfig { unused_client_ttl: Duration::from_secs(60), sweep_batch: 2, ..config() };
    let world = world.restarted(small).await;
    while world.store.client(&clients[6]).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for client in clients {
        assert_eq!(world.store.client(&client).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_can_be_repeated_after_a_restart() {
    let world = World::new().await;
    let (client, first) = world.logged_in().await;
    let (_, lost) = world.refresh(&client, &first.refresh).await;
    let world = world.restarted(config()).await;
    let (status, again) = world.refresh(&client, &first.refresh).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(Tokens::read(&again).refresh, Tokens::read(&lost).refresh);
}

#[tokio::test]
async fn the_database_gives_no_live_token_away() {
    let world = World::new().await;
    let (client, first) = world.logged_in().await;
    let code = world.code(&client).await;
    let (_, second) = world.refresh(&client, &first.refresh).await;
    let second = Tokens::read(&second);
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(world.dir.path()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"johndoe"), "this is the right file");
    for token in [&first.refresh, &second.refresh, &second.access, &code] {
        let text = token.trim_start_matches("bwr_");
        assert!(!contains(text.as_bytes()), "{text}");
        // Neither as text nor as the bytes behind it: handle and secret.
        use base64::Engine as _;
        if let Ok(raw) = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text) {
            assert!(!contains(&raw[..16]) && !contains(&raw[raw.len() - 16..]));
        }
    }
}

#[tokio::test]
async fn what_the_operator_takes_away_is_gone_after_a_restart() {
    let world = World::with(AuthConfig { private_use_redirects: true, ..config() }).await;
    let web = world.authorize_url("web", WEB_CALLBACK, &[("scope", "posts:read offline_access")]);
    let callback =
        barewire_testkit::Browser::new().login_and_consent(&web, "johndoe", "secret").await.unwrap();
    let tokens = Tokens::read(&world.redeem_at("web", &query(&callback)["code"], WEB_CALLBACK).await.1);
    let app = world.register_with(json!({ "redirect_uris": ["com.example.app:/cb", CALLBACK] })).await;
    let app = app["client_id"].as_str().unwrap().to_owned();
    let status = async |world: &World, url| world.http.get(url).send().await.unwrap().status();
    let native = |world: &World| world.authorize_url(&app, "com.example.app:/cb", &[]);
    assert_eq!(status(&world, native(&world)).await, StatusCode::SEE_OTHER);

    let mut fewer = config();
    fewer.clients.retain(|client| client.client_id != "web");
    let world = world.restarted(fewer).await;
    assert_eq!(status(&world, world.authorize_url("web", WEB_CALLBACK, &[])).await, StatusCode::BAD_REQUEST);
    let (status_of_refresh, answer) = world.refresh("web", &tokens.refresh).await;
    assert_eq!((status_of_refresh, &answer["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    assert_eq!(status(&world, native(&world)).await, StatusCode::BAD_REQUEST);
    assert_eq!(status(&world, world.authorize_url(&app, CALLBACK, &[])).await, StatusCode::SEE_OTHER);
}
