//! Examines any remote MCP server from outside, and says what is wrong, by which rule, and what to do about it.
//!
//! [`examine`] asks the server some dozens of harmless questions: how it is found, who may come in, which revisions it
//! speaks, how it refuses, what it lists. Each request and answer is recorded with secrets masked
//! ([`Exchange`]); each [`Finding`] says what was expected and observed, cites the rule, and
//! points at the exchanges that show it. What a server does not declare is not applicable, never a fault.
//!
//! Three layers: `probe` sends and records, `survey` decides what to ask and keeps what was learned, `checks` judges that
//! and asks nothing.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use barewire_doctor::{DoctorConfig, NoObserver, Severity, Target, examine};
//!
//! let target = Target::new("http://localhost:8000/mcp".parse()?);
//! let report = examine(&target, DoctorConfig::default(), Arc::new(NoObserver)).await?;
//! for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Error) {
//!     println!("{}: {}", finding.id, finding.title);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What this crate is **not**: it logs in nowhere, registers nothing, calls no tool and changes nothing on the server; it
//! prints nothing. It is no conformance suite: it looks for what keeps people from connecting.

mod area;
mod checks;
mod config;
mod finding;
mod observer;
mod probe;
mod report;
mod rule;
mod survey;
mod target;

use std::sync::Arc;
use std::time::Instant;

use barewire_exchange::{Exchange, Masker};
use serde_json::Value;

use crate::probe::Asker;
use crate::survey::{Chart, NobodyThere};

pub use area::Area;
pub use config::DoctorConfig;
pub use finding::{Finding, Kind, Severity};
pub use observer::{NoObserver, Observer};
pub use probe::SetupError;
pub use report::{FORMAT, Posture, Report, RevisionSpoken, Server, Summary};
pub use target::{Target, USUAL_PAGE};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// Nobody answered.
    #[error("{reason}")]
    Unreachable {
        /// What became of the attempts.
        reason: String,
        /// The attempts.
        exchanges: Vec<Exchange>,
    },
    /// The URL is not one of a server.
    #[error("{0} is not the URL of a server: it has to be http or https, without user information")]
    Url(String),
    /// A certificate to be trusted cannot be read.
    #[error("the certificate to trust cannot be read")]
    Authority(#[source] reqwest::Error),
    /// This side.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// Every kind of finding that a report can have.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    checks::kinds()
}

/// Examines a server. However it behaves, this ends within the limits of `config`.
///
/// # Errors
/// [`ExamineError`]: where there is nothing to report on.
pub async fn examine(
    target: &Target,
    config: DoctorConfig,
    observer: Arc<dyn Observer>,
) -> Result<Report, ExamineError> {
    let started = Instant::now();
    let url = &target.url;
    let is_server = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !is_server || !url.username().is_empty() || url.password().is_some() {
        return Err(ExamineError::Url(Masker::new().url(url.as_str())));
    }
    let mut authorities = Vec::new();
    for pem in &target.authorities {
        authorities.extend(reqwest::Certificate::from_pem_bundle(pem).map_err(ExamineError::Authority)?);
    }
    let mut asker = Asker::new(url, &authorities, config, observer)?.holding(target.bound_token());
    let masker = asker.masker().clone();
    for token in target.token.iter().chain(&target.second_token) {
        masker.learn(token.expose());
    }

    let chart = match survey::survey(&mut asker, target).await {
        Ok(chart) => chart,
        Err(NobodyThere { answers }) => {
            let (exchanges, _) = asker.finish();
            let reasons: Vec<String> = answers.iter().map(probe::Answer::describe).collect();
            let reason = format!("nobody answers at {url}: {}", reasons.join("; "));
            return Err(ExamineError::Unreachable { reason: masker.text(&reason), exchanges });
        }
    };
    let mut findings = checks::check(&chart);
    findings.iter_mut().for_each(|finding| mask(finding, &masker));
    let (exchanges, _) = asker.finish();
    Ok(Report {
        format: FORMAT,
        url: chart.given.clone(),
        examined: chart.url.clone(),
        with_token: chart.with_token,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        server: server(&chart, &masker),
        summary: Summary::of(&findings),
        findings,
        exchanges,
    })
}

fn server(chart: &Chart, masker: &Masker) -> Server {
    let text = |name: &str| {
        let value = chart.eras.implementation()?.get(name)?.as_str()?;
        Some(masker.text(&probe::shorten(value, 200)))
    };
    let capabilities = chart.eras.capabilities().and_then(Value::as_object);
    Server {
        name: text("name"),
        version: text("version"),
        authorization: checks::posture(chart),
        revisions: checks::spoken(chart),
        capabilities: capabilities.into_iter().flatten().take(20).map(|(name, _)| name.clone()).collect(),
    }
}

/// Longest text of one finding.
const MAX_OBSERVED: usize = 1_000;

/// What peers said is in these texts: it is masked as everything that is shown is, and bounded.
fn mask(finding: &mut Finding, masker: &Masker) {
    finding.observed = probe::shorten(&masker.text(&finding.observed), MAX_OBSERVED);
}
