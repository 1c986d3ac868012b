//! `cargo xtask`: the commands of the README. What a developer runs is what CI runs.
//!
//! This crate builds nothing itself; it calls cargo, npm and the programs they made, and says plainly what is
//! missing where it cannot go on.
#![expect(clippy::print_stderr, reason = "a developer's command talks to the terminal")]

mod architecture;
mod bench;
mod chromium;
mod conformance;
mod demo;
mod fuzz;
mod interop;
mod node;
mod python;
mod run;
mod security;
mod server;
mod settings;
mod test;
mod upstream;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::conformance::Only;
use crate::interop::Language;

/// Everything a developer or CI runs on this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the page and the binary, and run `barewire demo`
    Demo {
        /// Passed on to `barewire demo`, e.g. `-- --listen 127.0.0.1:9000`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run every check and every test: format, lints, docs, Rust, page, browser, other people's clients, conformance
    Test {
        /// Leave out what needs a browser
        #[arg(long)]
        no_browser: bool,
    },
    /// Run the official conformance suite in all roles and at all revisions, and write `docs/conformance.md`
    Conformance {
        /// Only this revision, e.g. 2026-07-28
        #[arg(long)]
        revision: Option<String>,
        /// Only scenarios with this in their names, e.g. auth/
        #[arg(long)]
        scenario: Option<String>,
    },
    /// Let the official SDKs of other languages and OAuth clients talk with us, and write `docs/interop.md`
    ///
    /// Builds our programs, installs each SDK from its registry by the lock files of `conformance/interop`, and says what is left
    /// out and why. With all languages the page is written; with some of them it has to say the same.
    Interop {
        /// Only these, which then have to be installable here
        #[arg(long, value_enum, value_delimiter = ',', value_name = "LANGUAGES")]
        with: Vec<Language>,
    },
    /// Build our servers and the peers', measure them in one run, and write `docs/benchmarks.md` or `docs/oauth-benchmarks.md`
    Bench {
        /// The MCP server, or the authorization server
        #[arg(value_enum, default_value_t)]
        what: bench::What,
        /// Short, to see that everything works; the page goes to the target directory
        #[arg(long)]
        quick: bool,
        /// Passed on, e.g. `-- --rows echo --only ours,floor`; the page then goes to the target directory
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Write what the documentation says of settings anew: `docs/barewire.schema.json` and the file in `docs/configuration.md`
    Settings,
    /// Record the golden wire transcripts of `docs/wire` anew
    Wire,
    /// Try every parser that reads the network with input that nobody would send
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 30)]
        seconds: u32,
        /// Only this target: a file of `fuzz/src/bin`
        #[arg(long)]
        target: Option<String>,
        /// Run the target on this file only, for example on what crashed it
        #[arg(long, requires = "target")]
        input: Option<PathBuf>,
    },
    /// The same as `test`: what `.ci/run` calls
    Ci,
}

fn main() -> ExitCode {
    match execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n\x1b[1;31merror:\x1b[0m {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute() -> Result<()> {
    run::change_to_workspace_root()?;
    match Arguments::parse().command {
        Command::Demo { arguments } => demo::demo(&arguments),
        Command::Test { no_browser } => test::test(!no_browser),
        Command::Conformance { revision, scenario } => conformance::conformance(&Only { revision, scenario }),
        Command::Interop { with } => interop::interop(&with),
        Command::Bench { what, quick, arguments } => bench::bench(what, quick, &arguments),
        Command::Settings => settings::settings(),
        Command::Wire => wire::wire(),
        Command::Fuzz { target: Some(target), input: Some(input), .. } => fuzz::again(&target, &input),
        Command::Fuzz { seconds, target, .. } => fuzz::fuzz(seconds, target.as_deref()),
        Command::Ci => test::test(true),
    }
}
