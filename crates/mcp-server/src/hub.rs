//! Long-lived streams and what is published to them.
//!
//! One call of [`Publisher`] reaches both eras: `subscriptions/listen` streams of 2026-07-28 and GET streams of the
//! legacy revisions. A stream keeps *that* something changed, not every change: a reader that is slow gets one
//! notification where others got three, and needs memory for none of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use barewire_mcp::http::sse;
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::subscriptions::{Change, SubscriptionFilter};
use barewire_mcp::wire::{legacy, v2026_07_28};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use indexmap::{IndexMap, IndexSet};

use crate::config::Limits;
use crate::session::{SessionKey, SessionMemory};
use crate::shares::{Share, Shares};

/// Tells every client that keeps a copy that something changed
/// ([Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)).
/// Cheap to clone; calls never wait for a client.
#[derive(Clone)]
pub struct Publisher(pub(crate) Arc<Hub>);

impl Publisher {
    /// The list of tools changed.
    pub fn tools_changed(&self) {
        self.0.publish(Change::Tools);
    }

    /// The list of prompts changed.
    pub fn prompts_changed(&self) {
        self.0.publish(Change::Prompts);
    }

    /// The list of resources, or of resource templates, changed.
    pub fn resources_changed(&self) {
        self.0.publish(Change::Resources);
    }

    /// The contents of a resource changed.
    pub fn resource_updated(&self, uri: impl Into<String>) {
        self.0.publish(Change::Resource { uri: uri.into() });
    }

    /// Somebody may have lost what they were let in for: each open stream asks anew whether its reader may still have it, and
    /// ends if not. Without this a silent stream of a token that was revoked ends with the next event, or with the token's
    /// own time.
    pub fn access_changed(&self) {
        self.0.doubt();
    }
}

/// All open streams.
pub(crate) struct Hub {
    streams: Mutex<Streams>,
    memory: Arc<SessionMemory>,
    places: Arc<Shares>,
    /// Messages other than changes that wait for a slow reader.
    max_messages: usize,
    /// Changes that do, each of them once: of the lists, and of as many resources as one may subscribe to.
    max_changes: usize,
}

#[derive(Default)]
struct Streams {
    next: u64,
    listening: BTreeMap<u64, Arc<Subscriber>>,
    /// By session, the newest stream of one last.
    sessions: BTreeMap<(SessionKey, u64), Arc<Subscriber>>,
    closing: bool,
}

/// One open stream.
struct Subscriber {
    kind: Kind,
    state: Mutex<State>,
    reader: AtomicWaker,
    _place: Share,
}

/// Which era the stream belongs to, and what it wants.
pub(crate) enum Kind {
    /// `subscriptions/listen`: every message names the request, and what the server agreed to send is sent.
    Listen { id: Id, filter: SubscriptionFilter },
    /// The GET stream of a session: all lists, and the resources that the session subscribed to.
    Session { key: SessionKey, revision: Revision },
}

#[derive(Default)]
struct State {
    /// Nothing while the stream is idle: ten thousand of them wait for what may never come.
    waiting: Option<Box<Waiting>>,
    /// Its reader may have lost access, which nobody has found out yet.
    doubted: bool,
    closed: bool,
}

/// What a stream has not read yet. All of it is bytes that it shares with others.
#[derive(Default)]
struct Waiting {
    messages: VecDeque<Bytes>,
    changes: IndexMap<What, Bytes>,
    /// Tasks that changed. How far one is, is looked up when it goes out.
    tasks: IndexSet<Arc<str>>,
}

impl State {
    /// A task may have changed before somebody began to watch it, so its present state is the first thing to say.
    fn of(kind: &Kind) -> Self {
        let Kind::Listen { filter, .. } = kind else { return Self::default() };
        let tasks: IndexSet<Arc<str>> = filter.task_ids.iter().map(|id| id.as_str().into()).collect();
        let waiting = (!tasks.is_empty()).then(|| Box::new(Waiting { tasks, ..Waiting::default() }));
        Self { waiting, doubted: false, closed: false }
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.changes.is_empty() && self.tasks.is_empty()
    }
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Hash)]
enum What {
    Tools,
    Prompts,
    Resources,
    Resource(Arc<str>),
}

