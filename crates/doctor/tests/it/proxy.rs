//! A proxy in front of a healthy server that does one thing wrong.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A request on its way to the server.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer on its way back. The body of a stream is not in it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// An event stream, which passes by.
    pub(crate) stream: bool,
}

type AskHook = Arc<dyn Fn(&mut Asked) -> Option<Answered> + Send + Sync>;
type AnswerHook = Arc<dyn Fn(&Asked, &mut Answered) + Send + Sync>;

/// What the proxy does wrong.
#[derive(Clone)]
pub(crate) struct Fault {
    ask: AskHook,
    answer: AnswerHook,
    pub(crate) streams: Streams,
}

/// What becomes of event streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    Pass,
    /// The head passes, the events are collected until the end.
    HoldEvents,
    /// Everything is collected until the end.
    HoldAll,
}

impl Fault {
    pub(crate) fn none() -> Self {
        Self { ask: Arc::new(|_| None), answer: Arc::new(|_, _| {}), streams: Streams::Pass }
    }

    /// Something is done with requests: they are changed, or answered in the server's place.
    pub(crate) fn asking(ask: impl Fn(&mut Asked) -> Option<Answered> + Send + Sync + 'static) -> Self {
        Self { ask: Arc::new(ask), ..Self::none() }
    }

    /// Something is done with answers.
    pub(crate) fn answering(answer: impl Fn(&Asked, &mut Answered) + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), ..Self::none() }
    }

    pub(crate) fn streams(streams: Streams) -> Self {
        Self { streams, ..Self::none() }
    }
}

impl Asked {
    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The method of the JSON-RPC message.
    pub(crate) fn rpc(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn is_mcp(&self) -> bool {
        self.path.trim_end_matches('/') == "/mcp"
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.remove(name);
    }
}

impl Answered {
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        if !media_type.is_empty() {
            headers.insert("content-type", HeaderValue::from_str(media_type).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers, body: body.into(), stream: false }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.remove(name);
    }

    /// Changes a JSON body.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let mut json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        change(&mut json);
        self.body = json.to_string().into();
    }
}

/// The proxy, listening; its fault can be exchanged while it does.
pub(crate) struct Proxy {
    pub(crate) origin: Url,
    state: Way,
    listener: Option<TcpListener>,
    stop: CancellationToken,
}

#[derive(Clone)]
struct Way {
    to: Arc<Mutex<String>>,
    fault: Arc<Mutex<Fault>>,
    http: reqwest::Client,
}

impl Proxy {
    /// Takes a port, and answers once it knows where to.
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let state =
            Way { to: Arc::new(Mutex::new(String::new())), fault: Arc::new(Mutex::new(Fault::none())), http };
        Self { origin, state, listener: Some(listener), stop: CancellationToken::new() }
    }

    /// Begins to answer.
    pub(crate) fn serve(&mut self, to: &str) {
        to.clone_into(&mut self.state.to.lock().unwrap());
        let app = router(self.state.clone());
        let (listener, stopped) = (self.listener.take().unwrap(), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, app).into_future() => served.unwrap(),
            }
        });
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.state.fault.lock().unwrap() = fault;
    }

    pub(crate) fn url(&self) -> String {
        self.origin.join("/mcp").unwrap().into()
    }

    /// What answers, for a listener of somebody else.
    pub(crate) fn router_to(to: &str, fault: Fault) -> Router {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let state = Way { to: Arc::new(Mutex::new(to.to_owned())), fault: Arc::new(Mutex::new(fault)), http };
        router(state)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn router(state: Way) -> Router {
    Router::new().fallback(pass).with_state(state)
}

async fn pass(State(way): State<Way>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: axum::body::to_bytes(body, 1 << 22).await.unwrap(),
    };
    let fault = way.fault.lock().unwrap().clone();
    if let Some(answered) = (fault.ask)(&mut asked) {
        return response(answered, None);
    }
    let query = asked.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("http://{}{}{query}", way.to.lock().unwrap(), asked.path);
    let mut headers = asked.headers.clone();
    headers.remove("content-length");
    let sent = way.http.request(asked.method.clone(), url).headers(headers).body(asked.body.clone()).send();
    let upstream = match sent.await {
        Ok(upstream) => upstream,
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let mut headers = upstream.headers().clone();
    for hop in ["content-length", "transfer-encoding", "connection"] {
        headers.remove(hop);
    }
    let stream =
        headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let mut answered = Answered { status: upstream.status(), headers, body: Bytes::new(), stream };
    if !stream {
        answered.body = upstream.bytes().await.unwrap();
        (fault.answer)(&asked, &mut answered);
        return response(answered, None);
    }
    (fault.answer)(&asked, &mut answered);
    let events = match fault.streams {
        Streams::Pass => Body::from_stream(upstream.bytes_stream()),
        Streams::HoldAll => Body::from(upstream.bytes().await.unwrap_or_default()),
        Streams::HoldEvents => {
            let whole = async move { upstream.bytes().await };
            Body::from_stream(futures_util::stream::once(whole).boxed())
        }
    };
    response(answered, Some(events))
}

fn response(answered: Answered, stream: Option<Body>) -> Response {
    let mut response = Response::new(stream.unwrap_or_else(|| Body::from(answered.body)));
    *response.status_mut() = answered.status;
    *response.headers_mut() = answered.headers;
    response
}
