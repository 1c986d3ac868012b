//! Whether the user of a grant still may, as their identity provider sees it.
//!
//! A no of the provider ends the grant that is being refreshed, and nothing else by itself: another grant of the same login
//! gets the same answer when it is refreshed. No answer ends nothing: for a while the last one is enough, and after that
//! tokens are not refreshed until there is one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::RefreshToken;

use super::Upstreams;
use super::config::Recheck;
use super::failure::Failure;
use super::provider::Renewed;
use crate::random;
use crate::store::{Secret, StoreError, Swap, UpstreamSessionRecord};

/// After a question that was not answered there is none for this long: an outage must not cost every refresh its time.
const PAUSE: Duration = Duration::from_secs(30);

/// How a grant stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No provider has to do with it.
    Own,
    /// Its user still may, and this.
    Within(ScopeSet),
    /// Its user may not any more.
    Refused,
    /// Nobody can say now.
    Unknown,
}

impl Upstreams {
    /// How this grant stands; the provider is asked where it is time.
    pub(crate) async fn standing(
        self: &Arc<Self>,
        grant_id: &str,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        if !self.is_in_use() {
            return Ok(Standing::Own);
        }
        let Some(session) = self.store.upstream_of_grant(grant_id).await? else { return Ok(Standing::Own) };
        // On a task of its own: what the provider gives in place of a refresh token must not be lost because a client hangs
        // up.
        let (this, grant_id) = (Arc::clone(self), grant_id.to_owned());
        let asking = tokio::spawn(async move { this.ask(&grant_id, &session.id, now).await });
        asking.await.map_err(StoreError::new)?
    }

    async fn ask(&self, grant_id: &str, session_id: &str, now: SystemTime) -> Result<Standing, StoreError> {
        // One question of a login at a time: the provider may take two with the same token for a theft.
        let turn = self.turns.take(random::digest(session_id)).await;
        let (Some(_turn), Some(session)) = (turn, self.store.upstream_of_grant(grant_id).await?) else {
            return Ok(Standing::Unknown);
        };
        if session.refused_at.is_some() {
            return Ok(Standing::Refused);
        }
        let Some(upstream) = self.get(&session.provider) else {
            tracing::error!(
                provider = session.provider,
                "grants were given through an identity provider that is not configured any more; they are not renewed"
            );
            return Ok(Standing::Unknown);
        };
        let within = || Standing::Within(ScopeSet::parse_lenient(&session.scope));
        let token = session.refresh_token.as_ref().and_then(token);
        let Some(token) = token.filter(|_| upstream.config.recheck == Recheck::OnRefresh) else {
            return Ok(within());
        };
        let until = |from: SystemTime, time| from.checked_add(time).unwrap_or(from);
        if now < until(session.checked_at, upstream.config.recheck_interval) {
            return Ok(within());
        }
        let unanswered = || {
            let graced = now < until(session.checked_at, upstream.config.outage_grace);
            if graced { within() } else { Standing::Unknown }
        };
        if session.tried_at > session.checked_at && now < until(session.tried_at, PAUSE) {
            return Ok(unanswered());
        }
        // Before it is asked: another process sees that it need not.
        let tried = changed(&session, |it| it.tried_at = now);
        if self.store.update_upstream_session(session.generation, &tried).await? == Swap::Lost {
            return Ok(unanswered());
        }
        match upstream.refresh(&session.account, &token, now).await {
            Ok(renewed) => {
                let checked = changed(&tried, |it| it.renew(renewed, now));
                let scope = ScopeSet::parse_lenient(&checked.scope);
                self.update(&tried, &checked).await?;
                Ok(Standing::Within(scope))
            }
            Err(failure) if failure.is_refusal() => {
                failure.log(&upstream.name);
                let refused = changed(&tried, |it| {
                    it.refused_at = Some(now);
                    it.refresh_token = None;
                });
                self.update(&tried, &refused).await?;
                Ok(Standing::Refused)
            }
            Err(Failure::Store(error)) => Err(error),
            Err(failure) => {
                failure.log(&upstream.name);
                Ok(unanswered())
            }
        }
    }

    async fn update(
        &self,
        before: &UpstreamSessionRecord,
        after: &UpstreamSessionRecord,
    ) -> Result<(), StoreError> {
        match self.store.update_upstream_session(before.generation, after).await? {
            Swap::Done => Ok(()),
            // Only after a question that took longer than the pause.
            Swap::Lost => Err(StoreError::new("two processes asked the identity provider at once")),
        }
    }
}

impl UpstreamSessionRecord {
    fn renew(&mut self, renewed: Renewed, now: SystemTime) {
        self.checked_at = now;
        if let Some(scope) = renewed.scope {
            self.scope = scope.to_string();
        }
        if let Some(token) = renewed.refresh_token {
            self.refresh_token = Some(Secret::new(token.expose().as_bytes().to_vec()));
        }
    }
}

fn changed(
    session: &UpstreamSessionRecord,
    change: impl FnOnce(&mut UpstreamSessionRecord),
) -> UpstreamSessionRecord {
    let mut new = UpstreamSessionRecord { generation: session.generation + 1, ..session.clone() };
    change(&mut new);
    new
}

fn token(secret: &Secret) -> Option<RefreshToken> {
    std::str::from_utf8(secret.expose()).ok().map(RefreshToken::new)
}
