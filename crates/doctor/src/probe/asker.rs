//! Sends requests: bounded in time, bytes and number, never redirected, and recorded with secrets masked.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use barewire_exchange::{Exchange, ExchangeBuilder, FailureKind, Limits, Masker, Rpc};
use barewire_oauth::client_flow::EndpointRule;
use barewire_oauth::dpop::BoundToken;
use serde_json::Value;
use url::Url;

use super::answer::{Answer, Cut, Fault, Reply, read_json};
use super::ask::{Ask, Until};
use super::certificate;
use super::reading::Reading;
use crate::config::DoctorConfig;
use crate::observer::Observer;

/// Sends requests and keeps what they were answered.
pub(crate) struct Asker {
    http: reqwest::Client,
    /// The certificate is not checked any more; tokens stay here.
    unchecked: bool,
    config: DoctorConfig,
    observer: Arc<dyn Observer>,
    masker: Masker,
    /// The caller's token, where it is bound to a key.
    bound: Option<BoundToken>,
    rule: EndpointRule,
    started: Instant,
    exchanges: Vec<Exchange>,
    /// What was not asked any more.
    left_out: Vec<String>,
}

/// No HTTP client can be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct SetupError(#[from] reqwest::Error);

impl Asker {
    pub(crate) fn new(
        server: &Url,
        roots: &[reqwest::Certificate],
        config: DoctorConfig,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            http: client(&config, |builder| builder.tls_certs_merge(roots.iter().cloned()))?,
            unchecked: false,
            rule: EndpointRule::for_server(server),
            config,
            observer,
            masker: Masker::new(),
            bound: None,
            started: Instant::now(),
            exchanges: Vec::new(),
            left_out: Vec::new(),
        })
    }

    /// Proves to have the key that this token is bound to, wherever it is sent.
    pub(crate) fn holding(self, bound: Option<BoundToken>) -> Self {
        Self { bound, ..self }
    }

    /// Goes on without checking certificates, and without tokens: whoever is there is not known.
    pub(crate) fn stop_checking_certificates(&mut self) -> Result<(), SetupError> {
        self.http = client(&self.config, |builder| builder.tls_danger_accept_invalid_certs(true))?;
        self.unchecked = true;
        Ok(())
    }

    pub(crate) fn config(&self) -> &DoctorConfig {
        &self.config
    }

    pub(crate) fn masker(&self) -> &Masker {
        &self.masker
    }

    pub(crate) fn begin(&self, part: &str) {
        self.observer.begins(part);
    }

    /// The exchanges, and what was not asked.
    pub(crate) fn finish(self) -> (Vec<Exchange>, Vec<String>) {
        (self.exchanges, self.left_out)
    }

    pub(crate) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The claims of the first token that was sent and can be read.
    pub(crate) fn claims(&self) -> Option<Value> {
        let mut tokens = self.exchanges.iter().flat_map(|exchange| &exchange.tokens);
        tokens.find(|token| token.place.starts_with("request header"))?.claims.clone()
    }

    /// Asks at a URL that the server named: not further inside the network than the server itself.
    pub(crate) async fn ask_named(&mut self, ask: Ask) -> Answer {
        match self.rule.metadata(ask.url.as_str()) {
            Ok(()) => self.ask(ask).await,
            // Plain http to another machine is reported where the URL stands; without a secret it may be called.
            Err(reason) if reason.starts_with("is plain http") => self.ask(ask).await,
            Err(reason) => self.not_sent(ask, Fault::Forbidden(reason)),
        }
    }

    /// Asks, and waits for the answer within the limits. Where the server wants a nonce in the proof, that is no answer yet.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Answer {
        let answer = self.ask_once(ask.clone()).await;
        let (Some(bound), Ok(reply)) = (&mut self.bound, &answer.outcome) else { return answer };
        if bound.learn(reply.status, &reply.headers) { self.ask_once(ask).await } else { answer }
    }

    async fn ask_once(&mut self, mut ask: Ask) -> Answer {
        let left = self.config.deadline.saturating_sub(self.started.elapsed());
        if left.is_zero() || self.exchanges.len() >= self.config.max_requests {
            self.left_out.push(ask.what.clone());
            return self.not_sent(ask, Fault::NotAsked);
        }
        if self.unchecked {
            ask = ask.anonymous();
        }
        if let Some(bound) = &self.bound {
            // Without a proof it is refused, which says what went wrong.
            let _unsigned = getrandom::u64().map(|id| {
                let Ask { headers, method, url, .. } = &mut ask;
                bound.present(headers, method, url, &format!("{id:016x}"), SystemTime::now())
            });
        }
        let budget = match ask.until {
            Until::Answered => self.config.request_timeout,
            Until::FirstEvent | Until::Head => self.config.stream_wait,
        };
        let budget = budget.min(left);
        let mut record = self.record(&ask);
        let sent = Instant::now();
        let outcome = match tokio::time::timeout(budget, self.send(&ask)).await {
            Err(_) => Err(Fault::Late { ms: milliseconds(budget) }),
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(response)) => {
                record.response(response.status(), response.headers(), SystemTime::now());
                let reading = Reading {
                    started: sent,
                    deadline: tokio::time::Instant::from_std(sent + budget),
                    limit: self.config.max_answer_bytes,
                    until: ask.until,
                    record: &mut record,
                };
                Ok(reading.read(response).await)
            }
        };
        match &outcome {
            Ok(reply) => match &reply.cut {
                None => record.finish(SystemTime::now()),
                Some(Cut::StillOpen) => {
                    record.fail(
                        FailureKind::Closed,
                        "closed by us: we had what we wanted",
                        SystemTime::now(),
                    );
                }
                Some(Cut::TooLarge { limit }) => {
                    let message = format!("larger than {limit} bytes");
                    record.fail(FailureKind::TooLarge, &message, SystemTime::now());
                }
                Some(Cut::Late { ms }) => {
                    record.fail(
                        FailureKind::Timeout,
                        &format!("not complete after {ms} ms"),
                        SystemTime::now(),
                    );
                }
                Some(Cut::Broken { detail }) => record.fail(FailureKind::Broken, detail, SystemTime::now()),
            },
            Err(fault) => record.fail(kind(fault), &fault.describe(), SystemTime::now()),
        }
        self.keep(&record, ask, outcome)
    }

    /// Nothing goes out, and the answer says why.
    fn not_sent(&mut self, ask: Ask, fault: Fault) -> Answer {
        if fault == Fault::NotAsked {
            // No exchange: the reason is the same for all of them and said once.
            return Answer { exchange: String::new(), asked_id: ask.rpc_id, outcome: Err(fault) };
        }
        let mut record = self.record(&ask);
        record.fail(kind(&fault), &fault.describe(), SystemTime::now());
        self.keep(&record, ask, Err(fault))
    }

    fn keep(&mut self, record: &ExchangeBuilder, ask: Ask, outcome: Result<Reply, Fault>) -> Answer {
        let mut exchange = record.exchange().clone();
        ask.what.clone_into(&mut exchange.narration.what);
        "A question of the doctor.".clone_into(&mut exchange.narration.why);
        exchange.narration.rule = None;
        exchange.narration.other_era = None;
        self.observer.exchanged(&exchange);
        let id = exchange.id.clone();
        self.exchanges.push(exchange);
        Answer { exchange: id, asked_id: ask.rpc_id, outcome }
    }

    fn record(&self, ask: &Ask) -> ExchangeBuilder {
        let limits = Limits {
            max_body_bytes: self.config.max_evidence_bytes,
            max_event_bytes: self.config.max_evidence_bytes,
            max_events: 5,
            ..Limits::default()
        };
        let id = (self.exchanges.len() + 1).to_string();
        let rpc = ask.body.as_deref().and_then(rpc_of);
        let mut record =
            ExchangeBuilder::new(id, ask.step, SystemTime::now(), self.masker.clone(), limits).rpc(rpc);
        record.request(&ask.method, ask.url.as_str(), &ask.headers, ask.body.as_deref());
        record
    }

    async fn send(&self, ask: &Ask) -> Result<reqwest::Response, Fault> {
        let mut request = self.http.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| fault_of(&error))
    }
}

fn client(
    config: &DoctorConfig,
    tls: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, SetupError> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("barewire-doctor/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.request_timeout);
    Ok(tls(builder).build()?)
}

fn rpc_of(body: &[u8]) -> Option<Rpc> {
    let message = read_json(body)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Rpc {
        method: message.get("method").and_then(text),
        id: message.get("id").map(Value::to_string),
        name: message.pointer("/params/name").or_else(|| message.pointer("/params/uri")).and_then(text),
        revision: None,
    })
}

fn fault_of(error: &reqwest::Error) -> Fault {
    if let Some(problem) = certificate::problem(error) {
        return Fault::Certificate(format!("the certificate {problem}"));
    }
    let detail = root_cause(error);
    if error.is_connect() { Fault::Unreachable(detail) } else { Fault::Broken(detail) }
}

fn kind(fault: &Fault) -> FailureKind {
    match fault {
        Fault::Unreachable(_) | Fault::Certificate(_) => FailureKind::Connect,
        Fault::Late { .. } => FailureKind::Timeout,
        Fault::Broken(_) => FailureKind::Broken,
        Fault::Forbidden(_) | Fault::NotAsked => FailureKind::Forbidden,
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

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
