//! The application, as one connection sees it.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::Service;

use crate::activity::{Activity, Exchange};
use crate::body::{End, RequestBody, ResponseBody};
use crate::head;

/// Tells the connection's [`Activity`] when a request begins and ends, and refuses those with too large a head.
pub(crate) struct Visit<S> {
    service: S,
    activity: Arc<Activity>,
    /// The last exchange, to be used again: on HTTP/1 it is always over when the next one begins.
    last: Cell<Option<Arc<Exchange>>>,
}

impl<S> Visit<S> {
    pub(crate) fn new(service: S, activity: Arc<Activity>) -> Self {
        Self { service, activity, last: Cell::new(None) }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Visit<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
    B: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = Answer<S, S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let exchange = Exchange::begin(&self.activity, request.version(), self.last.take());
        self.last.set(Some(exchange.clone()));
        let end = Some(End(exchange.clone()));
        let limit = u64::from(self.activity.limits.max_header_bytes);
        let bytes = head::bytes(&request);
        if bytes > limit {
            let said = format!("the head of this request has {bytes} bytes; {limit} are accepted\n");
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Answer { state: State::Refused { status, said }, end };
        }
        if let Some(said) = head::host_fault(&request) {
            let (status, said) = (StatusCode::BAD_REQUEST, said.to_owned());
            return Answer { state: State::Refused { status, said }, end };
        }
        let request = request.map(|body| RequestBody::new(body, exchange));
        let mut service = self.service.clone();
        // Almost every service is ready, and then the request need not be kept for later: that would be 300 bytes for
        // each connection, and twice that to move for each request.
        let state = match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => State::Called { future: service.call(request) },
            Poll::Ready(Err(_)) | Poll::Pending => {
                State::Waiting { service: Box::new(service), request: Some(Box::new(request)) }
            }
        };
        Answer { state, end }
    }
}

pin_project! {
    /// The response to come.
    pub(crate) struct Answer<S, F> {
        #[pin]
        state: State<S, F>,
        end: Option<End>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F> {
        Refused { status: StatusCode, said: String },
        Waiting { service: Box<S>, request: Option<Box<Request<RequestBody>>> },
        Called { #[pin] future: F },
    }
}

impl<S, B> Future for Answer<S, S::Future>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    B: Body<Data = Bytes>,
{
    type Output = Result<Response<ResponseBody<B>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = self.project();
        let mut response = loop {
            match answer.state.as_mut().project() {
                StateProjection::Called { future } => break ready!(future.poll(context))?,
                StateProjection::Refused { status, said } => {
                    let said = std::mem::take(said);
                    let end = answer.end.take().expect("a future is not polled after it was ready");
                    return Poll::Ready(Ok(refused(*status, said, end)));
                }
                StateProjection::Waiting { service, request } => {
                    ready!(service.poll_ready(context))?;
                    let request = request.take().expect("a request is taken once, when its state ends");
                    let future = service.call(*request);
                    answer.state.set(State::Called { future });
                }
            }
        };
        let end = answer.end.take().expect("a future is not polled after it was ready");
        // Handlers say 400 or 413 of every body that they cannot read.
        if response.status().is_client_error() && end.0.too_slow.load(Ordering::Relaxed) {
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
        }
        Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, end))))
    }
}

/// Refuses a request by its head, and the connection with it: its body is not worth reading.
fn refused<B: Body<Data = Bytes>>(status: StatusCode, said: String, end: End) -> Response<ResponseBody<B>> {
    let mut response = Response::new(ResponseBody::own(said.into(), end));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
