//! `fixture-server --listen ADDR`: the server that the official conformance suite calls. Ends on SIGTERM by draining.

use anyhow::Result;
use barewire_conformance::fixture_server;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Arguments {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Arguments { listen } = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let listeners = barewire_serve::bind(&listen).await?;
    tracing::info!("listening on http://{}/mcp", listeners.addresses()[0]);
    fixture_server::serve(fixture_server::server()?, listeners, shutdown).await;
    Ok(())
}
