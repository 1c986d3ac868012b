//! `cargo xtask fuzz`: bytes that nobody would send, to every parser that reads the network.
//!
//! The targets are in `fuzz/src/bin`, a package outside the workspace. The stable compiler builds them: what guides libFuzzer
//! is a pass of LLVM that counts which code runs. No sanitizer watches, because nothing of ours is `unsafe`; what is looked
//! for are panics, overflows, endless loops, too much memory, and properties that do not hold.

mod report;
mod seeds;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use self::report::Report;
use crate::run::{cargo, run, target_directory};

const FOLDER: &str = "fuzz";
/// What crashes is written here, in a folder for each target.
const ARTIFACTS: &str = "fuzz/artifacts";
/// Longest input in bytes.
const MAX_INPUT_BYTES: u32 = 4096;
/// An input for which a target takes more than this, in MiB, is a crash.
const MAX_MEMORY: u32 = 1024;
/// An input for which a target takes longer than this, in seconds, is a crash.
const MAX_SECONDS: u32 = 10;

/// What has the compiler count which code runs, and tell what is compared with what.
const COVERAGE: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Runs every target, or one, for some seconds each.
pub(crate) fn fuzz(seconds: u32, only: Option<&str>) -> Result<()> {
    let targets = targets()?;
    let chosen: Vec<&String> = targets.iter().filter(|name| only.is_none_or(|only| *name == only)).collect();
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", targets.join(", "));
    }
    let programs = build()?;
    let work = target_directory().join(FOLDER);
    seeds::write(&work)?;

    eprintln!("\n{}", report::HEAD);
    let mut crashed = Vec::new();
    for name in chosen {
        let report = run_target(name, &programs, &work, seconds)?;
        eprintln!("{report}");
        if report.has_crashed {
            crashed.push(name.as_str());
        }
    }
    if !crashed.is_empty() {
        bail!("found something: {}", crashed.join(", "));
    }
    Ok(())
}

/// The targets are outside the workspace and run before a release only, so nothing else notices that the crates have moved
/// on, or that the lock file is behind.
pub(crate) fn check() -> Result<()> {
    run(cargo(&["check", "--locked", "--bins", "--manifest-path", "fuzz/Cargo.toml"])
        .arg("--target-dir")
        .arg(target_directory().join(FOLDER)))
}

/// Runs one target on one input, for example on what crashed it.
pub(crate) fn again(target: &str, input: &Path) -> Result<()> {
    let programs = build()?;
    run(Command::new(programs.join(target)).arg(input))
}

/// The targets: a file each.
fn targets() -> Result<Vec<String>> {
    let folder = Path::new(FOLDER).join("src/bin");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds all targets, and says where they are.
fn build() -> Result<PathBuf> {
    let target_directory = target_directory().join(FOLDER);
    let host = host()?;
    run(cargo(&["build", "--release", "--locked", "--bins"])
        .args(["--manifest-path", "fuzz/Cargo.toml"])
        // With a target, the flags are for what is fuzzed, and not for what builds it.
        .args(["--target", &host])
        .arg("--target-dir")
        .arg(&target_directory)
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\x1f")))?;
    Ok(target_directory.join(host).join("release"))
}

/// The name of this machine's platform, as the compiler calls it.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what machine this is")
}

fn run_target(name: &str, programs: &Path, work: &Path, seconds: u32) -> Result<Report> {
    // What a run finds is kept, so that the next one goes on from there.
    let corpus = work.join("corpus").join(name);
    let artifacts = Path::new(ARTIFACTS).join(name);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let seeds = [Path::new(FOLDER).join("seeds").join(name), work.join("seeds").join(name)];
    let mut child = Command::new(programs.join(name))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_INPUT_BYTES}"))
        .arg(format!("-rss_limit_mb={MAX_MEMORY}"))
        .arg(format!("-timeout={MAX_SECONDS}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-dict={}", work.join(seeds::DICTIONARY).display()))
        .arg("-print_final_stats=1")
        .arg(corpus)
        .args(seeds.iter().filter(|folder| folder.is_dir()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let mut report = Report::new(name);
    if let Some(said) = child.stderr.take() {
        for line in BufReader::new(said).split(b'\n') {
            report.heard(&String::from_utf8_lossy(&line?));
        }
    }
    report.ended(child.wait()?.success());
    Ok(report)
}
