//! The suite as a program: what it has, and one scenario of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Where its package and the Node that it needs are installed.
pub(super) const FOLDER: &str = "conformance";

/// Who is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Server,
    Client,
    Authorization,
}

impl Role {
    pub(super) const ALL: [Self; 3] = [Self::Server, Self::Client, Self::Authorization];

    /// The suite's word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Authorization => "authorization",
        }
    }
}

/// A scenario, and the revisions that it is about; none for one of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) revisions: Vec<String>,
}

/// What came of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Checks {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) warned: usize,
    pub(super) skipped: usize,
}

/// The suite's program. It needs a newer Node than the rest, which its own package brings.
pub(super) fn program() -> Result<Command> {
    let node: PathBuf = std::path::absolute(format!("{FOLDER}/node_modules/node/bin/node"))?;
    let script = std::path::absolute(format!(
        "{FOLDER}/node_modules/@modelcontextprotocol/conformance/dist/index.js"
    ))?;
    let mut command = Command::new(node);
    command.arg(script);
    Ok(command)
}

/// The version that is pinned.
pub(super) fn version() -> Result<String> {
    let package: Value = serde_json::from_str(&std::fs::read_to_string(format!("{FOLDER}/package.json"))?)?;
    let pinned = &package["devDependencies"]["@modelcontextprotocol/conformance"];
    Ok(pinned.as_str().context("the suite is not pinned")?.to_owned())
}

/// Every scenario that it has.
pub(super) fn scenarios() -> Result<Vec<Scenario>> {
    let mut all = Vec::new();
    for role in Role::ALL {
        let listed = text_of(program()?.args(["list", &format!("--{}", role.as_str())]))?;
        let found: Vec<_> = listed.lines().filter_map(|line| scenario(role, line)).collect();
        ensure!(!found.is_empty(), "the suite lists no scenario for the role {}", role.as_str());
        all.extend(found);
    }
    Ok(all)
}

/// The names that a requirement set demands in one role; not those that it only reports.
pub(super) fn required(role: Role, revision: &str) -> Result<Vec<String>> {
    let listed = text_of(program()?.args(["list", "--requirements", revision]))?;
    Ok(demanded(role, &listed))
}

fn demanded(role: Role, listed: &str) -> Vec<String> {
    let mut of = None;
    let mut names = Vec::new();
    for line in listed.lines().take_while(|line| !line.starts_with("Run and reported")) {
        match line.split_once(" scenarios (") {
            Some((word, _)) if !line.starts_with(' ') => {
                of = Role::ALL.into_iter().find(|role| word.eq_ignore_ascii_case(role.as_str()));
            }
            _ if of == Some(role) => names.extend(scenario(role, line).map(|scenario| scenario.name)),
            _ => {}
        }
    }
    names
}

fn text_of(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().context("cannot start the suite")?;
    ensure!(output.status.success(), "the suite does not list its scenarios: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// A line of a list: `  - name [2025-11-25,2026-07-28]`.
fn scenario(role: Role, line: &str) -> Option<Scenario> {
    let (name, rest) = line.trim().strip_prefix("- ")?.split_once(' ').unwrap_or((line.trim().get(2..)?, ""));
    let of = rest.trim().trim_start_matches('[').trim_end_matches(']');
    let revisions = of.split(',').filter(|word| word.starts_with("20")).map(str::to_owned).collect();
    Some(Scenario { role, name: name.to_owned(), revisions })
}

/// Counts the checks of every scenario that left results below a folder; the path, which says which it is, comes first.
pub(super) fn results(folder: &Path) -> Result<Vec<(String, Checks)>> {
    let mut scenarios = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("the suite left no results in {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("checks.json") {
                let checks: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
                scenarios.push((path.to_string_lossy().into_owned(), Checks::of(&checks)));
            }
        }
    }
    Ok(scenarios)
}

/// A folder for results, with nothing in it from the last run.
pub(super) fn empty(folder: PathBuf) -> Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("cannot clear the results of the last run")?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

impl Checks {
    fn of(checks: &[Value]) -> Self {
        // That messages fit the schema is checked in every scenario, and says nothing about what the scenario is for.
        let about = |check: &&Value| check["id"] != "wire-schema-valid" || check["status"] == "FAILURE";
        let count =
            |status: &str| checks.iter().filter(about).filter(|check| check["status"] == status).count();
        Self {
            passed: count("SUCCESS"),
            failed: count("FAILURE"),
            warned: count("WARNING"),
            skipped: count("SKIPPED"),
        }
    }
}

/// Runs a command whose output matters only where it fails. Its exit status is the judge.
pub(super) fn quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("cannot start the suite")?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{}\n{}", output.status, tail(&String::from_utf8_lossy(&said)));
    }
    Ok(())
}

/// The last lines: the suite repeats a scenario's whole text below each failed check.
fn tail(text: &str) -> String {
    let failed = text.lines().filter(|line| line.contains("FAILURE") || line.trim().starts_with("Error:"));
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() {
        let lines: Vec<_> = text.lines().collect();
        return lines[lines.len().saturating_sub(20)..].join("\n");
    }
    failed.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_of_a_list() {
        let read = |line: &str| {
            let scenario = scenario(Role::Server, line)?;
            Some((scenario.name, scenario.revisions.join(" ")))
        };
        let check = |line: &str, name: &str, revisions: &str| {
            assert_eq!(read(line), Some((name.to_owned(), revisions.to_owned())));
        };
        check("  - ping [2025-06-18,2025-11-25]", "ping", "2025-06-18 2025-11-25");
        check("  - tasks-lifecycle [extension]", "tasks-lifecycle", "");
        check("  - bare", "bare", "");
        assert_eq!(read("Server scenarios (test against a server):"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn what_a_set_only_reports_is_not_demanded() {
        let listed = "Required for X (3 scenarios, frozen):\n\nServer scenarios (test against a server):\n  - a\n  - b\n\n\
                      Client scenarios (test against a client):\n  - c\n\n\
                      Run and reported, but never scored:\n  extension (1):\n    - d [client]\n";
        assert_eq!(demanded(Role::Server, listed), ["a", "b"]);
        assert_eq!(demanded(Role::Client, listed), ["c"]);
        assert_eq!(demanded(Role::Authorization, listed), [""; 0]);
    }

    #[test]
    fn a_valid_message_is_no_check_of_a_scenario() {
        let check = |id: &str, status: &str| json!({ "id": id, "status": status });
        let valid = check("wire-schema-valid", "SUCCESS");
        let invalid = check("wire-schema-valid", "FAILURE");
        assert_eq!(Checks::of(&[valid]), Checks::default());
        let checks = [check("a", "SUCCESS"), check("b", "SKIPPED"), check("c", "WARNING"), invalid];
        assert_eq!(Checks::of(&checks), Checks { passed: 1, failed: 1, warned: 1, skipped: 1 });
    }
}
