//! The one task that writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::audit::{Clock, Shared};
use crate::chain::Head;
use crate::config::AuditConfig;
use crate::entry::{Entry, Kind, Time};
use crate::queue::{Lost, write};
use crate::segment::Segment;
use crate::store::{AuditStore, StoreError};

/// How many of the oldest segments are deleted at once, so that nobody waits for it: 16 MiB.
const SWEEP: u32 = 256;

/// How long a closing log tries to write what it has.
const LAST_TRY: Duration = Duration::from_secs(5);

/// Hashes and writes, batch after batch, until the log is closed.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    store: Arc<dyn AuditStore>,
    config: AuditConfig,
    clock: Clock,
    head: Option<Head>,
    batch: Batch,
    swept: Option<Instant>,
}

/// What is being written. It stays until it is written, and nothing is carried away from the requests meanwhile.
#[derive(Default)]
struct Batch {
    /// By shard.
    records: Vec<Vec<u8>>,
    /// The writer's own, which come after those.
    own: Vec<u8>,
    lost: Lost,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        store: Arc<dyn AuditStore>,
        config: AuditConfig,
        clock: Clock,
    ) -> Self {
        let records = shared.queue.buffers();
        Self {
            shared,
            store,
            config,
            clock,
            head: None,
            batch: Batch { records, ..Batch::default() },
            swept: None,
        }
    }

    pub(crate) async fn run(mut self) {
        let version = Some(env!("CARGO_PKG_VERSION"));
        let started = self.entry(Kind::Started);
        write(&Entry { version, ..started }, &mut self.batch.own);
        let shared = self.shared.clone();
        loop {
            self.write().await;
            if self.swept.is_none_or(|swept| swept.elapsed() >= self.config.sweep_interval) {
                self.sweep().await;
            }
            tokio::select! {
                () = shared.queue.due() => {}
                () = sleep(self.config.flush_interval) => {}
                () = shared.closing.cancelled() => break,
            }
        }
        self.close().await;
    }

    /// Writes what waits. What fails is tried again at the next time.
    async fn write(&mut self) -> bool {
        if self.batch.is_empty() {
            self.batch.lost.merge(self.shared.queue.drain(&mut self.batch.records));
        }
        if self.batch.lost.count > 0 {
            let Lost { count, from, until } = std::mem::take(&mut self.batch.lost);
            self.shared.counts.lost(count);
            tracing::error!(count, "audit records found no room and are lost; the log says so");
            let gap = Entry { at: from, until: Some(until), count: Some(count), ..self.entry(Kind::Gap) };
            write(&gap, &mut self.batch.own);
        }
        if self.batch.is_empty() {
            return true;
        }
        match self.append().await {
            Ok(()) => true,
            Err(error) => {
                self.shared.counts.failed();
                tracing::error!(error = &error as &dyn std::error::Error, "the audit log is not written");
                false
            }
        }
    }

    async fn append(&mut self) -> Result<(), StoreError> {
        loop {
            let before = match self.head {
                Some(head) => head,
                None => self.store.head().await?,
            };
            let mut head = before;
            let records = self.batch.records.iter().chain([&self.batch.own]).map(Vec::as_slice);
            let segments = Segment::chain(&mut head, records);
            if self.store.append(before, &segments, None).await? {
                self.shared.counts.written(before, head);
                self.head = Some(head);
                self.batch.clear();
                return Ok(());
            }
            // Somebody else writes to the same log; the records follow from theirs then.
            self.head = None;
            tokio::task::yield_now().await;
        }
    }

    /// Deletes what is over, and says so in the log in the same transaction.
    async fn sweep(&mut self) {
        self.swept = Some(Instant::now());
        loop {
            match self.forget().await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => return,
                Err(error) => {
                    self.shared.counts.failed();
                    tracing::error!(error = &error as &dyn std::error::Error, "old audit records stay");
                    return;
                }
            }
        }
    }

    async fn forget(&mut self) -> Result<bool, StoreError> {
        let Some(before) = self.head else { return Ok(false) };
        let until = Time::from((self.clock)()).before(self.config.retention);
        let mut reason = "retention";
        let mut through = self.store.oldest(Some(until), SWEEP).await?;
        if through.is_none() && self.config.max_bytes > 0 && self.store.size().await? > self.config.max_bytes
        {
            reason = "max_bytes";
            through = self.store.oldest(None, SWEEP).await?;
        }
        let Some(through) = through else { return Ok(false) };
        let checkpoint = Entry {
            reason: Some(reason),
            through: Some(through.sequence),
            hash: Some(through.hash),
            ..self.entry(Kind::Checkpoint)
        };
        let mut own = Vec::new();
        write(&checkpoint, &mut own);
        let mut head = before;
        let segments = Segment::chain(&mut head, [own.as_slice()]);
        if self.store.append(before, &segments, Some(through.sequence)).await? {
            self.shared.counts.written(before, head);
            self.head = Some(head);
            return Ok(true);
        }
        self.head = None;
        Ok(false)
    }

    /// Writes all there is. Requests have ended by now.
    async fn close(mut self) {
        let all = async {
            // Once for a batch that could not be written before, and once for what came since.
            while !self.write().await || self.shared.queue.len() > 0 {
                sleep(Duration::from_millis(50)).await;
            }
            let stopped = self.entry(Kind::Stopped);
            write(&stopped, &mut self.batch.own);
            while !self.write().await {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(LAST_TRY, all).await.is_err() {
            tracing::error!("the audit log was closed without its last records");
        }
    }

    fn entry(&self, kind: Kind) -> Entry<'static> {
        Entry { at: (self.clock)().into(), kind, ..Entry::default() }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.records.iter().all(Vec::is_empty)
    }

    fn clear(&mut self) {
        self.records.iter_mut().chain([&mut self.own]).for_each(Vec::clear);
    }
}
