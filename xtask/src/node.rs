//! Node and npm: checked before use, packages installed once per lock file.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::run;

const OLDEST_NODE: u32 = 20;

/// Fails with what to install where Node is missing or too old.
pub(crate) fn require() -> Result<()> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .context("Node is missing: install Node 20 or newer (with npm), then run this again")?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        _ => bail!("Node {OLDEST_NODE} or newer is needed, this is {version}"),
    }
}

/// `npm ci`, skipped while the lock file is the one that was installed last.
pub(crate) fn install(folder: &str) -> Result<()> {
    require()?;
    let lock = std::fs::read(Path::new(folder).join("package-lock.json"))
        .with_context(|| format!("{folder}/package-lock.json is missing"))?;
    let stamp = Path::new(folder).join("node_modules/.barewire-installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run(npm(folder).args(["ci", "--no-audit", "--no-fund"]))?;
    std::fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// `npm` in that folder.
pub(crate) fn npm(folder: &str) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}
