//! `cargo xtask conformance`: the official suite against the fixtures of `conformance/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::node;
use crate::run::{run, target_directory};
use crate::server::{Server, free_port};

const FOLDER: &str = "conformance";
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Runs the required server scenarios of one or of both revisions.
pub(crate) fn conformance(only: Option<&str>) -> Result<()> {
    node::install(FOLDER)?;
    let program = target_directory().join("debug/fixture-server");
    if !program.exists() {
        run(&mut crate::run::cargo(&["build", "--package", "barewire-conformance", "--bins", "--locked"]))?;
    }
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let server = Server::start(
        "fixture-server",
        Command::new(program).args(["--listen", &address.to_string()]),
        address,
        "/healthz",
    )?;
    for revision in REVISIONS.into_iter().filter(|revision| only.is_none_or(|only| only == *revision)) {
        server_scenarios(address, revision)?;
    }
    server.stop()
}

/// One requirement set. The suite's exit code alone is not believed: a scenario without one real check fails the run.
fn server_scenarios(address: SocketAddr, revision: &str) -> Result<()> {
    let results = std::path::absolute(target_directory().join("conformance").join(revision))?;
    if results.exists() {
        std::fs::remove_dir_all(&results).context("cannot clear the results of the last run")?;
    }
    run(suite()?
        .args(["server", "--url", &format!("http://{address}/mcp"), "--requirements", revision])
        .arg("-o")
        .arg(&results))?;

    let (mut scenarios, mut checks) = (0, 0);
    for folder in std::fs::read_dir(&results)? {
        let folder = folder?.path();
        let Ok(text) = std::fs::read_to_string(folder.join("checks.json")) else { continue };
        let list: Vec<Value> = serde_json::from_str(&text)?;
        let succeeded = list.iter().filter(|check| check["status"] == "SUCCESS").count();
        scenarios += 1;
        checks += succeeded;
    }
    if scenarios == 0 || checks < scenarios {
        bail!(
            "the suite ran {scenarios} scenarios with {checks} successful checks: it did not reach the server"
        );
    }
    eprintln!("  {revision}: {scenarios} scenarios, {checks} successful checks");
    Ok(())
}

/// The suite needs Node 22, which its own package brings.
fn suite() -> Result<Command> {
    let node: PathBuf = std::path::absolute(format!("{FOLDER}/node_modules/node/bin/node"))?;
    let script = std::path::absolute(format!(
        "{FOLDER}/node_modules/@modelcontextprotocol/conformance/dist/index.js"
    ))?;
    let mut command = Command::new(node);
    command.arg(script);
    Ok(command)
}
