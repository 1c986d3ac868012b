//! `GET /admin/funnel`: attempts of applications to connect, the newest first; where each stopped, and why.

use std::time::{Duration, SystemTime};

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::stranger::visible;
use http::{HeaderMap, StatusCode};

use super::people::next_page;
use super::{Administrator, Around, PAGE, Section, field, nothing_here};
use crate::connections::{AttemptsAsked, ConnectionAttempt};
use crate::duration::{Moment, words};
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page};
use crate::routes::ADMIN_FUNNEL;
use crate::server::{AppState, Inner};

/// Longest text of a stranger on the page, in characters.
const MAX_TEXT: usize = 120;

#[derive(Template)]
#[template(path = "admin/funnel.html")]
struct FunnelTemplate {
    frame: Frame,
    around: Around,
    action: String,
    outcomes: Vec<Choice>,
    client: String,
    attempts: Vec<Attempt>,
    next: Option<String>,
    is_first: bool,
    asks_for_all: bool,
}

/// An outcome that can be asked for.
struct Choice {
    word: &'static str,
    name: &'static str,
    chosen: bool,
}

struct Attempt {
    name: String,
    outcome: &'static str,
    /// In words: "Stopped at token".
    stands: String,
    known_as: Vec<String>,
    user: Option<String>,
    began: Option<Moment>,
    took: String,
    steps: Vec<Step>,
    reason: Option<String>,
    what: Option<&'static str>,
    next: Option<&'static str>,
    known: Vec<(&'static str, &'static str)>,
}

struct Step {
    name: String,
    after: String,
}

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    finish(&state, list(&state, query.as_deref().unwrap_or_default(), &headers).await)
}

async fn list(state: &Inner, query: &str, headers: &HeaderMap) -> Result<Response, Stop> {
    let section = Section::Funnel;
    let administrator = Administrator::read(state, headers, section.clone()).await?;
    let kept = state.connection_attempts.as_ref().ok_or_else(nothing_here)?;
    let parameters = Parameters::parse(query.as_bytes());
    let (outcome, client) = (field(&parameters, "outcome"), field(&parameters, "client").trim());
    let before = parameters.one("after").ok().flatten().and_then(|number| number.parse().ok());
    let outcomes = [
        ("", "All"),
        ("stopped", "Stopped"),
        ("abandoned", "Given up"),
        ("waiting", "Going on"),
        ("complete", "Connected"),
    ];
    let choice = |(word, name)| Choice { word, name, chosen: word == outcome };
    let outcomes: Vec<_> = outcomes.into_iter().map(choice).collect();
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let asked = AttemptsAsked {
        // One that there is not is nobody's.
        outcome: some(outcome).filter(|_| outcomes.iter().any(|choice| choice.chosen)),
        client: some(client),
        before,
        limit: PAGE + 1,
    };
    let mut found = kept.attempts(&asked).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let last = found.last().filter(|_| more).map(|last| last.id.to_string());
    let now = state.now();
    let template = FunnelTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &administrator, &section),
        action: state.path(ADMIN_FUNNEL),
        next: last
            .map(|last| next_page(state, ADMIN_FUNNEL, &[("outcome", outcome), ("client", client)], &last)),
        attempts: found.iter().map(|attempt| Attempt::new(attempt, now)).collect(),
        is_first: before.is_none(),
        asks_for_all: asked.outcome.is_none() && asked.client.is_none(),
        client: client.to_owned(),
        outcomes,
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}

impl Attempt {
    fn new(attempt: &ConnectionAttempt, now: SystemTime) -> Self {
        let seen = |text: &Option<String>| {
            text.as_deref().map(|text| visible(text, MAX_TEXT)).filter(|text| !text.is_empty())
        };
        let step = attempt.step.map(name_of_step).unwrap_or_default();
        let stands = match attempt.outcome {
            "complete" => format!("Connected in {}", words(attempt.took)),
            "stopped" => format!("Stopped: {step}"),
            "abandoned" => format!("Given up after: {step}"),
            _ => format!("Goes on after: {step}"),
        };
        let names = [&attempt.client_name, &attempt.client, &attempt.user_agent];
        let name = names.into_iter().find_map(seen).unwrap_or_else(|| "Somebody".to_owned());
        let known_as = [
            seen(&attempt.client),
            attempt.registration.as_deref().map(|how| how_it_is_known(how).to_owned()),
            seen(&attempt.user_agent),
            attempt.address.map(|address| address.to_string()),
        ];
        let step = |(step, after): &(&'static str, Duration)| Step {
            name: name_of_step(step).to_owned(),
            after: if after.is_zero() { String::new() } else { words(*after) },
        };
        Self {
            known_as: known_as.into_iter().flatten().filter(|word| *word != name).collect(),
            name,
            outcome: attempt.outcome,
            stands,
            user: attempt.user.clone(),
            began: attempt.began.map(|began| Moment::new(began, now)),
            took: words(attempt.took),
            steps: attempt.steps.iter().map(step).collect(),
            reason: seen(&attempt.reason),
            what: attempt.explanation.map(|(what, _)| what),
            next: attempt.explanation.map(|(_, next)| next),
            known: attempt.known.clone(),
        }
    }
}

fn how_it_is_known(registration: &str) -> &'static str {
    match registration {
        "dynamic" => "registered itself",
        "document" => "named by its document",
        "preregistered" => "set up here",
        _ => "known here",
    }
}

fn name_of_step(step: &str) -> &'static str {
    match step {
        "challenge" => "challenged",
        "resource_metadata" => "read the endpoint's metadata",
        "server_metadata" => "read the server's metadata",
        "registration" => "registration",
        "authorization" => "authorization request",
        "login" => "login",
        "consent" => "consent",
        "token" => "token",
        "call" => "first call",
        _ => "nothing yet",
    }
}
