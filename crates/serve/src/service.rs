//! The application, as one connection sees it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::ConnectInfo;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::util::Oneshot;
use tower::{Service, ServiceExt as _};

use crate::activity::Activity;
use crate::body::{End, RequestBody, ResponseBody};
use crate::config::ServeConfig;

/// Tells the service who asks, and the connection's [`Activity`] when a request begins and ends.
pub(crate) struct Visit<S> {
    pub(crate) service: S,
    pub(crate) peer: SocketAddr,
    pub(crate) activity: Arc<Activity>,
    pub(crate) limits: Arc<ServeConfig>,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Visit<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = Answer<Oneshot<S, Request<RequestBody>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let exchange = self.activity.begin(request.version());
        let too_slow = Arc::new(AtomicBool::new(false));
        let end = Some(End(exchange.clone()));
        let mut request =
            request.map(|body| RequestBody::new(body, exchange, too_slow.clone(), &self.limits));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Answer { answer: self.service.clone().oneshot(request), too_slow, end }
    }
}

pin_project! {
    /// The response to come.
    pub(crate) struct Answer<F> {
        #[pin]
        answer: F,
        too_slow: Arc<AtomicBool>,
        end: Option<End>,
    }
}

impl<F, B, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = self.project();
        let mut response = ready!(answer.answer.poll(context))?;
        // Handlers say 400 or 413 of every body that they cannot read.
        if response.status().is_client_error() && answer.too_slow.load(Ordering::Relaxed) {
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
        }
        let end = answer.end.take().expect("a future is not polled after it was ready");
        Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, end))))
    }
}
