//! Whether a server speaks a revision, and which tools it has there: before its transcripts are played.

use std::collections::HashMap;

use serde_json::Value;

use crate::player::{Line, Means, Player, TurnResult};
use crate::report::{Outcome, Spoken};
use crate::transcript::Transcript;
use crate::{LOGIN, Target, transcripts};

/// What is known of one revision.
pub(crate) struct Survey {
    pub(crate) revision: String,
    spoken: Option<bool>,
    because: String,
    /// Nobody answered at all.
    silent: bool,
    /// The names of its tools; read only where calls are allowed.
    tools: Vec<String>,
}

/// The flow that is played for it: it begins as every flow does, and only reads.
const FLOW: &str = "list";
/// The step of that flow that reads the tools.
const TOOLS: &str = "tools";

impl Survey {
    pub(crate) async fn make(line: &mut Line, target: &Target, means: &Means<'_>, revision: &str) -> Self {
        let mut survey = Survey {
            revision: revision.to_owned(),
            spoken: None,
            because: "there is no transcript to find out with".to_owned(),
            silent: false,
            tools: Vec::new(),
        };
        let Some(list) = transcripts().iter().find(|it| it.flow == FLOW && it.revision == revision) else {
            return survey;
        };
        let mut player = Player::begin(line, &target.url, means, list, &target.given);
        for (index, step) in list.steps.iter().enumerate() {
            let turn = player.play(step).await;
            match turn.result {
                TurnResult::Answered { answer, .. } => {
                    let view = answer.view();
                    if index == 0 {
                        (survey.spoken, survey.because) = judge(revision, &view);
                    }
                    if step.name == TOOLS {
                        let tools = view.pointer("/body/result/tools").and_then(Value::as_array);
                        let names = tools.into_iter().flatten().filter_map(|tool| tool["name"].as_str());
                        survey.tools = names.map(str::to_owned).collect();
                    }
                }
                TurnResult::NotReplayed(reason) if index == 0 => {
                    survey.because = reason;
                    survey.silent = true;
                }
                TurnResult::NotReplayed(_) | TurnResult::NotApplicable(_) => {}
            }
            if survey.spoken != Some(true) || !means.calls || step.name == TOOLS {
                break;
            }
        }
        player.leave(revision).await;
        survey
    }

    /// Why a transcript is not played, and as what it counts.
    pub(crate) fn why_not(&self, transcript: &Transcript) -> Option<(Outcome, String)> {
        match self.spoken {
            Some(true) => None,
            // Whether a token is asked for is what it is about.
            None if transcript.flow == LOGIN && !self.silent => None,
            Some(false) => {
                let reason = format!("the server does not speak {}: {}", self.revision, self.because);
                Some((Outcome::NotApplicable, reason))
            }
            None => Some((Outcome::NotReplayed, self.because.clone())),
        }
    }

    /// What stands for the names that the transcript leaves open. Its own examples do where the server has a tool of
    /// that name, and calls are allowed.
    pub(crate) fn given(&self, transcript: &Transcript, target: &Target) -> HashMap<String, Value> {
        let mut given = HashMap::new();
        for (name, what) in &transcript.given {
            if what.example.as_str().is_some_and(|tool| self.tools.iter().any(|known| known == tool)) {
                given.insert(name.clone(), what.example.clone());
            }
        }
        given.extend(target.given.clone());
        given
    }

    pub(crate) fn spoken(self) -> Spoken {
        Spoken { revision: self.revision, spoken: self.spoken, because: self.because }
    }
}

/// Why nobody answered, where nobody did.
pub(crate) fn nobody(surveys: &[Survey]) -> Option<String> {
    let silent = !surveys.is_empty() && surveys.iter().all(|survey| survey.silent);
    silent.then(|| surveys[0].because.clone())
}

/// What the answer to the first request of a revision says about it.
fn judge(revision: &str, view: &Value) -> (Option<bool>, String) {
    let status = view.pointer("/status").and_then(Value::as_u64).unwrap_or_default();
    if matches!(status, 401 | 403) {
        let next = "give one with --token, or --logged-in after `barewire login`";
        return (None, format!("the server asks for a token ({status}): {next}"));
    }
    if view.pointer("/events/endpoint/0").is_some() {
        return (Some(true), "its stream says where messages are sent".to_owned());
    }
    if let Some(spoken) = view.pointer("/body/result/protocolVersion") {
        let same = spoken == revision;
        return (Some(same), format!("it answers initialize with {spoken}"));
    }
    if let Some(Value::Array(supported)) = view.pointer("/body/result/supportedVersions") {
        let named = supported.iter().any(|version| version == revision);
        return (Some(named), format!("server/discover names {}", Value::from(supported.clone())));
    }
    if let Some(code) = view.pointer("/body/error/code") {
        return (Some(false), format!("it answers {status} with the error {code}"));
    }
    if view.pointer("/body/result").is_some() {
        return (Some(true), "it answers with a result".to_owned());
    }
    (Some(false), format!("it answers {status}, and no JSON-RPC response"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_answer_says_whether_a_revision_is_spoken() {
        for (revision, view, spoken) in [
            (
                "2025-11-25",
                json!({ "status": 200, "body": { "result": { "protocolVersion": "2025-11-25" } } }),
                Some(true),
            ),
            (
                "2025-11-25",
                json!({ "status": 200, "body": { "result": { "protocolVersion": "2025-06-18" } } }),
                Some(false),
            ),
            (
                "2026-07-28",
                json!({ "status": 200, "body": { "result": { "supportedVersions": ["2026-07-28"] } } }),
                Some(true),
            ),
            (
                "2026-07-28",
                json!({ "status": 200, "body": { "result": { "supportedVersions": ["2027-01-01"] } } }),
                Some(false),
            ),
            ("2026-07-28", json!({ "status": 400, "body": { "error": { "code": -32022 } } }), Some(false)),
            ("2026-07-28", json!({ "status": 200, "body": { "result": {} } }), Some(true)),
            ("2026-07-28", json!({ "status": 404, "text": "<html>" }), Some(false)),
            ("2026-07-28", json!({ "status": 401 }), None),
            ("2024-11-05", json!({ "status": 200, "events": { "endpoint": ["/messages?a=b"] } }), Some(true)),
            ("2024-11-05", json!({ "status": 200, "events": {} }), Some(false)),
        ] {
            assert_eq!(judge(revision, &view).0, spoken, "{view}");
        }
    }
}
