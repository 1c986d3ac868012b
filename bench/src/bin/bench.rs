//! `bench`: the whole comparison, or some rows of it. `README.md` says how to use it.
#![expect(clippy::print_stderr, reason = "a program of the terminal")]

use std::process::ExitCode;

use barewire_bench::options::Options;
use barewire_bench::run::run;
use clap::Parser;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
