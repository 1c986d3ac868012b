//! Long-lived streams of either era.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use barewire_mcp::http::sse;
use barewire_mcp::wire::v2026_07_28;
use barewire_oauth::secret::AccessToken;
use bytes::Bytes;
use http::HeaderMap;
use tokio::time::{Sleep, sleep};

use crate::auth::Principal;
use crate::body::Source;
use crate::hub::{Kind, Next, Subscription};
use crate::observer::Outcome;
use crate::server::Shared;
use crate::trail::Trail;

/// A stream that stays open until its client leaves, its token ends, or the server stops.
pub(crate) struct LongStream {
    server: Arc<Shared>,
    subscription: Subscription,
    first: Option<Bytes>,
    /// When the caller's token ends: a stream is no longer anybody's after that.
    token_ends: Option<Pin<Box<Sleep>>>,
    /// The caller's token: whoever lost the grant meanwhile hears nothing more.
    token: Option<AccessToken>,
    /// The question whether the token is still good, and what goes out if it is.
    asking: Option<Asking>,
    ended: bool,
}

struct Asking {
    question: Pin<Box<dyn Future<Output = bool> + Send>>,
    event: Bytes,
}

impl LongStream {
    pub(crate) fn new(
        server: Arc<Shared>,
        caller: Option<&Principal>,
        headers: &HeaderMap,
        subscription: Subscription,
        first: Option<Bytes>,
    ) -> Self {
        let token = server.guard.as_ref().and_then(|guard| guard.token(headers));
        let token_ends = caller.and_then(|caller| caller.expires_at).map(|end| {
            let left = end.duration_since(server.now()).unwrap_or(Duration::ZERO);
            Box::pin(sleep(left))
        });
        Self { server, subscription, first, token_ends, token, asking: None, ended: false }
    }

    /// The last message: the answer to the request that opened the stream. A GET has none.
    fn farewell(&mut self) -> Option<Bytes> {
        self.ended = true;
        match self.subscription.kind() {
            Kind::Listen { id, .. } => {
                Some(v2026_07_28::encode_listen_closed(id, Some(&self.server.short_info)))
            }
            Kind::Session { .. } => None,
        }
    }

    /// Sends an event, once it is known that the caller may still have it.
    fn deliver(&mut self, event: Bytes) -> Option<Bytes> {
        let Some(token) = self.token.clone() else { return Some(event) };
        let server = self.server.clone();
        let question = Box::pin(async move {
            match &server.guard {
                Some(guard) => guard.is_still_good(&token, server.now()).await,
                None => true,
            }
        });
        self.asking = Some(Asking { question, event });
        None
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
        loop {
            if let Some(asking) = &mut self.asking {
                let Poll::Ready(still_good) = asking.question.as_mut().poll(cx) else { return Poll::Pending };
                let event = self.asking.take().map(|asking| asking.event);
                let event = if still_good { event } else { self.farewell().as_deref().map(sse::message) };
                return Poll::Ready(event);
            }
            let event = match self.subscription.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Next::End) => return Poll::Ready(self.farewell().as_deref().map(sse::message)),
                Poll::Ready(Next::Event(event)) => event,
            };
            if let Some(event) = self.deliver(event) {
                return Poll::Ready(Some(event));
            }
        }
    }

    fn conclude(&self, trail: &mut Trail) {
        trail.outcome = if self.ended { Outcome::Result } else { Outcome::Nothing };
    }
}
