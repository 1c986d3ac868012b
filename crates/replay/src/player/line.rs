//! The wire: requests as a transcript wants them, also broken ones. Bounded in time and bytes, never redirected, recorded
//! with secrets masked.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use barewire_exchange::{Exchange, ExchangeBuilder, FailureKind, Limits, Masker, Rpc, Step};
use barewire_mcp::http::headers::{EVENT_STREAM, media_type};
use barewire_oauth::client_flow::EndpointRule;
use barewire_oauth::dpop::BoundToken;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;

use super::stream::Stream;
use super::{Deadline, Observer};
use crate::answer::{Answer, Content, Head, data};
use crate::config::ReplayConfig;
use crate::transcript::Event;

/// Sends requests and keeps what they were answered.
pub(crate) struct Line {
    http: reqwest::Client,
    config: ReplayConfig,
    observer: Arc<dyn Observer>,
    masker: Masker,
    /// The caller's token, where it is bound to a key.
    bound: Option<BoundToken>,
    rule: EndpointRule,
    server: Url,
    deadline: Deadline,
    exchanges: Vec<Exchange>,
}

/// No HTTP client can be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct SetupError(#[from] reqwest::Error);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the server was not reached: {0}")]
    Unreachable(String),
    #[error("no answer within {0} ms")]
    Late(u64),
    #[error("the answer broke off: {0}")]
    Broken(String),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("{url} is not called: it {reason}")]
    Forbidden { url: Url, reason: &'static str },
    #[error("the time for the whole replay was over")]
    NotAsked,
}

/// One request, as it will be sent.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Option<Value>,
    pub(crate) body: Option<String>,
}

impl Outgoing {
    /// Puts the fields where the method wants them.
    pub(crate) fn set_form(&mut self, fields: Vec<(String, String)>) {
        if self.method == Method::GET {
            self.url.query_pairs_mut().extend_pairs(&fields);
        } else {
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            self.body = Some(body.extend_pairs(&fields).finish());
        }
        let members = fields.into_iter().map(|(name, value)| (name, Value::String(value)));
        self.json = Some(Value::Object(members.collect()));
    }

    /// As checks look at it: `/url`, `/headers/NAME`, `/body`; the fields of a form are its body.
    pub(crate) fn view(&self) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), json!(value.to_str().ok()?))))
            .collect();
        json!({ "url": self.url.as_str(), "headers": headers, "body": self.json })
    }
}

impl Line {
    pub(crate) fn new(
        server: &Url,
        roots: &[reqwest::Certificate],
        config: ReplayConfig,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, SetupError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("barewire-replay/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.request_timeout)
            .tls_certs_merge(roots.iter().cloned())
            .build()?;
        Ok(Self {
            http,
            deadline: Deadline { at: Instant::now() + config.deadline },
            config,
            observer,
            masker: Masker::new(),
            bound: None,
            rule: EndpointRule::for_server(server),
            server: server.clone(),
            exchanges: Vec::new(),
        })
    }

    /// Proves to have the key that this token is bound to, wherever it is sent.
    pub(crate) fn holding(self, bound: Option<BoundToken>) -> Self {
        Self { bound, ..self }
    }

    pub(crate) fn masker(&self) -> &Masker {
        &self.masker
    }

    /// How long a step waits.
    pub(crate) fn wait(&self) -> Duration {
        self.config.stream_wait.min(self.deadline.left())
    }

    pub(crate) fn observer(&self) -> &dyn Observer {
        self.observer.as_ref()
    }

    pub(crate) fn finish(self) -> Vec<Exchange> {
        self.exchanges
    }

    /// Sends, and waits for the answer. With `wait`, a stream is read up to the message with that method only and handed
    /// back open. Where the server wants a nonce in the proof, that is no answer yet.
    pub(crate) async fn send(
        &mut self,
        what: &str,
        outgoing: &Outgoing,
        wait: Option<&str>,
    ) -> (Option<String>, Result<(Answer, Option<Stream>), Fault>) {
        let sent = self.send_once(what, &self.proven(outgoing), wait).await;
        let Ok((Answer { head: Some(head), .. }, _)) = &sent.1 else { return sent };
        let (status, headers) = (StatusCode::from_u16(head.status).unwrap_or_default(), head.map());
        if self.bound.as_mut().is_some_and(|bound| bound.learn(status, &headers)) {
            return self.send_once(what, &self.proven(outgoing), wait).await;
        }
        sent
    }

    /// The request with a proof of possession, where our token is in it and is bound to a key.
    fn proven(&self, outgoing: &Outgoing) -> Outgoing {
        let mut proven = outgoing.clone();
        if let Some(bound) = &self.bound {
            let Outgoing { method, url, headers, .. } = &mut proven;
            // Without a proof it is refused, which says what went wrong.
            let _unsigned = getrandom::u64()
                .map(|id| bound.present(headers, method, url, &format!("{id:016x}"), SystemTime::now()));
        }
        proven
    }

    async fn send_once(
        &mut self,
        what: &str,
        outgoing: &Outgoing,
        wait: Option<&str>,
    ) -> (Option<String>, Result<(Answer, Option<Stream>), Fault>) {
        if self.deadline.left().is_zero() {
            return (None, Err(Fault::NotAsked));
        }
        // Addresses that the server named: not further inside of the network than the server itself.
        if outgoing.url.origin() != self.server.origin()
            && let Err(reason) = self.rule.metadata(outgoing.url.as_str())
        {
            return (None, Err(Fault::Forbidden { url: outgoing.url.clone(), reason }));
        }
        let mut record = self.record(outgoing);
        let budget = self.config.request_timeout.min(self.deadline.left());
        let id = record.exchange().id.clone();
        let outcome = match tokio::time::timeout(budget, self.exchange(outgoing, wait, &mut record)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::Late(milliseconds(budget))),
        };
        let now = SystemTime::now();
        match &outcome {
            Ok((_, None)) => record.finish(now),
            Ok((_, Some(_))) => record.fail(FailureKind::Closed, "the stream stays open", now),
            Err(fault) => record.fail(kind(fault), &fault.to_string(), now),
        }
        let mut exchange = record.exchange().clone();
        what.clone_into(&mut exchange.narration.what);
        "A step of a golden transcript.".clone_into(&mut exchange.narration.why);
        exchange.narration.rule = None;
        exchange.narration.other_era = None;
        self.observer.exchanged(&exchange);
        self.exchanges.push(exchange);
        (Some(id), outcome)
    }

