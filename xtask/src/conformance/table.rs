//! `docs/conformance.md`: every scenario at every revision.

use std::fmt::Write as _;

use super::cell::{Cell, Verdict};
use super::suite::Role;

/// A requirement set in one role: its revision, how many scenarios it demands and how many of them pass.
pub(super) struct Set {
    pub(super) role: Role,
    pub(super) revision: String,
    pub(super) demanded: usize,
    pub(super) passed: usize,
}

/// The page. Nothing in it depends on the day or the machine, so that a change of it is a change of what passes.
pub(super) fn page(version: &str, sets: &[Set], results: &[(Cell, Verdict)]) -> String {
    let mut page = String::from(HEAD);
    let _ = writeln!(page, "The suite is `@modelcontextprotocol/conformance` {version}.\n");
    page.push_str("## What is required\n\n| requirement set | server | client |\n|---|---|---|\n");
    let mut revisions: Vec<_> = sets.iter().map(|set| set.revision.as_str()).collect();
    revisions.dedup();
    for revision in revisions {
        let of = |role| match sets.iter().find(|set| set.role == role && set.revision == revision) {
            Some(set) => format!("{} of {}", set.passed, set.demanded),
            None => "–".to_owned(),
        };
        let _ = writeln!(page, "| {revision} | {} | {} |", of(Role::Server), of(Role::Client));
    }
    for role in Role::ALL {
        let _ = write!(page, "\n## {}\n\n", heading(role));
        table(&mut page, role, results);
    }
    notes(&mut page, results);
    page
}

const HEAD: &str = "\
# Conformance

Written by `cargo xtask conformance`: the official suite against a server and a client that are built from the public interface of our
crates (`conformance/`), and against the authorization server of `barewire demo`. There is no list of expected failures.

Each cell is one run by itself. A number is how many checks succeeded; none failed, the program under test ended in order, and at least one
check of the scenario's own ran (that messages fit the schema is checked in every scenario and not counted). An empty cell: the scenario is not
about that revision.

";

const fn heading(role: Role) -> &'static str {
    match role {
        Role::Server => "Server",
        Role::Client => "Client",
        Role::Authorization => "Authorization server",
    }
}

fn table(page: &mut String, role: Role, results: &[(Cell, Verdict)]) {
    let of_role = || results.iter().filter(move |(cell, _)| cell.role == role);
    let mut revisions: Vec<&str> = of_role().map(|(cell, _)| cell.revision.as_str()).collect();
    revisions.sort_unstable();
    revisions.dedup();
    let _ =
        writeln!(page, "| scenario | {} |\n|---|{}", revisions.join(" | "), "--:|".repeat(revisions.len()));
    let mut scenarios: Vec<&str> = of_role().map(|(cell, _)| cell.scenario.as_str()).collect();
    scenarios.dedup();
    for scenario in scenarios {
        let _ = write!(page, "| {scenario} |");
        for revision in &revisions {
            let found = of_role().find(|(cell, _)| cell.scenario == scenario && cell.revision == *revision);
            let _ = write!(page, " {} |", found.map(|(_, verdict)| shown(verdict)).unwrap_or_default());
        }
        page.push('\n');
    }
}

fn shown(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed { checks, warnings: 0 } => checks.to_string(),
        Verdict::Passed { checks, warnings } => format!("{checks}, {warnings} warned"),
        Verdict::Empty { .. } => "nothing to check".to_owned(),
        Verdict::Missing { .. } => "not built yet".to_owned(),
        Verdict::Failed { .. } => "**failed**".to_owned(),
    }
}

/// Why a cell has no number.
fn notes(page: &mut String, results: &[(Cell, Verdict)]) {
    let mut notes: Vec<String> = Vec::new();
    for (cell, verdict) in results {
        let note = match verdict {
            Verdict::Passed { .. } => continue,
            Verdict::Empty { why } => format!("{}: {why}", cell.scenario),
            Verdict::Missing { why } => format!("not built yet: {why}"),
            Verdict::Failed { why } => format!("{} at {} failed: {why}", cell.scenario, cell.revision),
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if !notes.is_empty() {
        page.push_str("\n## Notes\n\n");
        notes.iter().for_each(|note| {
            let _ = writeln!(page, "* {note}");
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let cell = |role, scenario: &str, revision: &str| Cell {
            role,
            scenario: scenario.to_owned(),
            revision: revision.to_owned(),
        };
        let results = [
            (cell(Role::Server, "a", "2025-11-25"), Verdict::Passed { checks: 2, warnings: 0 }),
            (cell(Role::Server, "a", "2026-07-28"), Verdict::Passed { checks: 3, warnings: 1 }),
            (cell(Role::Server, "b", "2026-07-28"), Verdict::Failed { why: "no check ran".to_owned() }),
            (cell(Role::Client, "c", "2026-07-28"), Verdict::Missing { why: "skills" }),
        ];
        let set = Set { role: Role::Server, revision: "2026-07-28".to_owned(), demanded: 2, passed: 1 };
        let page = page("1.0", &[set], &results);
        for line in [
            "| 2026-07-28 | 1 of 2 | – |",
            "| scenario | 2025-11-25 | 2026-07-28 |",
            "| a | 2 | 3, 1 warned |",
            "| b |  | **failed** |",
            "| c | not built yet |",
            "* b at 2026-07-28 failed: no check ran",
            "* not built yet: skills",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }
}
