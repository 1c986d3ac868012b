//! Long-lived streams of either era.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use barewire_mcp::http::sse;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::wire::v2026_07_28;
use bytes::Bytes;
use http::HeaderMap;
use tokio::time::{Sleep, sleep};

use crate::auth::{Principal, Reader};
use crate::body::Source;
use crate::hub::{Kind, Next, Subscription};
use crate::observer::Outcome;
use crate::server::Shared;
use crate::service::Caller;
use crate::trail::Trail;

/// A stream that stays open until its client leaves, its token ends, or the server stops.
pub(crate) struct LongStream {
    deliveries: Deliveries,
    first: Option<Bytes>,
    /// When the caller's token ends: a stream is no longer anybody's after that.
    token_ends: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

/// What is published to a stream, as long as its reader may have it.
pub(crate) struct Deliveries {
    server: Arc<Shared>,
    subscription: Subscription,
    /// Who reads: whoever lost the grant meanwhile, or a part of it, hears nothing more.
    pub(crate) reader: Option<Reader>,
    /// Who watches tasks: what is said about one is decided anew each time.
    watcher: Caller,
    /// What is about to go out, while it is found out whether the reader may still have it.
    checking: Option<Pin<Box<dyn Future<Output = Checked> + Send>>>,
}

/// What goes out.
pub(crate) enum Delivery {
    Event(Bytes),
    /// The stream ends: the server says so, or the reader's token is not good any more.
    End,
}

/// What becomes of something that is about to go out.
enum Checked {
    Deliver(Delivery),
    /// There is nothing to say any more.
    Nothing,
}

impl LongStream {
    pub(crate) fn new(
        server: Arc<Shared>,
        caller: Option<&Principal>,
        headers: &HeaderMap,
        subscription: Subscription,
        first: Option<Bytes>,
    ) -> Self {
        let reader = server.guard.as_ref().and_then(|guard| guard.reader(headers, caller));
        let token_ends = caller.and_then(|caller| caller.expires_at).map(|end| {
            let left = end.duration_since(server.now()).unwrap_or(Duration::ZERO);
            Box::pin(sleep(left))
        });
        let deliveries = Deliveries::new(server, subscription, reader);
        Self { deliveries, first, token_ends, ended: false }
    }

    /// Says whose tasks are watched.
    pub(crate) fn watching(mut self, caller: Caller) -> Self {
        self.deliveries.watcher = caller;
        self
    }

    /// The last message: the answer to the request that opened the stream. A GET has none.
    fn farewell(&mut self) -> Option<Bytes> {
        self.ended = true;
        match self.deliveries.subscription.kind() {
            Kind::Listen { id, .. } => {
                Some(v2026_07_28::encode_listen_closed(id, Some(&self.deliveries.server.short_info)))
            }
            Kind::Session { .. } => None,
        }
    }
}

impl Deliveries {
    pub(crate) fn new(server: Arc<Shared>, subscription: Subscription, reader: Option<Reader>) -> Self {
        Self { server, subscription, reader, watcher: None, checking: None }
    }

    /// The next event, once it is known that the reader may still have it; the end otherwise.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        loop {
            if let Some(checking) = &mut self.checking {
                let Poll::Ready(checked) = checking.as_mut().poll(cx) else { return Poll::Pending };
                self.checking = None;
                match checked {
                    Checked::Deliver(delivery) => return Poll::Ready(delivery),
                    Checked::Nothing => {}
                }
            }
            match self.subscription.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Next::End) => return Poll::Ready(Delivery::End),
                Poll::Ready(Next::Doubt) if self.reader.is_none() => {}
                Poll::Ready(Next::Event(event)) if self.reader.is_none() => {
                    return Poll::Ready(Delivery::Event(event));
                }
                Poll::Ready(due) => self.checking = Some(self.check(due)),
            }
        }
    }

    /// Finds out whether the reader may still have what is due, and what it is by now.
    fn check(&self, due: Next) -> Pin<Box<dyn Future<Output = Checked> + Send>> {
        let (server, reader, watcher) = (self.server.clone(), self.reader.clone(), self.watcher.clone());
        let subscription = match self.subscription.kind() {
            Kind::Listen { id, .. } => Some(id.clone()),
            Kind::Session { .. } => None,
        };
        Box::pin(async move {
            if let (Some(guard), Some(reader)) = (&server.guard, &reader)
                && !guard.is_still_good(reader, server.now()).await
            {
                return Checked::Deliver(Delivery::End);
            }
            let event = match (due, &server.tasks) {
                (Next::End, _) => return Checked::Deliver(Delivery::End),
                (Next::Doubt, _) => None,
                (Next::Event(event), _) => Some(event),
                (Next::Task(id), Some(tasks)) => {
                    let task = tasks.look(&server, watcher.as_deref(), &id).await;
                    task.map(|task| {
                        let notification = ServerNotification::Task(Box::new(task));
                        sse::message(&v2026_07_28::encode_notification(&notification, subscription.as_ref()))
                    })
                }
                (Next::Task(_), None) => None,
            };
            event.map_or(Checked::Nothing, |event| Checked::Deliver(Delivery::Event(event)))
        })
    }
}

impl Source for LongStream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(sse::message(&first)));
        }
        if self.token_ends.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(self.farewell().as_deref().map(sse::message));
        }
        self.deliveries.poll_next(cx).map(|next| match next {
            Delivery::Event(event) => Some(event),
            Delivery::End => self.farewell().as_deref().map(sse::message),
        })
    }

    fn conclude(&self, trail: &mut Trail) {
        trail.outcome = if self.ended { Outcome::Result } else { Outcome::Nothing };
    }
}
