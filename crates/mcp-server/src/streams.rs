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
    /// The reader's token: whoever lost the grant meanwhile hears nothing more.
    pub(crate) token: Option<AccessToken>,
    /// The question whether the token is still good, and what goes out if it is.
    asking: Option<Asking>,
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
        let deliveries = Deliveries::new(server, subscription, token);
        Self { deliveries, first, token_ends, ended: false }
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
    pub(crate) fn new(server: Arc<Shared>, subscription: Subscription, token: Option<AccessToken>) -> Self {
        Self { server, subscription, token, asking: None }
    }

    /// The next event, once it is known that the reader may still have it; the end otherwise.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            if let Some(asking) = &mut self.asking {
                let Poll::Ready(still_good) = asking.question.as_mut().poll(cx) else { return Poll::Pending };
                let event = self.asking.take().map(|asking| asking.event);
                return Poll::Ready(event.filter(|_| still_good).map_or(Next::End, Next::Event));
            }
            let event = match self.subscription.poll_next(cx) {
                Poll::Ready(Next::Event(event)) => event,
                end => return end,
            };
            let Some(token) = self.token.clone() else { return Poll::Ready(Next::Event(event)) };
            let server = self.server.clone();
            let question = Box::pin(async move {
                match &server.guard {
                    Some(guard) => guard.is_still_good(&token, server.now()).await,
                    None => true,
                }
            });
            self.asking = Some(Asking { question, event });
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
        self.deliveries.poll_next(cx).map(|next| match next {
            Next::Event(event) => Some(event),
            Next::End => self.farewell().as_deref().map(sse::message),
        })
    }

    fn conclude(&self, trail: &mut Trail) {
        trail.outcome = if self.ended { Outcome::Result } else { Outcome::Nothing };
    }
}
