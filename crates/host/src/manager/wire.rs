//! The exchange log of one server: bounded, told to the page as it grows, kept over a restart.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use barewire_exchange::{Exchange, Status, StreamEvent};

use crate::api::{Event, ExchangeList, ExchangeView};
use crate::config::Limits;
use crate::events::EventLog;
use crate::random;
use crate::store::StoredExchange;

/// The log.
pub(crate) struct Wire {
    server: String,
    limit: usize,
    byte_limit: usize,
    /// Tells the ids of this run's recorder from those of an earlier run and of other servers.
    prefix: String,
    events: Arc<EventLog>,
    budget: Arc<Budget>,
    log: Mutex<Log>,
}

/// Bytes that the logs of all servers share.
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// So many of its bytes are counted in the budget.
    counted: usize,
    dropped: u64,
    next: u64,
    /// The page was told that the server was removed; nothing is told of it after that.
    gone: bool,
}

struct Entry {
    number: u64,
    bytes: usize,
    view: ExchangeView,
}

/// An exchange that has ended, for the store.
pub(crate) struct Ended {
    pub(crate) exchange: StoredExchange,
    /// Number of the oldest exchange that is kept.
    pub(crate) oldest: u64,
}

impl Wire {
    /// The log of that server, with what is left of earlier runs.
    pub(crate) fn new(
        server: &str,
        limits: &Limits,
        events: Arc<EventLog>,
        budget: Arc<Budget>,
        stored: Vec<StoredExchange>,
    ) -> Self {
        let mut log = Log::default();
        for exchange in stored {
            log.next = log.next.max(exchange.number + 1);
            // What an older version wrote and this one cannot read is left out of the page, not in its way.
            let Ok(view) = serde_json::from_str::<ExchangeView>(&exchange.document) else { continue };
            log.push(exchange.number, exchange.document.len(), view);
        }
        let wire = Self {
            server: server.to_owned(),
            limit: limits.exchanges_per_server,
            byte_limit: limits.exchange_bytes_per_server,
            prefix: random::id("x"),
            events,
            budget,
            log: Mutex::new(log),
        };
        wire.shrink(&mut wire.lock());
        wire
    }

    /// Nothing is told of the server any more.
    pub(crate) fn retire(&self) {
        self.lock().gone = true;
    }

    /// Takes in a new exchange and says under which id it is known here.
    pub(crate) fn started(&self, exchange: &Exchange) -> String {
        let view = self.view(exchange);
        let id = view.exchange.id.clone();
        let mut log = self.lock();
        let number = log.next;
        log.next += 1;
        log.push(number, size(&view), view.clone());
        self.shrink(&mut log);
        self.tell(&log, &Event::ExchangeStarted { exchange: Box::new(view) });
        id
    }

    /// Takes in a new state of an exchange, as long as it is kept. One that has ended is given back for the store.
    pub(crate) fn changed(&self, exchange: &Exchange) -> Option<Ended> {
        let view = self.view(exchange);
        let document = serde_json::to_string(&view).ok()?;
        let mut log = self.lock();
        let number = log.replace(document.len(), view.clone())?;
        self.shrink(&mut log);
        let runs = exchange.status == Status::Running;
        let exchange = Box::new(view);
        let event =
            if runs { Event::ExchangeUpdated { exchange } } else { Event::ExchangeFinished { exchange } };
        self.tell(&log, &event);
        (!runs).then(|| Ended { exchange: StoredExchange { number, document }, oldest: log.oldest() })
    }

    /// Takes in an event of a stream. A long stream is taken in and told event by event, since the whole of it each time
    /// would grow with its square.
    pub(crate) fn streamed(&self, exchange: &Exchange, event: &StreamEvent) {
        let id = self.own(&exchange.id);
        let dropped = exchange.response.as_ref().map_or(0, |it| it.events_dropped);
        let mut log = self.lock();
        if !log.append(&id, event, dropped) {
            return;
        }
        self.shrink(&mut log);
        let event = Box::new(event.clone());
        let server = self.server.clone();
        self.tell(&log, &Event::ExchangeStreamed { server, exchange: id, event, events_dropped: dropped });
    }

    /// Everything that is kept, oldest first.
    pub(crate) fn list(&self) -> ExchangeList {
        let log = self.lock();
        ExchangeList {
            exchanges: log.entries.iter().map(|it| it.view.clone()).collect(),
            dropped: log.dropped,
        }
    }

    pub(crate) fn find(&self, id: &str) -> Option<Exchange> {
        self.lock().entries.iter().find(|it| it.view.exchange.id == id).map(|it| it.view.exchange.clone())
    }

