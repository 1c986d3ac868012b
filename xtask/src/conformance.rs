//! `cargo xtask conformance`: the official suite against the fixtures of `conformance/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{run, target_directory};
use crate::server::{Server, free_port};
use crate::{node, test};

const FOLDER: &str = "conformance";
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Runs the required scenarios, server and client, of one or of both revisions, and the client scenarios beside them.
pub(crate) fn conformance(only: Option<&str>) -> Result<()> {
    node::install(FOLDER)?;
    // Always built: a stale program would be judged in place of the present one.
    test::build()?;
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let server = Server::start(
        "fixture-server",
        Command::new(program("fixture-server")).args(["--listen", &address.to_string()]),
        address,
        "/healthz",
    )?;
    for revision in REVISIONS.into_iter().filter(|revision| only.is_none_or(|only| only == *revision)) {
        let url = format!("http://{address}/mcp");
        scenarios("server", revision, &["--url", &url])?;
        for one in SERVER_SINGLE.iter().filter(|one| one.revision == revision) {
            single("server", one, &["--url", &url])?;
        }
        let client = std::path::absolute(program("fixture-client"))?;
        scenarios("client", revision, &["--command", &client.to_string_lossy()])?;
    }
    server.stop()?;
    let client = std::path::absolute(program("fixture-client"))?;
    for one in CLIENT_SINGLE.iter().filter(|one| only.is_none_or(|only| only == one.revision)) {
        single("client", one, &["--command", &client.to_string_lossy()])?;
    }
    Ok(())
}

/// One requirement set in one role. The suite's exit code alone is not believed: scenarios without one real check fail.
fn scenarios(role: &str, revision: &str, target: &[&str]) -> Result<()> {
    let results = std::path::absolute(target_directory().join("conformance").join(role).join(revision))?;
    if results.exists() {
        std::fs::remove_dir_all(&results).context("cannot clear the results of the last run")?;
    }
    run(suite()?.arg(role).args(target).args(["--requirements", revision]).arg("-o").arg(&results))?;

    let lists = checks(results)?;
    let scenarios = lists.len();
    let checks = lists.iter().flatten().filter(|check| check["status"] == "SUCCESS").count();
    if scenarios == 0 || checks < scenarios {
        bail!(
            "the suite ran {scenarios} scenarios with {checks} successful checks: it did not reach the {role}"
        );
    }
    eprintln!("  {role} {revision}: {scenarios} scenarios, {checks} successful checks");
    Ok(())
}

/// A scenario that no requirement set has, run alone, so that a client's exit code counts.
struct Single {
    scenario: &'static str,
    revision: &'static str,
    /// The checks that it is about: without their success, it says nothing.
    checks: &'static [&'static str],
}

const SERVER_SINGLE: &[Single] = &[
    extension(
        "tasks-lifecycle",
        "2026-07-28",
        &[
            "tasks-sync-tool-call",
            "sep-2663-result-type-task-on-create",
            "sep-2663-tasks-get-status-working",
            "sep-2663-tasks-get-status-completed",
            "sep-2663-tool-error-uses-completed-status",
            "sep-2663-tasks-get-status-failed",
            "sep-2663-cancel-ack-empty-result",
            "tasks-cancel-terminal-idempotent-ack",
        ],
    ),
    extension(
        "tasks-capability-negotiation",
        "2026-07-28",
        &[
            "tasks-extension-advertised",
            "sep-2663-tasks-methods-non-declaring",
            "sep-2663-server-rejects-undeclared-client",
            "tasks-per-request-meta-opt-in",
        ],
    ),
    extension(
        "tasks-wire-fields",
        "2026-07-28",
        &[
            "tasks-wire-field-renames",
            "tasks-no-early-ttl-expiry",
            "tasks-no-related-task-meta-on-inlined-result",
        ],
    ),
    extension(
        "tasks-request-state-removal",
        "2026-07-28",
        &["tasks-create-result-no-request-state", "tasks-get-detailed-no-request-state"],
    ),
    extension(
        "tasks-mrtr-input",
        "2026-07-28",
        &[
            "sep-2663-tasks-get-status-input-required",
            "tasks-mrtr-tasks-update-resumes",
            "tasks-mrtr-partial-fulfillment",
        ],
    ),
    extension("tasks-mrtr-composition", "2026-07-28", &["sep-2663-mrtr-synchronous-before-task-creation"]),
    extension(
        "tasks-request-headers",
        "2026-07-28",
        &[
            "tasks-headers-tolerate-mcp-method-on-tools-call",
            "sep-2663-routing-headers-accepted-on-tasks-get",
            "tasks-headers-reject-mismatched-method",
            "sep-2663-server-rejects-mismatched-mcp-name-on-tasks-get",
        ],
    ),
    extension(
        "tasks-dispatch-and-envelope",
        "2026-07-28",
        &[
            "sep-2663-tasks-result-removed-method-not-found",
            "tasks-removed-tasks-list",
            "tasks-server-directed-creation-no-hint",
            "sep-2663-legacy-task-param-ignored",
            "tasks-immediate-result-shortcut",
            "tasks-result-type-complete-on-non-task-responses",
            "sep-2663-durable-create-strong-consistency",
            "sep-2663-tasks-get-invalid-task-id-32602",
        ],
    ),
    extension(
        "tasks-required-task-error",
        "2026-07-28",
        &[
            "sep-2663-server-returns-missing-capability-when-required",
            "sep-2663-server-returns-missing-capability-data-shape",
        ],
    ),
];

