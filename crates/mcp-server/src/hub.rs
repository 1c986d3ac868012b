//! Long-lived streams and what is published to them.
//!
//! One call of [`Publisher`] reaches both eras: `subscriptions/listen` streams of 2026-07-28 and GET streams of the
//! legacy revisions. A stream keeps *that* something changed, not every change: a reader that is slow gets one
//! notification where others got three, and needs memory for none of them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use barewire_mcp::types::subscriptions::{Change, SubscriptionFilter};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use indexmap::IndexSet;

use crate::session::{SessionKey, SessionMemory};

/// Tells every client that keeps a copy that something changed
/// ([Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)).
/// Cheap to clone; calls never wait for a client.
#[derive(Clone)]
pub struct Publisher(pub(crate) Arc<Hub>);

impl Publisher {
    /// The list of tools changed.
    pub fn tools_changed(&self) {
        self.0.publish(&Change::Tools);
    }

    /// The list of prompts changed.
    pub fn prompts_changed(&self) {
        self.0.publish(&Change::Prompts);
    }

    /// The list of resources, or of resource templates, changed.
    pub fn resources_changed(&self) {
        self.0.publish(&Change::Resources);
    }

    /// The contents of a resource changed.
    pub fn resource_updated(&self, uri: impl Into<String>) {
        self.0.publish(&Change::Resource { uri: uri.into() });
    }
}

/// All open streams.
pub(crate) struct Hub {
    streams: Mutex<Streams>,
    memory: Arc<SessionMemory>,
    max_streams: usize,
    max_per_principal: usize,
}

#[derive(Default)]
struct Streams {
    next: u64,
    open: BTreeMap<u64, Arc<Subscriber>>,
    per_principal: HashMap<Vec<u8>, usize>,
    closing: bool,
}

/// One open stream.
pub(crate) struct Subscriber {
    kind: Kind,
    owner: Vec<u8>,
    state: Mutex<Waiting>,
    reader: AtomicWaker,
}

/// Which era the stream belongs to, and what it wants.
pub(crate) enum Kind {
    /// `subscriptions/listen`: what the server agreed to send.
    Listen(SubscriptionFilter),
    /// The GET stream of a session: all lists, and the resources that the session subscribed to.
    Session(SessionKey),
}

/// What a stream has not read yet.
#[derive(Default)]
struct Waiting {
    tools: bool,
    prompts: bool,
    resources: bool,
    uris: IndexSet<String>,
    messages: VecDeque<Bytes>,
    closed: bool,
}

/// Messages other than changes that a GET stream holds for a slow reader.
const MAX_MESSAGES: usize = 64;
/// Changed resources a stream holds for a slow reader; filters are limited to fewer than this by the configuration.
const MAX_URIS: usize = 10_000;

/// What comes next on a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Change(Change),
    Message(Bytes),
    /// The server ends the stream.
    End,
}

/// Why a stream was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoStream {
    /// The server is about to stop.
    Closing,
    /// The server or this principal has as many as it may have.
    TooMany,
}

impl Hub {
    pub(crate) fn new(memory: Arc<SessionMemory>, max_streams: usize, max_per_principal: usize) -> Self {
        Self { streams: Mutex::default(), memory, max_streams, max_per_principal }
    }

    /// Opens a stream for whoever `owner` is. It stays until the subscription is dropped.
    pub(crate) fn open(self: &Arc<Self>, kind: Kind, owner: Vec<u8>) -> Result<Subscription, NoStream> {
        let mut streams = self.lock();
        if streams.closing {
            return Err(NoStream::Closing);
        }
        let of_owner = streams.per_principal.get(&owner).copied().unwrap_or(0);
        if streams.open.len() >= self.max_streams || of_owner >= self.max_per_principal {
            return Err(NoStream::TooMany);
        }
        let id = streams.next;
        streams.next += 1;
        streams.per_principal.insert(owner.clone(), of_owner + 1);
        let subscriber =
            Arc::new(Subscriber { kind, owner, state: Mutex::default(), reader: AtomicWaker::new() });
        streams.open.insert(id, subscriber.clone());
        Ok(Subscription { hub: self.clone(), id, subscriber })
    }

    pub(crate) fn publish(&self, change: &Change) {
        let streams = self.lock();
        // A session may have several GET streams, and each message goes to one of them only: the newest, since an older
        // one is probably a connection that has not been noticed to be dead.
        let mut served: HashSet<SessionKey> = HashSet::new();
        for subscriber in streams.open.values().rev() {
            let wanted = match &subscriber.kind {
                Kind::Listen(filter) => filter.wants(change),
                Kind::Session(key) => {
                    if !served.insert(*key) {
                        continue;
                    }
                    match change {
                        Change::Resource { uri } => self.memory.is_subscribed(key, uri),
                        Change::Tools | Change::Prompts | Change::Resources => true,
                    }
                }
            };
            if wanted {
                subscriber.note(change);
            }
        }
    }

    /// Puts a message on the newest GET stream of a session. `false` when there is none here, or it is full.
    pub(crate) fn send_to_session(&self, session: &SessionKey, message: Bytes) -> bool {
        let streams = self.lock();
        let newest = streams
            .open
            .values()
            .rev()
            .find(|subscriber| matches!(&subscriber.kind, Kind::Session(key) if key == session));
        newest.is_some_and(|subscriber| subscriber.push(message))
    }

    /// Ends the streams of a session that was terminated.
    pub(crate) fn end_session(&self, session: &SessionKey) {
        for subscriber in self.lock().open.values() {
            if matches!(&subscriber.kind, Kind::Session(key) if key == session) {
                subscriber.end();
            }
        }
    }

