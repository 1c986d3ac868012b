//! `bench-oauth`: the authorization server, at an empty store and at a full one. `README.md` says how to use it.
#![expect(clippy::print_stderr, reason = "a program of the terminal")]

use std::process::ExitCode;

use barewire_bench::oauth::options::Options;
use barewire_bench::oauth::run::run;
use clap::Parser;

fn main() -> ExitCode {
    match run(&Options::parse().effective()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
