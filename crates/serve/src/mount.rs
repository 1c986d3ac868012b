//! One service that answers at its own path, and an application for everything else.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::future::RouteFuture;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Either;
use pin_project_lite::pin_project;
use tower::Service;

use crate::body::RequestBody;

/// Sends requests for exactly one path (and the same with a slash at its end) straight to a service, and all others to
/// a router, which gets the peer's address as [`WithPeer`] gives it.
///
/// The router alone can do that too, with `route_service`. It costs 2,600 instructions for each request, a fifth of what
/// HTTP itself costs: the matching of paths, and a boxed future, a boxed body and a boxed service on the way.
#[derive(Debug, Clone)]
pub struct Mount<S> {
    path: &'static str,
    service: S,
    rest: WithPeer<Router>,
}

impl<S> Mount<S> {
    /// `service` at `path`, `rest` everywhere else.
    pub fn new(path: &'static str, service: S, rest: Router) -> Self {
        Self { path, service, rest: WithPeer::new(rest) }
    }
}

impl<S, B> Service<Request<RequestBody>> for Mount<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    type Response = Response<Either<B, axum::body::Body>>;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let path = request.uri().path();
        if path.strip_suffix('/').unwrap_or(path) == self.path {
            Answer { of: Of::Service { future: self.service.call(request) } }
        } else {
            Answer { of: Of::Rest { future: self.rest.call(request) } }
        }
    }
}

pin_project! {
    /// The response of whichever it is.
    pub struct Answer<F> {
        #[pin]
        of: Of<F>,
    }
}

pin_project! {
    #[project = OfProjection]
    enum Of<F> {
        Service { #[pin] future: F },
        Rest { #[pin] future: RouteFuture<Infallible> },
    }
}

impl<F, B> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<Either<B, axum::body::Body>>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().of.project() {
            OfProjection::Service { future } => {
                future.poll(context).map_ok(|response| response.map(Either::Left))
            }
            OfProjection::Rest { future } => {
                future.poll(context).map_ok(|response| response.map(Either::Right))
            }
        }
    }
}

/// Puts the peer's address into the extensions of each request, as [`ConnectInfo`]`<SocketAddr>`.
///
/// Not done for every service, since it costs three allocations a request.
#[derive(Debug, Clone)]
pub struct WithPeer<S> {
    service: S,
    wanted: bool,
}

impl<S> WithPeer<S> {
    /// For a service that wants to know.
    pub fn new(service: S) -> Self {
        Self::only_if(true, service)
    }

    /// For one that may want to know.
    pub fn only_if(wanted: bool, service: S) -> Self {
        Self { service, wanted }
    }
}

impl<S> Service<Request<RequestBody>> for WithPeer<S>
where
    S: Service<Request<RequestBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        if self.wanted {
            let peer: SocketAddr = request.body().peer();
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        self.service.call(request)
    }
}
