//! The connection funnel at work: fed with what happens, and written down every second.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use barewire_mcp_server::{Decision, Record};
use barewire_oauth_server::store::StoreError as AskedError;
use barewire_oauth_server::{AttemptsAsked, ConnectionAttempt, ConnectionAttempts};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::Clock;
use crate::config::FunnelConfig;
use crate::entry::{Entry, Time};
use crate::funnel::{Attempt, Awaited, Changes, Funnel, Outcome, Step, explain, known_client};
use crate::metrics::Metrics;
use crate::store::StoreError;

/// Attempts without a client that are written at once.
const ANONYMOUS_AT_ONCE: usize = 200;

/// How often what is over is deleted.
const SWEEP: Duration = Duration::from_secs(60);

/// How long a closing funnel tries to write what it has.
const LAST_TRY: Duration = Duration::from_secs(5);

/// Keeps attempts.
#[async_trait]
pub trait AttemptStore: Send + Sync + 'static {
    /// Writes attempts as they are now and deletes those that became parts of others, all or nothing.
    async fn keep(&self, changes: &Changes) -> Result<(), StoreError>;

    /// Deletes those that ended before a time, and the oldest where there are more than so many: those that never had a
    /// client are counted for themselves, a quarter of that, so that they push out no others.
    async fn forget(&self, before: Time, most: u32) -> Result<(), StoreError>;

    /// The attempts that fit, the newest first, or where [`after`](AttemptsWanted::after) is given in the order in which
    /// they changed; each with the number of its last change.
    async fn attempts(&self, wanted: &AttemptsWanted<'_>) -> Result<Vec<(u64, Attempt)>, StoreError>;
}

/// Which attempts; all that is named has to fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttemptsWanted<'a> {
    /// Something was heard of it since.
    pub since: Option<Time>,
    /// It changed after the change of this number.
    pub after: Option<u64>,
    /// It began before the one of this number.
    pub before: Option<u64>,
    /// Its client's id, or a part of its client's name or user agent, whatever the case.
    pub client: Option<&'a str>,
    /// Where it stands or stopped.
    pub step: Option<Step>,
    /// How it stands.
    pub outcome: Option<Outcome>,
    /// At most so many.
    pub limit: u32,
}

/// The funnel of a process. A [`Recorder`](crate::Recorder) and an [`EventRecorder`](crate::EventRecorder) feed it.
#[derive(Debug)]
pub struct Connections {
    pub(crate) watched: Arc<Watched>,
    keeper: JoinHandle<()>,
    closing: CancellationToken,
}

/// What requests and the keeper share.
pub(crate) struct Watched {
    /// Taken for what has no caller, for events, and for the first call of a grant: not for any other request.
    funnel: Mutex<Funnel>,
    awaited: Arc<Awaited>,
    metrics: Option<Arc<Metrics>>,
}

impl Connections {
    /// Takes up what was under way before a restart and starts the task that writes.
    ///
    /// # Errors
    /// The store.
    pub async fn start(
        store: Arc<dyn AttemptStore>,
        config: FunnelConfig,
        clock: Clock,
        metrics: Option<Arc<Metrics>>,
    ) -> Result<Self, StoreError> {
        let mut funnel = Funnel::new(&config);
        let limit = u32::try_from(config.max_attempts).unwrap_or(u32::MAX);
        let all = AttemptsWanted { limit, ..AttemptsWanted::default() };
        let waiting = AttemptsWanted { outcome: Some(Outcome::Waiting), ..all };
        // A token that nobody has used yet may be used later on.
        let unused = AttemptsWanted { step: Some(Step::Token), ..all };
        for wanted in [waiting, unused] {
            // The oldest first, so that later ones stand before them.
            funnel.restore(store.attempts(&wanted).await?.into_iter().rev().map(|(_, attempt)| attempt));
        }
        let awaited = funnel.awaited();
        let watched = Arc::new(Watched { funnel: Mutex::new(funnel), awaited, metrics });
        let closing = CancellationToken::new();
        let keeper = Keeper { watched: watched.clone(), store, config, clock, pending: Changes::default() };
        let keeper = tokio::spawn(keeper.run(closing.clone()));
        Ok(Self { watched, keeper, closing })
    }

    /// Writes what there is and ends the task. Call it once the last request has been answered.
    pub async fn close(self) {
        self.closing.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!(%error, "the connection funnel did not end in order");
        }
    }
}

