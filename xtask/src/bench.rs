//! `cargo xtask bench`, `cargo xtask bench oauth`: our servers and the peers' on the same work.
//!
//! Each peer is built from the registries by its own lock file. One that does not build is named in the report, with what
//! its build said last, and left out; a machine without Node or Python still measures the others.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::run::{cargo, run, target_directory};

/// What is measured.
#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// Calls of the MCP server
    #[default]
    Mcp,
    /// Logins, tokens and a million grants
    Oauth,
}

impl What {
    /// The program that measures.
    fn program(self) -> &'static str {
        match self {
            Self::Mcp => "bench",
            Self::Oauth => "bench-oauth",
        }
    }

    /// What is measured beside ours.
    fn peers(self) -> &'static str {
        match self {
            Self::Mcp => "bench/peers",
            Self::Oauth => "bench/oauth-peers",
        }
    }

    /// The page, without its ending.
    fn page(self) -> &'static str {
        match self {
            Self::Mcp => "benchmarks",
            Self::Oauth => "oauth-benchmarks",
        }
    }
}

const NOTES: &str = "bench/notes.toml";

/// What this needs of a peer's description; `bench/src/peer.rs` reads all of it.
#[derive(Deserialize)]
struct Peer {
    name: String,
    #[serde(default)]
    build: Vec<Vec<String>>,
    #[serde(default)]
    env: std::collections::BTreeMap<String, String>,
}

/// Builds everything, measures, and writes the page.
pub(crate) fn bench(what: What, quick: bool, arguments: &[String]) -> Result<()> {
    run(&mut cargo(&["build", "--release", "--locked", "--package", "barewire-bench"]))?;
    let left_out = build_peers(what.peers())?;

    // Only a whole run is what the documentation shows.
    let folder = if quick || !arguments.is_empty() {
        let folder = target_directory().join("bench");
        std::fs::create_dir_all(&folder)?;
        folder
    } else {
        PathBuf::from("docs")
    };
    let mut command = Command::new(target_directory().join("release").join(what.program()));
    command.args(["--peers", what.peers()]);
    if what == What::Mcp {
        command.args(["--notes", NOTES]);
    }
    let page = folder.join(what.page());
    command.arg("--json").arg(page.with_extension("json"));
    command.arg("--markdown").arg(page.with_extension("md"));
    for (name, reason) in left_out {
        command.arg("--left-out").arg(format!("{name}={reason}"));
    }
    command.args(quick.then_some("--quick"));
    run(command.args(arguments))?;
    eprintln!("  {}", page.with_extension("md").display());
    Ok(())
}

/// Builds each peer; those that fail come back by name, with the reason.
fn build_peers(peers: &str) -> Result<Vec<(String, String)>> {
    let mut left_out = Vec::new();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(peers)
        .with_context(|| format!("cannot read {peers}"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("peer.toml").is_file()) {
        let file = folder.join("peer.toml");
        let text = std::fs::read_to_string(&file)?;
        let peer: Peer = toml::from_str(&text).with_context(|| format!("{}", file.display()))?;
        if let Err(reason) = peer.build.iter().try_for_each(|words| build(folder, words, &peer)) {
            eprintln!("  {} is left out: {reason}", peer.name);
            left_out.push((peer.name, reason));
        }
    }
    Ok(left_out)
}

/// One command of a peer's build; what it said last when it fails.
fn build(folder: &Path, words: &[String], peer: &Peer) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("its description has an empty command")?;
    eprintln!("\n\x1b[1m$ (in {}) {}\x1b[0m", folder.display(), words.join(" "));
    // A path is one of its folder; a bare name is looked for as a shell would.
    let program = if program.contains('/') {
        std::path::absolute(folder.join(program)).unwrap_or_default()
    } else {
        PathBuf::from(program)
    };
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(folder).envs(&peer.env);
    let output = command.output().map_err(|error| format!("{} cannot be started: {error}", words[0]))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).rev().take(3).collect();
    let last = last.into_iter().rev().collect::<Vec<_>>().join(" / ");
    Err(format!("`{}` failed with {}: {last}", words.join(" "), output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_fails_says_why() {
        let peer = Peer { name: "other".to_owned(), build: Vec::new(), env: Default::default() };
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(build(here, &words("true"), &peer), Ok(()));
        let reason = build(here, &words("ls --no-such-option"), &peer).unwrap_err();
        assert!(reason.contains("`ls --no-such-option` failed"), "{reason}");
        let reason = build(here, &words("barewire-no-such-program"), &peer).unwrap_err();
        assert!(reason.contains("cannot be started"), "{reason}");
    }
}
