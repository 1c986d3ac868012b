//! `cargo xtask demo`: the page, the binary, and the servers of the README.

use std::process::Command;

use anyhow::Result;

use crate::node;
use crate::run::{cargo, run, target_directory};

/// Builds the page and the binary, then runs `barewire demo` until Ctrl-C.
pub(crate) fn demo(arguments: &[String]) -> Result<()> {
    build_page()?;
    run(&mut cargo(&["build", "--release", "--package", "barewire"]))?;
    let program = target_directory().join("release/barewire");
    run(Command::new(program).arg("demo").args(arguments))
}

/// Builds the page into `web/dist`, from which the binary takes it.
pub(crate) fn build_page() -> Result<()> {
    node::install("web")?;
    run(node::npm("web").args(["run", "--silent", "build"]))
}
