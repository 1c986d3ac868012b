//! `barewire demo`: the blog with its authorization server, and the host beside it.

use barewire_demo::{Demo as Blog, DemoConfig, DemoError};
use barewire_host::api::Offered;

use crate::arguments::{Common, Demo};
use crate::commands::host::{Page, bind_failure};
use crate::config::Settings;
use crate::descriptors;
use crate::outcome::Failure;
use crate::sealing;
use crate::terminal::{note, stop_signal};

pub(crate) async fn run(arguments: Demo, common: &Common) -> Result<(), Failure> {
    let settings = Settings::load(common)?;
    descriptors::take_all();
    // Where others can reach it, the demo makes none with a password that everybody knows.
    let has_administrator = arguments.public_url.is_none() && settings.auth.administration;
    let sealing_keys = sealing::keys(&settings.store)?;
    let blog = Blog::bind(DemoConfig {
        listen: arguments.listen,
        public_url: arguments.public_url,
        data_dir: arguments.data_dir.clone(),
        sealing_keys: sealing_keys.clone(),
        auth: settings.auth,
        mcp: settings.mcp,
        serve: settings.serve.clone(),
        audit: settings.audit,
        funnel: settings.funnel,
        metrics: settings.metrics,
        ..DemoConfig::default()
    })
    .await
    .map_err(|error| match error {
        DemoError::NoPublicUrl(_) => {
            Failure::usage(error).with_next(Some("name it with --public-url https://…".to_owned()))
        }
        DemoError::Sealed(error) => sealing::failure(error),
        DemoError::Listen(error) => bind_failure(error, "--listen"),
        DemoError::ListenMetrics(error) => bind_failure(error, "--set metrics.listen=…"),
        error => Failure::internal(error),
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
