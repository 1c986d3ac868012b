//! `cargo xtask conformance`: the official suite against the fixtures of `conformance/`, every scenario that it has at
//! every revision, in all three roles.

mod authorization;
mod cell;
mod suite;
mod table;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::cell::{Cell, Target, Verdict};
use self::suite::{FOLDER, Role};
use self::table::Set;
use crate::run::target_directory;
use crate::server::{Server, free_port};
use crate::{node, test};

/// The suite's requirement sets.
const SETS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Which cells are run; all of them unless something is said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Only {
    pub(crate) revision: Option<String>,
    /// Part of a scenario's name.
    pub(crate) scenario: Option<String>,
}

impl Only {
    fn has(&self, cell: &Cell) -> bool {
        self.revision.as_ref().is_none_or(|revision| cell.revision == *revision)
            && self.scenario.as_ref().is_none_or(|part| cell.scenario.contains(part.as_str()))
    }

    fn is_all(&self) -> bool {
        self.revision.is_none() && self.scenario.is_none()
    }
}

/// Runs the cells, says what failed, and, where all were run, writes `docs/conformance.md`.
pub(crate) fn conformance(only: &Only) -> Result<()> {
    node::install(FOLDER)?;
    // Always built: a stale program would be judged in place of the present one.
    test::build()?;
    let started = Instant::now();
    let results = target_directory().join("conformance");
    let cells: Vec<Cell> =
        suite::scenarios()?.iter().flat_map(Cell::of).filter(|cell| only.has(cell)).collect();
    if cells.is_empty() {
        bail!("no scenario has this name and revision");
    }
    let (guarded, others): (Vec<_>, Vec<_>) =
        cells.into_iter().partition(|cell| cell.role == Role::Authorization);
    let mut judged = side_by_side(others, &results)?;
    let user = std::path::absolute(program("fixture-user"))?;
    let mut revisions: Vec<_> = guarded.iter().map(|cell| cell.revision.clone()).collect();
    revisions.sort_unstable();
    revisions.dedup();
    for revision in revisions {
        let of: Vec<_> = guarded.iter().filter(|cell| cell.revision == revision).cloned().collect();
        let verdicts = authorization::run(&of, &revision, &user, &results)?;
        judged.extend(of.into_iter().zip(verdicts));
    }
    // In the suite's own order, whichever ended first.
    let order: Vec<Cell> = suite::scenarios()?.iter().flat_map(Cell::of).collect();
    judged.sort_by_key(|(cell, _)| order.iter().position(|other| other == cell));

    let passed = judged.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Passed { .. })).count();
    eprintln!(
        "  {passed} of {} scenarios at a revision passed, in {:.0} s",
        judged.len(),
        started.elapsed().as_secs_f32()
    );
    if only.is_all() {
        let page = table::page(&suite::version()?, &sets(&judged)?, &judged);
        std::fs::write("docs/conformance.md", page).context("cannot write docs/conformance.md")?;
    }
    let failed = |(cell, verdict): &(Cell, Verdict)| match verdict {
        Verdict::Failed { why } => {
            Some(format!("{} {} at {}: {why}", cell.role.as_str(), cell.scenario, cell.revision))
        }
        _ => None,
    };
    let failed: Vec<String> = judged.iter().filter_map(failed).collect();
    if !failed.is_empty() {
        bail!("{} scenarios failed\n{}", failed.len(), failed.join("\n"));
    }
    Ok(())
}

/// Runs cells on all cores. Each worker has a server for itself, since some scenarios change what others would see.
fn side_by_side(cells: Vec<Cell>, results: &Path) -> Result<Vec<(Cell, Verdict)>> {
    let client = std::path::absolute(program("fixture-client"))?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(cells.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || -> Result<Vec<(Cell, Verdict)>> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let server = Server::start(
            "fixture-server",
            Command::new(program("fixture-server")).args(["--listen", &address.to_string()]),
            address,
            "/healthz",
        )?;
        let url = format!("http://{address}/mcp");
        let target = Target { server: &url, client: &client, results };
        let mut judged = Vec::new();
        while let Some(cell) = next() {
            let verdict = cell.run(&target);
            if let Verdict::Failed { why } = &verdict {
                eprintln!("  FAILED: {} {} at {}: {why}", cell.role.as_str(), cell.scenario, cell.revision);
            }
            judged.push((cell, verdict));
        }
        server.stop()?;
        Ok(judged)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let mut judged = Vec::new();
        for worker in workers {
            judged.extend(worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??);
        }
        Ok(judged)
    })
}

/// How the suite's requirement sets come out.
fn sets(judged: &[(Cell, Verdict)]) -> Result<Vec<Set>> {
    let mut sets = Vec::new();
    for revision in SETS {
        for role in [Role::Server, Role::Client] {
            let demanded = suite::required(role, revision)?;
            let passes = |name: &&String| {
                judged.iter().any(|(cell, verdict)| {
                    let of = cell.role == role && cell.revision == revision && cell.scenario == **name;
                    of && matches!(verdict, Verdict::Passed { .. })
                })
            };
            let passed = demanded.iter().filter(passes).count();
            sets.push(Set { role, revision: revision.to_owned(), demanded: demanded.len(), passed });
        }
    }
    Ok(sets)
}

fn program(name: &str) -> PathBuf {
    target_directory().join("debug").join(name)
}
