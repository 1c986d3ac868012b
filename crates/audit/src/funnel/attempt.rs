//! One attempt to connect, as a value.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reason;
use crate::entry::Time;

/// Longest text of one that is kept; what is longer comes from a client that tries something.
const MAX_TEXT: usize = 256;

/// The steps from the first refusal to the first call, in their order. A client may leave some out: one that was registered
/// before does not register, one whose user has consented does not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A request at the MCP endpoint was refused for want of a token.
    Challenge,
    /// The metadata of the resource was read ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)).
    ResourceMetadata,
    /// The metadata of the authorization server was read ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)).
    ServerMetadata,
    /// The client registered itself.
    Registration,
    /// A browser came with the client's request, or a device began its login.
    Authorization,
    /// The user logged in.
    Login,
    /// The user consented, now or earlier; there is a code from here on.
    Consent,
    /// The code was exchanged for tokens.
    Token,
    /// A request with the token was let in.
    Call,
}

impl Step {
    /// Each of them.
    pub const ALL: [Self; 9] = [
        Self::Challenge,
        Self::ResourceMetadata,
        Self::ServerMetadata,
        Self::Registration,
        Self::Authorization,
        Self::Login,
        Self::Consent,
        Self::Token,
        Self::Call,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::ResourceMetadata => "resource_metadata",
            Self::ServerMetadata => "server_metadata",
            Self::Registration => "registration",
            Self::Authorization => "authorization",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::Token => "token",
            Self::Call => "call",
        }
    }

    /// The step of this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// How an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It goes on, as far as anybody knows.
    #[default]
    Waiting,
    /// A request with its token was let in.
    Complete,
    /// It was refused, and nothing that went better came after.
    Stopped,
    /// Nothing came any more.
    Abandoned,
}

impl Outcome {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Complete, Self::Stopped, Self::Abandoned];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Abandoned => "abandoned",
        }
    }

    /// The outcome of this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// An attempt of one client to connect. No field can hold a secret: it is made of records of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attempt {
    /// Its number; later ones have larger numbers.
    pub id: u64,
    /// When its first step was taken.
    pub began: Time,
    /// When something of it was heard last.
    pub last: Time,
    /// How it stands.
    pub outcome: Outcome,
    /// Why it did not go on: a word of [`reason::explain`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The OAuth client, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What it calls itself. Unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// How it is known: `dynamic`, `document` or `preregistered`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// What the client's own requests say they are sent by. Unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Where the client's own requests came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The MCP endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The authorization request, as the records of the log have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The steps that were taken, in their order.
    pub steps: Vec<Reached>,
    /// What was refused last, unless that step went well afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Which.
    pub step: Step,
    /// When, the first time.
    pub at: Time,
    /// How often.
    pub times: u32,
    /// How: which document, where the browser was led to, by what the user logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// A step that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which.
    pub step: Step,
    /// By which rule.
    pub reason: String,
    /// When, the last time.
    pub at: Time,
    /// How often, for this reason.
    pub times: u32,
}

