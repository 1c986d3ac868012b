//! The words: for each exchange what the step is, what was decided and why, and which rule says so.
//!
//! Two tables. [`Step`] is known when the request is sent and says what it is for; [`Decision`] is known when the
//! answer was judged and says what follows. Sentences live here and nowhere else, so the page, the trace and the HAR
//! export say the same.

mod citation;
mod decision;
mod step;

pub use citation::Citation;
pub use decision::Decision;
pub use step::Step;

use serde::{Deserialize, Serialize};

/// What is told about one exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Narration {
    /// The step, in a few words.
    pub what: String,
    /// Why the client takes it.
    pub why: String,
    /// The rule that the step follows.
    pub rule: Option<Citation>,
    /// What the same step is in the other era, when it differs.
    pub other_era: Option<String>,
    /// What the client concluded from the answer, in order; empty while there is none.
    pub conclusions: Vec<Conclusion>,
}

/// One thing the client concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Conclusion {
    /// What was decided.
    pub text: String,
    /// The rule that decided it.
    pub rule: Option<Citation>,
    /// Whether something was refused here, by us or by the other side.
    pub refused: bool,
    /// With a refusal: what would make it pass.
    pub what_next: Option<String>,
}

impl Narration {
    /// The words for a step that has just been sent.
    #[must_use]
    pub fn of(step: Step) -> Self {
        let row = step.row();
        Self {
            what: row.what.to_owned(),
            why: row.why.to_owned(),
            rule: row.rule.map(Citation::of),
            other_era: row.other_era.map(str::to_owned),
            conclusions: Vec::new(),
        }
    }

    /// Cites the revision that is spoken, where the rule stands in each.
    pub(crate) fn in_revision(&mut self, revision: &str) {
        let conclusions = self.conclusions.iter_mut().filter_map(|conclusion| conclusion.rule.as_mut());
        self.rule.iter_mut().chain(conclusions).for_each(|rule| rule.in_revision(revision));
    }

    /// Adds what was decided.
    pub fn conclude(&mut self, decision: &Decision) {
        self.conclusions.push(decision.conclusion());
    }
}
