//! One connection, from its seat to its end.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower::{BoxError, Service};

use crate::activity::{Activity, order};
use crate::body::RequestBody;
use crate::config::ServeConfig;
use crate::head::ROOM_TO_SAY_SO;
use crate::room::Seat;
use crate::service::Visit;
use crate::socket::Socket;

/// What all connections of a server share.
pub(crate) struct Shared {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Shared {
    pub(crate) fn new(limits: &ServeConfig) -> Self {
        let mut http1 = http1::Builder::new();
        let max_head = usize::try_from(limits.max_header_bytes).unwrap_or(usize::MAX);
        // `header_read_timeout` stays unset: hyper counts the pause between two requests as time for the second one's
        // head. `Activity` knows the difference.
        http1.header_read_timeout(None).max_buf_size(max_head.saturating_add(ROOM_TO_SAY_SO));
        if limits.max_headers != 100 {
            // 100 is hyper's own limit; to set it costs an allocation for each request.
            http1.max_headers(limits.max_headers);
        }
        // What ends a flood of resets and of continuations are h2's own defaults.
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            // h2 refuses what reaches its limit.
            .max_header_list_size(limits.max_header_bytes.saturating_add(1))
            .max_concurrent_streams(limits.max_concurrent_streams)
            .keep_alive_interval(limits.ping_interval)
            .keep_alive_timeout(limits.ping_timeout);
        Self { http1, http2 }
    }

    /// Answers on that connection until one side ends it, a limit does, or the server is told to stop.
    ///
    /// hyper-util's `auto` does the same, at the price of 4 KiB for each connection: it keeps room for HTTP/2 where
    /// HTTP/1 is spoken, and makes hyper double its read buffer.
    pub(crate) fn answer<S, B>(
        self: Arc<Self>,
        stream: TcpStream,
        service: S,
        seat: Seat,
    ) -> impl Future<Output = ()> + Send
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let mut socket = Socket::new(stream, seat.activity.clone());
        let visit = Visit::new(service, seat.activity.clone());
        async move {
            // Dropped last, when the socket is closed.
            let seat = seat;
            let peer = seat.activity.peer;
            let http2 = obey(&seat.activity, pin!(Beginning { socket: &mut socket, told: false })).await;
            let ended = match http2 {
                Some(Ok(false)) => {
                    obey(&seat.activity, pin!(self.http1.serve_connection(TokioIo::new(socket), visit))).await
                }
                Some(Ok(true)) => {
                    let connection = self.http2.serve_connection(TokioIo::new(socket), visit);
                    obey(&seat.activity, Box::pin(connection).as_mut()).await
                }
                Some(Err(error)) => {
                    tracing::debug!(%peer, %error, "a connection was gone before it said anything");
                    return;
                }
                None => return,
            };
            if let Some(Err(error)) = ended {
                tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection ended early");
            }
        }
    }
}

/// What can be told to finish.
trait Finish: Future {
    /// Answers what has begun, and nothing after it.
    fn finish(self: Pin<&mut Self>);
}

impl<I, S> Finish for http1::Connection<I, S>
where
    Self: Future,
    S: HttpService<Incoming, Error: Into<BoxError>, ResBody: Body<Error: Into<BoxError>> + 'static>,
    I: Read + Write + Unpin,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Finish for http2::Connection<I, S, TokioExecutor>
where
    Self: Future,
    S: HttpService<Incoming, Error: Into<BoxError>, ResBody: Body<Error: Into<BoxError>> + 'static>,
    I: Read + Write + Unpin,
    TokioExecutor: Http2ServerConnExec<S::Future, S::ResBody>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// A connection whose version is not known yet.
struct Beginning<'a> {
    socket: &'a mut Socket,
    told: bool,
}

impl Future for Beginning<'_> {
    type Output = io::Result<bool>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.told {
            Poll::Ready(Err(io::ErrorKind::Interrupted.into()))
        } else {
            self.socket.poll_version(context)
        }
    }
}

impl Finish for Beginning<'_> {
    fn finish(mut self: Pin<&mut Self>) {
        self.told = true;
    }
}

/// Goes on with a connection and with what the room tells it. `None` when it was told to be gone.
async fn obey<F: Finish>(activity: &Activity, mut connection: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(Some(ended));
            }
            let orders = activity.orders(context.waker());
            if orders == 0 {
                return Poll::Pending;
            }
            // The peer may have done its part since it was looked at.
            let gone = |ordered: u8, still: bool| orders & ordered != 0 && still;
            if gone(order::BREAK_OFF, true)
                || gone(order::GIVE_UP, activity.is_stalled())
                || gone(order::MAKE_ROOM, activity.is_held_up())
            {
                return Poll::Ready(None);
            }
            if orders & order::FINISH != 0 {
                connection.as_mut().finish();
                if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                    return Poll::Ready(Some(ended));
                }
            }
            if gone(order::LEAVE, activity.is_quiet()) {
                return Poll::Ready(None);
            }
        }
    })
    .await
}
