//! A whole login is recorded, and no secret of it is in the record.

use std::collections::BTreeSet;
use std::sync::Arc;

use barewire_exchange::{curl, har};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{CallOptions, Client};

use crate::login::{Headless, Rules, world};
use crate::watcher::{Watcher, options};

#[tokio::test]
async fn no_secret_of_a_login_is_recorded() {
    let rules = Arc::new(Rules { refreshable: true, ..Rules::default() });
    let stage = world(Arc::clone(&rules)).await;
    let (watcher, browser) = (Watcher::new(), Headless::new());
    let mut options = options(&watcher);
    options.authorizer = Some(Arc::<Headless>::clone(&browser));
    let client = Client::connect(stage.url(), options).await.unwrap();
    rules.expire_all();
    // The server repeats what it was sent; a token in an argument is a token all the same.
    let grant = client.grant().await.unwrap().unwrap();
    let old = grant.tokens.access_token.expose().to_owned();
    let arguments = RawJson::from(serde_json::json!({"note": format!("my token is {old}")}));
    client.call_tool("t", arguments, CallOptions::default()).await.unwrap();
    client.log_out().await.unwrap();

    // Everything secret that was on the wire, as the server saw it.
    let mut secrets = BTreeSet::from([old]);
    for seen in stage.seen() {
        if let Some(token) = seen.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            secrets.insert(token.to_owned());
        }
        for (name, value) in seen.form() {
            if ["code", "code_verifier", "refresh_token", "token"].contains(&name.as_str()) {
                secrets.insert(value);
            }
        }
    }
    let states: Vec<String> = browser.visits().iter().map(|visit| visit["state"].clone()).collect();
    assert!(secrets.len() >= 6, "{secrets:?}");

    let exchanges = watcher.exchanges();
    let mut shown = serde_json::to_string(&exchanges).unwrap();
    shown.push_str(&serde_json::to_string(&har::export(&exchanges, "1")).unwrap());
    for exchange in &exchanges {
        shown.push_str(&curl::to_curl(exchange));
    }
    for secret in secrets.iter().chain(&states) {
        assert!(!shown.contains(secret.as_str()), "{secret} is in the record");
    }
}
