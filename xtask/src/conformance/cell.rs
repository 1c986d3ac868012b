//! One scenario at one revision: run by itself, so that the exit code counts, and believed only where its checks ran.

use std::path::Path;

use anyhow::{Context, Result};

use super::suite::{self, Checks, Role, Scenario};

/// A scenario at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) role: Role,
    pub(super) scenario: String,
    pub(super) revision: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// So many checks succeeded and none failed, and the program under test ended in order.
    Passed {
        checks: usize,
        warnings: usize,
    },
    /// The suite has it, and checks nothing in it.
    Empty {
        why: &'static str,
    },
    /// Something that is not built yet.
    Missing {
        why: &'static str,
    },
    Failed {
        why: String,
    },
}

/// Scenarios without a single check, and why: everything else that succeeds without one has failed.
const EMPTY: &[(&str, &str)] =
    &[("tasks-status-notifications", "the suite skips it, whatever the server does")];

/// What is not there yet, by the beginning of its name. Empty is the aim.
const MISSING: &[(&str, &str)] = &[];

/// Where the programs under test are.
pub(super) struct Target<'a> {
    /// The server that this worker has for itself.
    pub(super) server: &'a str,
    pub(super) client: &'a Path,
    pub(super) results: &'a Path,
}

impl Cell {
    /// Every cell of a scenario. The suite gives extensions no revision; a client may meet one in both eras.
    pub(super) fn of(scenario: &Scenario) -> Vec<Self> {
        let eras: &[&str] = match scenario.role {
            Role::Client => &["2025-11-25", "2026-07-28"],
            Role::Server | Role::Authorization => &["2026-07-28"],
        };
        let revisions = match scenario.revisions.as_slice() {
            [] => eras.iter().map(ToString::to_string).collect(),
            some => some.to_vec(),
        };
        let cell = |revision| Self { role: scenario.role, scenario: scenario.name.clone(), revision };
        revisions.into_iter().map(cell).collect()
    }

    /// Runs it.
    pub(super) fn run(&self, target: &Target<'_>) -> Verdict {
        if let Some((_, why)) = MISSING.iter().find(|(prefix, _)| self.scenario.starts_with(prefix)) {
            return Verdict::Missing { why };
        }
        match self.checks(target) {
            Err(error) => Verdict::Failed { why: format!("{error:#}") },
            Ok(checks) => self.judge(checks),
        }
    }

    fn checks(&self, target: &Target<'_>) -> Result<Checks> {
        let folder = target.results.join(self.role.as_str()).join(&self.revision).join(&self.scenario);
        let folder = suite::empty(folder)?;
        let mut command = suite::program()?;
        command.arg(self.role.as_str());
        match self.role {
            Role::Client => command.arg("--command").arg(target.client),
            // The other role is not run cell by cell.
            Role::Server | Role::Authorization => command.args(["--url", target.server]),
        };
        command.args(["--scenario", &self.scenario, "--spec-version", &self.revision, "--force"]);
        suite::quietly(command.arg("-o").arg(&folder))?;
        let result = suite::results(&folder)?.into_iter().next();
        result.map(|(_, checks)| checks).context("the suite left no result")
    }

    pub(super) fn judge(&self, checks: Checks) -> Verdict {
        if checks.failed > 0 {
            return Verdict::Failed { why: format!("{} checks failed", checks.failed) };
        }
        if checks.passed > 0 {
            return Verdict::Passed { checks: checks.passed, warnings: checks.warned };
        }
        match EMPTY.iter().find(|(name, _)| *name == self.scenario) {
            Some((_, why)) => Verdict::Empty { why },
            None => Verdict::Failed { why: "no check ran".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(role: Role, name: &str, revisions: &[&str]) -> Scenario {
        Scenario {
            role,
            name: name.to_owned(),
            revisions: revisions.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn an_extension_is_met_in_both_eras_by_a_client_only() {
        let revisions = |role, revisions: &[&str]| -> Vec<String> {
            let cells = Cell::of(&scenario(role, "x", revisions));
            cells.into_iter().map(|cell| cell.revision).collect()
        };
        assert_eq!(revisions(Role::Client, &[]), ["2025-11-25", "2026-07-28"]);
        assert_eq!(revisions(Role::Server, &[]), ["2026-07-28"]);
        assert_eq!(revisions(Role::Server, &["2025-06-18"]), ["2025-06-18"]);
    }

    #[test]
    fn a_pass_without_a_check_is_none() {
        let judge = |name: &str, checks: Checks| {
            let [cell] = Cell::of(&scenario(Role::Server, name, &[])).try_into().unwrap();
            cell.judge(checks)
        };
        let passed = Checks { passed: 2, warned: 1, ..Checks::default() };
        assert_eq!(judge("a", passed), Verdict::Passed { checks: 2, warnings: 1 });
        assert!(matches!(judge("a", Checks { failed: 1, ..passed }), Verdict::Failed { .. }));
        assert!(matches!(judge("a", Checks { skipped: 9, ..Checks::default() }), Verdict::Failed { .. }));
        assert!(matches!(judge(EMPTY[0].0, Checks::default()), Verdict::Empty { .. }));
    }
}
