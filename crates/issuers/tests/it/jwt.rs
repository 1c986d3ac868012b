//! Tokens that are JWTs, with the keys that their issuer publishes.

use std::time::Duration;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use barewire_issuers::{Http, PublishedKeys};
use barewire_mcp_server::KeySource as _;
use tokio::net::TcpListener;

use crate::world::{MCP, OTHER, SECRET, World};

#[tokio::test]
async fn keys_are_found_by_the_issuers_metadata_and_kept_while_it_is_down() {
    let mut world = World::start().await;
    let mcp = world.mcp("[[jwt]]\nissuer = \"ISSUER\"", None).await;
    let named = world.mcp("[[jwt]]\nissuer = \"ISSUER\"\njwks_uri = \"ISSUER/jwks\"", None).await;
    let late = world.mcp("[[jwt]]\nissuer = \"ISSUER\"", None).await;
    let (token, new, elsewhere) = (world.token(MCP).await, world.token(MCP).await, world.token(OTHER).await);
    world.is_let_in(&mcp, &token).await;
    world.is_let_in(&named, &token).await;
    world.is_refused(&mcp, &elsewhere).await;
    world.stop();
    world.is_let_in(&mcp, &new).await;
    world.is_told_to_come_back(&late, &new).await;
    world.clock.advance(Duration::from_secs(15 * 60 + 11));
    world.is_refused(&mcp, &new).await;
}

#[tokio::test]
async fn of_several_issuers_each_has_its_own_way() {
    let (ours, theirs) = (World::start().await, World::start().await);
    let both = format!(
        "[[jwt]]\nissuer = \"{}\"\n[introspection]\nissuer = \"ISSUER\"\nclient_id = \"rs\"\nclient_secret = \"{SECRET}\"",
        theirs.issuer
    );
    let mcp = ours.mcp(&both, None).await;
    ours.is_let_in(&mcp, &ours.token(MCP).await).await;
    ours.is_let_in(&mcp, &theirs.token(MCP).await).await;
    let strangers = World::start().await;
    ours.is_refused(&mcp, &strangers.token(MCP).await).await;
}

/// The text of what went wrong, with its causes.
async fn why_not(keys: PublishedKeys) -> String {
    let error = keys.fetch().await.expect_err("there are keys");
    let mut text = error.0.to_string();
    let mut cause = error.0.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn what_is_fetched_is_the_issuers_own_and_bounded() {
    let world = World::start().await;
    let http = |bytes| Http::new(Duration::from_secs(5), bytes).unwrap();
    let keys = |issuer: &str, bytes| PublishedKeys::new(http(bytes), issuer);
    assert_eq!(keys(&world.issuer, 100_000).fetch().await.unwrap().keys.len(), 1);
    assert!(why_not(keys(&world.issuer, 100)).await.contains("longer than 100 bytes"));
    // The same server under another of its names: what it publishes says whose it is.
    let by_name = world.issuer.replace("127.0.0.1", "localhost");
    assert!(why_not(keys(&by_name, 100_000)).await.contains("is of the issuer http://127.0.0.1"));
    // Not even to the right place.
    let jwks = format!("{}/jwks", world.issuer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/jwks", get(async move || Redirect::temporary(&jwks)));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let redirected = keys(&origin, 100_000).at(format!("{origin}/jwks"));
    assert!(why_not(redirected).await.contains("answers with status 307"));
    assert!(why_not(keys(&origin, 100_000)).await.contains("publishes no metadata"));
}
