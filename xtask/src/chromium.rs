//! The browser of the browser tests: the system's Chromium, installed where we may.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::run;

const PLACES: [&str; 5] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// The path of a Chromium: `CHROMIUM` if set, a usual place, or installed by apt-get where this is root on Debian.
pub(crate) fn require() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    if is_root() && Path::new("/usr/bin/apt-get").exists() {
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args([
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "chromium",
        ]))?;
        if let Some(found) = find() {
            return Ok(found);
        }
    }
    bail!(
        "no Chromium found for the browser tests: install it (Debian: `apt-get install chromium`), name it in the \
         variable CHROMIUM, or run `cargo xtask test --no-browser`"
    )
}

fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|place| place.exists())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
