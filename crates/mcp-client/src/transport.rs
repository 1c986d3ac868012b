//! The one place where HTTP leaves this crate: bounded, without redirects, and recorded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use barewire_exchange::{Decision, ExchangeBuilder, FailureKind, Masker};
use barewire_mcp::http::headers::{EVENT_STREAM, media_type};
use barewire_mcp::http::sse::{Decoder, Event};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::error::{Answered, TransportError};
use crate::options::ClientOptions;
use crate::recording::{self, Purpose, Recording};
use crate::shared::whole_seconds;

/// A request.
pub(crate) struct Request {
    pub(crate) purpose: Purpose,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// How long the head of the answer may take.
    pub(crate) timeout: Duration,
}

/// Sends requests for one set of options.
#[derive(Clone)]
pub(crate) struct Transport {
    options: ClientOptions,
}

/// The head of an answer; its body is still on the wire.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) recording: Recording,
    masker: Masker,
    origin: String,
    idle: Duration,
    /// Taken by whoever reads the body as events.
    response: Option<reqwest::Response>,
}

impl Transport {
    pub(crate) fn new(options: ClientOptions) -> Self {
        Self { options }
    }

    /// Sends the request and waits for the head of the answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Reply, TransportError> {
        self.send_with(self.options.shared.http(&self.options.config)?, request).await
    }

    /// Sends the request to a public address or nowhere.
    pub(crate) async fn send_confined(&self, request: Request) -> Result<Reply, TransportError> {
        self.send_with(self.options.shared.confined(&self.options.config)?, request).await
    }

    async fn send_with(&self, client: reqwest::Client, request: Request) -> Result<Reply, TransportError> {
        let Request { purpose, method, url, mut headers, body, timeout } = request;
        let identity = &self.options.identity;
        if let Ok(agent) = HeaderValue::from_str(&format!("{}/{}", identity.name, identity.version)) {
            headers.entry(USER_AGENT).or_insert(agent);
        }
        let recording = self.record(purpose, &method, &url, &headers, body.as_ref());
        let origin = url.origin().ascii_serialization();
        let mut builder = client.request(method, url).headers(headers);
        if let Some(body) = body {
            builder = builder.body(body);
        }
        let outcome = tokio::time::timeout(timeout, builder.send()).await;
        let failure = match outcome {
            Ok(Ok(response)) => {
                let (status, headers) = (response.status(), response.headers().clone());
                recording.response(status, &headers);
                // From here a login may begin, and this is whose words it follows.
                if let (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(peer)) =
                    (status, response.remote_addr())
                {
                    self.options.shared.peers.remember(&origin, peer.ip(), &self.options.config);
                }
                let idle = self.options.config.stream_idle_timeout;
                let masker = self.options.shared.masker.clone();
                return Ok(Reply {
                    status,
                    headers,
                    recording,
                    masker,
                    origin,
                    idle,
                    response: Some(response),
                });
            }
            Ok(Err(error)) => network(&error, &origin),
            Err(_) => TransportError::Timeout { seconds: whole_seconds(timeout) },
        };
        if matches!(failure, TransportError::Connect { .. }) {
            recording.decide(&Decision::Unreachable { error: failure.to_string() });
        }
        recording.fail(failure.kind(), &failure.to_string());
        Err(failure)
    }

    /// Records a request that somebody else sends: the browser. Its answer is not seen here.
    pub(crate) fn note(&self, purpose: Purpose, url: &str) -> Recording {
        match Url::parse(url) {
            Ok(url) => self.record(purpose, &Method::GET, &url, &HeaderMap::new(), None),
            Err(_) => Recording::disabled(),
        }
    }

    fn record(
        &self,
        purpose: Purpose,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<&Bytes>,
    ) -> Recording {
        let options = &self.options;
        if !options.recorder.is_enabled() {
            return Recording::disabled();
        }
        let shared = &options.shared;
        let builder = ExchangeBuilder::new(
            shared.exchange_id(),
            purpose.step,
            (options.clock)(),
            shared.masker.clone(),
            options.config.exchange.clone(),
        );
        Recording::start(
            recording::builder(purpose, builder),
            Arc::clone(&options.recorder),
            Arc::clone(&options.clock),
            (method, url.as_str(), headers, body),
        )
    }
}

