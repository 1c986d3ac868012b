//! The report on servers: ours, which have to be without a difference; a foreign one, read against the specification by hand; and
//! servers that break rules.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use barewire_replay::{NoObserver, Outcome, ReplayConfig, ReplayError, Report, Target, replay};
use serde_json::json;
use url::Url;

use crate::server;
use crate::wire::RunningDemo;

async fn replayed(target: &Target) -> Report {
    replay(target, ReplayConfig::default(), Arc::new(NoObserver)).await.unwrap()
}

/// What differs or is advised, as `REVISION FLOW STEP PLACE`.
fn differences(report: &Report) -> Vec<String> {
    let mut all = Vec::new();
    for played in &report.transcripts {
        for step in &played.steps {
            for difference in &step.differences {
                all.push(format!("{} {} {} {}", played.revision, played.flow, step.name, difference.at));
            }
        }
    }
    all
}

fn outcomes(report: &Report, flow: &str) -> Vec<(String, Outcome)> {
    let steps =
        report.transcripts.iter().filter(|played| played.flow == flow).flat_map(|played| &played.steps);
    steps.map(|step| (step.name.clone(), step.outcome)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorded_server_is_as_it_was_recorded() {
    let target = Target { allow_calls: true, ..Target::new(server::start().await) };
    let report = replayed(&target).await;
    assert_eq!(differences(&report), [""; 0]);
    // The login is about servers that ask for a token, and so is what others may not see.
    let login = outcomes(&report, "login");
    assert!(login.iter().all(|(_, outcome)| *outcome == Outcome::NotApplicable), "{login:?}");
    let rest = report.transcripts.iter().filter(|played| played.flow != "login").flat_map(|it| &it.steps);
    let undone: Vec<_> =
        rest.filter(|step| step.outcome != Outcome::Same).map(|it| it.name.as_str()).collect();
    assert_eq!(undone, ["somebody-else"], "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_its_users_only() {
    let with_users = server::start_with_users().await;
    let mut target = Target {
        token: Some("ann".into()),
        allow_calls: true,
        flows: vec!["tasks".to_owned()],
        ..Target::new(with_users)
    };
    target.given.insert("other_token".to_owned(), json!("bob"));
    let report = replayed(&target).await;
    assert_eq!(differences(&report), [""; 0]);
    let steps = outcomes(&report, "tasks");
    assert!(steps.iter().all(|(_, outcome)| *outcome == Outcome::Same), "{steps:?}");
    assert!(!serde_json::to_string(&report).unwrap().contains("Bearer bob"), "a token is in the report");

    // A server that knows no users keeps nothing from anybody, and here somebody says that it has some.
    let open = Target { token: None, ..target.clone() };
    let report = replayed(&Target { url: server::start().await, ..open }).await;
    assert_eq!(differences(&report), ["2026-07-28 tasks somebody-else /body/result"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_does_not_have_does_not_apply() {
    // Speaks 2026-07-28, and has tools only.
    let url = broken(|message| {
        let complete = |result: serde_json::Value| {
            let mut result = result;
            result["resultType"] = "complete".into();
            json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })
        };
        match message["method"].as_str() {
            Some("server/discover") => complete(json!({
                "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
                "ttlMs": 0, "cacheScope": "public",
            })),
            Some("tools/list") => complete(json!({ "tools": [], "ttlMs": 0, "cacheScope": "public" })),
            _ => {
                json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": -32601, "message": "?" } })
            }
        }
    })
    .await;
    let target = Target {
        allow_calls: true,
        flows: ["tasks", "skills", "resuming", "batch"].map(str::to_owned).to_vec(),
        ..Target::new(url)
    };
    let report = replayed(&target).await;
    for played in &report.transcripts {
        let begins = usize::from(played.revision == "2026-07-28");
        for step in &played.steps[begins..] {
            assert_eq!(step.outcome, Outcome::NotApplicable, "{} {}: {step:?}", played.revision, played.flow);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_called_unless_it_is_allowed() {
    let report = replayed(&Target::new(server::start().await)).await;
    assert_eq!(differences(&report), [""; 0]);
    let called = report.exchanges.iter().filter_map(|it| it.rpc.as_ref()).find(|rpc| {
        rpc.method.as_deref() == Some("tools/call")
            && rpc.name.as_deref().is_some_and(|name| name != "no-such-tool")
    });
    assert!(called.is_none(), "{called:?}");
    assert_eq!(outcomes(&report, "stream").last().unwrap().1, Outcome::NotReplayed);
    // One tool, by its name.
    let mut target = Target { allow_calls: true, ..Target::new(server::start().await) };
    target.given.insert("tool".to_owned(), json!("count"));
    target.flows.push("call".to_owned());
    target.revisions.push("2026-07-28".to_owned());
    let report = replayed(&target).await;
    let called = report.exchanges.iter().filter_map(|it| it.rpc.as_ref()?.name.clone()).collect::<Vec<_>>();
    assert!(called.contains(&"count".to_owned()) && !called.contains(&"hello".to_owned()), "{called:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_demo_is_without_a_difference_outside_and_inside() {
    let demo = RunningDemo::start().await;
    let outside = replayed(&Target::new(demo.url.clone())).await;
    assert_eq!(differences(&outside), [""; 0]);
    assert!(outside.revisions.iter().all(|it| it.spoken.is_none()), "{:?}", outside.revisions);
    let login = outcomes(&outside, "login");
    assert_eq!(login[0].1, Outcome::Same);
    assert_eq!((login[3].0.as_str(), login[3].1), ("register", Outcome::NotReplayed));
    assert_eq!(login.last().unwrap().1, Outcome::Same, "a bad token can be shown without a good one");

    let token = demo.token().await;
    let target = Target { token: Some(token.as_str().into()), ..Target::new(demo.url.clone()) };
    let inside = replayed(&target).await;
    assert_eq!(differences(&inside), [""; 0]);
    assert!(inside.revisions.iter().all(|it| it.spoken == Some(true)), "{:?}", inside.revisions);
    let use_it = outcomes(&inside, "login").into_iter().find(|(name, _)| name == "use-the-token").unwrap();
    assert_eq!(use_it.1, Outcome::Same);
    assert!(!serde_json::to_string(&inside).unwrap().contains(&token), "the token is in the report");
}

/// A server that knows only what `answer` says.
async fn broken(
    answer: impl Fn(&serde_json::Value) -> serde_json::Value + Clone + Send + Sync + 'static,
) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let app = axum::Router::new().route(
        "/mcp",
        axum::routing::post(async move |body: String| {
            let message: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            axum::Json(answer(&message))
        }),
    );
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_rule_is_found_and_named() {
    // Speaks 2025-11-25, answers every request with the id 0, and lists tools without a schema.
    let url = broken(|message| match message["method"].as_str() {
        Some("initialize") => json!({
            "jsonrpc": "2.0", "id": message["id"],
            "result": {
                "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                "serverInfo": { "name": "broken", "version": "1" },
            },
        }),
        Some("tools/list") => json!({ "jsonrpc": "2.0", "id": 0, "result": { "tools": [{ "name": "a" }] } }),
        _ => json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": -32601, "message": "?" } }),
    })
    .await;
    let target = Target { flows: vec!["list".to_owned()], ..Target::new(url) };
    let report = replayed(&target).await;
    assert_eq!(
        differences(&report),
        [
            "2025-11-25 list initialized /status",
            "2025-11-25 list initialized /body",
            "2025-11-25 list tools /body/id",
            "2025-11-25 list tools /body/result/tools/0/inputSchema/type",
        ]
    );
    let spoken: Vec<_> = report.revisions.iter().map(|it| it.spoken).collect();
    assert_eq!(
        spoken,
        [Some(false), Some(true), Some(false), Some(false), Some(false)],
        "{:?}",
        report.revisions
    );
    let id =
        report.transcripts.iter().flat_map(|it| &it.steps).flat_map(|it| &it.differences).nth(2).unwrap();
    assert_eq!((id.expected.as_str(), id.found.as_str()), ("2, as in the request", "0"));
    assert!(id.rule.ends_with("2025-11-25/basic/index#responses"), "{}", id.rule);
    let resources = outcomes(&report, "list")
        .into_iter()
        .find(|(name, outcome)| name == "resources" && *outcome == Outcome::NotApplicable);
    assert!(resources.is_some(), "what is not declared does not apply");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_answers_there_is_no_report() {
    let gone = Target::new("http://127.0.0.1:9/mcp".parse().unwrap());
    for (target, says) in [
        (gone.clone(), "not reached"),
        (Target { flows: vec!["no-such-flow".to_owned()], ..gone.clone() }, "no-such-flow"),
        (Target { revisions: vec!["1900-01-01".to_owned()], ..gone.clone() }, "1900-01-01"),
        (Target::new("ftp://a.example/mcp".parse().unwrap()), "http or https"),
    ] {
        let outcome: Result<Report, ReplayError> =
            replay(&target, ReplayConfig::default(), Arc::new(NoObserver)).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

const SKIPPED: &str = "SKIPPED: the everything server is not installed; `cargo xtask interop` does it";

/// The official everything server, where `cargo xtask interop` has installed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_server_is_judged_as_the_specification_does() {
    let Some(server) = Foreign::start("streamableHttp").await else {
        eprintln!("{SKIPPED}");
        return;
    };
    let target = Target::new(format!("http://localhost:{}/mcp", server.port).parse().unwrap());
    let report = replayed(&target).await;
    // Read against the specification by hand. It ends a session on DELETE and then answers it with 400, takes every Origin, runs
    // into its own tool error for a tool that it does not have, has a code of its own choice for a missing resource, a wrong level
    // and what is no message, ignores cursors, because its lists have one page, takes batches where there are none, and refuses a
    // whole batch for one entry. It does not speak 2026-07-28, and has the oldest transport only where it is started for it.
    let mut expected = Vec::new();
    for revision in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let oldest = revision == "2025-03-26";
        let mut places = vec!["initialize after-the-end /status"];
        if oldest {
            places.push("batch not-a-message-inside /responses/null/error/code");
            places.push("batch not-a-message-inside /responses/6/result");
        }
        places.extend([
            "errors unknown-tool /body/result",
            "errors unknown-resource /body/error/code",
            "errors bad-cursor /body/result",
            "errors unknown-level /body/error/code",
        ]);
        if !oldest {
            places.push("errors batch /status");
        }
        places.extend(["errors not-a-message /body/error/code", "errors stranger /status"]);
        expected.extend(places.into_iter().map(|place| format!("{revision} {place}")));
    }
    assert_eq!(differences(&report), expected);
    assert_eq!((report.summary.differs, report.summary.advised), (6, 18));
    let spoken: Vec<_> = report.revisions.iter().map(|it| it.spoken).collect();
    assert_eq!(
        spoken,
        [Some(false), Some(true), Some(true), Some(true), Some(false)],
        "{:?}",
        report.revisions
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_server_of_the_oldest_transport_is_judged_too() {
    let Some(server) = Foreign::start("sse").await else {
        eprintln!("{SKIPPED}");
        return;
    };
    let target = Target::new(format!("http://localhost:{}/mcp", server.port).parse().unwrap());
    // It never answers a message to a stream that is gone; that need not be waited for.
    let config = ReplayConfig { request_timeout: Duration::from_secs(2), ..ReplayConfig::default() };
    let report = replay(&target, config, Arc::new(NoObserver)).await.unwrap();
    let places = [
        "unknown-tool /body/result",
        "unknown-resource /body/error/code",
        "bad-cursor /body/result",
        "unknown-level /body/error/code",
        "stranger /status",
    ];
    assert_eq!(differences(&report), places.map(|place| format!("2024-11-05 errors {place}")));
    assert_eq!((report.summary.differs, report.summary.advised), (1, 4));
    let gone = outcomes(&report, "errors").into_iter().rfind(|(name, _)| name == "after-the-stream").unwrap();
    assert_eq!(gone.1, Outcome::NotReplayed, "it says nothing");
}

struct Foreign {
    child: Child,
    port: u16,
}

impl Foreign {
    /// Nothing where it is not installed.
    async fn start(transport: &str) -> Option<Self> {
        let folder = std::env::var_os("BAREWIRE_INTEROP").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/interop/typescript"),
            PathBuf::from,
        );
        let script = folder.join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
        if !script.exists() {
            return None;
        }
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("node");
        command.arg(script).arg(transport).env("PORT", port.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, port };
        for _ in 0..400 {
            if tokio::net::TcpStream::connect(("localhost", port)).await.is_ok() {
                return Some(server);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the everything server does not listen");
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
