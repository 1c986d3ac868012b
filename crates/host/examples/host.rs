//! The host alone, without the rest of the binary: `cargo run -p barewire-host --example host -- --server URL`.

use std::path::PathBuf;
use std::sync::Arc;

use barewire_demo::{Server, Setup};
use barewire_host::api::Offered;
use barewire_host::{HostConfig, MemoryHostStore};
use barewire_mcp_client::MemoryCredentials;
use barewire_serve::ServeConfig;
use barewire_store::Store;
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "localhost:5173")]
    listen: String,
    /// A server that the page offers; may be given several times.
    #[arg(long = "server")]
    servers: Vec<String>,
    /// Run the demo blog too, at this address, e.g. `localhost:8000`, and offer it.
    #[arg(long)]
    demo: Option<String>,
    /// Keep state in this folder; without it nothing outlives the process.
    #[arg(long)]
    data_dir: Option<PathBuf>,
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
    let Arguments { listen, servers, demo, data_dir, page, public_origin } = Arguments::parse();
    let mut offered: Vec<Offered> =
        servers.into_iter().map(|url| Offered { name: url.clone(), url }).collect();
    if let Some(listen) = demo {
        let folder = data_dir.clone().unwrap_or_else(|| std::env::temp_dir().join("barewire-host-example"));
        let demo = Server::bind(Setup::demo(listen, folder)).await?;
        offered.push(Offered { name: "Blog (demo)".to_owned(), url: format!("{}/mcp", demo.origin()) });
        tokio::spawn(demo.serve(std::future::pending()));
    }
    let config = HostConfig { listen, offered, page, public_origin, ..HostConfig::default() };
    let limits = ServeConfig::default();
    let stopped = async {
        // Without a signal handler there is nothing to wait for but the end of the process.
        let _ = tokio::signal::ctrl_c().await;
    };
    match data_dir {
        Some(dir) => {
            std::fs::create_dir_all(&dir)?;
            let store = Arc::new(Store::open(dir.join("host.sqlite")).await?);
            barewire_host::run(config, limits, store.clone(), store.clone(), stopped).await?;
            store.close().await;
        }
        None => {
            let (store, credentials) = (MemoryHostStore::default(), MemoryCredentials::new());
            barewire_host::run(config, limits, Arc::new(store), Arc::new(credentials), stopped).await?;
        }
    }
    Ok(())
}
