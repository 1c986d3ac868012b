//! `barewire completions SHELL`

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};
use crate::outcome::Failure;

/// Writes the script to standard output.
pub(crate) fn run(completions: &Completions) -> Result<(), Failure> {
    clap_complete::generate(completions.shell, &mut Arguments::command(), "barewire", &mut std::io::stdout());
    Ok(())
}
