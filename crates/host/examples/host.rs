//! The host alone, without the rest of the binary: `cargo run -p barewire-host --example host -- --server URL`.

use std::path::PathBuf;
use std::sync::Arc;

use barewire_host::api::Offered;
use barewire_host::{HostConfig, MemoryHostStore};
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "localhost:5173")]
    listen: String,
    /// A server that the page offers; may be given several times.
    #[arg(long = "server")]
    servers: Vec<String>,
    /// Serve the page from this folder, e.g. web/dist.
    #[arg(long)]
    page: Option<PathBuf>,
    /// The origin at which browsers see the host, if it is another one, e.g. that of `vite dev`.
    #[arg(long)]
    public_origin: Option<url::Url>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter("info,barewire_host=debug").init();
    let Arguments { listen, servers, page, public_origin } = Arguments::parse();
    let offered = servers.into_iter().map(|url| Offered { name: url.clone(), url }).collect();
    let config = HostConfig { listen, offered, page, public_origin, ..HostConfig::default() };
    let stopped = async {
        // Without a signal handler there is nothing to wait for but the end of the process.
        let _ = tokio::signal::ctrl_c().await;
    };
    barewire_host::run(config, Arc::new(MemoryHostStore::default()), stopped).await?;
    Ok(())
}