    /// Ends all streams and opens no more.
    pub(crate) fn close(&self) {
        let mut streams = self.lock();
        streams.closing = true;
        streams.open.values().for_each(|subscriber| subscriber.end());
    }

    /// Every change to the streams is complete before the lock is released, so a panic elsewhere leaves them whole.
    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    fn note(&self, change: &Change) {
        let mut waiting = self.lock();
        match change {
            Change::Tools => waiting.tools = true,
            Change::Prompts => waiting.prompts = true,
            Change::Resources => waiting.resources = true,
            Change::Resource { uri } => {
                if waiting.uris.len() < MAX_URIS {
                    waiting.uris.insert(uri.clone());
                }
            }
        }
        drop(waiting);
        self.reader.wake();
    }

    fn push(&self, message: Bytes) -> bool {
        let mut waiting = self.lock();
        if waiting.closed || waiting.messages.len() >= MAX_MESSAGES {
            return false;
        }
        waiting.messages.push_back(message);
        drop(waiting);
        self.reader.wake();
        true
    }

    fn end(&self) {
        self.lock().closed = true;
        self.reader.wake();
    }

    fn next(&self) -> Option<Next> {
        let mut waiting = self.lock();
        if let Some(message) = waiting.messages.pop_front() {
            return Some(Next::Message(message));
        }
        if std::mem::take(&mut waiting.tools) {
            return Some(Next::Change(Change::Tools));
        }
        if std::mem::take(&mut waiting.prompts) {
            return Some(Next::Change(Change::Prompts));
        }
        if std::mem::take(&mut waiting.resources) {
            return Some(Next::Change(Change::Resources));
        }
        if let Some(uri) = waiting.uris.shift_remove_index(0) {
            return Some(Next::Change(Change::Resource { uri }));
        }
        waiting.closed.then_some(Next::End)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream's place in the hub. Dropping it closes the stream.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    id: u64,
    subscriber: Arc<Subscriber>,
}

impl Subscription {
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(next) = self.subscriber.next() {
            return Poll::Ready(next);
        }
        self.subscriber.reader.register(cx.waker());
        // Something may have come between the look and the registration.
        self.subscriber.next().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut streams = self.hub.lock();
        streams.open.remove(&self.id);
        let owner = &self.subscriber.owner;
        if let Some(count) = streams.per_principal.get_mut(owner) {
            *count -= 1;
            if *count == 0 {
                streams.per_principal.remove(owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    fn hub() -> Arc<Hub> {
        Arc::new(Hub::new(Arc::new(SessionMemory::new(&Limits::default())), 4, 3))
    }

    fn listen(hub: &Arc<Hub>, filter: SubscriptionFilter) -> Subscription {
        hub.open(Kind::Listen(filter), b"alice".to_vec()).unwrap()
    }

    fn drain(subscription: &Subscription) -> Vec<Next> {
        std::iter::from_fn(|| subscription.subscriber.next().filter(|next| *next != Next::End)).collect()
    }

    #[test]
    fn one_call_reaches_both_eras_and_only_who_wants_it() {
        let hub = hub();
        let tools = listen(&hub, SubscriptionFilter { tools_list_changed: true, ..Default::default() });
        let posts = listen(
            &hub,
            SubscriptionFilter { resource_subscriptions: vec!["post://7".into()], ..Default::default() },
        );
        let session = hub.open(Kind::Session([1; 16]), b"bob".to_vec()).unwrap();
        hub.memory.subscribe(&[1; 16], "post://7").unwrap();

        let publish = Publisher(hub);
        publish.tools_changed();
        publish.tools_changed();
        publish.resource_updated("post://7");
        publish.resource_updated("post://8");
        let seven = || Next::Change(Change::Resource { uri: "post://7".into() });
        assert_eq!(drain(&tools), [Next::Change(Change::Tools)], "changes that were not read yet are one");
        assert_eq!(drain(&posts), [seven()]);
        assert_eq!(drain(&session), [Next::Change(Change::Tools), seven()]);
    }

    #[test]
    fn a_message_goes_to_the_newest_stream_of_a_session_only() {
        let hub = hub();
        let old = hub.open(Kind::Session([1; 16]), b"bob".to_vec()).unwrap();
        let new = hub.open(Kind::Session([1; 16]), b"bob".to_vec()).unwrap();
        hub.publish(&Change::Prompts);
        assert!(hub.send_to_session(&[1; 16], Bytes::from_static(b"x")));
        assert!(!hub.send_to_session(&[2; 16], Bytes::from_static(b"x")));
        assert_eq!(drain(&old), []);
        assert_eq!(drain(&new).len(), 2);
        drop(new);
        hub.publish(&Change::Prompts);
        assert_eq!(drain(&old).len(), 1);
    }

    #[test]
    fn streams_are_counted() {
        let hub = hub();
        let open = |owner: &[u8]| hub.open(Kind::Listen(SubscriptionFilter::default()), owner.to_vec());
        let alices: Vec<_> = (0..3).map(|_| open(b"alice").unwrap()).collect();
        assert_eq!(open(b"alice").err(), Some(NoStream::TooMany));
        let bob = open(b"bob").unwrap();
        assert_eq!(open(b"bob").err(), Some(NoStream::TooMany), "the whole server's limit");
        drop(alices);
        drop(open(b"alice").unwrap());
        hub.close();
        assert_eq!(bob.subscriber.next(), Some(Next::End));
        assert_eq!(open(b"bob").err(), Some(NoStream::Closing));
        drop(bob);
        let streams = hub.lock();
        assert!(streams.per_principal.is_empty() && streams.open.is_empty());
    }
}
