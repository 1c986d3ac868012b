//! What all connections of one application share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use barewire_exchange::Masker;
use barewire_mcp::revision::Era;

use crate::credentials::GrantKey;
use crate::error::TransportError;
use crate::guard::{Peers, PublicOnly};
use crate::nonces::Nonces;
use crate::options::ClientConfig;

/// What all connections of one application have in common: verdicts about servers, the connection pool, running
/// renewals and the memory of secrets. Made once with the options; clones of the options point to the same one.
pub struct Shared {
    pub(crate) masker: Masker,
    pub(crate) eras: Eras,
    /// One renewal at a time for each grant.
    pub(crate) grants: Locks<GrantKey>,
    /// One login at a time for each grant.
    pub(crate) logins: Locks<GrantKey>,
    /// What servers gave for proofs of possession.
    pub(crate) nonces: Nonces,
    /// Where the servers were reached.
    pub(crate) peers: Peers,
    http: OnceLock<Result<reqwest::Client, TransportError>>,
    confined: OnceLock<Result<reqwest::Client, TransportError>>,
    exchanges: AtomicU64,
    prefix: u32,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            masker: Masker::new(),
            eras: Eras::default(),
            grants: Locks::default(),
            logins: Locks::default(),
            nonces: Nonces::default(),
            peers: Peers::default(),
            http: OnceLock::new(),
            confined: OnceLock::new(),
            exchanges: AtomicU64::new(0),
            prefix: rand::random(),
        }
    }

    /// The one HTTP client: no redirects, since a token would go along; no cookies, since nothing here has any.
    pub(crate) fn http(&self, config: &ClientConfig) -> Result<reqwest::Client, TransportError> {
        self.http.get_or_init(|| built(builder(config))).clone()
    }

    /// One that finds public addresses only. Without a proxy, which would resolve names for it.
    pub(crate) fn confined(&self, config: &ClientConfig) -> Result<reqwest::Client, TransportError> {
        let builder = || builder(config).no_proxy().dns_resolver(Arc::new(PublicOnly));
        self.confined.get_or_init(|| built(builder())).clone()
    }

    /// An id for the next exchange: unique in this process, and very likely among several.
    pub(crate) fn exchange_id(&self) -> String {
        let number = self.exchanges.fetch_add(1, Ordering::Relaxed);
        format!("x{:08x}-{number}", self.prefix)
    }
}

fn builder(config: &ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(config.connect_timeout)
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, TransportError> {
    builder.build().map_err(|error| TransportError::Request { detail: error.to_string() })
}

/// What is known about the era of each origin, for a while
/// ([Versioning](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#backward-compatibility-with-initialization-based-versions)).
#[derive(Default)]
pub(crate) struct Eras {
    verdicts: Mutex<HashMap<String, (Era, SystemTime)>>,
}

impl Eras {
    pub(crate) fn recall(&self, origin: &str, now: SystemTime) -> Option<Era> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.get(origin).filter(|(_, until)| *until > now).map(|(era, _)| *era)
    }

    pub(crate) fn remember(&self, origin: &str, era: Era, config: &ClientConfig, now: SystemTime) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.retain(|_, (_, until)| *until > now);
        if verdicts.len() >= config.max_eras.max(1) {
            let oldest =
                verdicts.iter().min_by_key(|(_, (_, until))| *until).map(|(origin, _)| origin.clone());
            if let Some(oldest) = oldest {
                verdicts.remove(&oldest);
            }
        }
        let until = now.checked_add(config.era_ttl).unwrap_or(now);
        verdicts.insert(origin.to_owned(), (era, until));
    }

    pub(crate) fn forget(&self, origin: &str) {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).remove(origin);
    }
}

/// One lock for each key that somebody holds or waits for; an unused one is gone.
pub(crate) struct Locks<K> {
    locks: Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>,
}

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self { locks: Mutex::new(HashMap::new()) }
    }
}

impl<K: Clone + Eq + Hash> Locks<K> {
    pub(crate) async fn lock(&self, key: &K) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(key.clone()).or_default())
        };
        lock.lock_owned().await
    }
}

/// A duration in whole seconds, for people.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn verdicts_expire_and_are_bounded() {
        let eras = Eras::default();
        let config =
            ClientConfig { era_ttl: Duration::from_secs(10), max_eras: 2, ..ClientConfig::default() };
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        eras.remember("https://a", Era::Legacy, &config, at(0));
        assert_eq!(eras.recall("https://a", at(9)), Some(Era::Legacy));
        assert_eq!(eras.recall("https://a", at(10)), None);
        eras.remember("https://b", Era::Modern, &config, at(1));
        eras.remember("https://c", Era::Modern, &config, at(2));
        assert_eq!(eras.recall("https://a", at(3)), None, "the oldest left");
        assert_eq!(eras.recall("https://c", at(3)), Some(Era::Modern));
        eras.forget("https://c");
        assert_eq!(eras.recall("https://c", at(3)), None);
    }

    #[tokio::test]
    async fn unused_locks_are_gone() {
        let locks = Locks::default();
        drop(locks.lock(&"a").await);
        let held = locks.lock(&"b").await;
        assert_eq!(locks.locks.lock().unwrap().len(), 1);
        drop(held);
    }
}
