//! Tokens that the issuer is asked about, at our own authorization server's `/introspect`.

use std::sync::Arc;
use std::time::Duration;

use barewire_issuers::Signing;
use barewire_mcp_client::{Keys, client_key};
use barewire_oauth::secret::PrivateKey;

use crate::world::{KEY, MCP, OTHER, SECRET, World};

fn settings(more: &str) -> String {
    format!("[introspection]\nissuer = \"ISSUER\"\n{more}")
}

fn with_secret(client: &str) -> String {
    settings(&format!("client_id = \"{client}\"\nclient_secret = \"{SECRET}\""))
}

#[tokio::test]
async fn a_revoked_token_is_refused_when_its_answer_is_too_old_to_be_believed() {
    let world = World::start().await;
    let mcp = world.mcp(&with_secret("rs"), None).await;
    let (token, other) = (world.token(MCP).await, world.token(MCP).await);
    world.is_let_in(&mcp, &token).await;
    world.is_let_in(&mcp, &other).await;
    world.revoke(&token).await;
    world.is_let_in(&mcp, &token).await;
    world.clock.advance(Duration::from_secs(30));
    world.is_refused(&mcp, &token).await;
    world.is_let_in(&mcp, &other).await;
    // The token's own end counts, whatever is still believed.
    world.clock.advance(Duration::from_secs(14 * 60 + 25));
    world.is_let_in(&mcp, &other).await;
    world.clock.advance(Duration::from_secs(6));
    world.is_refused(&mcp, &other).await;
}

#[tokio::test]
async fn each_way_to_prove_who_asks() {
    let world = World::start().await;
    let token = world.token(MCP).await;
    let in_form = format!("{}\nauth_method = \"client_secret_post\"", with_secret("rs"));
    let named = format!("{}\nendpoint = \"ISSUER/introspect\"", with_secret("rs"));
    for settings in [in_form, named] {
        let mcp = world.mcp(&settings, None).await;
        world.is_let_in(&mcp, &token).await;
    }
    let key = client_key(&PrivateKey::new(KEY), None, None).unwrap();
    let signing = Signing { key, signer: Arc::new(Keys) };
    let settings = settings("client_id = \"rs-key\"\nprivate_key = \"key.json\"");
    let mcp = world.mcp(&settings, Some(signing)).await;
    // Each question is signed anew: a statement counts once there.
    for _ in 0..2 {
        world.is_let_in(&mcp, &token).await;
        world.clock.advance(Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_token_for_another_resource_is_none_here_whoever_may_see_it() {
    let world = World::start().await;
    let elsewhere = world.token(OTHER).await;
    // `rs` is told that there is no such token. `backend` may see its own, and is told whom it is for.
    for client in ["rs", "backend"] {
        let mcp = world.mcp(&with_secret(client), None).await;
        world.is_refused(&mcp, &elsewhere).await;
        world.is_refused(&mcp, "made-up").await;
    }
    let mcp = world.mcp(&with_secret("backend"), None).await;
    world.is_let_in(&mcp, &world.token(MCP).await).await;
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_nobodys_fault() {
    let mut world = World::start().await;
    let (token, other) = (world.token(MCP).await, world.token(MCP).await);
    let wrong = settings("client_id = \"rs\"\nclient_secret = \"guessed, and wrong at that\"");
    let misconfigured = world.mcp(&wrong, None).await;
    world.is_told_to_come_back(&misconfigured, &token).await;

    let mcp = world.mcp(&with_secret("rs"), None).await;
    let late = world.mcp(&with_secret("rs"), None).await;
    world.is_let_in(&mcp, &token).await;
    world.stop();
    // What is known goes on for as long as it is believed.
    world.is_let_in(&mcp, &token).await;
    world.is_told_to_come_back(&mcp, &other).await;
    world.clock.advance(Duration::from_secs(30));
    world.is_told_to_come_back(&mcp, &token).await;
    // One that has never reached it has not even its metadata.
    world.is_told_to_come_back(&late, &token).await;
}