impl Reply {
    /// The media type without parameters, lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        media_type(value).to_ascii_lowercase()
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.status.is_success() && self.media_type() == EVENT_STREAM
    }

    /// Reads the body, at most `limit` bytes, and for as long as a stream may be silent: what comes a byte at a time does not
    /// end otherwise.
    pub(crate) async fn body(&mut self, limit: usize) -> Result<Bytes, TransportError> {
        let mut body = BytesMut::new();
        let started = tokio::time::Instant::now();
        loop {
            let Some(response) = &mut self.response else { return Ok(body.freeze()) };
            let left = self.idle.saturating_sub(started.elapsed());
            let failure = match tokio::time::timeout(left, response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() <= limit => {
                    self.recording.chunk(&chunk);
                    body.extend_from_slice(&chunk);
                    continue;
                }
                Ok(Ok(Some(_))) => TransportError::TooLarge { limit },
                Ok(Ok(None)) => {
                    self.recording.finish();
                    return Ok(body.freeze());
                }
                Ok(Err(error)) => network(&error, &self.origin),
                Err(_) => TransportError::Timeout { seconds: whole_seconds(self.idle) },
            };
            self.recording.fail(failure.kind(), &failure.to_string());
            return Err(failure);
        }
    }

    /// Reads what there is of a body that only a person will read.
    pub(crate) async fn excerpt(&mut self) -> String {
        const SHOWN: usize = 2_000;
        let body = self.body(SHOWN * 8).await.unwrap_or_default();
        String::from_utf8_lossy(&body).trim().chars().take(SHOWN).collect()
    }

    /// Turns the body into events.
    pub(crate) fn events(mut self, limit: usize) -> Events {
        self.take_events(limit)
    }

    /// The body as events; whoever reads it afterwards finds nothing.
    pub(crate) fn take_events(&mut self, limit: usize) -> Events {
        Events {
            response: self.response.take(),
            recording: self.recording.clone(),
            decoder: Decoder::new(limit),
            ready: VecDeque::new(),
            origin: self.origin.clone(),
            idle: self.idle,
        }
    }

    /// Where it redirects to, if it does.
    pub(crate) fn redirect(&self) -> Option<String> {
        let location = self.headers.get(LOCATION).filter(|_| self.status.is_redirection())?;
        let location = self.masker.url(&String::from_utf8_lossy(location.as_bytes()));
        Some(location.chars().take(500).collect())
    }

    /// What this answer is, when it is not one of MCP. Reads the body.
    pub(crate) async fn describe(&mut self) -> Answered {
        if let Some(location) = self.redirect() {
            self.recording.decide(&Decision::RedirectRefused { location: location.clone() });
            self.recording.finish();
            return Answered::Redirect { location };
        }
        let (status, media_type) = (self.status, self.media_type());
        let text = self.excerpt().await;
        describe(status, &media_type, &self.masker.text(&text))
    }
}

/// Names an answer that is not one of MCP.
pub(crate) fn describe(status: StatusCode, media_type: &str, text: &str) -> Answered {
    let html = media_type.contains("html")
        || text.get(..15).is_some_and(|start| start.to_ascii_lowercase().starts_with("<!doctype html"));
    match status {
        StatusCode::NOT_FOUND => Answered::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Answered::MethodNotAllowed,
        _ if html => Answered::Html { status },
        _ if status.is_success() && text.is_empty() => Answered::Empty { status },
        _ if status.is_success() && media_type == "application/json" => Answered::NotJsonRpc { status },
        _ if status.is_success() => Answered::MediaType { status, media_type: media_type.to_owned() },
        _ => {
            let reason = status.canonical_reason().unwrap_or_default();
            let message = if text.is_empty() { reason.to_owned() } else { text.chars().take(300).collect() };
            Answered::Status { status, message }
        }
    }
}

/// The events of a stream, as they come. Dropping it closes the connection.
pub(crate) struct Events {
    pub(crate) recording: Recording,
    response: Option<reqwest::Response>,
    decoder: Decoder,
    ready: VecDeque<Event>,
    origin: String,
    idle: Duration,
}

impl Events {
    /// The next event; `None` when the server ended the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, TransportError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.recording.event(&event);
                return Ok(Some(event));
            }
            let Some(response) = &mut self.response else { return Ok(None) };
            let failure = match tokio::time::timeout(self.idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) => match self.decoder.feed(&chunk) {
                    Ok(events) => {
                        self.ready.extend(events);
                        continue;
                    }
                    Err(too_large) => TransportError::TooLarge { limit: too_large.limit },
                },
                Ok(Ok(None)) => {
                    self.recording.finish();
                    return Ok(None);
                }
                Ok(Err(error)) => network(&error, &self.origin),
                Err(_) => TransportError::Timeout { seconds: whole_seconds(self.idle) },
            };
            self.recording.fail(failure.kind(), &failure.to_string());
            return Err(failure);
        }
    }

    /// The id to go on from.
    pub(crate) fn last_event_id(&self) -> Option<String> {
        self.decoder.last_event_id().map(str::to_owned)
    }

    /// How long the server asked to wait before connecting again.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }
}

impl TransportError {
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Connect { .. } => FailureKind::Connect,
            Self::Timeout { .. } => FailureKind::Timeout,
            Self::Broken { .. } => FailureKind::Broken,
            Self::TooLarge { .. } => FailureKind::TooLarge,
            Self::Request { .. } => FailureKind::Forbidden,
        }
    }
}

fn network(error: &reqwest::Error, origin: &str) -> TransportError {
    let detail = root_cause(error);
    if error.is_timeout() && !error.is_connect() {
        return TransportError::Broken { detail };
    }
    if error.is_connect() {
        return TransportError::Connect { origin: origin.to_owned(), detail };
    }
    if error.is_builder() {
        return TransportError::Request { detail };
    }
    TransportError::Broken { detail }
}

/// The innermost error says what happened; those around it only where.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let detail = cause.to_string();
    // That is what TLS makes of a plain answer, and of no use to whoever typed one letter too many.
    if detail.contains("InvalidContentType") {
        return "what is there speaks no TLS: http, not https?".to_owned();
    }
    detail
}
