//! Records on their way from the requests to the writer.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::codec::encode;
use crate::config::AuditConfig;
use crate::entry::{Entry, Time};

/// Waiting records.
///
/// A shard for each thread that serves requests: its lock is then free whenever it is taken, except in the moment in
/// which the writer carries the shard's records away. Nobody is woken for a record, only for a batch that is due;
/// otherwise the writer comes by itself. A `tokio` channel of records on the heap costs about the same (0.11 µs against
/// 0.13); this is bounded in bytes rather than in records, and hands over whole batches.
pub(crate) struct Queue {
    shards: Box<[Shard]>,
    /// Bytes of one shard from which its batch is due.
    due_at: usize,
    /// Bytes of one shard from which it is full.
    full_at: usize,
    due: Notify,
}

/// A cache line pair of its own, or the threads would share one after all.
#[repr(align(128))]
#[derive(Default)]
struct Shard(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// A length and so many bytes, one after the other.
    records: Vec<u8>,
    told: bool,
    lost: Lost,
}

/// Records that were not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lost {
    pub(crate) count: u64,
    pub(crate) from: Time,
    pub(crate) until: Time,
}

/// Whether a record can be given up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// If there is no room.
    Droppable,
    /// Its request was let in on the promise that it is kept. There are no more of these than requests in flight.
    Promised,
}

impl Queue {
    pub(crate) fn new(config: &AuditConfig, shards: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            due_at: config.batch_bytes / shards,
            full_at: config.queue_bytes / shards,
            due: Notify::new(),
        }
    }

    /// One record. Takes no longer than to write its bytes.
    pub(crate) fn push(&self, entry: &Entry<'_>, weight: Weight) {
        let mut waiting = self.mine();
        if waiting.records.len() >= self.full_at && weight == Weight::Droppable {
            return waiting.lost.add(entry.at);
        }
        write(entry, &mut waiting.records);
        if waiting.records.len() >= self.due_at && !waiting.told {
            waiting.told = true;
            drop(waiting);
            self.due.notify_one();
        }
    }

    /// A record that is counted and not kept.
    pub(crate) fn lose(&self, at: Time) {
        self.mine().lost.add(at);
    }

    /// Whether there is room, as far as this thread knows.
    pub(crate) fn has_room(&self) -> bool {
        self.mine().records.len() < self.full_at
    }

    /// Carries all waiting records away: each shard's into a buffer of `to`, which are empty and lend their memory.
    pub(crate) fn drain(&self, to: &mut [Vec<u8>]) -> Lost {
        let mut lost = Lost::default();
        for (shard, buffer) in self.shards.iter().zip(to) {
            debug_assert!(buffer.is_empty());
            let mut waiting = lock(shard);
            std::mem::swap(&mut waiting.records, buffer);
            waiting.told = false;
            lost.merge(std::mem::take(&mut waiting.lost));
        }
        lost
    }

    /// As many buffers as [`Queue::drain`] fills.
    pub(crate) fn buffers(&self) -> Vec<Vec<u8>> {
        vec![Vec::new(); self.shards.len()]
    }

    /// Waits until some batch is due.
    pub(crate) async fn due(&self) {
        self.due.notified().await;
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).records.len()).sum()
    }

    fn mine(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.shards[slot() % self.shards.len()])
    }
}

/// Appends a record with its length before it.
pub(crate) fn write(entry: &Entry<'_>, records: &mut Vec<u8>) {
    let start = records.len();
    records.extend_from_slice(&[0; 4]);
    encode(entry, records);
    let length = (records.len() - start - 4) as u32;
    records[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

impl Lost {
    fn add(&mut self, at: Time) {
        self.merge(Self { count: 1, from: at, until: at });
    }

    pub(crate) fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        self.from = if self.count == 0 { other.from } else { self.from.min(other.from) };
        self.until = self.until.max(other.until);
        self.count += other.count;
    }
}

/// A small number of the current thread. Threads that serve requests are few and live long; that two share a number
/// costs them a little waiting and nothing else.
pub(crate) fn slot() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SLOT: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    SLOT.with(|slot| {
        if slot.get() == usize::MAX {
            slot.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        slot.get()
    })
}

/// As many shards as threads can run at once.
pub(crate) fn shards() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(16)
}

fn lock(shard: &Shard) -> MutexGuard<'_, Waiting> {
    // Nothing panics halfway while it is held.
    shard.0.lock().unwrap_or_else(PoisonError::into_inner)
}
