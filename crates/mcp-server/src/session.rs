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
use barewire_mcp::types::{apps, tasks};
use indexmap::{IndexMap, IndexSet};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use serde::{Deserialize, Serialize};

use crate::config::Limits;
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
        // Nothing that came by a handshake can become a task.
        capabilities.extensions.remove(tasks::EXTENSION);
        if serde_json::to_vec(&capabilities).map_or(true, |json| json.len() > MAX_DECLARED_BYTES) {
            let shows_apps = apps::shows_apps(&capabilities);
            capabilities.extensions =
                if shows_apps { apps::required_capabilities().extensions } else { serde_json::Map::new() };
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
    sessions: Cache<SessionKey, Arc<Remembered>, Weight>,
    /// Held by whoever changes a session, so that no change is lost. Those who only look need it not.
    changing: Mutex<()>,
    max_subscriptions: usize,
    max_subscription_bytes: usize,
}

/// What one session changed after its handshake.
#[derive(Clone, Default)]
struct Remembered {
    level: Option<LoggingLevel>,
    subscriptions: IndexSet<Arc<str>>,
    /// Of the addresses in `subscriptions`.
    bytes: usize,
}

/// A session counts as one, and as one more for each KiB of addresses: a few with many cannot take all memory.
#[derive(Clone)]
struct Weight;

impl Weighter<SessionKey, Arc<Remembered>> for Weight {
    fn weight(&self, _key: &SessionKey, remembered: &Arc<Remembered>) -> u64 {
        1 + remembered.bytes as u64 / 1024
    }
}

/// A session has as many subscriptions as it may have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManySubscriptions;

impl SessionMemory {
    pub(crate) fn new(limits: &Limits) -> Self {
        let capacity = limits.max_remembered_sessions.max(1);
        // Few parts, each with room for the heaviest session.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(capacity)
            .weight_capacity(capacity as u64)
            .shards((capacity / 1024).clamp(1, 16))
            .build()
            .expect("both capacities are given");
        Self {
            sessions: Cache::with_options(
                options,
                Weight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            changing: Mutex::default(),
            max_subscriptions: limits.max_subscriptions,
            max_subscription_bytes: limits.max_subscription_bytes,
        }
    }

    pub(crate) fn level(&self, key: &SessionKey) -> Option<LoggingLevel> {
        self.sessions.get(key)?.level
    }

    pub(crate) fn set_level(&self, key: &SessionKey, level: LoggingLevel) {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut remembered = self.copy(key);
        remembered.level = Some(level);
        self.sessions.insert(*key, Arc::new(remembered));
    }

    pub(crate) fn subscribe(&self, key: &SessionKey, uri: &str) -> Result<(), TooManySubscriptions> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_subscribed(key, uri) {
            return Ok(());
        }
        let mut remembered = self.copy(key);
        remembered.bytes += uri.len();
        remembered.subscriptions.insert(uri.into());
        if remembered.subscriptions.len() > self.max_subscriptions
            || remembered.bytes > self.max_subscription_bytes
        {
            return Err(TooManySubscriptions);
        }
        self.sessions.insert(*key, Arc::new(remembered));
        // One that outweighs all that is kept has not been kept.
        if self.is_subscribed(key, uri) { Ok(()) } else { Err(TooManySubscriptions) }
    }

    pub(crate) fn unsubscribe(&self, key: &SessionKey, uri: &str) {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut remembered = self.copy(key);
        if remembered.subscriptions.swap_remove(uri) {
            remembered.bytes -= uri.len();
            self.sessions.insert(*key, Arc::new(remembered));
        }
    }

    /// Forgets the subscriptions to what may not be read any more.
    pub(crate) fn keep_readable(&self, key: &SessionKey, may_read: impl Fn(&str) -> bool) {
        let readable = |remembered: &Remembered| remembered.subscriptions.iter().all(|uri| may_read(uri));
        if self.sessions.get(key).is_none_or(|remembered| readable(&remembered)) {
            return;
        }
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut remembered = self.copy(key);
        remembered.subscriptions.retain(|uri| may_read(uri));
        remembered.bytes = remembered.subscriptions.iter().map(|uri| uri.len()).sum();
        self.sessions.insert(*key, Arc::new(remembered));
    }

    pub(crate) fn forget(&self, key: &SessionKey) {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.sessions.remove(key);
    }

    pub(crate) fn is_subscribed(&self, key: &SessionKey, uri: &str) -> bool {
        self.sessions.get(key).is_some_and(|remembered| remembered.subscriptions.contains(uri))
    }

    fn copy(&self, key: &SessionKey) -> Remembered {
        self.sessions.get(key).map(|remembered| (*remembered).clone()).unwrap_or_default()
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
        let mut shows = hostile.clone();
        shows.extensions.insert(
            apps::EXTENSION.to_owned(),
            json!({ "mimeTypes": [apps::MIME_TYPE, "y".repeat(10_000)] }),
        );
        let client = Implementation::new("ñ".repeat(10_000), "1");
        let shows = Session::new(Revision::V2025_11_25, shows, &client, at(100));
        assert!(shows.seal(&ring, b"alice").len() < 1_024);
        assert_eq!(shows.capabilities.extensions, apps::required_capabilities().extensions);
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
        let limits = Limits { max_remembered_sessions: 16, max_subscriptions: 2, ..Limits::default() };
        let memory = SessionMemory::new(&limits);
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

    #[test]
    fn long_addresses_take_the_room_of_sessions() {
        let limits = Limits { max_remembered_sessions: 200, ..Limits::default() };
        let memory = SessionMemory::new(&limits);
        let kept = |memory: &SessionMemory| -> usize {
            memory.sessions.iter().map(|(_, remembered)| remembered.bytes).sum()
        };
        for session in 0..100 {
            let uris = (0..100).map(|number| format!("{number}:{}", "x".repeat(1_000)));
            let fitted = uris.map(|uri| memory.subscribe(&[session; 16], &uri)).filter(Result::is_ok).count();
            assert_eq!(fitted, 65, "64 KiB for each");
        }
        assert!(kept(&memory) <= 200 * 1024, "{}", kept(&memory));

        let memory = SessionMemory::new(&Limits { max_remembered_sessions: 1, ..limits });
        assert_eq!(memory.subscribe(&[1; 16], "a:1"), Ok(()));
        assert_eq!(
            memory.subscribe(&[1; 16], &"x".repeat(5_000)),
            Err(TooManySubscriptions),
            "never lost in silence"
        );
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
