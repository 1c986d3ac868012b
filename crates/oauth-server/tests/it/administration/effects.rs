//! What an administrator does holds at once: for tokens that are out there, for refreshes, sessions and logins; here and in
//! every other process at the same store.

use std::time::Duration;

use barewire_oauth::bearer::BearerError;
use barewire_oauth_server::administration::{Administration, By};
use barewire_oauth_server::{AuthConfig, AuthorizationServer};
use barewire_testkit::{Browser, BrowserError};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::each;
use crate::world::{CALLBACK, World, config, documented, query};

async fn switch(world: &World, token: &str, path: &str, disabled: bool) {
    let (status, body) = world.call(token, Method::PATCH, path, Some(json!({ "disabled": disabled }))).await;
    assert!(status.is_success(), "{body}");
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_everywhere() {
    let world = World::new().await;
    let admin = &world.admin_token("admin", "admin:write").await;
    let (client, tokens) = world.connected_by("johndoe").await;
    let (_, other) = world.connected_by("janedoe").await;
    let mut browser = world.signed_in("johndoe").await;
    // A code that nobody has fetched yet.
    let url = world.authorize_url(&client, CALLBACK, &[]);
    let code =
        query(&Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap())["code"].clone();
    assert_eq!(world.verify(&tokens.access), Ok(()));

    switch(&world, admin, "/users/johndoe", true).await;
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    assert_eq!(world.verify(&other.access), Ok(()));
    let (status, answer) = world.refresh(&client, &tokens.refresh).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    let (status, answer) = world.redeem(&client, &code).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert!(browser.open(&world.at("/account/apps")).await.unwrap().form_with("password").is_some());
    // The right password is answered as a wrong one is.
    let stuck = |result: Result<_, BrowserError>| match result {
        Err(BrowserError::Stuck { status, text, .. }) => (status, text),
        other => panic!("{other:?}"),
    };
    let right = stuck(Browser::new().login_and_consent(&url, "johndoe", "secret").await);
    let wrong = stuck(Browser::new().login_and_consent(&url, "janedoe", "not this").await);
    assert_eq!((right.0, right.1.replace("johndoe", "")), (wrong.0, wrong.1.replace("janedoe", "")));
    // A client that logs out of what is disabled has ended it.
    let (gone, its) = world.connected_by("janedoe").await;
    switch(&world, admin, "/users/janedoe", true).await;
    let form = [("client_id", gone.as_str()), ("token", its.refresh.as_str())];
    assert!(world.http.post(world.at("/revoke")).form(&form).send().await.unwrap().status().is_success());
    switch(&world, admin, "/users/janedoe", false).await;
    assert_eq!(world.refresh(&gone, &its.refresh).await.0, StatusCode::BAD_REQUEST);

    // After a restart, too.
    let world = world.restarted(config()).await;
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    // Enabled again: what was out there stays out, and what was connected gets new tokens.
    world.advance(5);
    switch(&world, admin, "/users/johndoe", false).await;
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    world.advance(1);
    let (status, answer) = world.refresh(&client, &tokens.refresh).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(world.verify(answer["access_token"].as_str().unwrap()), Ok(()));
    assert_eq!(world.witness.by("admin"), ["administration /admin/api/users/{id} user_enabled johndoe"]);
}

#[tokio::test]
async fn a_disabled_client_is_out_at_once_whoever_it_acts_for() {
    let world = World::with(AuthConfig { client_documents_from_loopback: true, ..config() }).await;
    let admin = &world.admin_token("admin", "admin:write").await;
    let document = documented(json!({ "grant_types": ["authorization_code", "refresh_token"] })).await;
    let (registered, tokens) = world.connected_by("johndoe").await;
    let url = world.authorize_url(&document, CALLBACK, &[]);
    let code =
        query(&Browser::new().login_and_consent(&url, "janedoe", "secret").await.unwrap())["code"].clone();
    let (_, answer) = world.redeem(&document, &code).await;
    let its = crate::world::Tokens::read(&answer);
    for (client, tokens) in [(&registered, &tokens), (&document, &its)] {
        let encoded: String = url::form_urlencoded::byte_serialize(client.as_bytes()).collect();
        let path = format!("/clients/{encoded}");
        assert_eq!(world.verify(&tokens.access), Ok(()));
        switch(&world, admin, &path, true).await;
        assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked), "{client}");
        let (status, answer) = world.refresh(client, &tokens.refresh).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{client}"
        );
        let page = Browser::new().open(&world.authorize_url(client, CALLBACK, &[])).await.unwrap();
        assert!(page.status == StatusCode::FORBIDDEN && page.text().contains("disabled"), "{}", page.text());
        assert!(world.look(admin, &path).await["disabled_at"].is_string());
        world.advance(1);
        switch(&world, admin, &path, false).await;
        world.advance(1);
        let (status, answer) = world.refresh(client, &tokens.refresh).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    // One with a document can be kept out before it comes; nothing else that is not known.
    let unknown =
        world.call(admin, Method::PATCH, "/clients/nobody", Some(json!({ "disabled": true }))).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    switch(&world, admin, "/clients/https%3A%2F%2Fevil.example%2Fclient", true).await;
    assert_eq!(
        world.look(admin, "/clients/https%3A%2F%2Fevil.example%2Fclient").await["known_by"],
        "document"
    );
}

