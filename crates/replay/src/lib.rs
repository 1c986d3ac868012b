//! The golden wire transcripts: their format, playing them against any server, and judging what it answers.
//!
//! A transcript is one flow in one revision of MCP, as it was on the wire: each request and its answer, with the sentence that
//! explains the step, what the specification asks of *any* server there, and what is only the content of the server that was
//! recorded. The files are in `docs/wire` and in this crate ([`transcripts`]). [`replay`] plays them against a server and says,
//! step by step, what differs and which rule that breaks; [`record`] plays one and writes down what came.
//!
//! `judge` compares values and does no I/O; `player` sends and waits, and judges nothing.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use barewire_replay::{NoObserver, ReplayConfig, Target, replay};
//!
//! let target = Target::new("http://localhost:8000/mcp".parse()?);
//! let report = replay(&target, ReplayConfig::default(), Arc::new(NoObserver)).await?;
//! for step in report.transcripts.iter().flat_map(|played| &played.steps) {
//!     for difference in &step.differences {
//!         println!("{}: {} is {}, not {}", step.name, difference.at, difference.found, difference.expected);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What this crate is **not**: it calls no tool unless that is allowed, registers nothing and logs in nowhere (except in
//! [`record`], for whoever brings somebody at a browser); it prints nothing. It is no conformance suite: it plays what stands in
//! the transcripts and nothing else.

mod answer;
mod config;
mod judge;
mod login;
mod names;
mod player;
mod pointer;
mod record;
mod report;
mod survey;
mod transcript;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use barewire_exchange::Masker;
use barewire_oauth::dpop::{BoundToken, Possession};
use barewire_oauth::secret::AccessToken;
use serde_json::Value;
use url::Url;

use crate::player::{Line, Means, Player, TurnResult};
use crate::survey::Survey;

pub use config::ReplayConfig;
pub use judge::Difference;
pub use player::{NoObserver, Observer, Person, SetupError};
pub use record::{RecordError, record};
pub use report::{Outcome, Played, PlayedStep, REPORT_FORMAT, Report, Spoken, Summary};
pub use transcript::{
    Applies, Check, Event, Expect, FORMAT, Given, Keep, Kind, Level, Need, OnlyIf, Request, Response, Step,
    Transcript, Until, Varies,
};
pub use wire::transcripts;

/// The flow that is about getting a token, and is played without one.
pub(crate) const LOGIN: &str = "login";

/// A server, and what may be done to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The MCP endpoint.
    pub url: Url,
    /// A token for it. It is sent to this URL only, and to the two addresses of the transport of 2024-11-05 at the same origin.
    pub token: Option<AccessToken>,
    /// The key that the token is bound to, if it is bound to one: each request then proves that we have it.
    pub possession: Option<Possession>,
    /// Certificates (PEM) to trust beside those of the system.
    pub authorities: Vec<Vec<u8>>,
    /// Whether tools may be called. They have effects.
    pub allow_calls: bool,
    /// Values for the names that transcripts leave open, such as `tool`.
    pub given: HashMap<String, Value>,
    /// Only these revisions; all where there is none.
    pub revisions: Vec<String>,
    /// Only these flows; all where there is none.
    pub flows: Vec<String>,
}

