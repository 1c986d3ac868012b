//! A login at somebody else's certified OpenID Connect provider, in a browser.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::node;
use crate::run::{run, target_directory};
use crate::server::{Server, free_port};
use crate::test::Demo;

const FOLDER: &str = "conformance/upstream";
const SECRET: &str = "a secret of the provider and the demo";

/// What is somebody else's in it; tests of `crates/issuers` meet it, too.
pub(crate) fn install() -> Result<()> {
    node::install(FOLDER)
}

/// Starts the provider beside a `barewire demo`, and lets people log in there.
pub(crate) fn test(browser: &Path) -> Result<()> {
    install()?;
    let (data, port) = (free_port()?, free_port()?);
    let callback = format!("http://localhost:{data}/login/upstream/corporate/callback");
    let log = target_directory().join(format!("upstream-{port}.log"));
    let mut command = Command::new("node");
    command.current_dir(FOLDER).arg("provider.mjs").arg(port.to_string()).arg(&callback);
    command.env("CLIENT_SECRET", SECRET).env("NODE_ENV", "test");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let provider = Server::start_foreign("oidc-provider", &mut command, address, &log)?;

    let url = format!("http://localhost:{port}");
    let settings = format!(
        r#"
        [auth.upstream.corporate]
        issuer = "{url}"
        client_id = "barewire"
        client_secret = "{SECRET}"
        display_name = "Corporate"
        scopes = ["profile", "groups"]
        required_groups = ["staff"]
        everybody = "posts:read"
        groups = {{ writers = "posts:write" }}
        recheck_interval = "0s"
        "#
    );
    let demo = Demo::start_at(data, &settings)?;
    run(node::npm("web")
        .args(["run", "--silent", "e2e:upstream"])
        .env("CHROMIUM", browser)
        .env("BAREWIRE_HOST_URL", &demo.host_url)
        .env("BAREWIRE_SERVER_URL", &demo.server_url)
        .env("BAREWIRE_UPSTREAM_URL", &url))
    .with_context(|| format!("the provider's log is {}", log.display()))?;
    demo.server.stop()?;
    drop(provider);
    Ok(std::fs::remove_file(log)?)
}
