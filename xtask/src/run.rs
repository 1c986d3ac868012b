//! Running other programs: what is run is printed first, and a failure names the command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Every path below is relative to the workspace, wherever the command was typed.
pub(crate) fn change_to_workspace_root() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies one folder below the workspace")?;
    std::env::set_current_dir(root).with_context(|| format!("cannot change to {}", root.display()))
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// Runs a command to its end; a non-zero exit is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = describe(command);
    eprintln!("\n\x1b[1m$ {shown}\x1b[0m");
    let started = Instant::now();
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    eprintln!("  done in {:.1} s", started.elapsed().as_secs_f32());
    Ok(())
}

/// `cargo` with these arguments.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

fn describe(command: &Command) -> String {
    let mut words = vec![Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy()];
    words.extend(command.get_args().map(std::ffi::OsStr::to_string_lossy));
    let line = words.join(" ");
    match command.get_current_dir() {
        Some(folder) => format!("(in {}) {line}", folder.display()),
        None => line,
    }
}
