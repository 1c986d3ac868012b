//! Sessions of the legacy revisions
//! ([Session management](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management)).
//!
//! What a session is travels sealed in its id, so an idle or abandoned one costs nothing and any replica can serve it.
//! The two things a client can change later, its log level and its subscriptions, are remembered in a bounded map
//! that forgets the session unused longest; it then gets the defaults again. A terminated session is remembered
//! until its id would have expired.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use barewire_mcp::revision::Revision;
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::logging::LoggingLevel;
use indexmap::{IndexMap, IndexSet};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::seal::{KeyRing, OpenError, Purpose, random_bytes};

/// What tells sessions apart: 16 random bytes.
pub type SessionKey = [u8; 16];

/// A legacy session, as its id says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    #[serde(rename = "k")]
    pub(crate) key: SessionKey,
    #[serde(rename = "r")]
    pub(crate) revision: Revision,
    #[serde(rename = "c")]
    pub(crate) capabilities: ClientCapabilities,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<(String, String)>,
    /// When the id ends, in seconds since 1970; a termination has to be remembered until then.
    #[serde(rename = "e")]
    pub(crate) ends: u64,
}

/// A header has to carry it, next to a token: larger declarations are cut down to what this server acts on.
const MAX_DECLARED_BYTES: usize = 1_024;
const MAX_NAME_CHARS: usize = 64;

impl Session {
    pub(crate) fn new(
        revision: Revision,
        declared: ClientCapabilities,
        client: &Implementation,
        ends: SystemTime,
    ) -> Self {
        let mut capabilities = ClientCapabilities { experimental: serde_json::Map::new(), ..declared };
        if serde_json::to_vec(&capabilities).map_or(true, |json| json.len() > MAX_DECLARED_BYTES) {
            capabilities.extensions = serde_json::Map::new();
            if let Some(elicitation) = &mut capabilities.elicitation {
                elicitation.form = elicitation.form.take().map(|_| serde_json::Map::new());
                elicitation.url = elicitation.url.take().map(|_| serde_json::Map::new());
            }
            if let Some(sampling) = &mut capabilities.sampling {
                sampling.context = sampling.context.take().map(|_| serde_json::Map::new());
                sampling.tools = sampling.tools.take().map(|_| serde_json::Map::new());
            }
        }
        let short = |text: &str| text.chars().take(MAX_NAME_CHARS).collect::<String>();
        Self {
            key: random_bytes(),
            revision,
            capabilities,
            client: Some((short(&client.name), short(&client.version))),
            ends: barewire_oauth::claims::seconds(ends),
        }
    }

    /// The value of `Mcp-Session-Id`.
    pub(crate) fn seal(&self, ring: &KeyRing, bound_to: &[u8]) -> String {
        let payload = serde_json::to_vec(self).expect("strings, numbers and JSON objects always serialise");
        ring.seal(Purpose::Session, bound_to, self.ends_at(), &payload)
    }

    /// Reads an id that came back.
    pub(crate) fn open(
        ring: &KeyRing,
        bound_to: &[u8],
        now: SystemTime,
        id: &str,
    ) -> Result<Self, OpenError> {
        let payload = ring.open(Purpose::Session, bound_to, now, id)?;
        serde_json::from_slice(&payload).map_err(|_| OpenError::Malformed)
    }

    pub(crate) fn ends_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(self.ends)
    }
}

/// What is remembered of sessions beyond their ids.
pub(crate) struct SessionMemory {
    sessions: Cache<SessionKey, Arc<Remembered>>,
    max_subscriptions: usize,
}

/// What one session changed after its handshake.
#[derive(Default)]
pub(crate) struct Remembered {
    level: Mutex<Option<LoggingLevel>>,
    subscriptions: Mutex<IndexSet<String>>,
}

impl Remembered {
    pub(crate) fn is_subscribed(&self, uri: &str) -> bool {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).contains(uri)
    }
}

/// A session has as many subscriptions as it may have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManySubscriptions;

impl SessionMemory {
    pub(crate) fn new(max_sessions: usize, max_subscriptions: usize) -> Self {
        Self { sessions: Cache::new(max_sessions), max_subscriptions }
    }

