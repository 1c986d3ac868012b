//! Counters and histograms, as Prometheus reads them.

mod exposition;
mod series;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use barewire_mcp_server::Record;
use barewire_oauth_server::EventKind;
use http::Method;
use rustc_hash::FxHashMap;

pub use self::exposition::Exposition;
use self::series::{HttpMethod, Key, OTHER_NAME, Series};
use crate::audit::{Audit, Shared};
use crate::config::MetricsConfig;
use crate::funnel::Ended;
use crate::queue::{shards, slot};

/// All counts of a process. [`Metrics::expose`] writes them down.
///
/// Nobody can make it grow without bound: every label is from a fixed set, names of tools and prompts only count where a
/// server has them, and after [`max_series`](MetricsConfig::max_series) combinations the rest is counted as one.
pub struct Metrics {
    /// Read for every request and changed for every new combination: whoever reads takes no lock.
    series: ArcSwap<FxHashMap<Key, Arc<Series>>>,
    names: ArcSwap<Names>,
    endpoints: Mutex<Vec<Arc<Endpoint>>>,
    /// By kind, and whether it was refused. Rare enough for a lock.
    events: Mutex<BTreeMap<(&'static str, bool), u64>>,
    /// Ends of attempts to connect; as many as there are steps, outcomes and reasons.
    attempts: Mutex<BTreeMap<Ended, u64>>,
    audit: Mutex<Option<Arc<Shared>>>,
    changing: Mutex<()>,
    max_series: usize,
    shards: usize,
}

/// The names that a server has, by number.
#[derive(Debug, Default, Clone)]
struct Names {
    numbers: FxHashMap<Arc<str>, u16>,
    names: Vec<Arc<str>>,
}

/// What is counted of one endpoint beside what each request adds.
#[derive(Debug)]
pub(crate) struct Endpoint {
    number: u16,
    scheme: String,
    path: String,
    shards: Box<[Busy]>,
}

/// What is going on: begun on one thread and ended on another, so only the sum over all shards means something.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Busy {
    requests: [AtomicI64; HttpMethod::ALL.len()],
    streams: AtomicI64,
    streams_ever: AtomicU64,
}

impl Metrics {
    /// No counts yet.
    #[must_use]
    pub fn new(config: &MetricsConfig) -> Self {
        Self {
            series: ArcSwap::default(),
            names: ArcSwap::default(),
            endpoints: Mutex::default(),
            events: Mutex::default(),
            attempts: Mutex::default(),
            audit: Mutex::default(),
            changing: Mutex::default(),
            max_series: config.max_series,
            shards: shards(),
        }
    }

    /// Also exposes how a log is doing.
    pub fn watch(&self, audit: &Audit) {
        *self.audit.lock().unwrap_or_else(PoisonError::into_inner) = Some(audit.shared.clone());
    }

    /// An endpoint that its clients know by `url`.
    pub(crate) fn endpoint(&self, url: &str, path: &str) -> Arc<Endpoint> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = Arc::new(Endpoint {
            number: endpoints.len() as u16,
            scheme: url.split_once("://").map_or("http", |(scheme, _)| scheme).to_owned(),
            path: path.to_owned(),
            shards: (0..self.shards).map(|_| Busy::default()).collect(),
        });
        endpoints.push(endpoint.clone());
        endpoint
    }

    /// Names that may be labels from now on.
    pub(crate) fn add_names<'a>(&self, more: impl Iterator<Item = &'a &'a str>) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Names::clone(&self.names.load());
        for name in more {
            if names.names.len() < usize::from(OTHER_NAME) && !names.numbers.contains_key(*name) {
                let name: Arc<str> = Arc::from(*name);
                names.numbers.insert(name.clone(), names.names.len() as u16);
                names.names.push(name);
            }
        }
        self.names.store(Arc::new(names));
    }

    /// Something happened at an authorization server.
    pub(crate) fn event(&self, kind: EventKind, refused: bool) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        *events.entry((kind.as_str(), refused)).or_default() += 1;
    }

    /// Attempts to connect have ended, so many in each of these ways.
    pub(crate) fn attempts_ended(&self, ended: impl IntoIterator<Item = (Ended, u64)>) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        for (ended, count) in ended {
            *attempts.entry(ended).or_default() += count;
        }
    }

    /// A request is over.
    pub(crate) fn record(&self, endpoint: &Endpoint, record: &Record<'_>) {
        if !record.batched {
            endpoint.end(record);
        }
        let labelled = matches!(record.method, Some("tools/call" | "prompts/get"));
        let name = record.name.filter(|_| labelled);
        let name = name.map(|name| self.names.load().numbers.get(name).copied().unwrap_or(OTHER_NAME));
        let key = Key::of(endpoint.number, record, name);
        match self.series.load().get(&key) {
            Some(series) => series.record(record),
            None => self.add(key).record(record),
        }
    }

    /// The series of a combination that has not been seen before.
    fn add(&self, key: Key) -> Arc<Series> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.series.load_full();
        let key = if known.len() < self.max_series { key } else { Key::overflow(key.endpoint) };
        if let Some(series) = known.get(&key) {
            return series.clone();
        }
        let series = Arc::new(Series::new(self.shards));
        let mut more = FxHashMap::clone(&known);
        more.insert(key, series.clone());
        self.series.store(Arc::new(more));
        series
    }
}

impl Endpoint {
    pub(crate) fn begin(&self, method: &Method) {
        self.shard().requests[HttpMethod::from(method) as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn streaming(&self) {
        self.shard().streams.fetch_add(1, Ordering::Relaxed);
        self.shard().streams_ever.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self, record: &Record<'_>) {
        let shard = self.shard();
        shard.requests[HttpMethod::from(record.http_method) as usize].fetch_sub(1, Ordering::Relaxed);
        if record.streaming_after.is_some() {
            shard.streams.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self) -> &Busy {
        &self.shards[slot() % self.shards.len()]
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("series", &self.series.load().len()).finish_non_exhaustive()
    }
}