/// Streams that are told of a change before somebody else may open or close one.
const TOLD_AT_ONCE: usize = 256;

/// What comes next on a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, but it is time to find out whether the reader may still have what comes.
    Doubt,
    /// An event, as it goes out.
    Event(Bytes),
    /// A task changed.
    Task(Arc<str>),
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
    pub(crate) fn new(memory: Arc<SessionMemory>, limits: &Limits) -> Self {
        Self {
            streams: Mutex::default(),
            memory,
            places: Shares::new(limits.max_streams, limits.max_streams_per_principal),
            max_messages: limits.stream_buffer.max(1),
            max_changes: limits.max_subscriptions.saturating_add(3),
        }
    }

    /// Opens a stream for whoever `owner` is. It stays until the subscription is dropped.
    pub(crate) fn open(
        self: &Arc<Self>,
        mut kind: Kind,
        owner: Option<&[u8]>,
    ) -> Result<Subscription, NoStream> {
        if let Kind::Listen { filter, .. } = &mut kind {
            // In order, so that looking for one among many is short.
            filter.resource_subscriptions.sort_unstable();
            filter.resource_subscriptions.shrink_to_fit();
            filter.task_ids.sort_unstable();
            filter.task_ids.dedup();
        }
        let mut streams = self.lock();
        if streams.closing {
            return Err(NoStream::Closing);
        }
        let place = self.places.take(owner).map_err(|_| NoStream::TooMany)?;
        let number = streams.next;
        streams.next += 1;
        let (state, reader) = (Mutex::new(State::of(&kind)), AtomicWaker::new());
        let subscriber = Arc::new(Subscriber { kind, state, reader, _place: place });
        match &subscriber.kind {
            Kind::Listen { .. } => streams.listening.insert(number, subscriber.clone()),
            Kind::Session { key, .. } => streams.sessions.insert((*key, number), subscriber.clone()),
        };
        Ok(Subscription { hub: self.clone(), number, subscriber })
    }

    /// Tells all streams that want to know.
    pub(crate) fn publish(&self, change: Change) {
        let mut event = Published::new(change);
        self.each_listening(|subscriber| {
            if subscriber.listens_for(&event.what) {
                subscriber.note(&mut event, self.max_changes);
            }
        });
        // A session may have several GET streams, and each message goes to one of them only: the newest, since an older
        // one is probably a connection that has not been noticed to be dead.
        let mut served = None;
        self.each_of_sessions(|key, subscriber| {
            if served.replace(*key) == Some(*key) {
                return;
            }
            let wanted = match &event.what {
                What::Resource(uri) => self.memory.is_subscribed(key, uri),
                What::Tools | What::Prompts | What::Resources => true,
            };
            if wanted {
                subscriber.note(&mut event, self.max_changes);
            }
        });
    }

    /// Tells all streams that watch this task.
    pub(crate) fn task_changed(&self, id: &str) {
        let id: Arc<str> = id.into();
        self.each_listening(|subscriber| {
            if subscriber.watches(&id) {
                subscriber.lock().waiting.get_or_insert_default().tasks.insert(id.clone());
                subscriber.reader.wake();
            }
        });
    }

    /// Has all streams find out whether their readers may still have what comes.
    fn doubt(&self) {
        self.each_listening(Subscriber::doubt);
        self.each_of_sessions(|_, subscriber| subscriber.doubt());
    }

    /// All streams that listen, a few at a time: between them others open and close theirs.
    fn each_listening(&self, mut tell: impl FnMut(&Subscriber)) {
        let mut from = 0;
        loop {
            let streams = self.lock();
            let mut told = 0;
            for (number, subscriber) in streams.listening.range(from..).take(TOLD_AT_ONCE) {
                (told, from) = (told + 1, number + 1);
                tell(subscriber);
            }
            if told < TOLD_AT_ONCE {
                return;
            }
        }
    }

    /// The same of sessions, the newest stream of each first.
    fn each_of_sessions(&self, mut tell: impl FnMut(&SessionKey, &Subscriber)) {
        let mut before = ([u8::MAX; 16], u64::MAX);
        loop {
            let streams = self.lock();
            let mut told = 0;
            for (place, subscriber) in streams.sessions.range(..before).rev().take(TOLD_AT_ONCE) {
                (told, before) = (told + 1, *place);
                tell(&place.0, subscriber);
            }
            if told < TOLD_AT_ONCE {
                return;
            }
        }
    }

    /// Puts a message on the newest GET stream of a session. `false` when there is none here, or it is full.
    pub(crate) fn send_to_session(&self, session: &SessionKey, message: &[u8]) -> bool {
        let newest = self.lock().of_session(session).next_back().cloned();
        newest.is_some_and(|subscriber| subscriber.push(sse::message(message), self.max_messages))
    }

    /// Ends the streams of a session that was terminated.
    pub(crate) fn end_session(&self, session: &SessionKey) {
        self.lock().of_session(session).for_each(|subscriber| subscriber.end());
    }

    /// Ends all streams and opens no more.
    pub(crate) fn close(&self) {
        let mut streams = self.lock();
        streams.closing = true;
        streams.listening.values().chain(streams.sessions.values()).for_each(|subscriber| subscriber.end());
    }

    /// Every change to the streams is complete before the lock is released, so a panic elsewhere leaves them whole.
    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn of_session(&self, session: &SessionKey) -> impl DoubleEndedIterator<Item = &Arc<Subscriber>> {
        self.sessions.range((*session, 0)..=(*session, u64::MAX)).map(|(_, subscriber)| subscriber)
    }
}

