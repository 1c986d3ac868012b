//! Bodies that say whose turn it is, and a request's body that does not wait for ever.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower::BoxError;

use crate::activity::{Exchange, Turn};

/// The peer let a handler wait too long for the body; see [`ServeConfig::body_timeout`](crate::ServeConfig::body_timeout).
#[derive(Debug, thiserror::Error)]
#[error("the request's body came too slowly")]
pub struct TooSlow;

/// The body of a request, as the service gets it. Fails with [`TooSlow`], or as the connection does.
pub struct RequestBody {
    incoming: Incoming,
    exchange: Arc<Exchange>,
    received: u64,
    /// There is one from the first time on that somebody had to wait.
    patience: Option<Box<Patience>>,
}

/// How long the peer may make a handler wait. A handler that takes its time costs the peer nothing.
struct Patience {
    /// What it has used up.
    waited: Duration,
    pause: Option<Pause>,
}

struct Pause {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, exchange: Arc<Exchange>) -> Self {
        Self { incoming, exchange, received: 0, patience: None }
    }

    /// The address that the request comes from; the one of a proxy in front, if there is one.
    pub fn peer(&self) -> SocketAddr {
        self.exchange.activity().peer
    }

    /// The peer has done something.
    fn go_on(&mut self) {
        if let Some(patience) = &mut self.patience
            && let Some(pause) = patience.pause.take()
        {
            patience.waited += pause.since.elapsed();
        }
    }

    /// Waits for the peer, once for the whole body, so that a dribble does not look like progress.
    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.exchange.wait(Turn::Body);
        let limits = &self.exchange.activity().limits;
        let micros = self.received.saturating_mul(1_000_000) / u64::from(limits.body_min_rate.get());
        let allowed = limits.body_timeout.saturating_add(Duration::from_micros(micros));
        let patience =
            self.patience.get_or_insert_with(|| Box::new(Patience { waited: Duration::ZERO, pause: None }));
        let left = allowed.saturating_sub(patience.waited);
        let pause =
            patience.pause.get_or_insert_with(|| Pause { since: Instant::now(), end: Box::pin(sleep(left)) });
        pause.end.as_mut().poll(context)
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
                body.go_on();
                body.received += frame.data_ref().map_or(0, Bytes::len) as u64;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                body.patience = None;
                body.exchange.go_on(Turn::Body);
                Poll::Ready(end.map(|failed| failed.map_err(Into::into)))
            }
            Poll::Pending => {
                ready!(body.poll_pause(context));
                body.exchange.too_slow.store(true, Ordering::Relaxed);
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
    /// The body of a response, as the connection gets it: the application's, or our own.
    pub(crate) struct ResponseBody<B> {
        #[pin]
        inner: Either<B, Full<Bytes>>,
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
        Self { inner: Either::Left(inner), handed_over: false, end }
    }

    pub(crate) fn own(said: Bytes, end: End) -> Self {
        Self { inner: Either::Right(Full::new(said)), handed_over: false, end }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.project();
        // The connection asks for more when there is room for more: what it got before is on its way.
        if std::mem::take(body.handed_over) {
            body.end.0.go_on(Turn::Response);
        }
        let mut inner = body.inner;
        let frame = ready!(inner.as_mut().poll_frame(context));
        // HTTP/1 drops the body with its last frame, and nobody would see that the server waits.
        if matches!(frame, Some(Ok(_))) && (body.end.0.is_multiplexed() || !inner.is_end_stream()) {
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
