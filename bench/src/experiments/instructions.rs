//! Instructions of the pure path, as `hot-path` counts them under valgrind.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::launch::Launch;
use crate::options::Options;
use crate::progress;
use crate::report::{Instructions, Report};

/// Runs the program and reads its table.
///
/// # Errors
/// When the program was not built, or fails.
pub fn measure(options: &Options, report: &mut Report) -> Result<()> {
    if !options.picks(&["instructions"]) {
        return Ok(());
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        report.leave_out("instructions", "", "valgrind is not installed");
        return Ok(());
    }
    progress::now("instructions");
    let launch = Launch::ours("hot-path", &[])?;
    let output = launch.command(([127, 0, 0, 1], 0).into()).output().context("cannot start hot-path")?;
    if !output.status.success() {
        bail!("hot-path ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    report.instructions = table(&String::from_utf8_lossy(&output.stdout));
    for row in &report.instructions {
        progress::line(&format!("instructions · {}: {:.0}", row.case, row.each));
    }
    Ok(())
}

/// Lines of a name and a number; its heading has no number.
fn table(text: &str) -> Vec<Instructions> {
    let row = |line: &str| {
        let (case, each) = line.trim().rsplit_once(' ')?;
        Some(Instructions { case: case.trim().to_owned(), each: each.parse().ok()? })
    };
    text.lines().filter_map(row).collect()
}
