//! `barewire host`

use std::path::Path;
use std::sync::Arc;

use barewire_host::api::Offered;
use barewire_host::{Host, HostConfig, serve};
use barewire_serve::{BindError, Listeners, ServeConfig};
use barewire_store::{SealingKeys, Store};
use tokio_util::sync::CancellationToken;

use crate::arguments::{Common, Host as Arguments};
use crate::config::Settings;
use crate::descriptors;
use crate::outcome::{Failure, Kind};
use crate::sealing;
use crate::terminal::{note, stop_signal};

pub(crate) async fn run(arguments: Arguments, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    descriptors::take_all();
    let mut config = settings.host;
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.offered.extend(
        arguments.servers.into_iter().map(|url| Offered { name: url.to_string(), url: url.to_string() }),
    );
    let sealing_keys = sealing::keys(&settings.store)?;
    let page = Page::open(config, &arguments.data_dir, sealing_keys).await?;
    note(&format!("Host page      {}", page.origin));
    note("Ctrl-C ends it.");
    page.serve(settings.serve, stop_signal()).await;
    Ok(())
}

/// An address that cannot be taken; `flag` names another.
pub(crate) fn bind_failure(error: BindError, flag: &str) -> Failure {
    let next = match &error {
        BindError::Taken { .. } => format!("end the other server, or take another port with {flag}"),
        BindError::NotAnAddress { .. } => format!("{flag} takes HOST:PORT, such as localhost:8000"),
        BindError::Refused { .. } => {
            format!("take an address of this machine and a port above 1023 with {flag}")
        }
    };
    let kind = if matches!(error, BindError::NotAnAddress { .. }) { Kind::Usage } else { Kind::Internal };
    Failure::new(kind, error).with_next(Some(next))
}

/// The host, listening but not answering yet.
pub(crate) struct Page {
    /// At which browsers know it.
    pub(crate) origin: String,
    host: Host,
    listeners: Listeners,
}

impl Page {
    /// Takes the address and opens the file.
    pub(crate) async fn open(
        config: HostConfig,
        data_dir: &Path,
        sealing_keys: Option<SealingKeys>,
    ) -> Result<Page, Failure> {
        let listeners = barewire_serve::bind(&config.listen)
            .await
            .map_err(|error| bind_failure(error, "--host-listen (of `demo`) or --listen (of `host`)"))?;
        let origin = config.origin(listeners.loopback_origin().as_deref()).map_err(Failure::usage)?;
        let store = Store::open_with(data_dir.join("host.sqlite"), sealing_keys).await;
        let store = Arc::new(store.map_err(Failure::internal)?);
        store.unlock().await.map_err(sealing::failure)?;
        Ok(Page {
            origin: origin.as_str().to_owned(),
            host: Host::builder(config, origin).store(store.clone()).credentials(store).build(),
            listeners,
        })
    }

    /// Answers until `stop`, and lets requests in flight end then.
    pub(crate) async fn serve(self, limits: ServeConfig, stop: CancellationToken) {
        serve(self.host, self.listeners, limits, stop.cancelled_owned()).await;
    }
}
