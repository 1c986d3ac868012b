//! The body of a response: whole, or a stream of events.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use barewire_mcp::http::headers::{ACCEL_BUFFERING, EVENT_STREAM};
use barewire_mcp::http::sse;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::drain::UnderWay;
use crate::trail::Trail;

/// The body of every response of an [`McpService`](crate::McpService).
///
/// A stream's source is polled by whoever sends the response: without a reader there is no work, and dropping the body
/// is how a client's disconnect reaches the handler.
pub struct Body {
    kind: Kind,
    /// Reports the request when it is over.
    trail: Option<Box<Trail>>,
    /// Counts the request until it is over.
    _under_way: Option<UnderWay>,
}

enum Kind {
    Whole {
        bytes: Option<Bytes>,
        /// The end of it, if that is shared with other answers: handed on as it is, and not copied behind the rest.
        shared: Option<Bytes>,
    },
    Stream(Box<Stream>),
}

/// Where a stream's messages come from.
pub(crate) trait Source: Send {
    /// The next event, already encoded; `None` at the end.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;

    /// Whether it is silent for a moment only, and has arranged to be asked again.
    fn is_breathing(&self) -> bool {
        false
    }

    /// Tells the trail how it ended.
    fn conclude(&self, trail: &mut Trail) {
        let _ = trail;
    }
}

struct Stream {
    source: Box<dyn Source>,
    /// Goes out before anything else, so that the first byte is not late.
    first: Option<Bytes>,
    ended: bool,
    keep_alive: Duration,
    /// There is one from the first time on that the stream is quiet: most end before.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether something was said since the timer was set.
    spoke: bool,
}

impl Body {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        Self { kind: Kind::Whole { bytes, shared: None }, trail: None, _under_way: None }
    }

    /// Ends a body that is no stream with bytes that others end with, too.
    pub(crate) fn end_with(&mut self, rest: Bytes) {
        if let Kind::Whole { shared, .. } = &mut self.kind {
            *shared = Some(rest);
        }
    }

    fn stream(first: Bytes, source: Box<dyn Source>, keep_alive: Duration) -> Self {
        let stream =
            Stream { source, first: Some(first), ended: false, keep_alive, timer: None, spoke: false };
        Self { kind: Kind::Stream(Box::new(stream)), trail: None, _under_way: None }
    }

    /// All of it, if it is not a stream.
    pub(crate) fn into_whole(mut self) -> Option<Bytes> {
        match &mut self.kind {
            Kind::Whole { bytes, shared: None } => bytes.take(),
            Kind::Whole { bytes, shared: Some(shared) } => {
                Some([&bytes.take().unwrap_or_default()[..], shared].concat().into())
            }
            Kind::Stream(_) => None,
        }
    }

    pub(crate) fn hold(&mut self, under_way: Option<UnderWay>, trail: Option<Box<Trail>>) {
        self._under_way = under_way;
        self.trail = trail;
        if let (Kind::Stream(_), Some(trail)) = (&self.kind, &mut self.trail) {
            trail.note_stream();
        }
    }
}

/// A response that is an event stream, with the headers that keep proxies from holding it back.
pub(crate) fn event_stream(source: Box<dyn Source>, keep_alive: Duration) -> Response<Body> {
    event_stream_from(sse::keep_alive(), source, keep_alive)
}

/// One that begins with something else than a comment.
pub(crate) fn event_stream_from(
    first: Bytes,
    source: Box<dyn Source>,
    keep_alive: Duration,
) -> Response<Body> {
    let mut response = Response::new(Body::stream(first, source, keep_alive));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// A response of a status alone.
pub(crate) fn status_only(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let next = match &mut this.kind {
            Kind::Whole { bytes, shared } => bytes.take().or_else(|| shared.take()),
            Kind::Stream(stream) => match stream.poll_next(cx) {
                Poll::Ready(next) => next,
                Poll::Pending => return Poll::Pending,
            },
        };
        if let (Some(bytes), Some(trail)) = (&next, &mut this.trail) {
            trail.bytes_out += bytes.len() as u64;
        }
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes, shared } => bytes.is_none() && shared.is_none(),
            Kind::Stream(stream) => stream.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { bytes, shared } => {
                let length = |part: &Option<Bytes>| part.as_ref().map_or(0, |bytes| bytes.len() as u64);
                SizeHint::with_exact(length(bytes) + length(shared))
            }
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

impl Stream {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if let Poll::Ready(next) = self.source.poll_event(cx) {
            self.ended = next.is_none();
            self.spoke = true;
            return Poll::Ready(next);
        }
        if self.source.is_breathing() {
            return Poll::Pending;
        }
        loop {
            let timer = self.timer.get_or_insert_with(|| {
                self.spoke = false;
                Box::pin(sleep(self.keep_alive))
            });
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            timer.as_mut().reset(Instant::now() + self.keep_alive);
            // To set the timer anew for each event would cost more than the event; so a pause is noticed at the second
            // time at the latest.
            if !std::mem::take(&mut self.spoke) {
                return Poll::Ready(Some(sse::keep_alive()));
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let (Kind::Stream(stream), Some(trail)) = (&self.kind, &mut self.trail) {
            stream.source.conclude(trail);
        }
    }
}
