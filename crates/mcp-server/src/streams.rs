//! Long-lived streams of either era.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use barewire_mcp::http::sse;
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::subscriptions::Change;
use barewire_mcp::wire::{v2025_11_25, v2026_07_28};
use bytes::Bytes;
use tokio::time::{Sleep, sleep};

use crate::body::Source;
use crate::hub::{Next, Subscription};
use crate::observer::Outcome;
use crate::server::Shared;
use crate::service::Caller;
use crate::trail::Trail;

/// A stream that stays open until its client leaves, its token ends, or the server stops.
pub(crate) struct LongStream {
    server: Arc<Shared>,
    caller: Caller,
    subscription: Subscription,
    voice: Voice,
    first: Option<Bytes>,
    /// When the caller's token ends: a stream is no longer anybody's after that.
    token_ends: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

/// How the era of a stream speaks.
pub(crate) enum Voice {
    /// `subscriptions/listen`: every message names the request.
    Listen {
        /// Its id.
        id: Id,
    },
    /// GET.
    Session,
}

impl LongStream {
    pub(crate) fn new(
        server: Arc<Shared>,
        caller: Caller,
        subscription: Subscription,
        voice: Voice,
        first: Option<Bytes>,
    ) -> Self {
        let token_ends = caller.as_ref().and_then(|caller| caller.expires_at).map(|end| {
            let left = end.duration_since(server.now()).unwrap_or(Duration::ZERO);
            Box::pin(sleep(left))
        });
        Self { server, caller, subscription, voice, first, token_ends, ended: false }
    }

    fn encode(&self, change: Change) -> Bytes {
        let notification = ServerNotification::Change(change);
        match &self.voice {
            Voice::Listen { id } => v2026_07_28::encode_notification(&notification, Some(id)),
            Voice::Session => v2025_11_25::encode_notification(&notification),
        }
    }

    /// The last message: the answer to the request that opened the stream. A GET has none.
    fn farewell(&mut self) -> Option<Bytes> {
        self.ended = true;
        match &self.voice {
            Voice::Listen { id } => {
                Some(v2026_07_28::encode_listen_closed(id, Some(&self.server.short_info)))
            }
            Voice::Session => None,
        }
    }

    /// Whether the caller lost its grant since the stream was opened.
    fn is_revoked(&self) -> bool {
        match (&self.server.guard, &self.caller) {
            (Some(guard), Some(caller)) => guard.is_revoked(caller),
            _ => false,
        }
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
        match self.subscription.poll_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Next::End) => Poll::Ready(self.farewell().as_deref().map(sse::message)),
            Poll::Ready(_) if self.is_revoked() => Poll::Ready(self.farewell().as_deref().map(sse::message)),
            Poll::Ready(Next::Change(change)) => Poll::Ready(Some(sse::message(&self.encode(change)))),
            Poll::Ready(Next::Message(message)) => Poll::Ready(Some(sse::message(&message))),
        }
    }

    fn conclude(&self, trail: &mut Trail) {
        trail.outcome = if self.ended { Outcome::Result } else { Outcome::Nothing };
    }
}