    pub(crate) fn level(&self, key: &SessionKey) -> Option<LoggingLevel> {
        *self.sessions.get(key)?.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_level(&self, key: &SessionKey, level: LoggingLevel) {
        *self.of(key).level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    pub(crate) fn subscribe(&self, key: &SessionKey, uri: &str) -> Result<(), TooManySubscriptions> {
        let remembered = self.of(key);
        let mut subscriptions = remembered.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if subscriptions.len() >= self.max_subscriptions && !subscriptions.contains(uri) {
            return Err(TooManySubscriptions);
        }
        subscriptions.insert(uri.to_owned());
        Ok(())
    }

    pub(crate) fn unsubscribe(&self, key: &SessionKey, uri: &str) {
        if let Some(remembered) = self.sessions.get(key) {
            let mut subscriptions = remembered.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
            subscriptions.swap_remove(uri);
        }
    }

    pub(crate) fn forget(&self, key: &SessionKey) {
        self.sessions.remove(key);
    }

    pub(crate) fn is_subscribed(&self, key: &SessionKey, uri: &str) -> bool {
        self.sessions.get(key).is_some_and(|remembered| remembered.is_subscribed(uri))
    }

    fn of(&self, key: &SessionKey) -> Arc<Remembered> {
        let made: Result<_, std::convert::Infallible> =
            self.sessions.get_or_insert_with(key, || Ok(Arc::default()));
        match made {
            Ok(remembered) => remembered,
        }
    }
}

/// Where terminated sessions are remembered. One process keeps them in memory ([`InMemoryTerminations`]); replicas
/// share a store.
pub trait Terminations: Send + Sync + 'static {
    /// Remembers that a session has ended, at least until its id expires.
    fn terminate(
        &self,
        session: SessionKey,
        until: SystemTime,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Whether a session has ended. Asked for every legacy request.
    fn is_terminated(
        &self,
        session: SessionKey,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}

/// Remembers terminated sessions of this process, the oldest being forgotten beyond a limit.
pub struct InMemoryTerminations {
    ended: Mutex<Ended>,
    capacity: usize,
}

#[derive(Default)]
struct Ended {
    until: IndexMap<SessionKey, SystemTime>,
    order: VecDeque<SessionKey>,
}

impl InMemoryTerminations {
    /// Remembers at most `capacity` sessions.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { ended: Mutex::default(), capacity: capacity.max(1) }
    }
}

impl Terminations for InMemoryTerminations {
    fn terminate(
        &self,
        session: SessionKey,
        until: SystemTime,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.until.insert(session, until).is_none() {
            ended.order.push_back(session);
        }
        while ended.order.len() > self.capacity {
            if let Some(oldest) = ended.order.pop_front() {
                ended.until.swap_remove(&oldest);
            }
        }
        Box::pin(std::future::ready(()))
    }

    fn is_terminated(
        &self,
        session: SessionKey,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(std::future::ready(ended.until.get(&session).is_some_and(|until| now < *until)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::seal::Secret;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_id_says_everything_and_fits_a_header() {
        let ring = KeyRing::new(&Secret::random(), &[]);
        let hostile: ClientCapabilities = serde_json::from_value(json!({
            "elicitation": { "form": { "x": "y".repeat(10_000) } },
            "experimental": { "x": "y".repeat(10_000) },
            "extensions": { "x": "y".repeat(10_000) },
        }))
        .unwrap();
        let client = Implementation::new("ñ".repeat(10_000), "1");
        let session = Session::new(Revision::V2025_11_25, hostile, &client, at(100));
        let id = session.seal(&ring, b"alice");
        assert!(id.len() < 1_024, "{}", id.len());
        let read = Session::open(&ring, b"alice", at(99), &id).unwrap();
        assert_eq!((read.key, read.revision), (session.key, Revision::V2025_11_25));
        assert!(read.capabilities.elicitation.unwrap().form());
        assert_eq!(Session::open(&ring, b"bob", at(99), &id).unwrap_err(), OpenError::Forged);
        assert_eq!(Session::open(&ring, b"alice", at(100), &id).unwrap_err(), OpenError::Expired);
    }

    #[test]
    fn memory_is_bounded_and_forgets_gracefully() {
        let memory = SessionMemory::new(16, 2);
        for number in 0..1_000_u16 {
            let mut key = [0; 16];
            key[..2].copy_from_slice(&number.to_be_bytes());
            memory.set_level(&key, LoggingLevel::Debug);
        }
        assert!(memory.sessions.len() <= 16);
        assert_eq!(memory.level(&[9; 16]), None);
        assert_eq!(memory.subscribe(&[9; 16], "a:1"), Ok(()));
        assert_eq!(memory.subscribe(&[9; 16], "a:2"), Ok(()));
        assert_eq!(memory.subscribe(&[9; 16], "a:2"), Ok(()));
        assert_eq!(memory.subscribe(&[9; 16], "a:3"), Err(TooManySubscriptions));
        memory.unsubscribe(&[9; 16], "a:1");
        assert!(!memory.is_subscribed(&[9; 16], "a:1") && memory.is_subscribed(&[9; 16], "a:2"));
    }

    #[tokio::test]
    async fn terminations_are_bounded_and_end() {
        let ended = InMemoryTerminations::new(2);
        for number in 1..=3 {
            ended.terminate([number; 16], at(100)).await;
        }
        assert!(!ended.is_terminated([1; 16], at(1)).await, "the oldest one made room");
        assert!(ended.is_terminated([3; 16], at(99)).await);
        assert!(!ended.is_terminated([3; 16], at(100)).await, "its id has expired by itself");
    }
}
