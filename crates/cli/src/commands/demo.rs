//! `barewire demo`: the blog with its authorization server, and the host beside it.

use barewire_demo::{Server, Setup, SetupError, StartError};
use barewire_host::api::Offered;

use crate::arguments::{Common, Demo};
use crate::commands::host::Page;
use crate::commands::serve::{signing, usual_failure};
use crate::config::Settings;
use crate::descriptors;
use crate::outcome::{Failure, Kind};
use crate::sealing;
use crate::terminal::{note, stop_signal};

pub(crate) async fn run(arguments: Demo, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    // Before anything is made for it.
    if let Some(mistake) = settings.auth.mistake() {
        return Err(Failure::usage(mistake));
    }
    descriptors::take_all();
    // Where others can reach it, the demo makes none with a password that everybody knows.
    let has_administrator = arguments.public_url.is_none() && settings.auth.administration;
    let sealing_keys = sealing::keys(&settings.store)?;
    let mut demo = Setup {
        sealing_keys: sealing_keys.clone(),
        auth: settings.auth,
        external_signing: signing(&settings.external)?,
        external: settings.external,
        mcp: settings.mcp,
        serve: settings.serve.clone(),
        audit: settings.audit,
        funnel: settings.funnel,
        metrics: settings.metrics,
        ..Setup::demo(arguments.listen, &arguments.data_dir)
    };
    demo.server.public_url = arguments.public_url;
    let blog = Server::bind(demo).await.map_err(|error| match error {
        StartError::Setup(error @ SetupError::NoPublicUrl(_)) => {
            Failure::usage(error).with_next(Some("name it with --public-url https://…".to_owned()))
        }
        error @ StartError::NotTheDemos => {
            let next = "give the demo a folder of its own with --data-dir";
            Failure::new(Kind::Usage, error).with_next(Some(next.to_owned()))
        }
        error => usual_failure(error, "--listen"),
    })?;
    let server = format!("{}/mcp", blog.origin());

    let mut config = settings.host;
    config.listen = arguments.host_listen.unwrap_or(config.listen);
    config.offered.insert(0, Offered { name: "Demo blog".to_owned(), url: server.clone() });
    let page = Page::open(config, &arguments.data_dir, sealing_keys).await?;

    note(&format!("Host page      {}", page.origin));
    note(&format!("MCP server     {server}"));
    note(&format!("Authorization  {}", blog.origin()));
    if let Some(address) = blog.metrics_address() {
        note(&format!("Metrics        http://{address}/metrics"));
    }
    note("Users          johndoe / secret, janedoe / secret");
    if has_administrator {
        note(&format!("Administrator  admin / secret, at {}/admin", blog.origin()));
    }
    note("Ctrl-C ends both.");

    let stop = stop_signal();
    tokio::join!(blog.serve(stop.clone().cancelled_owned()), page.serve(settings.serve, stop));
    Ok(())
}