    /// Goes on reading a stream; whether it is still open after that.
    pub(crate) async fn go_on(&mut self, stream: &mut Stream, wait: Option<&str>) -> (Vec<Event>, bool) {
        let budget = self.wait();
        let events = stream.read(wait, budget, &self.config).await;
        if let Some(exchange) = self.exchanges.iter_mut().find(|exchange| exchange.id == stream.exchange())
            && let Some(response) = &mut exchange.response
        {
            for event in &events {
                response.events.push(barewire_exchange::StreamEvent {
                    seq: response.events.len() as u64,
                    at: now_ms(),
                    event: event.event.clone(),
                    id: event.id.clone(),
                    retry: event.retry,
                    data: self.masker.text(&event.data.to_string()),
                    truncated: false,
                });
            }
        }
        (events, wait.is_some() && !stream.is_over())
    }

    async fn exchange(
        &self,
        outgoing: &Outgoing,
        wait: Option<&str>,
        record: &mut ExchangeBuilder,
    ) -> Result<(Answer, Option<Stream>), Fault> {
        let mut request = self
            .http
            .request(outgoing.method.clone(), outgoing.url.clone())
            .headers(outgoing.headers.clone());
        if let Some(body) = &outgoing.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await.map_err(|error| {
            let cause = root_cause(&error);
            if error.is_connect() { Fault::Unreachable(cause) } else { Fault::Broken(cause) }
        })?;
        record.response(response.status(), response.headers(), SystemTime::now());
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let head = Some(Head { status: response.status().as_u16(), headers });
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(media_type);
        let is_stream = kind.is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM));

        if is_stream && response.status().is_success() {
            let id = record.exchange().id.clone();
            let mut stream = Stream::new(response, id, self.config.max_answer_bytes);
            let budget = match wait {
                Some(_) => self.config.stream_wait,
                None => self.config.request_timeout,
            };
            let events = stream.read(wait, budget, &self.config).await;
            for event in &events {
                let text = match &event.data {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                record.stream_event(
                    event.event.as_deref(),
                    event.id.as_deref(),
                    event.retry,
                    &text,
                    SystemTime::now(),
                );
            }
            let open = wait.is_some() && !stream.is_over();
            return Ok((Answer { head, content: Content::Events(events) }, open.then_some(stream)));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Fault::Broken(root_cause(&error)))? {
            record.body_chunk(&chunk);
            if body.len() + chunk.len() > self.config.max_answer_bytes {
                return Err(Fault::TooLarge(self.config.max_answer_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        let content = match String::from_utf8_lossy(&body).into_owned() {
            text if text.is_empty() => Content::Nothing,
            text => match data(&text) {
                Value::String(_) => Content::Text(text),
                json => Content::Json(json),
            },
        };
        Ok((Answer { head, content }, None))
    }

    fn record(&self, outgoing: &Outgoing) -> ExchangeBuilder {
        let limits = Limits {
            max_body_bytes: self.config.max_evidence_bytes,
            max_event_bytes: self.config.max_evidence_bytes,
            max_events: 20,
            ..Limits::default()
        };
        let id = (self.exchanges.len() + 1).to_string();
        let rpc = outgoing.json.as_ref().map(|message| Rpc {
            method: message.get("method").and_then(Value::as_str).map(str::to_owned),
            id: message.get("id").map(Value::to_string),
            name: message.pointer("/params/name").and_then(Value::as_str).map(str::to_owned),
            revision: None,
        });
        let rpc = rpc.filter(|rpc| rpc.method.is_some());
        let mut record =
            ExchangeBuilder::new(id, Step::Other, SystemTime::now(), self.masker.clone(), limits).rpc(rpc);
        let body = outgoing.body.as_deref().map(str::as_bytes);
        record.request(&outgoing.method, outgoing.url.as_str(), &outgoing.headers, body);
        record
    }
}

fn kind(fault: &Fault) -> FailureKind {
    match fault {
        Fault::Unreachable(_) => FailureKind::Connect,
        Fault::Late(_) | Fault::NotAsked => FailureKind::Timeout,
        Fault::Broken(_) => FailureKind::Broken,
        Fault::TooLarge(_) => FailureKind::TooLarge,
        Fault::Forbidden { .. } => FailureKind::Forbidden,
    }
}

/// The innermost error says what happened; those around it only where.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, milliseconds)
}
