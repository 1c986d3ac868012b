//! Every error that the specification has, and a client can bring about, has a step that shows it.
//!
//! Left out is what nobody can bring about from outside (-32603, 5xx), what a client answers to a server (roots, sampling,
//! elicitation), and the errors of OAuth, which the login shows as far as a good server has any.

use barewire_replay::{Step, transcripts};

/// The codes of JSON-RPC and of the pages on tools, resources, prompts, completion, logging and pagination.
const IN_EVERY_REVISION: &[(&str, &str, i64)] = &[
    ("errors", "not-json", -32700),
    ("errors", "not-a-message", -32600),
    ("errors", "unknown-method", -32601),
    ("errors", "unknown-tool", -32602),
    ("errors", "unknown-prompt", -32602),
    ("errors", "missing-argument", -32602),
    ("errors", "bad-cursor", -32602),
    ("errors", "unknown-reference", -32602),
    ("errors", "unknown-level", -32602),
];

/// What only some have: the revisions, the flow, the step, and the code or the status.
const IN_SOME: &[(&[&str], &str, &str, i64)] = &[
    (&["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"], "errors", "unknown-resource", -32002),
    (&["2026-07-28"], "errors", "unknown-resource", -32602),
    // Sessions, revisions in headers, origins.
    (&["2025-03-26", "2025-06-18", "2025-11-25"], "errors", "no-session", 400),
    (&["2025-03-26", "2025-06-18", "2025-11-25"], "initialize", "after-the-end", 404),
    (&["2025-06-18", "2025-11-25"], "errors", "unknown-version", 400),
    (&["2025-11-25", "2026-07-28"], "errors", "stranger", 403),
    (&["2025-06-18", "2025-11-25", "2026-07-28"], "errors", "batch", 400),
    // Batches.
    (&["2025-03-26"], "batch", "empty", -32600),
    (&["2025-03-26"], "batch", "too-many", 400),
    // An address first.
    (&["2025-11-25"], "errors", "visit-first", -32042),
    // 2026-07-28, and its statuses.
    (&["2026-07-28"], "errors", "unknown-method", 404),
    (&["2026-07-28"], "errors", "no-meta", -32602),
    (&["2026-07-28"], "errors", "no-meta", 400),
    (&["2026-07-28"], "errors", "no-method-header", -32020),
    (&["2026-07-28"], "errors", "other-method-header", -32020),
    (&["2026-07-28"], "errors", "other-name-header", 400),
    (&["2026-07-28"], "errors", "missing-capability", -32021),
    (&["2026-07-28"], "errors", "missing-capability", 400),
    (&["2026-07-28"], "errors", "unknown-version", -32022),
    (&["2026-07-28"], "errors", "unknown-version", 400),
    (&["2026-07-28"], "errors", "get", 405),
    (&["2026-07-28"], "elicitation", "tampered", -32602),
    (&["2026-07-28"], "login", "without-a-token", 401),
    (&["2026-07-28"], "login", "too-few-scopes", 403),
    // Extensions.
    (&["2026-07-28"], "tasks", "unknown-task", -32602),
    (&["2026-07-28"], "tasks", "somebody-else", -32602),
    (&["2026-07-28"], "tasks", "not-understood", -32021),
    (&["2026-07-28"], "skills", "unknown-skill", -32602),
];

fn shows(step: &Step, error: i64) -> bool {
    if error > 0 {
        return step.response.status.map(i64::from) == Some(error);
    }
    let events = step.response.events.iter().flatten().map(|event| &event.data);
    events.chain(&step.response.body).any(|message| message["error"]["code"] == error)
}

#[test]
fn every_error_of_the_specification_has_a_step() {
    let mut missing = Vec::new();
    let mut check = |revision: &str, flow: &str, name: &str, error: i64| {
        let transcript = transcripts().iter().find(|it| it.revision == revision && it.flow == flow);
        let steps = transcript.into_iter().flat_map(|transcript| &transcript.steps);
        if !steps.into_iter().any(|step| step.name == name && shows(step, error)) {
            missing.push(format!("{revision} {flow} {name}: {error}"));
        }
    };
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
        for (flow, step, error) in IN_EVERY_REVISION {
            // What cannot be read has no answer on the stream of 2024-11-05: a status says so.
            let error = if (revision, *step) == ("2024-11-05", "not-json") { 400 } else { *error };
            if (revision, *step) != ("2024-11-05", "not-a-message") {
                check(revision, flow, step, error);
            }
        }
    }
    for (revisions, flow, step, error) in IN_SOME {
        for revision in *revisions {
            check(revision, flow, step, *error);
        }
    }
    check("2024-11-05", "errors", "after-the-stream", 404);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