impl Target {
    /// A server, of which everything is read and nothing is called.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            token: None,
            possession: None,
            authorities: Vec::new(),
            allow_calls: false,
            given: HashMap::new(),
            revisions: Vec::new(),
            flows: Vec::new(),
        }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Nobody answered.
    #[error("{0}")]
    Unreachable(String),
    /// The URL is not one of a server.
    #[error("{0} is not the URL of a server: it has to be http or https, without user information")]
    Url(String),
    /// A certificate to be trusted cannot be read.
    #[error("the certificate to trust cannot be read")]
    Authority(#[source] reqwest::Error),
    /// No transcript has what was asked for.
    #[error("there is no transcript of {0}")]
    NoTranscript(String),
    /// This side.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// Plays the transcripts against a server. However it behaves, this ends within the limits of `config`.
///
/// # Errors
/// [`ReplayError`]: where there is nothing to report on.
pub async fn replay(
    target: &Target,
    config: ReplayConfig,
    observer: Arc<dyn Observer>,
) -> Result<Report, ReplayError> {
    let started = Instant::now();
    let mut line = line(target, config, observer)?;
    let chosen = chosen(target)?;
    let means = Means { token: target.token.as_ref(), calls: target.allow_calls, person: None };

    let mut surveys: Vec<Survey> = Vec::new();
    for transcript in &chosen {
        if surveys.iter().all(|survey| survey.revision != transcript.revision) {
            line.observer().begins(&format!("the beginning of {}", transcript.revision));
            surveys.push(Survey::make(&mut line, target, &means, &transcript.revision).await);
        }
    }
    if let Some(reasons) = survey::nobody(&surveys) {
        return Err(ReplayError::Unreachable(line.masker().text(&reasons)));
    }

    let mut played = Vec::new();
    for transcript in &chosen {
        let Some(survey) = surveys.iter().find(|survey| survey.revision == transcript.revision) else {
            continue;
        };
        line.observer().begins(&format!("{} of {}", transcript.flow, transcript.revision));
        played.push(match survey.why_not(transcript) {
            Some((outcome, reason)) => untouched(transcript, outcome, &reason),
            None => play(&mut line, target, &means, transcript, survey).await,
        });
    }
    let masker = line.masker().clone();
    played.iter_mut().flat_map(|played| &mut played.steps).for_each(|step| mask(step, &masker));
    Ok(Report {
        format: REPORT_FORMAT,
        url: target.url.clone(),
        with_token: target.token.is_some(),
        calls_allowed: target.allow_calls,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        revisions: surveys.into_iter().map(Survey::spoken).collect(),
        summary: Summary::of(&played),
        transcripts: played,
        exchanges: line.finish(),
    })
}

fn line(target: &Target, config: ReplayConfig, observer: Arc<dyn Observer>) -> Result<Line, ReplayError> {
    let url = &target.url;
    let is_server = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !is_server || !url.username().is_empty() || url.password().is_some() {
        return Err(ReplayError::Url(Masker::new().url(url.as_str())));
    }
    let mut authorities = Vec::new();
    for pem in &target.authorities {
        authorities.extend(reqwest::Certificate::from_pem_bundle(pem).map_err(ReplayError::Authority)?);
    }
    let bound = target.token.clone().zip(target.possession.clone());
    let bound = bound.map(|(token, possession)| BoundToken::new(token, possession));
    let line = Line::new(url, &authorities, config, observer)?.holding(bound);
    if let Some(token) = &target.token {
        line.masker().learn(token.expose());
    }
    // Names say what values are; those of secrets end so.
    let secrets = target.given.iter().filter(|(name, _)| name.ends_with("token"));
    for secret in secrets.filter_map(|(_, value)| value.as_str()) {
        line.masker().learn(secret);
    }
    Ok(line)
}

/// The transcripts that were asked for.
fn chosen(target: &Target) -> Result<Vec<&'static Transcript>, ReplayError> {
    let is = |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let known =
        |wanted: &&String, of: fn(&Transcript) -> &str| transcripts().iter().any(|it| of(it) == *wanted);
    let unknown = target
        .revisions
        .iter()
        .find(|wanted| !known(wanted, |it| &it.revision))
        .or_else(|| target.flows.iter().find(|wanted| !known(wanted, |it| &it.flow)));
    if let Some(unknown) = unknown {
        return Err(ReplayError::NoTranscript(unknown.clone()));
    }
    let chosen: Vec<_> = transcripts()
        .iter()
        .filter(|it| is(&target.revisions, &it.revision) && is(&target.flows, &it.flow))
        .collect();
    if chosen.is_empty() {
        let asked = [target.flows.join(", "), target.revisions.join(", ")].join(" in ");
        return Err(ReplayError::NoTranscript(asked));
    }
    Ok(chosen)
}

async fn play(
    line: &mut Line,
    target: &Target,
    means: &Means<'_>,
    transcript: &Transcript,
    survey: &Survey,
) -> Played {
    let anonymous = Means { token: None, calls: means.calls, person: None };
    let means_here = if transcript.flow == LOGIN { &anonymous } else { means };
    let given = survey.given(transcript, target);
    let mut player = Player::begin(line, &target.url, means_here, transcript, &given);
    if let (LOGIN, Some(token)) = (transcript.flow.as_str(), means.token) {
        player.names.set("access_token", token.expose().into());
    }
    let mut steps: Vec<PlayedStep> = Vec::new();
    let mut over: Option<String> = None;
    for step in &transcript.steps {
        if let Some(reason) = &over {
            steps.push(told(step, Outcome::NotApplicable, Some(reason.clone())));
            continue;
        }
        let turn = player.play(step).await;
        let played = match turn.result {
            TurnResult::NotApplicable(reason) => told(step, Outcome::NotApplicable, Some(reason)),
            TurnResult::NotReplayed(reason) => told(step, Outcome::NotReplayed, Some(reason)),
            TurnResult::Answered { request, answer } => {
                let view = answer.view();
                match &step.applies {
                    Some(condition)
                        if !judge::stands(&condition.at, &condition.expect, &player.names, &view) =>
                    {
                        over = Some(condition.otherwise.clone());
                        told(step, Outcome::NotApplicable, over.clone())
                    }
                    _ => {
                        let differences = judge::judge(&step.must, &player.names, &request, &view);
                        let outcome = PlayedStep::outcome_of(&differences);
                        PlayedStep { differences, ..told(step, outcome, None) }
                    }
                }
            }
        };
        steps.push(PlayedStep { exchange: turn.exchange, ..played });
    }
    player.leave(&transcript.revision).await;
    let Transcript { revision, flow, title, .. } = transcript.clone();
    Played { revision, flow, title, steps }
}

fn untouched(transcript: &Transcript, outcome: Outcome, reason: &str) -> Played {
    let steps = transcript.steps.iter().map(|step| told(step, outcome, Some(reason.to_owned()))).collect();
    let Transcript { revision, flow, title, .. } = transcript.clone();
    Played { revision, flow, title, steps }
}

fn told(step: &Step, outcome: Outcome, reason: Option<String>) -> PlayedStep {
    let (name, sentence) = (step.name.clone(), step.sentence.clone());
    PlayedStep { name, sentence, outcome, reason, differences: Vec::new(), exchange: None }
}

/// What peers said is in these texts: it is masked as everything that is shown is.
fn mask(step: &mut PlayedStep, masker: &Masker) {
    if let Some(reason) = &mut step.reason {
        *reason = masker.text(reason);
    }
    for difference in &mut step.differences {
        difference.found = masker.text(&difference.found);
        difference.expected = masker.text(&difference.expected);
    }
}
