//! The events of one session: a bounded log that any number of tabs read, each at its own pace.
//!
//! A reader is a position in the log, not a queue, so that a tab that does not read costs nothing. A reader whose
//! position fell out of the log gets [`Event::Resync`] and goes on at the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::api::Event;
use crate::random;

/// The events of one session.
pub(crate) struct EventLog {
    /// Tells the ids of this log from those of another run of the host, whose numbers mean nothing here.
    epoch: String,
    limit: usize,
    byte_limit: usize,
    ring: Mutex<Ring>,
    /// Number of the next event, for those who wait.
    next: watch::Sender<u64>,
}

#[derive(Default)]
struct Ring {
    /// Number of the first event in `events`.
    first: u64,
    events: VecDeque<Arc<str>>,
    bytes: usize,
}

/// A position in the log.
pub(crate) struct Reader {
    log: Arc<EventLog>,
    position: Position,
    changed: watch::Receiver<u64>,
}

enum Position {
    At(u64),
    Lost,
}

/// One event as it goes on the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// For `Last-Event-ID`.
    pub(crate) id: String,
    /// The event as JSON.
    pub(crate) data: Arc<str>,
}

impl EventLog {
    pub(crate) fn new(limit: usize, byte_limit: usize) -> Self {
        let epoch = random::id("");
        Self { epoch, limit, byte_limit, ring: Mutex::default(), next: watch::Sender::new(0) }
    }

    /// Appends an event, and says how many bytes it is as JSON.
    pub(crate) fn publish(&self, event: &Event) -> usize {
        let Ok(data) = serde_json::to_string(event) else {
            tracing::error!("an event could not be written as JSON");
            return 0;
        };
        let bytes = data.len();
        let mut ring = self.ring();
        ring.bytes += data.len();
        ring.events.push_back(data.into());
        while ring.events.len() > self.limit || ring.bytes > self.byte_limit {
            let Some(oldest) = ring.events.pop_front() else { break };
            ring.bytes -= oldest.len();
            ring.first += 1;
        }
        // Inside the lock: numbers must not be announced out of order.
        self.next.send_replace(ring.next());
        bytes
    }

    /// Id of the last event so far.
    pub(crate) fn last_id(&self) -> String {
        self.id(self.ring().next())
    }

    /// Reads on after the event with that id, or from now on.
    pub(crate) fn read(self: &Arc<Self>, after: Option<&str>) -> Reader {
        let changed = self.next.subscribe();
        let position = match after {
            None => Position::At(self.ring().next()),
            Some(id) => self.position(id).map_or(Position::Lost, Position::At),
        };
        Reader { log: self.clone(), position, changed }
    }

    /// An id says how many events were before it and itself, so that "none yet" has an id too.
    fn id(&self, count: u64) -> String {
        format!("{}-{count}", self.epoch)
    }

    fn position(&self, id: &str) -> Option<u64> {
        let (epoch, count) = id.rsplit_once('-')?;
        let count = count.parse().ok()?;
        (epoch == self.epoch && count <= self.ring().next()).then_some(count)
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn next(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

impl Reader {
    /// The next event, as soon as there is one. Can be dropped and called again without losing any.
    pub(crate) async fn next(&mut self) -> Entry {
        loop {
            if let Some(entry) = self.advance() {
                return entry;
            }
            // The sender is part of `self.log`, so the channel cannot close; were it so, waiting is right too.
            if self.changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn advance(&mut self) -> Option<Entry> {
        let ring = self.log.ring();
        let next = ring.next();
        let wanted = match self.position {
            Position::At(number) if number >= ring.first => number,
            Position::At(_) | Position::Lost => {
                self.position = Position::At(next);
                let data = serde_json::to_string(&Event::Resync).ok()?.into();
                return Some(Entry { id: self.log.id(next), data });
            }
        };
        let index = usize::try_from(wanted - ring.first).ok()?;
        let data = ring.events.get(index)?.clone();
        self.position = Position::At(wanted + 1);
        Some(Entry { id: self.log.id(wanted + 1), data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(call: &str) -> Event {
        Event::CallRemoved { call: call.to_owned() }
    }

    fn log(limit: usize, byte_limit: usize, count: usize) -> Arc<EventLog> {
        let log = Arc::new(EventLog::new(limit, byte_limit));
        for number in 0..count {
            log.publish(&removed(&number.to_string()));
        }
        log
    }

    async fn next(reader: &mut Reader) -> Event {
        serde_json::from_str(&reader.next().await.data).unwrap()
    }

    #[tokio::test]
    async fn a_reader_goes_on_after_the_event_it_names() {
        let log = log(10, 10_000, 0);
        let before = log.last_id();
        log.publish(&removed("a"));
        log.publish(&removed("b"));
        let mut reader = log.read(Some(&before));
        let first = reader.next().await;
        assert_eq!(serde_json::from_str::<Event>(&first.data).unwrap(), removed("a"));
        assert_eq!(next(&mut reader).await, removed("b"));
        assert_eq!(next(&mut log.read(Some(&first.id))).await, removed("b"));
    }

    #[tokio::test]
    async fn a_reader_waits_for_what_comes() {
        let log = log(10, 10_000, 3);
        let mut reader = log.read(None);
        let (event, _) = tokio::join!(next(&mut reader), async { log.publish(&removed("new")) });
        assert_eq!(event, removed("new"));
    }

    #[tokio::test]
    async fn what_fell_out_of_the_log_is_a_resync() {
        let by_count = log(2, 10_000, 5);
        let by_bytes = log(10, 70, 5);
        for log in [by_count, by_bytes] {
            let start = log.id(0);
            let mut reader = log.read(Some(&start));
            assert_eq!(next(&mut reader).await, Event::Resync);
            log.publish(&removed("later"));
            assert_eq!(next(&mut reader).await, removed("later"));
        }
    }

    #[tokio::test]
    async fn an_id_of_another_run_or_nonsense_is_a_resync() {
        let ours = log(10, 10_000, 1);
        let theirs = log(10, 10_000, 1);
        for id in [theirs.last_id().as_str(), "", "-", "7", &ours.id(2), &ours.id(u64::MAX)] {
            assert_eq!(next(&mut ours.read(Some(id))).await, Event::Resync, "{id}");
        }
    }

    #[tokio::test]
    async fn an_event_larger_than_the_whole_log_is_a_resync() {
        let log = log(10, 8, 0);
        let mut reader = log.read(None);
        log.publish(&removed("a"));
        assert_eq!(next(&mut reader).await, Event::Resync);
    }
}
