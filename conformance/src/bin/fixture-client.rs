//! `fixture-client URL`: the client that the official conformance suite starts. What to do is in its environment.

use std::time::Duration;

use anyhow::{Context, Result};
use barewire_conformance::fixture_client::{self, Orders};
use clap::Parser;

/// The suite waits 30 seconds and is not good at ending what it started.
const LIMIT: Duration = Duration::from_secs(25);

#[derive(Parser)]
struct Arguments {
    /// The MCP endpoint.
    url: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Arguments { url } = Arguments::parse();
    let orders = Orders::from_environment()?;
    tokio::time::timeout(LIMIT, fixture_client::run(&url, &orders)).await.context("took too long")?
}
