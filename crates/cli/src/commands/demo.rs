//! `barewire demo`: the blog with its authorization server, and the host beside it.

use std::sync::Arc;

use barewire_demo::{Demo as Blog, DemoConfig};
use barewire_host::api::Offered;
use barewire_host::{Host, serve};
use barewire_store::Store;
use tokio_util::sync::CancellationToken;

use crate::arguments::{Common, Demo};
use crate::config::Settings;
use crate::descriptors;
use crate::outcome::Failure;
use crate::terminal::{note, shutdown_signal};

pub(crate) async fn run(arguments: Demo, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    descriptors::take_all();
    std::fs::create_dir_all(&arguments.data_dir).map_err(Failure::internal)?;
    let blog = Blog::bind(DemoConfig {
        listen: arguments.listen,
        data_dir: arguments.data_dir.clone(),
        auth: settings.auth,
        mcp: settings.mcp,
        serve: settings.serve.clone(),
        ..DemoConfig::default()
    })
    .await
    .map_err(Failure::internal)?;
    let server = format!("{}/mcp", blog.origin());

    let mut config = settings.host;
    config.listen = arguments.host_listen;
    config.offered.insert(0, Offered { name: "Demo blog".to_owned(), url: server.clone() });
    let listeners = barewire_serve::bind(&config.listen).await.map_err(Failure::internal)?;
    let origin = config.origin(listeners.loopback_origin().as_deref()).map_err(Failure::internal)?;
    let store = Store::open(arguments.data_dir.join("host.sqlite")).await.map_err(Failure::internal)?;
    let store = Arc::new(store);

    note(&format!("Host page      {}", origin.as_str()));
    note(&format!("MCP server     {server}"));
    note(&format!("Authorization  {}", blog.origin()));
    note("Users          johndoe / secret, janedoe / secret");
    note("Ctrl-C ends both.");

    let stop = CancellationToken::new();
    let host = Host::builder(config, origin).store(store.clone()).credentials(store).build();
    let signal = stop.clone();
    tokio::spawn(async move {
        shutdown_signal().await;
        signal.cancel();
    });
    let page = serve(host, listeners, settings.serve, stop.clone().cancelled_owned());
    tokio::join!(blog.serve(stop.cancelled_owned()), page);
    Ok(())
}
