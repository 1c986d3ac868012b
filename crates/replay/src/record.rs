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
    // The addresses are those of the server that is there.
    let examples = transcript.given.iter().filter(|(name, _)| !["server", "sse"].contains(&name.as_str()));
    let mut given: HashMap<String, Value> =
        examples.map(|(name, given)| (name.clone(), given.example.clone())).collect();
    given.extend(target.given.clone());
    let mut player = Player::begin(&mut line, &target.url, &means, transcript, &given);
    let mut recorded = transcript.clone();
    let mut handles = Vec::new();
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
                *step = write_down(step, &answer, &mut handles);
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

/// A handle that an earlier step kept: its name in braces, and what it was.
type Handle = (String, Value);

/// The shortest text that is taken for a handle where it comes again: a shorter one may be anything.
const SHORTEST_HANDLE: usize = 8;

/// The step with what came. Handles of earlier steps stand there by their names.
fn write_down(step: &Step, answer: &Answer, handles: &mut Vec<Handle>) -> Step {
    let view = answer.view();
    let mut response = answer.response();
    let mut step = step.clone();
    for (name, value) in handles.iter() {
        replace(&mut response, value, name);
    }
    for (name, keep) in &mut step.keep {
        let opaque = step.varies.iter().any(|(at, varies)| *varies == Varies::Opaque && *at == keep.from);
        let Some(value) = names::taken(keep, &view) else { continue };
        if opaque {
            let name = format!("{{{name}}}");
            replace(&mut response, &value, &name);
            if value.as_str().is_some_and(|text| text.len() >= SHORTEST_HANDLE) {
                handles.push((name, value));
            }
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
        event.id = event.id.take().map(|id| match names::name_of(&id) {
            Some(_) => id,
            None => SOMETHING.to_owned(),
        });
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
    for event in response.events.iter_mut().flatten() {
        if event.id.as_deref().is_some_and(|id| value == id) {
            event.id = Some(text.to_owned());
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