/// A change on its way, encoded once for each form in which somebody hears of it.
struct Published {
    what: What,
    notification: ServerNotification,
    for_requests: HashMap<Id, Bytes>,
    for_revisions: Vec<(Revision, Option<Bytes>)>,
}

impl Published {
    fn new(change: Change) -> Self {
        let what = match &change {
            Change::Tools => What::Tools,
            Change::Prompts => What::Prompts,
            Change::Resources => What::Resources,
            Change::Resource { uri } => What::Resource(uri.as_str().into()),
        };
        let notification = ServerNotification::Change(change);
        Self { what, notification, for_requests: HashMap::new(), for_revisions: Vec::new() }
    }

    /// The event for a stream; none where its revision has no such notification.
    fn event(&mut self, kind: &Kind) -> Option<Bytes> {
        match kind {
            Kind::Listen { id, .. } => {
                if let Some(known) = self.for_requests.get(id) {
                    return Some(known.clone());
                }
                let event = sse::message(&v2026_07_28::encode_notification(&self.notification, Some(id)));
                self.for_requests.insert(id.clone(), event.clone());
                Some(event)
            }
            Kind::Session { revision, .. } => {
                if let Some((_, known)) = self.for_revisions.iter().find(|(of, _)| of == revision) {
                    return known.clone();
                }
                let message = legacy::encode_notification(*revision, self.notification.clone());
                let event = message.map(|message| sse::message(&message));
                self.for_revisions.push((*revision, event.clone()));
                event
            }
        }
    }
}

impl Subscriber {
    fn listens_for(&self, what: &What) -> bool {
        let Kind::Listen { filter, .. } = &self.kind else { return false };
        match what {
            What::Tools => filter.tools_list_changed,
            What::Prompts => filter.prompts_list_changed,
            What::Resources => filter.resources_list_changed,
            What::Resource(uri) => {
                filter.resource_subscriptions.binary_search_by(|wanted| wanted.as_str().cmp(uri)).is_ok()
            }
        }
    }

    fn watches(&self, task: &str) -> bool {
        let Kind::Listen { filter, .. } = &self.kind else { return false };
        filter.task_ids.binary_search_by(|wanted| wanted.as_str().cmp(task)).is_ok()
    }

    /// Notes a change. One that is already noted stays where it is.
    fn note(&self, event: &mut Published, at_most: usize) {
        let Some(bytes) = event.event(&self.kind) else { return };
        let mut state = self.lock();
        let changes = &mut state.waiting.get_or_insert_default().changes;
        if changes.len() < at_most || changes.contains_key(&event.what) {
            changes.insert(event.what.clone(), bytes);
        }
        drop(state);
        self.reader.wake();
    }

