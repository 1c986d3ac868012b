//! What opens both doors, `/mcp` and `/users/me/`, and what no longer does.

use std::time::Duration;

use barewire_testkit::{Browser, OAuthClient, Tokens};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::wire::{Caller, ERAS};
use crate::world::{READ, World};

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
