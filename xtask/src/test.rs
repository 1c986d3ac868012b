//! `cargo xtask test`: every check and every test, cheapest first.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{cargo, run, target_directory};
use crate::server::{Server, free_port};
use crate::{chromium, conformance, demo, fuzz, interop, node, upstream};

/// Runs it all; the first failure ends the run.
pub(crate) fn test(with_browser: bool) -> Result<()> {
    node::require()?;
    let browser = if with_browser { Some(chromium::require()?) } else { None };

    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    // The page comes before the Rust build: the binary carries it.
    demo::build_page()?;
    run(node::npm("web").args(["test", "--silent"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    fuzz::check()?;
    interop::check_lock_file()?;
    build()?;
    // Tests of single crates look at other people's servers, too, and skip them where they are not installed.
    interop::install_quickly()?;
    upstream::install()?;
    run(cargo(&["test", "--workspace", "--locked"]).env("BAREWIRE_MEETS_PROVIDER", "1"))?;

    interop::quickly()?;
    conformance::conformance(&conformance::Only::default())?;
    match browser {
        Some(browser) => {
            upstream::test(&browser)?;
            browser_test(browser)?;
        }
        None => eprintln!("\nSKIPPED the browser test, as --no-browser says"),
    }
    eprintln!("\nAll checks passed.");
    Ok(())
}

/// Programs and tests in one build: asked for apart, cargo would pick other features for each and compile much twice.
pub(crate) fn build() -> Result<()> {
    run(&mut cargo(&["build", "--workspace", "--all-targets", "--locked"]))
}

/// The whole flow in Chromium, against a `barewire demo` of its own, and another one at which devices come too late.
fn browser_test(browser: PathBuf) -> Result<()> {
    let demo = Demo::start()?;
    let hasty = Demo::start_with("[auth]\ndevice_code_ttl = \"2s\"\ndevice_poll_interval = \"1s\"\n")?;
    // npm runs in a folder of its own.
    let program = std::path::absolute(target_directory().join("debug/barewire"))?;
    run(node::npm("web")
        .args(["run", "--silent", "e2e"])
        .env("CHROMIUM", browser)
        .env("BAREWIRE_HOST_URL", &demo.host_url)
        .env("BAREWIRE_SERVER_URL", &demo.server_url)
        .env("BAREWIRE_HASTY_URL", &hasty.server_url)
        .env("BAREWIRE_PROGRAM", program))?;
    hasty.server.stop()?;
    demo.server.stop()
}

/// A `barewire demo` on free ports with its state in a folder of its own.
pub(crate) struct Demo {
    pub(crate) server: Server,
    pub(crate) server_url: String,
    pub(crate) host_url: String,
}

impl Demo {
    pub(crate) fn start() -> Result<Demo> {
        Self::start_with("")
    }

    /// With these settings, in which `{origin}` stands for the data server's own.
    pub(crate) fn start_with(settings: &str) -> Result<Demo> {
        Self::start_at(free_port()?, settings)
    }

    /// The same for a data server that somebody else knows already, at this port.
    pub(crate) fn start_at(data: u16, settings: &str) -> Result<Demo> {
        let host = free_port()?;
        let folder = target_directory().join(format!("demo-{data}"));
        let file = target_directory().join(format!("demo-{data}.toml"));
        let settings = settings.replace("{origin}", &format!("http://localhost:{data}"));
        std::fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))?;
        let server = Server::start(
            "barewire demo",
            Command::new(target_directory().join("debug/barewire"))
                .arg("demo")
                .args(["--listen", &format!("localhost:{data}")])
                .args(["--host-listen", &format!("localhost:{host}")])
                .arg("--config")
                .arg(file)
                .arg("--data-dir")
                .arg(folder),
            SocketAddr::from(([127, 0, 0, 1], host)),
            "/readyz",
        )?;
        Ok(Demo {
            server,
            server_url: format!("http://localhost:{data}/mcp"),
            host_url: format!("http://localhost:{host}"),
        })
    }
}
