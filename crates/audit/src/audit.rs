//! The log, open for writing.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use http::request::Parts;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chain::Head;
use crate::config::{AuditConfig, WhenFull};
use crate::queue::{Queue, shards};
use crate::store::AuditStore;
use crate::writer::Writer;

/// The time, as a test may own it.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How an application tells where a request comes from.
pub type AddressOf = Arc<dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync>;

/// A log, open for writing. Whoever writes to it holds a [`Recorder`](crate::Recorder).
#[derive(Debug)]
pub struct Audit {
    pub(crate) shared: Arc<Shared>,
    writer: JoinHandle<()>,
}

/// What requests and the writer share.
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) when_full: WhenFull,
    pub(crate) counts: Counts,
    pub(crate) closing: CancellationToken,
}

/// What the writer did.
#[derive(Default)]
pub(crate) struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
    failures: AtomicU64,
    head: AtomicU64,
}

impl Audit {
    /// Starts the writer on the current runtime. Nothing is read before the first request is answered.
    #[must_use]
    pub fn start(store: Arc<dyn AuditStore>, config: AuditConfig, clock: Clock) -> Self {
        let shared = Arc::new(Shared {
            queue: Queue::new(&config, shards()),
            when_full: config.when_full,
            counts: Counts::default(),
            closing: CancellationToken::new(),
        });
        let writer = tokio::spawn(Writer::new(shared.clone(), store, config, clock).run());
        Self { shared, writer }
    }

    /// Writes all that was recorded and ends the writer. Call it once the last request has been answered.
    pub async fn close(self) {
        self.shared.closing.cancel();
        if let Err(error) = self.writer.await {
            tracing::error!(%error, "the audit log's writer did not end in order");
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("when_full", &self.when_full).finish_non_exhaustive()
    }
}

impl Counts {
    pub(crate) fn written(&self, before: Head, after: Head) {
        self.written.fetch_add(after.sequence - before.sequence, Ordering::Relaxed);
        self.head.store(after.sequence, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> CountsNow {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CountsNow {
            written: read(&self.written),
            lost: read(&self.lost),
            failures: read(&self.failures),
            head: read(&self.head),
        }
    }
}

/// [`Counts`] at one moment.
pub(crate) struct CountsNow {
    pub(crate) written: u64,
    pub(crate) lost: u64,
    pub(crate) failures: u64,
    pub(crate) head: u64,
}
