//! The role of the authorization server: that of `barewire demo`, and somebody who logs in there.
//!
//! The suite prints an address and waits until a person has opened it; `fixture-user` is that person.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::cell::{Cell, Verdict};
use super::suite::{self, Role};
use crate::server::free_port;
use crate::test::Demo;

/// Runs all scenarios of the role at one revision: the second needs what the first found.
pub(super) fn run(cells: &[Cell], revision: &str, user: &Path, results: &Path) -> Result<Vec<Verdict>> {
    let demo = Demo::start()?;
    let issuer = demo.server_url.trim_end_matches("/mcp");
    let port = free_port()?.to_string();
    let registered = Command::new(user)
        .args([
            "register",
            "--issuer",
            issuer,
            "--redirect-uri",
            &format!("http://127.0.0.1:{port}/callback"),
        ])
        .output()
        .context("cannot start fixture-user")?;
    ensure!(registered.status.success(), "{}", String::from_utf8_lossy(&registered.stderr));
    let client_id = String::from_utf8(registered.stdout)?;

    let folder = suite::empty(results.join(Role::Authorization.as_str()).join(revision))?;
    let mut command = suite::program()?;
    command.args(["authorization", "--url", issuer, "--client-id", client_id.trim(), "-p", &port]);
    command.args(["--resource", &demo.server_url, "--spec-version", revision]).arg("-o").arg(&folder);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let said = BufReader::new(child.stdout.take().context("its output is piped")?);
    let mut opened = false;
    for line in said.lines() {
        let line = line?;
        let address = line
            .split_whitespace()
            .find(|word| word.starts_with("http") && word.contains("response_type=code"));
        if let Some(address) = address
            && !opened
        {
            opened = true;
            let status = Command::new(user).args(["log-in", address]).status()?;
            if !status.success() {
                child.kill()?;
            }
            ensure!(status.success(), "nobody could log in at the address that the suite printed");
        }
    }
    let status = child.wait()?;
    demo.server.stop()?;

    let found = suite::results(&folder)?;
    let verdict = |cell: &Cell| match found.iter().find(|(path, _)| path.contains(&cell.scenario)) {
        Some((_, checks)) if status.success() => cell.judge(*checks),
        Some((_, checks)) => Verdict::Failed { why: format!("{} checks failed, {status}", checks.failed) },
        None => Verdict::Failed { why: "the suite left no result".to_owned() },
    };
    Ok(cells.iter().map(verdict).collect())
}
