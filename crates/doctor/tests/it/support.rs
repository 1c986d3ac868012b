//! An examination that is over soon, and what is said about a report.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use barewire_demo::{Server, Setup};
use barewire_doctor::{DoctorConfig, Finding, NoObserver, Report, Severity, Target, examine};
use barewire_testkit::{OAuthClient, TempDir};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Limits that are long enough for this machine when it is busy, and short enough for a test.
pub(crate) fn config() -> DoctorConfig {
    DoctorConfig {
        request_timeout: Duration::from_secs(4),
        stream_wait: Duration::from_secs(2),
        deadline: Duration::from_secs(60),
        ..DoctorConfig::default()
    }
}

pub(crate) async fn examined(target: &Target) -> Report {
    examine(target, config(), Arc::new(NoObserver)).await.unwrap()
}

pub(crate) fn target(url: &str, token: Option<&str>) -> Target {
    Target { token: token.map(Into::into), ..Target::new(url.parse().unwrap()) }
}

/// Asserts that [`compare`] finds no difference.
pub(crate) fn check(name: &str, report: &Report, expected: &[&str]) {
    let difference = compare(name, report, expected);
    assert!(difference.is_none(), "{}", difference.unwrap());
}

/// Compares what is not fine with what is expected: every expected finding is there with its severity, and there is no
/// error that is not expected. Written `error metadata.resource`, `warning redirect.slash`.
pub(crate) fn compare(name: &str, report: &Report, expected: &[&str]) -> Option<String> {
    let told: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.severity <= Severity::Info).collect();
    let found: BTreeSet<String> =
        told.iter().map(|finding| format!("{:?} {}", finding.severity, finding.id).to_lowercase()).collect();
    let mut wrong: Vec<String> = Vec::new();
    for wanted in expected.iter().filter(|wanted| !found.contains(**wanted)) {
        wrong.push(format!("{wanted} is not found"));
    }
    for stray in found.iter().filter(|it| it.starts_with("error") && !expected.contains(&it.as_str())) {
        wrong.push(format!("{stray} is found beside it"));
    }
    for finding in told.iter().filter(|finding| finding.severity <= Severity::Warning) {
        if finding.next.is_none() {
            wrong.push(format!("{} does not say what to do", finding.id));
        }
        if !finding.evidence.iter().all(|id| report.exchange(id).is_some()) {
            wrong.push(format!("{} points at exchanges that are not in the report", finding.id));
        }
    }
    if wrong.is_empty() {
        return None;
    }
    let told: Vec<String> =
        told.iter().map(|it| format!("\n    {:?} {}: {}", it.severity, it.id, it.observed)).collect();
    Some(format!("{name}: {}{}", wrong.join("; "), told.concat()))
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Our demo on a port of its own; others know it by `public`.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: String,
    stop: CancellationToken,
    _dir: TempDir,
}

impl Running {
    pub(crate) async fn start(public: Option<&Url>) -> Self {
        let (dir, stop, port) = (TempDir::new(), CancellationToken::new(), free_port());
        let mut demo = Setup::demo(format!("127.0.0.1:{port}"), dir.path());
        demo.server.public_url = public.cloned();
        let demo = Server::bind(demo).await.unwrap();
        tokio::spawn(demo.serve(stop.clone().cancelled_owned()));
        Self { address: format!("127.0.0.1:{port}"), stop, _dir: dir }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A token for a user of the demo, by way of its login page.
pub(crate) async fn token(origin: &Url, user: &str) -> String {
    let client = OAuthClient::register(origin, &format!("{user}'s client")).await.unwrap();
    let resource = origin.join("/mcp").unwrap();
    client.log_in(resource.as_str(), (user, "secret"), "posts:read").await.unwrap().access
}