impl Watched {
    /// Whether a request can be a step of an attempt. Of nearly all it is not, and this is all that they cost.
    pub(crate) fn wants(&self, record: &Record<'_>) -> bool {
        if record.batched {
            return false;
        }
        match record.principal {
            None => true,
            Some(caller) => caller.grant_id.as_deref().is_some_and(|grant| {
                let counts = matches!(record.decision, Decision::Allowed | Decision::InsufficientScope);
                counts && self.awaited.may_await(grant)
            }),
        }
    }

    pub(crate) fn observe(&self, entry: &Entry<'_>) {
        self.lock().observe(entry);
    }

    fn lock(&self) -> MutexGuard<'_, Funnel> {
        // Nothing panics halfway while it is held.
        self.funnel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

/// Attempts in words for people, for the administrators' page of an authorization server.
pub struct AttemptsInWords(pub Arc<dyn AttemptStore>);

#[async_trait]
impl ConnectionAttempts for AttemptsInWords {
    async fn attempts(&self, asked: &AttemptsAsked<'_>) -> Result<Vec<ConnectionAttempt>, AskedError> {
        let wanted = AttemptsWanted {
            before: asked.before,
            client: asked.client,
            outcome: asked.outcome.and_then(Outcome::from_word),
            limit: asked.limit,
            ..AttemptsWanted::default()
        };
        let found = self.0.attempts(&wanted).await.map_err(AskedError::new)?;
        Ok(found.into_iter().map(|(_, attempt)| in_words(attempt)).collect())
    }
}

fn in_words(attempt: Attempt) -> ConnectionAttempt {
    let reason = attempt.why().map(str::to_owned);
    let explanation = reason.as_deref().and_then(explain);
    let known = known_client(&attempt).filter(|_| attempt.outcome != Outcome::Complete);
    let after = |at: Time| Duration::from_micros(at.0.saturating_sub(attempt.began.0));
    ConnectionAttempt {
        id: attempt.id,
        outcome: attempt.outcome.as_str(),
        step: attempt.stands_at().map(Step::as_str),
        began: Some(UNIX_EPOCH + Duration::from_micros(attempt.began.0)),
        took: attempt.took(),
        steps: attempt.steps.iter().map(|reached| (reached.step.as_str(), after(reached.at))).collect(),
        explanation: explanation.map(|explanation| (explanation.what, explanation.next)),
        known: known
            .into_iter()
            .flat_map(|known| known.quirks)
            .map(|quirk| (quirk.what, quirk.source))
            .collect(),
        reason,
        client_name: attempt.client_name,
        client: attempt.client,
        registration: attempt.registration,
        user_agent: attempt.user_agent,
        address: attempt.address,
        user: attempt.user,
    }
}

/// Writes what changes.
struct Keeper {
    watched: Arc<Watched>,
    store: Arc<dyn AttemptStore>,
    config: FunnelConfig,
    clock: Clock,
    /// What could not be written.
    pending: Changes,
}

impl Keeper {
    async fn run(mut self, closing: CancellationToken) {
        let mut failing = false;
        let mut swept: Option<tokio::time::Instant> = None;
        loop {
            let closed = tokio::select! {
                () = tokio::time::sleep(self.config.flush_interval) => false,
                () = closing.cancelled() => true,
            };
            let written = tokio::time::timeout(LAST_TRY, self.write()).await;
            let written = written.unwrap_or_else(|_| Err(StoreError::new("it takes too long")));
            match written {
                Ok(()) => failing = false,
                // Said once, not every second.
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the connection funnel is not written"
                    );
                }
                Err(_) => {}
            }
            if closed {
                return;
            }
            if swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
                swept = Some(tokio::time::Instant::now());
                let before = Time::from((self.clock)()).before(self.config.retention);
                if let Err(error) = self.store.forget(before, self.config.max_stored).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "old connection attempts stay");
                }
            }
        }
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        if !self.pending.is_empty() {
            self.store.keep(&self.pending).await?;
            self.pending = Changes::default();
        }
        let (changes, ended) = {
            let mut funnel = self.watched.lock();
            funnel.tick((self.clock)().into());
            (funnel.take_changes(ANONYMOUS_AT_ONCE), funnel.take_ended())
        };
        if let Some(metrics) = &self.watched.metrics {
            metrics.attempts_ended(ended);
        }
        self.pending = changes;
        if !self.pending.is_empty() {
            self.store.keep(&self.pending).await?;
            self.pending = Changes::default();
        }
        Ok(())
    }
}
