//! The whole way against the demo: real authorization server, real store, real MCP server, and a browser without
//! JavaScript in which somebody logs in and consents.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use barewire_demo::{Server, Setup};
use barewire_exchange::{Party, Phase, Status};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{
    AuthorizeError, Authorizer, CallError, CallOptions, Client, ClientOptions, ConnectError, EraChoice,
};
use barewire_testkit::{Browser, TempDir, TestClock};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::watcher::{Watcher, options};

pub(crate) struct Person(pub(crate) &'static str);

#[async_trait]
impl Authorizer for Person {
    async fn authorize(&self, url: &str) -> Result<String, AuthorizeError> {
        let url = Url::parse(url).unwrap();
        let callback = Url::parse("http://localhost:5173/callback").unwrap();
        let callback = Browser::new().login_and_consent_until(&url, &callback, self.0, "secret").await;
        callback.map(String::from).map_err(|error| AuthorizeError::Unavailable { detail: error.to_string() })
    }
}

struct World {
    url: String,
    clock: TestClock,
    _dir: TempDir,
    _stop: tokio_util::sync::DropGuard,
}

async fn world() -> World {
    let (dir, clock, stop) = (TempDir::new(), TestClock::default(), CancellationToken::new());
    let demo = Setup { clock: clock.clock(), ..Setup::demo("localhost:0", dir.path()) };
    let demo = Server::bind(demo).await.unwrap();
    let url = format!("{}/mcp", demo.origin());
    tokio::spawn(demo.serve(stop.clone().cancelled_owned()));
    World { url, clock, _dir: dir, _stop: stop.drop_guard() }
}

impl World {
    fn options(&self, watcher: &Arc<Watcher>, user: &'static str) -> ClientOptions {
        let mut options = options(watcher);
        options.clock = self.clock.clock();
        options.authorizer = Some(Arc::new(Person(user)));
        options
    }
}

async fn call(client: &Client, name: &str, arguments: serde_json::Value) -> Result<String, CallError> {
    let result = client.call_tool(name, RawJson::from(arguments), CallOptions::default()).await?;
    assert!(!result.is_error, "{result:?}");
    Ok(serde_json::to_string(&result.structured_content).unwrap())
}

#[tokio::test]
async fn both_eras_from_the_url_to_a_post() {
    let world = world().await;
    for (era, revision) in [(EraChoice::Either, "2026-07-28"), (EraChoice::Legacy, "2025-11-25")] {
        let watcher = Watcher::new();
        let mut options = world.options(&watcher, "johndoe");
        options.era = era;
        let client = Client::connect(world.url.clone(), options).await.unwrap();
        assert_eq!(client.server().revision.as_str(), revision);
        assert!(client.list_tools().await.unwrap().iter().any(|tool| tool.name == "create_post"));
        assert!(!client.list_prompts().await.unwrap().is_empty());
        client.list_resource_templates().await.unwrap();

        // Reading is granted with the first login; writing is asked for when it is needed, and reading is kept.
        let post =
            call(&client, "create_post", json!({"title": "Hello", "content": "from a test"})).await.unwrap();
        assert!(post.contains("Hello"), "{post}");
        call(&client, "list_posts", json!({})).await.unwrap();
        let grant = client.grant().await.unwrap().unwrap();
        assert!(grant.tokens.scope.contains("posts:read") && grant.tokens.scope.contains("posts:write"));
        let me = client.authorized_get("/users/me/").await.unwrap();
        assert!(String::from_utf8_lossy(&me.body).contains("johndoe"));

        let phases: std::collections::HashSet<Phase> =
            watcher.exchanges().iter().map(|it| it.phase).collect();
        for phase in [
            Phase::Discover,
            Phase::Register,
            Phase::LogIn,
            Phase::Negotiate,
            Phase::List,
            Phase::Call,
            Phase::StepUp,
        ] {
            assert!(phases.contains(&phase), "{revision}: {phase:?} is missing");
        }
        assert!(watcher.exchanges().iter().any(|it| it.from == Party::Browser));
        // The reader sees what access tokens say.
        let mut shown = watcher.exchanges().into_iter().flat_map(|it| it.tokens);
        assert!(shown.any(|token| token.header["typ"] == "at+jwt"));
        client.close().await;
    }
}

/// A client that is given `/sse` finds the old transport there, and a login for exactly this address.
#[tokio::test]
async fn a_login_that_starts_at_the_first_transport() {
    let world = world().await;
    let sse = world.url.replace("/mcp", "/sse");
    let watcher = Watcher::new();
    let options = world.options(&watcher, "johndoe");
    let client = Client::connect(sse.clone(), options.clone()).await.unwrap();
    assert!(client.list_tools().await.unwrap().iter().any(|tool| tool.name == "create_post"));
    // More scopes are asked for at the same resource.
    let post =
        call(&client, "create_post", json!({"title": "Old", "content": "over two endpoints"})).await.unwrap();
    assert!(post.contains("Old"), "{post}");
    let grant = client.grant().await.unwrap().unwrap();
    assert!(grant.tokens.scope.contains("posts:read") && grant.tokens.scope.contains("posts:write"));
    let named: Vec<_> = watcher
        .exchanges()
        .iter()
        .flat_map(|it| &it.tokens)
        .filter_map(|token| Some(token.claims.as_ref()?["aud"].as_str()?.to_owned()))
        .collect();
    assert!(!named.is_empty() && named.iter().all(|audience| *audience == sse), "{named:?}");
    assert_eq!(client.server().revision.as_str(), "2025-11-25");
    // The same origin has the newest revision at its other name, and the first one did not hide that.
    let other = Client::connect(world.url.clone(), options).await.unwrap();
    assert_eq!(other.server().revision.as_str(), "2026-07-28");
    client.close().await;
}

/// What a server says when it refuses is read although nobody goes on from there: it is what will be looked at.
#[tokio::test]
async fn a_refusal_that_ends_the_attempt_is_recorded_whole() {
    let world = world().await;
    let watcher = Watcher::new();
    let mut options = world.options(&watcher, "johndoe");
    options.authorizer = None;
    let refused = Client::connect(world.url.clone(), options).await;
    assert!(matches!(refused, Err(ConnectError::LoginRequired(_))));
    let exchanges = watcher.exchanges();
    let response = exchanges[0].response.as_ref().unwrap();
    assert_eq!((exchanges[0].status, response.status), (Status::Finished, 401));
    assert!(response.body.as_ref().unwrap().text.as_ref().unwrap().contains("access token"), "{response:?}");
}

/// Somebody who insists on one era has found out nothing about the server; and what is listed is explained by the
/// revision that was spoken.
#[tokio::test]
async fn a_chosen_era_is_no_verdict() {
    let world = world().await;
    let watcher = Watcher::new();
    let mut options = world.options(&watcher, "johndoe");
    for (era, revision) in [(EraChoice::Legacy, "2025-11-25"), (EraChoice::Either, "2026-07-28")] {
        options.era = era;
        let client = Client::connect(world.url.clone(), options.clone()).await.unwrap();
        assert_eq!(client.server().revision.as_str(), revision);
        client.list_tools().await.unwrap();
        let cited = watcher.exchanges().iter().rev().find_map(|it| {
            it.narration.rule.clone().filter(|rule| rule.section == "Tools").map(|rule| rule.document)
        });
        assert_eq!(cited, Some(format!("MCP {revision}")));
        client.close().await;
    }
}

#[tokio::test]
async fn a_renewal_survives_the_real_authorization_server() {
    let world = world().await;
    let watcher = Watcher::new();
    let client = Client::connect(world.url.clone(), world.options(&watcher, "janedoe")).await.unwrap();
    let before = client.grant().await.unwrap().unwrap();
    let left = before.tokens.expires_at.unwrap().duration_since(world.clock.now()).unwrap();
    world.clock.advance(left + Duration::from_secs(1));
    let calls = (0..8).map(|_| call(&client, "list_posts", json!({})));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
    let after = client.grant().await.unwrap().unwrap();
    assert_ne!(before.tokens.access_token, after.tokens.access_token);
    assert_ne!(before.tokens.refresh_token, after.tokens.refresh_token, "it rotates");
    assert_eq!(watcher.exchanges().iter().filter(|it| it.phase == Phase::Refresh).count(), 1);
}

/// Deleting asks first: by a round of questions in one era, by a request on the stream in the other.
#[tokio::test]
async fn a_question_in_both_eras() {
    let world = world().await;
    for era in [EraChoice::Modern, EraChoice::Legacy] {
        let watcher = Watcher::new();
        let mut options = world.options(&watcher, "johndoe");
        options.era = era;
        let client = Client::connect(world.url.clone(), options).await.unwrap();
        let post = call(&client, "create_post", json!({"title": "Gone soon", "content": "x"})).await.unwrap();
        let id = serde_json::from_str::<serde_json::Value>(&post).unwrap()["id"].clone();
        let arguments = RawJson::from(json!({"id": id}));
        let deleted = client.call_tool("delete_post", arguments, CallOptions::default()).await.unwrap();
        let deleted: serde_json::Value = deleted.structured_content.unwrap().decode().unwrap();
        assert_eq!(deleted["deleted"], true, "{era:?}: {deleted}");
        assert!(
            watcher.told().iter().any(|line| line.starts_with("elicit")),
            "{era:?}: {:?}",
            watcher.told()
        );
        client.close().await;
    }
}