const CLIENT_SINGLE: &[Single] = &[
    Single {
        scenario: "auth/2025-03-26-oauth-metadata-backcompat",
        revision: "2025-03-26",
        checks: &["authorization-server-metadata", "token-request", "valid-bearer-token"],
    },
    Single {
        scenario: "auth/2025-03-26-oauth-endpoint-fallback",
        revision: "2025-03-26",
        checks: &["client-registration", "token-request", "valid-bearer-token"],
    },
    extension("auth/client-credentials-jwt", "2025-11-25", &["client-credentials-jwt-verified"]),
    extension("auth/client-credentials-jwt", "2026-07-28", &["client-credentials-jwt-verified"]),
    extension("auth/client-credentials-basic", "2025-11-25", &["client-credentials-basic-auth"]),
    extension("auth/client-credentials-basic", "2026-07-28", &["client-credentials-basic-auth"]),
    extension("auth/enterprise-managed-authorization", "2025-11-25", ENTERPRISE),
    extension("auth/enterprise-managed-authorization", "2026-07-28", ENTERPRISE),
    extension("auth/dpop", "2025-11-25", DPOP),
    extension("auth/dpop", "2026-07-28", DPOP),
    extension("auth/dpop-nonce", "2025-11-25", DPOP_NONCE),
    extension("auth/dpop-nonce", "2026-07-28", DPOP_NONCE),
    extension("auth/wif-jwt-bearer", "2025-11-25", &["wif-assertion-verified", "valid-bearer-token"]),
    extension("auth/wif-jwt-bearer", "2026-07-28", &["wif-assertion-verified", "valid-bearer-token"]),
];

const ENTERPRISE: &[&str] =
    &["complete-flow-token-exchange", "complete-flow-jwt-bearer", "valid-bearer-token"];
const DPOP: &[&str] = &[
    "sep-1932-client-token-request-proof",
    "sep-1932-client-dpop-auth-scheme",
    "sep-1932-client-fresh-proof",
];
const DPOP_NONCE: &[&str] = &[
    "sep-1932-client-token-request-proof",
    "sep-1932-client-dpop-auth-scheme",
    "sep-1932-client-fresh-proof",
    "sep-1932-client-as-nonce",
    "sep-1932-client-rs-nonce",
];

const fn extension(
    scenario: &'static str,
    revision: &'static str,
    checks: &'static [&'static str],
) -> Single {
    Single { scenario, revision, checks }
}

fn single(role: &str, one: &Single, target: &[&str]) -> Result<()> {
    let results = std::path::absolute(
        target_directory().join("conformance/single").join(role).join(one.revision).join(one.scenario),
    )?;
    if results.exists() {
        std::fs::remove_dir_all(&results).context("cannot clear the results of the last run")?;
    }
    run(suite()?
        .arg(role)
        .args(target)
        .args(["--scenario", one.scenario])
        // Extensions have no revision of their own.
        .args(["--spec-version", one.revision, "--force"])
        .arg("-o")
        .arg(&results))?;
    let checks = checks(results)?.concat();
    for wanted in one.checks {
        let passed = |check: &Value| check["id"] == *wanted && check["status"] == "SUCCESS";
        if !checks.iter().any(passed) {
            bail!("{} at {}: the check {wanted} did not run", one.scenario, one.revision);
        }
    }
    eprintln!("  {role} {} {}: {} checks of it", one.revision, one.scenario, one.checks.len());
    Ok(())
}

/// The checks of each scenario that left results in a folder.
fn checks(results: PathBuf) -> Result<Vec<Vec<Value>>> {
    let mut scenarios = Vec::new();
    let mut folders = vec![results];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("checks.json") {
                scenarios.push(serde_json::from_str(&std::fs::read_to_string(&path)?)?);
            }
        }
    }
    Ok(scenarios)
}

fn program(name: &str) -> PathBuf {
    target_directory().join("debug").join(name)
}

/// The suite needs Node 22, which its own package brings.
fn suite() -> Result<Command> {
    let node: PathBuf = std::path::absolute(format!("{FOLDER}/node_modules/node/bin/node"))?;
    let script = std::path::absolute(format!(
        "{FOLDER}/node_modules/@modelcontextprotocol/conformance/dist/index.js"
    ))?;
    let mut command = Command::new(node);
    command.arg(script);
    Ok(command)
}
