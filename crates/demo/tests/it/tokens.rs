//! What opens both doors, `/mcp` and `/users/me/`, and what no longer does.

use std::time::Duration;

use barewire_testkit::{Browser, Form, OAuthClient, Tokens};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{Caller, ERAS};
use crate::world::{BOTH, READ, World, post};

/// What each door answers to this token: REST, and MCP in both eras.
async fn doors(world: &World, token: &str) -> Vec<StatusCode> {
    let mut answers = vec![world.get("/users/me/", token).await.status];
    let open = Caller::open(world, ERAS[1], token.to_owned()).await;
    answers.push(open.send(json!(1), "tools/list", json!({})).await.status());
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let legacy = world.http.post(world.url("/mcp")).bearer_auth(token).json(&hello);
    let legacy = legacy.header("accept", "application/json, text/event-stream");
    answers.push(legacy.header("mcp-protocol-version", "2025-11-25").send().await.unwrap().status());
    answers
}

async fn revoke(world: &World, client: &OAuthClient, token: &str) {
    let form = [("token", token), ("client_id", &client.client_id)];
    let answer = world.http.post(world.url("/revoke")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_grant_closes_every_door_at_once() {
    let world = World::start().await;
    let resource = world.resource();
    for end in ["access token", "refresh token", "code replay", "refresh replay"] {
        let client = OAuthClient::register(&world.origin, end).await.unwrap();
        let code = client.code(&mut Browser::new(), &resource, ("johndoe", "secret"), READ).await.unwrap();
        let first = client.redeem(&code, &resource).await.unwrap();
        let Tokens { access, refresh, .. } =
            client.refresh(first.refresh.as_ref().unwrap(), &resource).await.unwrap();
        // Twice, so that everything that remembers tokens has seen this one.
        for _ in 0..2 {
            assert_eq!(doors(&world, &access).await, [StatusCode::OK; 3], "{end}");
        }
        match end {
            "access token" => revoke(&world, &client, &access).await,
            "refresh token" => revoke(&world, &client, &refresh.unwrap()).await,
            "code replay" => assert!(client.redeem(&code, &resource).await.is_err()),
            _ => {
                world.clock.advance(Duration::from_secs(31));
                assert!(client.refresh(&first.refresh.unwrap(), &resource).await.is_err());
            }
        }
        assert_eq!(doors(&world, &access).await, [StatusCode::UNAUTHORIZED; 3], "{end}");
    }
}

/// Nothing happens on them, so nothing but the end of their grant ends them.
#[tokio::test(flavor = "multi_thread")]
async fn the_streams_of_a_grant_end_with_it() {
    let world = World::start().await;
    let resource = world.resource();
    let client = OAuthClient::register(&world.origin, "listener").await.unwrap();
    let tokens = client.log_in(&resource, ("johndoe", "secret"), READ).await.unwrap();
    let other = world.token("johndoe", BOTH).await;
    let modern = Caller::open(&world, ERAS[1], tokens.access.clone()).await;
    let legacy = Caller::open(&world, ERAS[0], tokens.access.clone()).await;
    let filter = json!({ "notifications": { "resourcesListChanged": true } });
    let sse = async |token: &str| {
        let stream = world.http.get(world.url("/sse")).bearer_auth(token);
        stream.header("accept", "text/event-stream").send().await.unwrap()
    };
    let streams = [
        modern.send(json!("sub"), "subscriptions/listen", filter.clone()).await,
        legacy.stream().await,
        sse(&tokens.access).await,
    ];
    let stays = Caller::open(&world, ERAS[1], other).await;
    let mut heard = stays.send(json!("sub"), "subscriptions/listen", filter).await;
    revoke(&world, &client, &tokens.refresh.unwrap()).await;
    for mut stream in streams {
        let end = async { while stream.chunk().await.unwrap().is_some() {} };
        tokio::time::timeout(Duration::from_secs(20), end).await.expect("it ends before its token would");
    }
    // That of another grant of the same user goes on.
    stays.tool("create_post", post("new", "published")).await;
    let mut text = String::new();
    while !text.contains("list_changed") {
        text.push_str(std::str::from_utf8(&heard.chunk().await.unwrap().unwrap()).unwrap());
    }
}

/// `/mcp` and `/sse` are names of one server: a login at either opens both. Nothing else is a name of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_begins_at_either_name() {
    let world = World::start().await;
    for path in ["/mcp", "/sse"] {
        let unknown =
            world.http.get(world.url(path)).header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
        let challenge = unknown.headers()["www-authenticate"].to_str().unwrap().to_owned();
        let metadata = world.url(&format!("/.well-known/oauth-protected-resource{path}"));
        assert!(challenge.contains(&format!(r#"resource_metadata="{metadata}""#)), "{challenge}");
        let metadata: Value = world.http.get(metadata).send().await.unwrap().json().await.unwrap();
        let resource = metadata["resource"].as_str().unwrap();
        assert_eq!(resource, world.url(path).as_str());

        let client = OAuthClient::register(&world.origin, path).await.unwrap();
        let tokens = client.log_in(resource, ("johndoe", "secret"), READ).await.unwrap();
        assert_eq!(doors(&world, &tokens.access).await, [StatusCode::OK; 3], "{path}");
        let stream = world.http.get(world.url("/sse")).bearer_auth(&tokens.access);
        let stream = stream.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(stream.status(), StatusCode::OK, "{path}");
        // A grant stays with the name it was given for.
        let other = world.url(if path == "/mcp" { "/sse" } else { "/mcp" });
        assert!(client.refresh(tokens.refresh.as_deref().unwrap(), other.as_str()).await.is_err());
    }
    for elsewhere in ["/messages", "/", "/users/me/", "/sse/x"] {
        let client = OAuthClient::register(&world.origin, elsewhere).await.unwrap();
        let resource: String = world.url(elsewhere).into();
        assert!(client.log_in(&resource, ("johndoe", "secret"), READ).await.is_err(), "{elsewhere}");
    }
}

/// Opens the page of the account about the one connected application, and presses this button.
async fn account(world: &World, browser: &mut Browser, button: &str, taken: Option<&str>) {
    let list = browser.open(&world.url("/account/apps")).await.unwrap();
    let page = browser.open(&list.link("Painter").unwrap()).await.unwrap();
    let of_button = |form: &Form| form.buttons.iter().any(|(_, value, _)| value == button);
    let mut form = page.forms().into_iter().find(of_button).unwrap();
    form.fields.push(("action".to_owned(), button.to_owned()));
    if let Some(scope) = taken {
        form = form.uncheck("scope", scope);
    }
    let after = browser.send(&page, &form).await;
    assert_eq!(after.status, StatusCode::OK, "{}", after.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_takes_from_an_app_is_refused_at_its_next_call() {
    let world = World::start().await;
    let resource = world.resource();
    let mut browser = Browser::new();
    let client = OAuthClient::register(&world.origin, "Painter").await.unwrap();
    let code = client.code(&mut browser, &resource, ("johndoe", "secret"), BOTH).await.unwrap();
    let token = client.redeem(&code, &resource).await.unwrap().access;
    let call = async |tool: &str, arguments: Value| {
        let call = json!({ "name": tool, "arguments": arguments });
        let mut seen = Vec::new();
        for era in ERAS {
            let caller = Caller::open(&world, era, token.clone()).await;
            seen.push(caller.send(json!(1), "tools/call", call.clone()).await.status());
        }
        seen
    };
    let post = json!({ "title": "T", "content": "C" });
    for _ in 0..2 {
        assert_eq!(doors(&world, &token).await, [StatusCode::OK; 3]);
    }
    assert_eq!(call("create_post", post.clone()).await, [StatusCode::OK; ERAS.len()]);

    account(&world, &mut browser, "narrow", Some("posts:write")).await;
    assert_eq!(call("create_post", post.clone()).await, [StatusCode::FORBIDDEN; ERAS.len()]);
    let by_rest = world.rest(Method::POST, "/posts", Some(&token), Some(post)).await;
    assert_eq!(by_rest.status, StatusCode::FORBIDDEN, "{}", by_rest.body);
    assert_eq!(call("list_posts", json!({})).await, [StatusCode::OK; ERAS.len()]);
    assert_eq!(doors(&world, &token).await, [StatusCode::OK; 3]);

    account(&world, &mut browser, "end", None).await;
    assert_eq!(doors(&world, &token).await, [StatusCode::UNAUTHORIZED; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_in_its_header_only() {
    let world = World::start().await;
    let token = world.token("johndoe", READ).await;
    for path in ["/users/me/", "/mcp"] {
        let mut url = world.url(path);
        url.query_pairs_mut().append_pair("access_token", &token);
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        for request in [world.http.get(url.clone()), world.http.post(url).json(&hello)] {
            let request = request.header("cookie", format!("access_token={token}; token={token}"));
            let request = request.header("accept", "application/json, text/event-stream");
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}