    fn push(&self, event: Bytes, at_most: usize) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        let messages = &mut state.waiting.get_or_insert_default().messages;
        if messages.len() >= at_most {
            return false;
        }
        messages.push_back(event);
        drop(state);
        self.reader.wake();
        true
    }

    fn end(&self) {
        self.lock().closed = true;
        self.reader.wake();
    }

    fn doubt(&self) {
        self.lock().doubted = true;
        self.reader.wake();
    }

    fn next(&self) -> Option<Next> {
        let mut state = self.lock();
        if std::mem::take(&mut state.doubted) {
            return Some(Next::Doubt);
        }
        if let Some(waiting) = &mut state.waiting {
            let event = waiting.messages.pop_front();
            let event = event.or_else(|| waiting.changes.shift_remove_index(0).map(|(_, event)| event));
            let next = event.map(Next::Event);
            let next = next.or_else(|| waiting.tasks.shift_remove_index(0).map(Next::Task));
            if waiting.is_empty() {
                state.waiting = None;
            }
            if next.is_some() {
                return next;
            }
        }
        state.closed.then_some(Next::End)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream's place in the hub. Dropping it closes the stream.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    number: u64,
    subscriber: Arc<Subscriber>,
}

impl Subscription {
    pub(crate) fn kind(&self) -> &Kind {
        &self.subscriber.kind
    }

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
        match self.kind() {
            Kind::Listen { .. } => streams.listening.remove(&self.number),
            Kind::Session { key, .. } => streams.sessions.remove(&(*key, self.number)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> Arc<Hub> {
        hub_of(&Limits { max_streams: 4, max_streams_per_principal: 3, ..Limits::default() })
    }

    fn hub_of(limits: &Limits) -> Arc<Hub> {
        Arc::new(Hub::new(Arc::new(SessionMemory::new(limits)), limits))
    }

    fn listen(hub: &Arc<Hub>, id: i64, filter: SubscriptionFilter) -> Subscription {
        hub.open(Kind::Listen { id: Id::from(id), filter }, Some(b"alice")).unwrap()
    }

    fn tools() -> SubscriptionFilter {
        SubscriptionFilter { tools_list_changed: true, ..Default::default() }
    }

    fn get(hub: &Arc<Hub>, key: SessionKey) -> Subscription {
        hub.open(Kind::Session { key, revision: Revision::V2025_11_25 }, Some(b"bob")).unwrap()
    }

    fn drain(subscription: &Subscription) -> Vec<Bytes> {
        std::iter::from_fn(|| match subscription.subscriber.next() {
            Some(Next::Event(event)) => Some(event),
            Some(Next::Doubt | Next::Task(_) | Next::End) | None => None,
        })
        .collect()
    }

    /// The methods and addresses of what waits.
    fn heard(subscription: &Subscription) -> Vec<String> {
        let read = |event: Bytes| {
            let json = event.strip_prefix(b"data: ").unwrap();
            let message: serde_json::Value = serde_json::from_slice(json).unwrap();
            let uri = message["params"]["uri"].as_str().unwrap_or_default();
            format!("{} {uri}", message["method"].as_str().unwrap()).trim_end().to_owned()
        };
        drain(subscription).into_iter().map(read).collect()
    }

    #[test]
    fn one_call_reaches_both_eras_and_only_who_wants_it() {
        let hub = hub();
        let tools = listen(&hub, 1, tools());
        let uris = ["post://9", "post://7", "post://1"].map(str::to_owned).to_vec();
        let posts =
            listen(&hub, 2, SubscriptionFilter { resource_subscriptions: uris, ..Default::default() });
        let session = get(&hub, [1; 16]);
        hub.memory.subscribe(&[1; 16], "post://7").unwrap();

        let publish = Publisher(hub);
        publish.tools_changed();
        publish.tools_changed();
        publish.resource_updated("post://7");
        publish.resource_updated("post://8");
        let tools_changed = "notifications/tools/list_changed";
        let seven = "notifications/resources/updated post://7";
        assert_eq!(heard(&tools), [tools_changed], "changes that were not read yet are one");
        assert_eq!(heard(&posts), [seven]);
        assert_eq!(heard(&session), [tools_changed, seven]);
    }

    #[test]
    fn a_change_is_encoded_once_for_each_form() {
        let hub = hub_of(&Limits { max_streams_per_principal: 1_000, ..Limits::default() });
        let listening: Vec<_> = (0..1_000).map(|number| listen(&hub, number % 2, tools())).collect();
        let sessions: Vec<_> = (0..1_000_u16)
            .map(|number| get(&hub, std::array::from_fn(|at| number.to_be_bytes()[at % 2])))
            .collect();
        hub.publish(Change::Tools);
        let mut forms: Vec<*const u8> = Vec::new();
        for subscription in listening.iter().chain(&sessions) {
            let events = drain(subscription);
            assert_eq!(events.len(), 1);
            forms.push(events[0].as_ptr());
        }
        forms.sort_unstable();
        forms.dedup();
        assert_eq!(forms.len(), 3, "two ids of requests, one revision");
    }

    #[test]
    fn an_idle_stream_keeps_nothing() {
        let hub = hub();
        let stream = listen(&hub, 1, tools());
        let is_empty = || stream.subscriber.lock().waiting.is_none();
        assert!(is_empty());
        hub.publish(Change::Tools);
        assert!(!is_empty());
        assert_eq!(drain(&stream).len(), 1);
        assert!(is_empty(), "nor does it after it was busy");
    }

    #[test]
    fn a_message_goes_to_the_newest_stream_of_a_session_only() {
        let hub = hub();
        let (old, new) = (get(&hub, [1; 16]), get(&hub, [1; 16]));
        hub.publish(Change::Prompts);
        assert!(hub.send_to_session(&[1; 16], b"x"));
        assert!(!hub.send_to_session(&[2; 16], b"x"));
        assert_eq!(drain(&old).len(), 0);
        assert_eq!(drain(&new).len(), 2);
        drop(new);
        hub.publish(Change::Prompts);
        assert_eq!(drain(&old).len(), 1);
    }

    /// A reader that is slow has so much waiting, and no more.
    #[test]
    fn what_waits_is_bounded() {
        let hub = hub_of(&Limits { stream_buffer: 2, max_subscriptions: 1, ..Limits::default() });
        let slow = get(&hub, [1; 16]);
        assert!(hub.send_to_session(&[1; 16], b"x") && hub.send_to_session(&[1; 16], b"y"));
        assert!(!hub.send_to_session(&[1; 16], b"z"), "whoever asks learns that it did not go out");
        for number in 0..100 {
            let uri = format!("post://{number}");
            hub.memory.subscribe(&[1; 16], &uri).unwrap();
            for change in [Change::Tools, Change::Resource { uri: uri.clone() }] {
                hub.publish(change);
            }
            hub.memory.unsubscribe(&[1; 16], &uri);
        }
        assert_eq!(drain(&slow).len(), 2 + 4);
    }

    #[test]
    fn streams_are_counted() {
        let hub = hub();
        let open = |owner: &str| {
            let kind = Kind::Listen { id: Id::from(1_i64), filter: SubscriptionFilter::default() };
            hub.open(kind, Some(owner.as_bytes()))
        };
        let alices: Vec<_> = (0..3).map(|_| open("alice").unwrap()).collect();
        assert_eq!(open("alice").err(), Some(NoStream::TooMany));
        let bob = open("bob").unwrap();
        assert_eq!(open("bob").err(), Some(NoStream::TooMany), "the whole server's limit");
        drop(alices);
        drop(open("alice").unwrap());
        hub.close();
        assert_eq!(bob.subscriber.next(), Some(Next::End));
        assert_eq!(open("bob").err(), Some(NoStream::Closing));
        drop(bob);
        let streams = hub.lock();
        assert!(streams.listening.is_empty() && streams.sessions.is_empty() && hub.places.is_unused());
    }
}