#[tokio::test]
async fn anothers_connection_is_narrowed_and_ended_at_once() {
    let world = World::new().await;
    let admin = &world.admin_token("admin", "admin:write").await;
    world.advance(1);
    let (client, tokens) = world.connected_by("johndoe").await;
    world.advance(1);
    let (_, other) = world.connected_by("janedoe").await;
    let list = world.look(admin, &format!("/grants?user=johndoe&client={client}")).await;
    let grant = list["items"][0].clone();
    assert_eq!((&grant["user"], &grant["client_name"]), (&json!("johndoe"), &json!("A client")));
    let path = format!("/grants/{}", grant["id"].as_str().unwrap());
    let narrow =
        async |scope: &str| world.call(admin, Method::PATCH, &path, Some(json!({ "scope": scope }))).await;
    for (scope, expected) in [("", 422), ("posts:read admin:write", 422), ("posts:read", 200)] {
        assert_eq!(narrow(scope).await.0.as_u16(), expected, "{scope}");
    }
    let resource = [barewire_oauth::resource::Resource::parse("https://rs.example/mcp").unwrap()];
    let claims = world.server.access_tokens().verify(&tokens.access, &resource, world.clock.now()).unwrap();
    assert_eq!(claims.scope.to_string(), "posts:read");
    assert_eq!(narrow("posts:read posts:write").await.0.as_u16(), 422, "nobody widens");

    assert_eq!(world.call(admin, Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
    assert_eq!(world.refresh(&client, &tokens.refresh).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(world.verify(&other.access), Ok(()));
    assert_eq!(world.call(admin, Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.look(admin, &path).await["revoked_reason"], "operator");
    // The newest first, in parts.
    let first = world.look(admin, "/grants?limit=2").await;
    let rest = world
        .look(admin, &format!("/grants?limit=9&cursor={}", first["next_cursor"].as_str().unwrap()))
        .await;
    let users: Vec<_> = each(&first, "user").into_iter().chain(each(&rest, "user")).collect();
    assert_eq!(users, ["janedoe", "johndoe", "admin"]);
    // Who did it is told, refusals too.
    let expected = [
        "narrowing /admin/api/grants/{id} narrowing johndoe",
        "narrowing /admin/api/grants/{id} narrowing johndoe",
        "narrowing /admin/api/grants/{id} operator johndoe",
        "narrowing /admin/api/grants/{id} narrowing johndoe",
        "revocation /admin/api/grants/{id} operator johndoe",
        "revocation /admin/api/grants/{id} no_such_grant ",
    ];
    assert_eq!(world.witness.by("admin"), expected);
}

/// Whoever writes to the same store, as the command line does.
async fn beside(world: &World) -> Administration {
    let store = barewire_store::Store::open(world.dir.join("auth.sqlite")).await.unwrap();
    Administration::new(std::sync::Arc::new(store), &config(), None).await.unwrap()
}

/// Asks until it is so, for as long as other processes may take to learn.
async fn soon(what: &str, so: impl Fn() -> bool) {
    for _ in 0..80 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not within two seconds: {what}");
}

#[tokio::test]
async fn what_is_done_at_the_store_a_running_server_learns_within_a_second() {
    let world = World::new().await;
    let (_, john) = world.connected_by("johndoe").await;
    let (client, jane) = world.connected_by("janedoe").await;
    let (_, again) = world.connected_by("admin").await;
    let all = beside(&world).await;
    let by = By::operator("alice", "barewire user");
    all.set_user_disabled(&by, "johndoe", true).await.unwrap();
    soon("the user is disabled", || world.verify(&john.access) == Err(BearerError::Revoked)).await;
    all.set_client_disabled(&by, &client, true).await.unwrap();
    soon("the client is disabled", || world.verify(&jane.access) == Err(BearerError::Revoked)).await;
    assert_eq!(world.verify(&again.access), Ok(()));
    let filter = barewire_oauth_server::administration::GrantFilter { user: Some("admin"), client: None };
    let grants = all.grants(filter, None, None).await.unwrap();
    all.revoke(&by, &grants.items[0].id).await.unwrap();
    soon("the grant is revoked", || world.verify(&again.access) == Err(BearerError::Revoked)).await;

    // Another server at the same store, which is told nothing.
    let store = barewire_store::Store::open(world.dir.join("auth.sqlite")).await.unwrap();
    let second = AuthorizationServer::builder(world.server.issuer(), std::sync::Arc::new(store))
        .resource("https://rs.example/mcp")
        .resource("https://rs.example/other")
        .scope("posts:read", "Read your posts")
        .scope("posts:write", "Write posts as you")
        .config(config())
        .clock(world.clock.clock())
        .build()
        .await
        .unwrap();
    let resource = [barewire_oauth::resource::Resource::parse("https://rs.example/mcp").unwrap()];
    let verdict = |token: &str| second.access_tokens().verify(token, &resource, world.clock.now()).map(drop);
    assert_eq!(verdict(&john.access), Err(BearerError::Revoked));
    let admin = world.admin_token("admin", "admin:write").await;
    switch(&world, &admin, &format!("/clients/{client}"), false).await;
    world.advance(1);
    let (_, fresh) = world.connected_by("janedoe").await;
    soon("the other server knows that the client is enabled", || verdict(&fresh.access) == Ok(())).await;
    switch(&world, &admin, "/users/janedoe", true).await;
    soon("the other server knows", || verdict(&fresh.access) == Err(BearerError::Revoked)).await;
    let (_, body): (_, Value) = world.call(&admin, Method::GET, "/users/janedoe", None).await;
    assert!(body["disabled_at"].is_string());
}
