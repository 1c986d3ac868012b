//! Bodies that say whose turn it is, and a request's body that does not wait for ever.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower::BoxError;

use crate::activity::{Exchange, Turn};
use crate::config::ServeConfig;

/// The peer let a handler wait too long for the body; see [`ServeConfig::body_timeout`].
#[derive(Debug, thiserror::Error)]
#[error("the request's body came too slowly")]
pub struct TooSlow;

/// The body of a request, as the service gets it. Fails with [`TooSlow`], or as the connection does.
pub struct RequestBody {
    incoming: Incoming,
    exchange: Arc<Exchange>,
    too_slow: Arc<AtomicBool>,
    /// How long the peer may still make a handler wait. A handler that takes its time costs the peer nothing.
    budget: Duration,
    min_rate: NonZeroU32,
    pause: Option<Pause>,
}

struct Pause {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

impl RequestBody {
    pub(crate) fn new(
        incoming: Incoming,
        exchange: Arc<Exchange>,
        too_slow: Arc<AtomicBool>,
        limits: &ServeConfig,
    ) -> Self {
        let (budget, min_rate) = (limits.body_timeout, limits.body_min_rate);
        Self { incoming, exchange, too_slow, budget, min_rate, pause: None }
    }

    fn earned(&mut self, frame: &Frame<Bytes>) {
        if let Some(pause) = self.pause.take() {
            self.budget = self.budget.saturating_sub(pause.since.elapsed());
        }
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        self.budget +=
            Duration::from_micros(bytes.saturating_mul(1_000_000) / u64::from(self.min_rate.get()));
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = &mut *self;
        match Pin::new(&mut body.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                body.earned(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                body.pause = None;
                body.exchange.go_on(Turn::Body);
                Poll::Ready(end.map(|failed| failed.map_err(Into::into)))
            }
            Poll::Pending => {
                // Once for the whole body, so that a dribble does not look like progress.
                body.exchange.wait(Turn::Body);
                let budget = body.budget;
                let pause = body
                    .pause
                    .get_or_insert_with(|| Pause { since: Instant::now(), end: Box::pin(sleep(budget)) });
                ready!(pause.end.as_mut().poll(context));
                body.too_slow.store(true, Ordering::Relaxed);
                Poll::Ready(Some(Err(TooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.exchange.go_on(Turn::Body);
    }
}

pin_project! {
    /// The body of a response, as the connection gets it.
    pub(crate) struct ResponseBody<B> {
        #[pin]
        inner: B,
        handed_over: bool,
        end: End,
    }
}

/// Ends the exchange wherever its response is dropped.
pub(crate) struct End(pub(crate) Arc<Exchange>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn new(inner: B, end: End) -> Self {
        Self { inner, handed_over: false, end }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let body = self.project();
        // The connection asks for more when there is room for more: what it got before is on its way.
        if std::mem::take(body.handed_over) {
            body.end.0.go_on(Turn::Response);
        }
        let frame = ready!(body.inner.poll_frame(context));
        if matches!(frame, Some(Ok(_))) {
            *body.handed_over = true;
            body.end.0.wait(Turn::Response);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
