//! What was found.

use barewire_exchange::Citation;
use serde::{Deserialize, Serialize};

use crate::area::Area;
use crate::probe::Answer;
use crate::rule::Rule;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A client that follows the specification cannot work with it, or somebody can be harmed.
    Error,
    /// Some clients, hosts or proxies will have trouble, or a rule is broken without visible harm.
    Warning,
    /// Worth knowing.
    Info,
    /// Looked at, and fine.
    Ok,
    /// The server does not have this, or it could not be looked at; the text says which.
    NotApplicable,
}

/// One result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Names the check: stable, as `area.name`.
    pub id: String,
    /// What it is about.
    pub area: Area,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in a few words.
    pub title: String,
    /// What a good server does.
    pub expected: String,
    /// What this one did.
    pub observed: String,
    /// The rule, where one is written down.
    pub rule: Option<Citation>,
    /// What to do about it; only with errors, warnings and some infos.
    pub next: Option<String>,
    /// The exchanges that show it, by their `id` in the report.
    pub evidence: Vec<String>,
}

/// One check, in words. The rule that decides stands beside it, in `checks/`.
#[derive(Debug)]
pub struct Kind {
    /// `area.name`.
    pub id: &'static str,
    /// What is looked at; the title where it is fine or does not apply.
    pub subject: &'static str,
    /// The title where it is not fine.
    pub fault: &'static str,
    /// What a good server does.
    pub expected: &'static str,
    pub(crate) rule: Option<Rule>,
    pub(crate) next: &'static str,
}

/// How many exchanges show one finding.
const MAX_EVIDENCE: usize = 6;

impl Kind {
    /// The area that the id names.
    #[must_use]
    pub fn area(&self) -> Area {
        let prefix = self.id.split('.').next().unwrap_or_default();
        let area = Area::ALL.iter().copied().find(|area| area.prefix() == prefix);
        area.expect("a test compares the ids of all kinds with the areas")
    }

    /// The document and section.
    #[must_use]
    pub fn rule(&self) -> Option<Citation> {
        self.rule.map(Rule::citation)
    }

    pub(crate) fn error(&self, observed: impl Into<String>) -> Finding {
        self.found(Severity::Error, observed)
    }

    pub(crate) fn warning(&self, observed: impl Into<String>) -> Finding {
        self.found(Severity::Warning, observed)
    }

    pub(crate) fn info(&self, observed: impl Into<String>) -> Finding {
        self.found(Severity::Info, observed)
    }

    pub(crate) fn ok(&self, observed: impl Into<String>) -> Finding {
        self.found(Severity::Ok, observed)
    }

    pub(crate) fn na(&self, why: impl Into<String>) -> Finding {
        self.found(Severity::NotApplicable, why)
    }

    /// Fine, or an error with what was observed.
    pub(crate) fn error_unless(&self, fine: bool, observed: impl Into<String>) -> Finding {
        if fine { self.ok(observed) } else { self.error(observed) }
    }

    /// Fine, or a warning with what was observed.
    pub(crate) fn warning_unless(&self, fine: bool, observed: impl Into<String>) -> Finding {
        if fine { self.ok(observed) } else { self.warning(observed) }
    }

    fn found(&self, severity: Severity, observed: impl Into<String>) -> Finding {
        let bad = matches!(severity, Severity::Error | Severity::Warning | Severity::Info);
        Finding {
            id: self.id.to_owned(),
            area: self.area(),
            severity,
            title: if bad { self.fault } else { self.subject }.to_owned(),
            expected: self.expected.to_owned(),
            observed: observed.into(),
            rule: self.rule(),
            next: Some(self.next).filter(|next| bad && !next.is_empty()).map(str::to_owned),
            evidence: Vec::new(),
        }
    }
}

impl Finding {
    /// Adds the exchange that shows it.
    pub(crate) fn seen(mut self, answer: &Answer) -> Self {
        let id = &answer.exchange;
        if !id.is_empty() && self.evidence.len() < MAX_EVIDENCE && !self.evidence.contains(id) {
            self.evidence.push(id.clone());
        }
        self
    }

    /// Adds several.
    pub(crate) fn all_seen<'a>(self, answers: impl IntoIterator<Item = &'a Answer>) -> Self {
        answers.into_iter().fold(self, Self::seen)
    }

    /// Says it in other words than the kind does.
    pub(crate) fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// What to do in this case.
    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }
}
