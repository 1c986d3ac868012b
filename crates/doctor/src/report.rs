//! The result of an examination.

use barewire_exchange::Exchange;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::finding::{Finding, Severity};

/// The number of the shape below. It changes when something that was there is gone or means something else; what is
/// added does not change it.
pub const FORMAT: u32 = 1;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The URL as it was given.
    pub url: Url,
    /// The URL that was examined: another one only where the given one redirects.
    pub examined: Url,
    /// Whether a token was used.
    pub with_token: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Who is there.
    pub server: Server,
    /// How many findings there are of each severity.
    pub summary: Summary,
    /// The findings, in the order of [`Area::ALL`](crate::Area::ALL).
    pub findings: Vec<Finding>,
    /// Every request that was sent and what it was answered, with secrets masked.
    pub exchanges: Vec<Exchange>,
}

/// Who is there, in the server's own words where it has some.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Whether it asks for a token, and whether a client can find out where to get one.
    pub authorization: Posture,
    /// The revisions, oldest first.
    pub revisions: Vec<RevisionSpoken>,
    /// The capabilities that it declares.
    pub capabilities: Vec<String>,
}

/// What a caller without a token meets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posture {
    /// Could not be found out.
    #[default]
    Unknown,
    /// The server asks for no token.
    None,
    /// Some of it is open, some of it asks for a token.
    Mixed,
    /// It asks for a token, and a client can find out where to get one.
    Required,
    /// It asks for a token, and a client that follows the specification cannot get one.
    Broken,
    /// It asks for credentials of a kind that MCP does not describe.
    Other,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionSpoken {
    /// Its name.
    pub revision: String,
    /// Whether the server speaks it; absent where that could not be found out.
    pub spoken: Option<bool>,
}

/// How many findings of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Errors.
    pub error: usize,
    /// Warnings.
    pub warning: usize,
    /// Infos.
    pub info: usize,
    /// What is fine.
    pub ok: usize,
    /// What does not apply or could not be looked at.
    pub not_applicable: usize,
}

impl Summary {
    /// Counts.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
            ok: count(Severity::Ok),
            not_applicable: count(Severity::NotApplicable),
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
