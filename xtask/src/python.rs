//! Python: checked before use, packages installed once per lock file into an environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::run;

/// Older ones would need packages that the lock files do not have.
const OLDEST: &str = "3.11";

/// Fails with what to install where Python is missing, too old or cannot make environments.
pub(crate) fn require() -> Result<()> {
    let check = format!(
        "import sys; sys.version_info >= ({}) or sys.exit('it is ' + sys.version.split()[0]); import venv, ensurepip",
        OLDEST.replace('.', ", ")
    );
    let output = Command::new("python3")
        .args(["-c", &check])
        .output()
        .with_context(|| format!("Python is missing: install Python {OLDEST} or newer"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("it does not start");
    bail!(
        "Python {OLDEST} or newer with its modules venv and ensurepip is needed (on Debian the package python3-venv): {last}"
    )
}

/// What `requirements.txt` of that folder locks, skipped while it is the one that was installed last.
pub(crate) fn install(folder: &str) -> Result<()> {
    require()?;
    let folder = Path::new(folder);
    let locked = folder.join("requirements.txt");
    let lock = std::fs::read(&locked).with_context(|| format!("{} is missing", locked.display()))?;
    let stamp = folder.join(".venv/.barewire-installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", "--clear", ".venv"]).current_dir(folder))?;
    run(Command::new(interpreter(folder)?)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"])
        .args(["--require-hashes", "-r", "requirements.txt"])
        .current_dir(folder))?;
    std::fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// `python` of that folder's environment, in the folder.
pub(crate) fn python(folder: &str) -> Result<Command> {
    let mut command = Command::new(interpreter(Path::new(folder))?);
    command.current_dir(folder);
    Ok(command)
}

fn interpreter(folder: &Path) -> Result<PathBuf> {
    Ok(std::path::absolute(folder.join(".venv/bin/python"))?)
}
