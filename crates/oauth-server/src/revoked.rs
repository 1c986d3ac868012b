//! What no longer counts of what was signed: revoked grants and tokens, narrowed grants, and who was disabled. All of it is
//! in memory, for the time that a token can last; where there is no room for all, more is refused and never less.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_oauth::claims::seconds;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::token::OWN_SUBJECT;

use crate::config::MAX_ACCESS_TOKEN_TTL;
use crate::store::{Change, Changed};

/// How long a token may take from its user's record to its signature.
pub(crate) const ON_THE_WAY: Duration = Duration::from_secs(10);

/// What no longer counts, or not all of it, although its signature is good.
#[derive(Clone, Default)]
pub(crate) struct Revocations {
    /// By grant id and `jti`.
    pub(crate) changes: HashMap<Arc<str>, Fate>,
    pub(crate) users: Switches,
    clients: Switches,
    /// Tokens issued up to this second are refused: it stands in for entries that had no room.
    pub(crate) issued_until: Option<u64>,
}

/// What has become of a grant, or of a single token.
#[derive(Clone)]
pub(crate) struct Fate {
    at: SystemTime,
    /// The scopes that are left to it; `None` when it was revoked.
    left: Option<ScopeSet>,
}

/// Users, or clients, that were disabled or enabled, and when.
#[derive(Clone, Default)]
pub(crate) struct Switches(pub(crate) HashMap<Arc<str>, Switch>);

#[derive(Clone, Copy)]
pub(crate) struct Switch {
    at: SystemTime,
    disabled: bool,
}

impl Fate {
    /// Whether `other` says nothing that this does not.
    fn covers(&self, other: &Self) -> bool {
        match (&self.left, &other.left) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => ours.is_subset(theirs),
        }
    }
}

impl Switches {
    /// Whether a token that was issued then is one of somebody who is disabled, or was so since.
    fn cover(&self, id: &str, iat: u64) -> bool {
        !self.0.is_empty() && self.0.get(id).is_some_and(|it| it.disabled || iat <= seconds(it.at))
    }

    /// Forgets what is over, and the older half of what is more than `max`; when the last of these was.
    fn shrink(&mut self, max: usize, now: SystemTime) -> Option<SystemTime> {
        self.0.retain(|_, switch| !is_over(switch.at, now));
        let until = older_half(self.0.values().map(|switch| switch.at), max)?;
        self.0.retain(|_, switch| switch.at > until);
        Some(until)
    }
}

/// Whether every token that was issued until then has expired.
fn is_over(at: SystemTime, now: SystemTime) -> bool {
    at.checked_add(MAX_ACCESS_TOKEN_TTL).is_some_and(|end| end <= now)
}

/// When the last of the older half was, of more than `max`.
fn older_half(times: impl Iterator<Item = SystemTime>, max: usize) -> Option<SystemTime> {
    let mut times: Vec<_> = times.collect();
    if times.len() <= max {
        return None;
    }
    times.sort_unstable();
    Some(times[times.len() - max / 2 - 1])
}

impl Revocations {
    pub(crate) fn cover(
        &self,
        jti: &str,
        grant_id: Option<&str>,
        subject: &str,
        client_id: &str,
        iat: u64,
    ) -> bool {
        if self.issued_until.is_some_and(|until| iat <= until) {
            return true;
        }
        // In a token that was exchanged, the client for which it acts is its subject.
        let clients = [Some(client_id), subject.strip_prefix(OWN_SUBJECT)];
        if self.users.cover(subject, iat)
            || clients.into_iter().flatten().any(|it| self.clients.cover(it, iat))
        {
            return true;
        }
        let is_gone = |id: &str| self.changes.get(id).is_some_and(|change| change.left.is_none());
        !self.changes.is_empty() && (is_gone(jti) || grant_id.is_some_and(is_gone))
    }

    /// The scopes that are left to a grant that was narrowed.
    pub(crate) fn left_to(&self, grant_id: Option<&str>) -> Option<&ScopeSet> {
        if self.changes.is_empty() {
            return None;
        }
        self.changes.get(grant_id?)?.left.as_ref()
    }

    /// Whether `change` says nothing that is not known.
    pub(crate) fn covers(&self, change: &Change) -> bool {
        match fate(change) {
            Ok((id, new)) => self.changes.get(id).is_some_and(|old| old.covers(&new)),
            Err(_) => false,
        }
    }

    pub(crate) fn add(&mut self, change: &Change) {
        match fate(change) {
            Ok((id, fate)) => self.add_fate(id, fate),
            Err((Kind::User, id, switch)) => drop(self.users.0.insert(Arc::from(id), switch)),
            Err((Kind::Client, id, switch)) => drop(self.clients.0.insert(Arc::from(id), switch)),
        }
    }

    /// Keeps the least of what was heard of one grant, in whatever order that comes.
    fn add_fate(&mut self, id: &str, new: Fate) {
        match self.changes.get_mut(id) {
            None => {
                self.changes.insert(Arc::from(id), new);
            }
            Some(old) if old.covers(&new) => {}
            Some(old) => {
                let both = old.left.as_ref().zip(new.left.as_ref()).map(|(old, new)| old.intersection(new));
                *old = Fate { at: old.at.max(new.at), left: both };
            }
        }
    }

    /// Forgets what has expired anyway, and then keeps to `max`: the older half makes room, and everything issued
    /// until the last of them is refused instead. Being short of room must never make a revoked token count again.
    pub(crate) fn shrink(&mut self, max: usize, now: SystemTime) {
        self.changes.retain(|_, change| !is_over(change.at, now));
        let fates = older_half(self.changes.values().map(|change| change.at), max);
        if let Some(until) = fates {
            self.changes.retain(|_, change| change.at > until);
        }
        let switches = [self.users.shrink(max, now), self.clients.shrink(max, now)];
        // Of somebody who was being disabled, a token that was on its way may have been issued a moment later.
        let switches = switches.into_iter().flatten().map(|until| until + ON_THE_WAY);
        // An entry's tokens were issued before it was revoked; those of a narrowed grant that came later say less.
        if let Some(until) = fates.into_iter().chain(switches).max() {
            self.issued_until = self.issued_until.max(Some(seconds(until.min(now))));
        }
    }
}

/// Whose switch.
enum Kind {
    User,
    Client,
}

/// What a change means for a grant or a token; or for whom it is a switch.
fn fate(change: &Change) -> Result<(&str, Fate), (Kind, &str, Switch)> {
    let at = change.at;
    match &change.what {
        Changed::GrantRevoked(id) | Changed::TokenRevoked(id) => Ok((id, Fate { at, left: None })),
        Changed::GrantNarrowed { id, left } => Ok((id, Fate { at, left: Some(left.clone()) })),
        Changed::UserDisabled(id) => Err((Kind::User, id, Switch { at, disabled: true })),
        Changed::UserEnabled(id) => Err((Kind::User, id, Switch { at, disabled: false })),
        Changed::ClientDisabled(id) => Err((Kind::Client, id, Switch { at, disabled: true })),
        Changed::ClientEnabled(id) => Err((Kind::Client, id, Switch { at, disabled: false })),
    }
}
