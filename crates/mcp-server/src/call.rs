//! One request at work: everything that its handler, its stream and its end share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::apps;
use barewire_mcp::types::capabilities::ClientCapabilities;
use barewire_mcp::types::logging::LoggingLevel;
use barewire_mcp::types::progress::ProgressToken;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::ask::AskBook;
use crate::auth::Principal;
use crate::lists::Reader;
use crate::outbox::Outbox;
use crate::server::Shared;
use crate::session::Session;
use crate::tasks::TaskSlot;

/// One request at work. Made once per request, shared by reference, and gone with it.
pub(crate) struct CallState {
    pub(crate) server: Arc<Shared>,
    pub(crate) revision: Revision,
    pub(crate) id: Id,
    pub(crate) method: &'static str,
    pub(crate) principal: Option<Arc<Principal>>,
    /// What the client can be asked for: from the request itself, or from its session.
    pub(crate) capabilities: Box<ClientCapabilities>,
    pub(crate) progress_token: Option<ProgressToken>,
    /// Messages below it are not sent; `None` sends none.
    pub(crate) log_level: Option<LoggingLevel>,
    pub(crate) session: Option<Session>,
    pub(crate) extensions: http::Extensions,
    pub(crate) outbox: Outbox,
    pub(crate) asks: AskBook,
    pub(crate) cancel: Cancel,
    pub(crate) last_progress: LastProgress,
    pub(crate) task: TaskSlot,
}

impl CallState {
    /// Whether there are apps, and the client shows them.
    pub(crate) fn shows_apps(&self) -> bool {
        self.server.registry.has_apps && apps::shows_apps(&self.capabilities)
    }

    /// As whom it reads lists.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            principal: self.principal.as_deref(),
            guard: self.server.guard.as_ref(),
            shows_apps: self.shows_apps(),
        }
    }

    /// Whose share of the server it uses up.
    pub(crate) fn owner(&self) -> Option<Vec<u8>> {
        self.server.owner(self.principal.as_deref())
    }
}

/// The signal that nobody wants the answer any more.
#[derive(Default)]
pub(crate) struct Cancel {
    flag: AtomicBool,
    notify: Notify,
    runner: AtomicWaker,
}

impl Cancel {
    pub(crate) fn set(&self) {
        self.flag.store(true, Ordering::Release);
        self.notify.notify_waiters();
        self.runner.wake();
    }

    /// Has the handler polled once more.
    pub(crate) fn wake(&self) {
        self.runner.wake();
    }

    /// Registers whoever polls the handler.
    pub(crate) fn register(&self, waker: &Waker) {
        self.runner.register(waker);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    pub(crate) async fn wait(&self) {
        loop {
            // Registered before the look, so that a signal in between is not missed.
            let notified = self.notify.notified();
            if self.is_set() {
                return;
            }
            notified.await;
        }
    }
}

/// The last progress that was reported; the next one has to be greater.
pub(crate) struct LastProgress(AtomicU64);

impl Default for LastProgress {
    fn default() -> Self {
        Self(AtomicU64::new(f64::NEG_INFINITY.to_bits()))
    }
}

impl LastProgress {
    /// Whether `progress` goes forward; if so it is the last one now.
    pub(crate) fn advance(&self, progress: f64) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                (progress.is_finite() && progress > f64::from_bits(last)).then_some(progress.to_bits())
            })
            .is_ok()
    }
}
