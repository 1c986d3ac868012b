//! `cargo xtask conformance`: the official suite against the fixtures of `conformance/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{run, target_directory};
use crate::server::{Server, free_port};
use crate::{node, test};

const FOLDER: &str = "conformance";
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Runs the required scenarios, server and client, of one or of both revisions.
pub(crate) fn conformance(only: Option<&str>) -> Result<()> {
    node::install(FOLDER)?;
    // Always built: a stale program would be judged in place of the present one.
    test::build()?;
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let server = Server::start(
        "fixture-server",
        Command::new(program("fixture-server")).args(["--listen", &address.to_string()]),
        address,
        "/healthz",
    )?;
    for revision in REVISIONS.into_iter().filter(|revision| only.is_none_or(|only| only == *revision)) {
        let url = format!("http://{address}/mcp");
        scenarios("server", revision, &["--url", &url])?;
        let client = std::path::absolute(program("fixture-client"))?;
        scenarios("client", revision, &["--command", &client.to_string_lossy()])?;
    }
    server.stop()
}

/// One requirement set in one role. The suite's exit code alone is not believed: scenarios without one real check fail.
fn scenarios(role: &str, revision: &str, target: &[&str]) -> Result<()> {
    let results = std::path::absolute(target_directory().join("conformance").join(role).join(revision))?;
    if results.exists() {
        std::fs::remove_dir_all(&results).context("cannot clear the results of the last run")?;
    }
    run(suite()?.arg(role).args(target).args(["--requirements", revision]).arg("-o").arg(&results))?;

    let (mut scenarios, mut checks) = (0, 0);
    let mut folders = vec![results];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("checks.json") {
                let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
                scenarios += 1;
                checks += list.iter().filter(|check| check["status"] == "SUCCESS").count();
            }
        }
    }
    if scenarios == 0 || checks < scenarios {
        bail!(
            "the suite ran {scenarios} scenarios with {checks} successful checks: it did not reach the {role}"
        );
    }
    eprintln!("  {role} {revision}: {scenarios} scenarios, {checks} successful checks");
    Ok(())
}

fn program(name: &str) -> PathBuf {
    target_directory().join("debug").join(name)
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
