//! What a restart must not lose. Nothing is closed or flushed before it: the new server sees only what was on disk.

use barewire_oauth::bearer::BearerError;
use reqwest::StatusCode;

use crate::world::{CALLBACK, RawForm, Tokens, World, config, query, set_cookies};

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
