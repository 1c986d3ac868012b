//! Servers without a fault: ours, and one that is not ours where it is installed.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use barewire_doctor::{Posture, Report, Severity, Target};
use url::Url;

use crate::support::{Running, check, examined, free_port, target, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_demo_has_no_error() {
    let demo = Running::start(None).await;
    let origin: Url = format!("http://{}", demo.address).parse().unwrap();
    let url = format!("{origin}mcp");

    let outside = examined(&target(&url, None)).await;
    check("without a token", &outside, &[]);
    assert_eq!(outside.server.authorization, Posture::Required);
    assert_eq!(warnings(&outside), [""; 0]);

    let (johns, janes) = (token(&origin, "johndoe").await, token(&origin, "janedoe").await);
    let both = Target { second_token: Some(janes.as_str().into()), ..target(&url, Some(&johns)) };
    let inside = examined(&both).await;
    check("with two tokens", &inside, &[]);
    assert_eq!(warnings(&inside), [""; 0]);
    let spoken: Vec<&str> = inside
        .server
        .revisions
        .iter()
        .filter(|it| it.spoken == Some(true))
        .map(|it| it.revision.as_str())
        .collect();
    assert!(spoken.contains(&"2026-07-28") && spoken.contains(&"2025-11-25"), "{spoken:?}");
    for id in ["session.owner", "session.token", "token.audience", "stream.flows", "schema.input"] {
        let finding = inside.findings.iter().find(|finding| finding.id == id).unwrap();
        assert_eq!(finding.severity, Severity::Ok, "{id}: {}", finding.observed);
    }
    let json = serde_json::to_string(&inside).unwrap();
    assert!(!json.contains(&johns) && !json.contains(&janes), "a token is in the report");
}

fn warnings(report: &Report) -> Vec<String> {
    let warnings = report.findings.iter().filter(|finding| finding.severity == Severity::Warning);
    warnings.map(|finding| format!("{}: {}", finding.id, finding.observed)).collect()
}

/// The official everything server, where `cargo xtask interop` has installed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_server_is_judged_as_the_specification_does() {
    let folder = std::env::var_os("BAREWIRE_INTEROP").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/interop/typescript"),
        PathBuf::from,
    );
    let script = folder.join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    if !script.exists() {
        eprintln!(
            "SKIPPED: the everything server is not installed in {}; `cargo xtask interop` does it",
            folder.display()
        );
        return;
    }
    let port = free_port();
    let server = Foreign::start(&script, port);
    let url = format!("http://localhost:{port}/mcp");
    server.until_it_listens(port).await;

    let report = examined(&target(&url, None)).await;
    // Read against the specification by hand: it takes every Origin and every Host.
    check("everything", &report, &["error origin.stranger", "error origin.rebound_name"]);
    assert_eq!(report.server.authorization, Posture::None);
    assert!(report.server.name.is_some());
}

struct Foreign(Child);

impl Foreign {
    fn start(script: &PathBuf, port: u16) -> Self {
        let mut command = Command::new("node");
        command.arg(script).arg("streamableHttp").env("PORT", port.to_string());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    async fn until_it_listens(&self, port: u16) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("localhost", port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the everything server does not listen");
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
