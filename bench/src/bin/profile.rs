//! `profile --picture FILE`: where the time of a request goes, as a picture, and as a table on the terminal.
#![expect(clippy::print_stdout, reason = "a program of the terminal")]

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

/// Looks with perf at the floors and at our server under load, and draws where the time goes.
#[derive(Parser)]
struct Arguments {
    /// The SVG to write.
    #[arg(long, default_value = "docs/profile.svg")]
    picture: PathBuf,
}

fn main() -> Result<()> {
    println!("{}", barewire_bench::profile::draw(&Arguments::parse().picture)?);
    Ok(())
}
