//! What `barewire doctor` says of servers that are not ours, held to `conformance/interop/judged.toml`, where each finding was
//! read against the specification by hand. What the transcripts say of one of them is a test of `barewire-replay`.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::servers::barewire;

const FILE: &str = "conformance/interop/judged.toml";

/// What is right to say of one server: errors and warnings, as `error origin.stranger`, and why.
pub(super) struct Judged {
    server: String,
    findings: BTreeMap<String, String>,
}

impl Judged {
    /// Examines the server. Anything that was not judged, and anything that was and is not found any more, is an error.
    pub(super) fn check(server: &str, url: &str) -> Result<Judged> {
        let text = std::fs::read_to_string(FILE).with_context(|| format!("cannot read {FILE}"))?;
        let mut all: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(&text).with_context(|| FILE.to_owned())?;
        let findings = all.remove(server).with_context(|| format!("{FILE} does not judge {server}"))?;
        let found = examined(url)?;
        let new: Vec<_> = found.iter().filter(|finding| !findings.contains_key(*finding)).collect();
        let gone: Vec<_> = findings.keys().filter(|finding| !found.contains(finding)).collect();
        if !new.is_empty() || !gone.is_empty() {
            bail!(
                "doctor of {server}: not judged in {FILE}: {new:#?}; judged there and not found: {gone:#?}"
            );
        }
        Ok(Judged { server: server.to_owned(), findings })
    }

    pub(super) fn sentence(&self) -> String {
        let count = self.findings.len();
        format!(
            "Of {}, `barewire doctor` has to say {count}, read against the specification by hand:",
            self.server
        )
    }

    /// Each finding with its reason.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.findings.iter().map(|(finding, why)| (finding.as_str(), why.as_str()))
    }
}

fn examined(url: &str) -> Result<Vec<String>> {
    let report = json(barewire().args(["doctor", url, "--json"]))?;
    let findings = report["findings"].as_array().context("a report has findings")?;
    let told = |finding: &Value| {
        let severity = finding["severity"].as_str().filter(|it| matches!(*it, "error" | "warning"))?;
        Some(format!("{severity} {}", finding["id"].as_str()?))
    };
    let mut found: Vec<String> = findings.iter().filter_map(told).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The document on standard output; findings have an exit code of their own.
fn json(command: &mut Command) -> Result<Value> {
    let output = command.output()?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no report: {}", String::from_utf8_lossy(&output.stderr)))
}