    pub(crate) fn clear(&self) {
        let mut log = self.lock();
        log.entries.clear();
        log.bytes = 0;
        log.dropped = 0;
        self.shrink(&mut log);
    }

    fn view(&self, exchange: &Exchange) -> ExchangeView {
        let mut exchange = exchange.clone();
        exchange.id = self.own(&exchange.id);
        exchange.repeats = exchange.repeats.as_deref().map(|it| self.own(it));
        ExchangeView { server: self.server.clone(), call: exchange.tag.clone(), exchange }
    }

    /// Inside the lock, so that the page hears in the order in which it happened.
    fn tell(&self, log: &Log, event: &Event) {
        if !log.gone {
            self.events.publish(event);
        }
    }

    /// Drops the oldest until the log is small enough, for itself and among all.
    fn shrink(&self, log: &mut Log) {
        loop {
            self.budget.count(log);
            let too_large = log.entries.len() > self.limit || log.bytes > self.byte_limit;
            let too_large_among_all = self.budget.is_exceeded() && log.entries.len() > 1;
            if !too_large && !too_large_among_all {
                return;
            }
            let Some(oldest) = log.entries.pop_front() else { return };
            log.bytes -= oldest.bytes;
            log.dropped += 1;
        }
    }

    fn own(&self, id: &str) -> String {
        format!("{}-{id}", self.prefix)
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn push(&mut self, number: u64, bytes: usize, view: ExchangeView) {
        self.bytes += bytes;
        self.entries.push_back(Entry { number, bytes, view });
    }

    /// The newer state takes the place of the older; says which number it has. The newest ones change most.
    fn replace(&mut self, bytes: usize, view: ExchangeView) -> Option<u64> {
        let entry = self.entries.iter_mut().rev().find(|it| it.view.exchange.id == view.exchange.id)?;
        self.bytes = (self.bytes - entry.bytes) + bytes;
        entry.bytes = bytes;
        entry.view = view;
        Some(entry.number)
    }

    /// Adds to the events of a response; says whether the exchange is kept.
    fn append(&mut self, id: &str, event: &StreamEvent, dropped: u64) -> bool {
        let Some(entry) = self.entries.iter_mut().rev().find(|it| it.view.exchange.id == id) else {
            return false;
        };
        let Some(response) = &mut entry.view.exchange.response else { return false };
        response.events.push(event.clone());
        response.events_dropped = dropped;
        let gone = response.events.iter().take_while(|it| it.seq < dropped).count();
        let freed: usize = response.events.drain(..gone).map(|it| it.data.len()).sum();
        entry.bytes = (entry.bytes + event.data.len()).saturating_sub(freed);
        self.bytes = (self.bytes + event.data.len()).saturating_sub(freed);
        true
    }

    /// Number of the oldest exchange that is kept.
    fn oldest(&self) -> u64 {
        self.entries.front().map_or(self.next, |it| it.number)
    }
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    fn count(&self, log: &mut Log) {
        let before = std::mem::replace(&mut log.counted, log.bytes);
        // Two steps, of which the first makes it look fuller rather than emptier.
        self.used.fetch_add(log.counted, Ordering::Relaxed);
        self.used.fetch_sub(before, Ordering::Relaxed);
    }

    fn is_exceeded(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.lock().counted, Ordering::Relaxed);
    }
}

