//! Attempts of clients to connect, as whoever keeps account of them shows them to administrators. This server only asks.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::store::StoreError;

/// Who knows which attempts to connect there were.
#[async_trait]
pub trait ConnectionAttempts: Send + Sync + 'static {
    /// Those that fit, the newest first.
    ///
    /// # Errors
    /// Where they are kept.
    async fn attempts(&self, wanted: &AttemptsAsked<'_>) -> Result<Vec<ConnectionAttempt>, StoreError>;
}

/// Which attempts; all that is named has to fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttemptsAsked<'a> {
    /// How it stands: a word of [`ConnectionAttempt::outcome`].
    pub outcome: Option<&'a str>,
    /// A client's id, or a part of its name or user agent.
    pub client: Option<&'a str>,
    /// Begun before this one.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// One attempt, in words for people. Texts of strangers are as they came.
#[derive(Debug, Clone, Default)]
pub struct ConnectionAttempt {
    /// Its number; later ones have larger numbers.
    pub id: u64,
    /// `waiting`, `complete`, `stopped` or `abandoned`.
    pub outcome: &'static str,
    /// Where it stands or stopped.
    pub step: Option<&'static str>,
    /// When it began.
    pub began: Option<SystemTime>,
    /// From there to what was heard of it last.
    pub took: Duration,
    /// What the client calls itself.
    pub client_name: Option<String>,
    /// The client's id.
    pub client: Option<String>,
    /// How it is known.
    pub registration: Option<String>,
    /// What its requests say they are sent by.
    pub user_agent: Option<String>,
    /// Where they come from.
    pub address: Option<IpAddr>,
    /// The user.
    pub user: Option<String>,
    /// The steps, and how long after the first each was taken.
    pub steps: Vec<(&'static str, Duration)>,
    /// Why it does not go on: a word.
    pub reason: Option<String>,
    /// What that means, and what can be done.
    pub explanation: Option<(&'static str, &'static str)>,
    /// What is known of a client of this kind, and where that is told.
    pub known: Vec<(&'static str, &'static str)>,
}
