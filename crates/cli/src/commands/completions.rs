//! `barewire completions SHELL`

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};
use crate::outcome::Failure;
use crate::terminal::print;

/// Writes the script to standard output.
pub(crate) fn run(completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Arguments::command(), "barewire", &mut script);
    print(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
