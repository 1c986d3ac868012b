//! The result of a replay.

use barewire_exchange::Exchange;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::judge::Difference;
use crate::transcript::Level;

/// The number of the shape below. It changes when something that was there is gone or means something else; what is
/// added does not change it.
pub const REPORT_FORMAT: u32 = 1;

/// Everything that was replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// The MCP endpoint.
    pub url: Url,
    /// Whether a token was used.
    pub with_token: bool,
    /// Whether tools could be called.
    pub calls_allowed: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The revisions that there are transcripts of, newest first.
    pub revisions: Vec<Spoken>,
    /// How many steps ended in which way.
    pub summary: Summary,
    /// The transcripts, revision by revision.
    pub transcripts: Vec<Played>,
    /// Every request that was sent and what it was answered, with secrets masked.
    pub exchanges: Vec<Exchange>,
}

/// Whether the server speaks a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spoken {
    /// Its name.
    pub revision: String,
    /// Whether the server speaks it; absent where that could not be found out.
    pub spoken: Option<bool>,
    /// What says so.
    pub because: String,
}

/// How many steps ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// As the specification asks.
    pub same: usize,
    /// Against a MUST.
    pub differs: usize,
    /// Against a SHOULD only.
    pub advised: usize,
    /// About something that the server does not have.
    pub not_applicable: usize,
    /// Not done, or not possible.
    pub not_replayed: usize,
}

/// One transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Played {
    /// The revision.
    pub revision: String,
    /// The flow.
    pub flow: String,
    /// What happens in it.
    pub title: String,
    /// Its steps.
    pub steps: Vec<PlayedStep>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlayedStep {
    /// Its name.
    pub name: String,
    /// What happens in it.
    pub sentence: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not replayed, or does not apply.
    pub reason: Option<String>,
    /// What is not as the specification asks.
    pub differences: Vec<Difference>,
    /// The exchange that shows it, by its `id` in the report.
    pub exchange: Option<String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As the specification asks.
    Same,
    /// Against a MUST.
    Differs,
    /// Against a SHOULD only.
    Advised,
    /// About something that the server does not have.
    NotApplicable,
    /// Not done, or not possible.
    NotReplayed,
}

impl PlayedStep {
    pub(crate) fn outcome_of(differences: &[Difference]) -> Outcome {
        if differences.is_empty() {
            Outcome::Same
        } else if differences.iter().any(|difference| difference.level == Level::Must) {
            Outcome::Differs
        } else {
            Outcome::Advised
        }
    }
}

impl Summary {
    /// Counts.
    #[must_use]
    pub fn of(transcripts: &[Played]) -> Self {
        let steps = || transcripts.iter().flat_map(|played| &played.steps);
        let count = |outcome| steps().filter(|step| step.outcome == outcome).count();
        Self {
            same: count(Outcome::Same),
            differs: count(Outcome::Differs),
            advised: count(Outcome::Advised),
            not_applicable: count(Outcome::NotApplicable),
            not_replayed: count(Outcome::NotReplayed),
        }
    }
}

impl Report {
    /// The exchange with this id.
    #[must_use]
    pub fn exchange(&self, id: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|exchange| exchange.id == id)
    }
}
