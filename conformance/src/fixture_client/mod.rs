//! The client that the suite starts, once per scenario, against a mock of its own.

mod browser;
mod credentials;
mod filler;
mod orders;
mod scenario;

use std::sync::Arc;

use anyhow::{Context, Result};
use barewire_mcp_client::{Client, ClientOptions};

pub use self::orders::Orders;

/// Does what the suite ordered, against the server at this URL.
///
/// # Errors
/// What an application would see; the suite expects some scenarios to end so.
pub async fn run(url: &str, orders: &Orders) -> Result<()> {
    let client = Client::connect(url, options(orders)).await.context("cannot connect")?;
    let outcome = scenario::play(&client, orders).await;
    client.close().await;
    outcome
}

/// What an application would take, too: the era is not chosen but found out, although the suite says which one comes.
fn options(orders: &Orders) -> ClientOptions {
    let mut options = ClientOptions::new("barewire-fixture-client", env!("CARGO_PKG_VERSION"));
    options.handler = Arc::new(filler::Filler);
    options.authorizer = Some(Arc::new(browser::Redirected));
    options.login.redirect_uri = "http://localhost:43121/callback".to_owned();
    // The document that the suite knows; it is used where an authorization server takes documents.
    options.login.client_document = Some("https://conformance-test.local/client-metadata.json".to_owned());
    options.login.client = credentials::client(orders);
    options.unattended = credentials::unattended(orders);
    options
}
