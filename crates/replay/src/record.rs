//! Writes what came into a transcript. What is different each time does not stand in it: a name does.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::answer::Answer;
use crate::names;
use crate::player::{Means, NoObserver, Person, Player, TurnResult};
use crate::transcript::{Response, Step, Transcript, Varies};
use crate::{ReplayConfig, ReplayError, Target, line};

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is nothing to send to.
    #[error(transparent)]
    Setup(#[from] ReplayError),
    /// A step was not answered.
    #[error("{step}: {reason}")]
    NotAnswered {
        /// The step.
        step: String,
        /// Why not.
        reason: String,
    },
    /// The recorded server breaks a rule.
    #[error("{step}: {at} is {found}, not {expected}: {says}")]
    Differs {
        /// The step.
        step: String,
        /// Where in the answer.
        at: String,
        /// What stands there.
        found: String,
        /// What has to stand there.
        expected: String,
        /// The rule.
        says: String,
    },
}

/// Plays a transcript against a server of one's own, tools and login included, and writes down what came.
///
/// # Errors
/// [`RecordError`]: a step was not answered, or not as it says that it has to be.
pub async fn record(
    transcript: &Transcript,
    target: &Target,
    person: Option<&dyn Person>,
    config: ReplayConfig,
) -> Result<Transcript, RecordError> {
    let mut line = line(target, config, Arc::new(NoObserver))?;
    let means = Means { token: target.token.as_ref(), calls: true, person };
    let mut given: HashMap<String, Value> =
        transcript.given.iter().map(|(name, given)| (name.clone(), given.example.clone())).collect();
    given.extend(target.given.clone());
    let mut player = Player::begin(&mut line, &target.url, &means, transcript, &given);
    let mut recorded = transcript.clone();
    for step in &mut recorded.steps {
        let name = step.name.clone();
        match player.play(step).await.result {
            TurnResult::Answered { request, answer } => {
                let differences = crate::judge::judge(&step.must, &player.names, &request, &answer.view());
                if let Some(first) = differences.into_iter().next() {
                    let crate::Difference { at, found, expected, says, .. } = first;
                    let step = format!("{} {} {name}", transcript.revision, transcript.flow);
                    return Err(RecordError::Differs { step, at, found, expected, says });
                }
                *step = write_down(step, &answer);
            }
            TurnResult::NotReplayed(reason) | TurnResult::NotApplicable(reason) => {
                let step = format!("{} {} {name}", transcript.revision, transcript.flow);
                return Err(RecordError::NotAnswered { step, reason });
            }
        }
    }
    Ok(recorded)
}

/// Stands for what is different each time and is used in no later step.
const SOMETHING: &str = "…";

/// The step with what came.
fn write_down(step: &Step, answer: &Answer) -> Step {
    let view = answer.view();
    let mut response = answer.response();
    let mut step = step.clone();
    for (name, keep) in &mut step.keep {
        let opaque = step.varies.iter().any(|(at, varies)| *varies == Varies::Opaque && *at == keep.from);
        let Some(value) = names::taken(keep, &view) else { continue };
        if opaque {
            replace(&mut response, &value, &format!("{{{name}}}"));
        } else {
            keep.example = Some(value);
        }
    }
    for at in step.varies.iter().filter(|(_, varies)| **varies == Varies::Opaque).map(|(at, _)| at) {
        for (_, value) in crate::pointer::find(&view, at) {
            if let Some(value) = value {
                replace(&mut response, value, SOMETHING);
            }
        }
    }
    for event in response.events.iter_mut().flatten() {
        // Ids of events are handles, always.
        event.id = event.id.take().map(|_| SOMETHING.to_owned());
    }
    step.response = response;
    step
}

/// Puts a text everywhere where the value stands.
fn replace(response: &mut Response, value: &Value, text: &str) {
    for header in response.headers.values_mut() {
        if let Value::String(value) = value {
            *header = header.replace(value.as_str(), text);
        }
    }
    let bodies = response.events.iter_mut().flatten().map(|event| &mut event.data);
    for body in bodies.chain(&mut response.body) {
        replace_in(body, value, text);
    }
}

fn replace_in(place: &mut Value, value: &Value, text: &str) {
    if place == value {
        *place = Value::String(text.to_owned());
        return;
    }
    match place {
        Value::Array(items) => items.iter_mut().for_each(|item| replace_in(item, value, text)),
        Value::Object(members) => members.values_mut().for_each(|member| replace_in(member, value, text)),
        Value::String(longer) => {
            if let Value::String(value) = value
                && longer.contains(value.as_str())
            {
                *longer = longer.replace(value.as_str(), text);
            }
        }
        _ => {}
    }
}
