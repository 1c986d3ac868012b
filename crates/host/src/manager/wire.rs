//! The exchange log of one server: bounded, told to the page as it grows, kept over a restart.

use std::collections::{HashSet, VecDeque};
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
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Entry>,
    /// Ids of exchanges that have not ended, kept or not: the end of one that was dropped must not bring it back.
    running: HashSet<String>,
    bytes: usize,
    dropped: u64,
    next: u64,
}

struct Entry {
    number: u64,
    bytes: usize,
    view: ExchangeView,
}

impl Wire {
    /// The log of that server, with what is left of earlier runs.
    pub(crate) fn new(
        server: &str,
        limits: &Limits,
        events: Arc<EventLog>,
        stored: Vec<StoredExchange>,
    ) -> Self {
        let mut log = Log::default();
        for exchange in stored {
            log.next = log.next.max(exchange.number + 1);
            // What an older version wrote and this one cannot read is left out of the page, not in its way.
            let Ok(view) = serde_json::from_str::<ExchangeView>(&exchange.document) else { continue };
            log.push(exchange.number, exchange.document.len(), view);
        }
        log.shrink(limits.exchanges_per_server, limits.exchange_bytes_per_server);
        Self {
            server: server.to_owned(),
            limit: limits.exchanges_per_server,
            byte_limit: limits.exchange_bytes_per_server,
            prefix: random::id("x"),
            events,
            log: Mutex::new(log),
        }
    }

    /// Takes in a new state of an exchange. A finished one is given back as it goes into the store, and with it its id.
    pub(crate) fn record(&self, exchange: &Exchange) -> (String, Option<StoredExchange>) {
        let view = self.view(exchange);
        let id = view.exchange.id.clone();
        let Ok(document) = serde_json::to_string(&view) else { return (id, None) };
        let runs = view.exchange.status == Status::Running;
        let mut log = self.lock();
        let began = if runs { !log.running.insert(id.clone()) } else { log.running.remove(&id) };
        let mut arrived = Vec::new();
        let number = match log.entries.iter().rposition(|it| it.view.exchange.id == id) {
            Some(index) => {
                arrived = log
                    .entries
                    .get(index)
                    .map(|it| arrivals(&it.view.exchange, &view.exchange))
                    .unwrap_or_default();
                log.replace(index, document.len(), view.clone())
            }
            None if began => return (id, None),
            None => {
                let number = log.next;
                log.next += 1;
                log.push(number, document.len(), view.clone());
                number
            }
        };
        log.shrink(self.limit, self.byte_limit);
        drop(log);
        if runs && !arrived.is_empty() {
            for event in arrived {
                self.events.publish(&Event::ExchangeStreamed {
                    server: self.server.clone(),
                    exchange: id.clone(),
                    event: Box::new(event),
                    events_dropped: view.exchange.response.as_ref().map_or(0, |it| it.events_dropped),
                });
            }
            return (id, None);
        }
        let exchange = Box::new(view);
        self.events.publish(&match (began, runs) {
            (false, true) => Event::ExchangeStarted { exchange },
            (true, true) => Event::ExchangeUpdated { exchange },
            (_, false) => Event::ExchangeFinished { exchange },
        });
        (id, (!runs).then_some(StoredExchange { number, document }))
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
    }

    fn view(&self, exchange: &Exchange) -> ExchangeView {
        let own = |id: &str| format!("{}-{id}", self.prefix);
        let call = exchange.tag.clone();
        let exchange = Exchange {
            id: own(&exchange.id),
            repeats: exchange.repeats.as_deref().map(own),
            ..exchange.clone()
        };
        ExchangeView { server: self.server.clone(), call, exchange }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream events that the newer state has and the older has not. A long stream is told event by event, since telling
/// the whole of it each time would grow with its square.
fn arrivals(older: &Exchange, newer: &Exchange) -> Vec<StreamEvent> {
    let (Some(older), Some(newer)) = (&older.response, &newer.response) else { return Vec::new() };
    let next = older.events.last().map_or(older.events_dropped, |it| it.seq + 1);
    newer.events.iter().filter(|it| it.seq >= next).cloned().collect()
}

impl Log {
    fn push(&mut self, number: u64, bytes: usize, view: ExchangeView) {
        self.bytes += bytes;
        self.entries.push_back(Entry { number, bytes, view });
    }

    fn replace(&mut self, index: usize, bytes: usize, view: ExchangeView) -> u64 {
        let Some(entry) = self.entries.get_mut(index) else { return self.next };
        self.bytes = (self.bytes - entry.bytes) + bytes;
        entry.bytes = bytes;
        entry.view = view;
        entry.number
    }

    fn shrink(&mut self, limit: usize, byte_limit: usize) {
        while self.entries.len() > limit || self.bytes > byte_limit {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes;
            self.dropped += 1;
        }
    }
}
