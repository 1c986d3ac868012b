//! One connection, from its seat to its end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use crate::activity::{Late, after};
use crate::body::RequestBody;
use crate::config::ServeConfig;
use crate::room::Seat;
use crate::service::Visit;
use crate::socket::Socket;

/// How long a peer that was told that the connection ends has to say what HTTP/2 wants said, and to take in the rest of
/// a response that has been handed over.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub(crate) struct Shared {
    limits: Arc<ServeConfig>,
    http: Builder<TokioExecutor>,
    drain: CancellationToken,
}

impl Shared {
    pub(crate) fn new(limits: Arc<ServeConfig>, drain: CancellationToken) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        // `header_read_timeout` stays unset: hyper counts the pause between two requests as time for the second one's
        // head, and hyper-util has no timeout at all before it knows the version. `Activity` covers both.
        http.http1()
            .header_read_timeout(None)
            .max_buf_size(usize::try_from(limits.max_header_bytes).unwrap_or(usize::MAX).max(8192));
        if limits.max_headers != 100 {
            // 100 is hyper's own limit; to set it costs an allocation for each request.
            http.http1().max_headers(limits.max_headers);
        }
        // What ends a flood of resets and of continuations are h2's own defaults.
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(limits.max_header_bytes)
            .max_concurrent_streams(limits.max_concurrent_streams)
            .keep_alive_interval(limits.ping_interval)
            .keep_alive_timeout(limits.ping_timeout);
        Self { limits, http, drain }
    }

    /// Answers on that connection until one side ends it, a limit does, or the server is told to stop.
    pub(crate) async fn answer<S, B>(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        service: S,
        // Dropped last, when the socket is closed.
        seat: Seat,
    ) where
        S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let limits = &*self.limits;
        let activity = &seat.activity;
        let socket = TokioIo::new(Socket::new(stream, activity.clone()));
        let visit = Visit { service, peer, activity: activity.clone(), limits: self.limits.clone() };
        let mut connection = pin!(self.http.serve_connection(socket, visit));
        let mut drain = pin!(self.drain.cancelled());
        let mut told = pin!(activity.told_to_leave());
        // Looks as often as a deadline can come up, rather than be woken by each request.
        let step = limits.header_timeout.min(limits.idle_timeout).min(limits.write_timeout);
        let mut look = pin!(sleep_until(after(Instant::now(), step)));
        let mut farewell = None;
        loop {
            let time_to_leave = tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, error = &*error, "a connection ended early");
                    }
                    return;
                }
                () = drain.as_mut(), if farewell.is_none() => FAREWELL,
                () = told.as_mut(), if farewell.is_none() => {
                    tracing::debug!(%peer, "a connection makes room for others");
                    if activity.is_held_up() {
                        return;
                    }
                    Duration::ZERO
                }
                () = look.as_mut() => {
                    let now = Instant::now();
                    if let Some(farewell) = farewell
                        && activity.quiet_since().is_some_and(|since| since + farewell <= now)
                    {
                        return;
                    }
                    match activity.deadline(limits) {
                        Some((deadline, Late::Reading)) if deadline <= now => {
                            tracing::debug!(%peer, "a peer does not read its response");
                            return;
                        }
                        Some((deadline, late)) if deadline <= now && farewell.is_none() => {
                            tracing::debug!(%peer, ?late, "a connection is closed");
                            match late {
                                Late::Request => FAREWELL,
                                Late::Head | Late::Reading => Duration::ZERO,
                            }
                        }
                        Some((deadline, _)) if farewell.is_none() => {
                            look.as_mut().reset(deadline.min(after(now, step)));
                            continue;
                        }
                        _ => {
                            look.as_mut().reset(now + step.min(FAREWELL));
                            continue;
                        }
                    }
                }
            };
            connection.as_mut().graceful_shutdown();
            farewell = Some(time_to_leave);
            look.as_mut().reset(Instant::now() + time_to_leave);
        }
    }
}
