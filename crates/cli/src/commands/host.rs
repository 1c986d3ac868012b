//! `barewire host`

use std::sync::Arc;

use barewire_host::api::Offered;
use barewire_store::Store;

use crate::arguments::{Common, Host};
use crate::config::Settings;
use crate::descriptors;
use crate::outcome::Failure;
use crate::terminal::{note, shutdown_signal};

pub(crate) async fn run(arguments: Host, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    descriptors::take_all();
    let mut config = settings.host;
    config.listen = arguments.listen;
    config.offered.extend(
        arguments.servers.into_iter().map(|url| Offered { name: url.to_string(), url: url.to_string() }),
    );
    std::fs::create_dir_all(&arguments.data_dir).map_err(Failure::internal)?;
    let store = Store::open(arguments.data_dir.join("host.sqlite")).await.map_err(Failure::internal)?;
    note(&format!("The host's page: http://{}", config.listen));
    let store = Arc::new(store);
    barewire_host::run(config, settings.serve, store.clone(), store, shutdown_signal())
        .await
        .map_err(Failure::internal)
}