/// About what it is as JSON, without the cost of writing it.
fn size(view: &ExchangeView) -> usize {
    let request = &view.exchange.request;
    let body = request.body.as_ref().and_then(|it| it.text.as_ref()).map_or(0, String::len);
    let headers: usize = request.headers.iter().map(|it| it.name.len() + it.value.len()).sum();
    1_000 + request.url.len() + headers + body
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use barewire_exchange::narration::Step;
    use barewire_exchange::{ExchangeBuilder, Limits as ExchangeLimits, Masker};
    use http::{HeaderMap, Method, StatusCode};

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn wire(limit: usize, bytes: usize, stored: Vec<StoredExchange>) -> (Wire, Arc<EventLog>) {
        let limits =
            Limits { exchanges_per_server: limit, exchange_bytes_per_server: bytes, ..Limits::default() };
        let events = Arc::new(EventLog::new(100, 1 << 20));
        let budget = Arc::new(Budget::new(usize::MAX));
        (Wire::new("s1", &limits, events.clone(), budget, stored), events)
    }

    fn builder(id: &str) -> ExchangeBuilder {
        let mut builder = ExchangeBuilder::new(
            id.to_owned(),
            Step::CallTool,
            NOW,
            Masker::new(),
            ExchangeLimits::default(),
        );
        builder.request(&Method::POST, "http://localhost/mcp", &HeaderMap::new(), Some(b"{}"));
        builder
    }

    fn whole(wire: &Wire, id: &str) -> Option<Ended> {
        let mut builder = builder(id);
        wire.started(builder.exchange());
        builder.response(StatusCode::OK, &HeaderMap::new(), NOW);
        builder.finish(NOW);
        wire.changed(builder.exchange())
    }

    fn numbers(wire: &Wire) -> Vec<u64> {
        wire.lock().entries.iter().map(|it| it.number).collect()
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let (wire, _) = wire(2, usize::MAX, Vec::new());
        for id in ["1", "2", "3"] {
            whole(&wire, id);
        }
        assert_eq!(numbers(&wire), [1, 2]);
        assert_eq!(wire.list().dropped, 1);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let (wire, _) = wire(100, 5_000, Vec::new());
        let ended: Vec<Ended> = (0..20).filter_map(|id| whole(&wire, &id.to_string())).collect();
        let log = wire.lock();
        assert!(log.bytes <= 5_000 && !log.entries.is_empty());
        assert_eq!(log.bytes, log.entries.iter().map(|it| it.bytes).sum::<usize>());
        assert_eq!(ended.last().unwrap().oldest, log.oldest());
    }

    #[test]
    fn all_logs_together_are_bounded_and_a_log_that_goes_gives_back() {
        let budget = Arc::new(Budget::new(10_000));
        let new = |server: &str| {
            let events = Arc::new(EventLog::new(10, 1 << 20));
            Wire::new(server, &Limits::default(), events, budget.clone(), Vec::new())
        };
        let (one, two) = (new("s1"), new("s2"));
        for id in 0..30 {
            whole(&one, &id.to_string());
            whole(&two, &id.to_string());
        }
        let used = budget.used.load(Ordering::Relaxed);
        assert!(used <= 10_000 && used == one.lock().bytes + two.lock().bytes, "{used}");
        assert!(!one.lock().entries.is_empty() && !two.lock().entries.is_empty());
        drop(one);
        two.clear();
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_end_of_one_that_was_dropped_does_not_bring_it_back() {
        let (wire, _) = wire(10, usize::MAX, Vec::new());
        let mut late = builder("late");
        wire.started(late.exchange());
        wire.clear();
        late.finish(NOW);
        assert!(wire.changed(late.exchange()).is_none());
        assert!(wire.list().exchanges.is_empty());
    }

    #[tokio::test]
    async fn a_stream_is_told_event_by_event() {
        let (wire, events) = wire(10, usize::MAX, Vec::new());
        let mut reader = events.read(None);
        let mut builder = builder("1");
        let id = wire.started(builder.exchange());
        builder.response(StatusCode::OK, &HeaderMap::new(), NOW);
        wire.changed(builder.exchange());
        for data in ["one", "two"] {
            let event = StreamEvent {
                seq: u64::from(data == "two"),
                at: 0,
                event: None,
                id: None,
                retry: None,
                data: data.to_owned(),
                truncated: false,
            };
            wire.streamed(builder.exchange(), &event);
        }
        let mut told = Vec::new();
        for _ in 0..4 {
            let event: Event = serde_json::from_str(&reader.next().await.data).unwrap();
            told.push(match event {
                Event::ExchangeStarted { .. } => "started".to_owned(),
                Event::ExchangeUpdated { .. } => "updated".to_owned(),
                Event::ExchangeStreamed { event, .. } => event.data,
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(told, ["started", "updated", "one", "two"]);
        assert_eq!(wire.find(&id).unwrap().response.unwrap().events.len(), 2);
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_under_its_old_id() {
        let (before, _) = wire(10, usize::MAX, Vec::new());
        let ended = whole(&before, "1").unwrap();
        let unreadable = StoredExchange { number: 7, document: "{}".to_owned() };
        let (after, _) = wire(10, usize::MAX, vec![ended.exchange, unreadable]);
        assert_eq!(after.list().exchanges, before.list().exchanges);
        // The recorder of the new run begins to count again; the page must not take that for the same exchange.
        whole(&after, "1");
        let ids: Vec<String> = after.list().exchanges.into_iter().map(|it| it.exchange.id).collect();
        assert_eq!(ids.len(), 2);
        assert_ne!(ids[0], ids[1]);
        assert_eq!(numbers(&after), [0, 8]);
    }
}