impl Attempt {
    /// How far it came.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        self.steps.last().map(|reached| reached.step)
    }

    /// Where it stands or stopped: the step that was refused, or else the last that was taken.
    #[must_use]
    pub fn stands_at(&self) -> Option<Step> {
        self.refusal.as_ref().map(|refusal| refusal.step).or_else(|| self.step())
    }

    /// Whether it took this step.
    #[must_use]
    pub fn reached(&self, step: Step) -> bool {
        self.steps.iter().any(|reached| reached.step == step)
    }

    /// From its first step to what was heard of it last.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.last.0.saturating_sub(self.began.0))
    }

    /// What it waits for, or waited for until it was given up: a word of [`reason::explain`].
    #[must_use]
    pub fn missing(&self) -> &'static str {
        let Some(last) = self.steps.last() else { return reason::NOT_BEGUN };
        match (last.step, last.how.as_deref()) {
            (Step::Challenge, _) => "metadata_not_fetched",
            (Step::ResourceMetadata, _) => "server_metadata_not_fetched",
            (Step::ServerMetadata, _) => "not_registered",
            (Step::Registration, _) => "browser_not_sent",
            (Step::Authorization, Some("consent_asked")) => "consent_not_answered",
            (Step::Authorization, Some("second_factor_asked")) => "second_factor_not_given",
            (Step::Authorization, Some("device")) => "device_not_allowed",
            (Step::Authorization, Some("pushed")) => "browser_not_sent",
            (Step::Authorization, _) => "login_not_finished",
            (Step::Login, _) => "consent_not_answered",
            (Step::Consent, _) => "code_not_redeemed",
            (Step::Token | Step::Call, _) => "token_not_used",
        }
    }

    /// Why it does not go on; of one that does, what was refused last, or what it waits for. Nothing of a complete one.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        let refused = self.refusal.as_ref().map(|refusal| refusal.reason.as_str());
        match self.outcome {
            Outcome::Complete => None,
            Outcome::Waiting => Some(refused.unwrap_or_else(|| self.missing())),
            Outcome::Stopped | Outcome::Abandoned => self.reason.as_deref().or(refused),
        }
    }

    /// It took a step.
    pub(super) fn reach(&mut self, step: Step, at: Time, how: Option<&str>) {
        self.last = self.last.max(at);
        if self.refusal.as_ref().is_some_and(|refusal| refusal.step <= step) {
            self.refusal = None;
        }
        note(&mut self.steps, step, at, how);
    }

    /// It was refused a step.
    pub(super) fn refuse(&mut self, step: Step, at: Time, reason: &str) {
        self.last = self.last.max(at);
        match &mut self.refusal {
            Some(refusal) if refusal.step == step && refusal.reason == reason => {
                (refusal.at, refusal.times) = (at, refusal.times.saturating_add(1));
            }
            refusal => *refusal = Some(Refusal { step, reason: cut(reason), at, times: 1 }),
        }
    }
}

/// Adds a step to those that were taken.
pub(super) fn note(steps: &mut Vec<Reached>, step: Step, at: Time, how: Option<&str>) {
    match steps.binary_search_by_key(&step, |reached| reached.step) {
        Ok(place) => {
            let reached = &mut steps[place];
            reached.times = reached.times.saturating_add(1);
            if how.is_some() {
                reached.how = how.map(cut);
            }
        }
        Err(place) => steps.insert(place, Reached { step, at, times: 1, how: how.map(cut) }),
    }
}

/// A text of a stranger, no longer than anybody wants to read.
pub(super) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT.min(text.len()))].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_for_each_step() {
        let mut attempt = Attempt::default();
        assert!(reason::explain(attempt.missing()).is_some());
        for step in Step::ALL {
            attempt.reach(step, Time(step as u64), None);
            assert_eq!(attempt.step(), Some(step));
            assert!(reason::explain(attempt.missing()).is_some(), "{step:?}");
            assert_eq!(Step::from_word(step.as_str()), Some(step));
        }
        for how in ["login_asked", "consent_asked", "second_factor_asked", "device", "pushed"] {
            let mut attempt = Attempt::default();
            attempt.reach(Step::Authorization, Time(1), Some(how));
            assert!(reason::explain(attempt.missing()).is_some(), "{how}");
        }
    }

    #[test]
    fn a_refusal_counts_until_the_step_goes_well() {
        let mut attempt = Attempt::default();
        attempt.reach(Step::Authorization, Time(1), None);
        attempt.refuse(Step::Login, Time(2), "wrong_password");
        attempt.refuse(Step::Login, Time(3), "wrong_password");
        assert_eq!(attempt.refusal.as_ref().map(|refusal| refusal.times), Some(2));
        assert_eq!(attempt.stands_at(), Some(Step::Login));
        attempt.reach(Step::Challenge, Time(4), None);
        assert!(attempt.refusal.is_some(), "an earlier step says nothing about a later one");
        attempt.reach(Step::Login, Time(5), None);
        assert_eq!((attempt.refusal.is_none(), attempt.stands_at()), (true, Some(Step::Login)));
        assert!(attempt.steps.is_sorted_by_key(|reached| reached.step));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut(&format!("x{}", "é".repeat(MAX_TEXT))).len(), MAX_TEXT - 1);
        assert_eq!(cut("é"), "é");
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut attempt = Attempt { id: 7, client: Some("c".to_owned()), ..Attempt::default() };
        attempt.reach(Step::Challenge, Time(1_785_000_000_123_456), Some("x"));
        attempt.refuse(Step::Registration, Time(1_785_000_000_123_457), "redirect_uri");
        let json = serde_json::to_string(&attempt).unwrap();
        assert_eq!(serde_json::from_str::<Attempt>(&json).unwrap(), attempt);
    }
}
