//! Builds an exchange while it happens, masking as it goes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Method, StatusCode};
use zeroize::Zeroizing;

use crate::exchange::{
    Body, Exchange, Failure, FailureKind, Header, Phase, Request, Response, Rpc, Status, StreamEvent,
};
use crate::limits::Limits;
use crate::mask::{Found, Masker};
use crate::narration::{Decision, Narration, Step};

/// An exchange under construction. What it has shown so far is always masked ([`ExchangeBuilder::exchange`]); the raw
/// bytes of a body wait inside, wiped on drop, until the body is whole and can be masked as one text.
pub struct ExchangeBuilder {
    exchange: Exchange,
    masker: Masker,
    limits: Limits,
    started: SystemTime,
    body: Zeroizing<Vec<u8>>,
    body_bytes: u64,
    next_event: u64,
}

impl ExchangeBuilder {
    /// Begins the record of a step at `now`.
    #[must_use]
    pub fn new(id: String, step: Step, now: SystemTime, masker: Masker, limits: Limits) -> Self {
        let request = Request { method: String::new(), url: String::new(), headers: Vec::new(), body: None };
        let exchange = Exchange {
            id,
            at: milliseconds(now),
            duration_ms: None,
            phase: step.phase(),
            step,
            from: step.from(),
            to: step.to(),
            status: Status::Running,
            request,
            response: None,
            failure: None,
            rpc: None,
            narration: Narration::of(step),
            repeats: None,
            tag: None,
            tokens: Vec::new(),
        };
        let body = Zeroizing::new(Vec::new());
        Self { exchange, masker, limits, started: now, body, body_bytes: 0, next_event: 0 }
    }

    /// Puts the step into another phase: the same requests serve a login and a step-up.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.exchange.phase = phase;
        self
    }

    /// Names the exchange that this one repeats.
    #[must_use]
    pub fn repeats(mut self, id: Option<String>) -> Self {
        self.exchange.repeats = id;
        self
    }

    /// Names the work it belongs to.
    #[must_use]
    pub fn tag(mut self, tag: Option<String>) -> Self {
        self.exchange.tag = tag;
        self
    }

    /// Adds the JSON-RPC side.
    #[must_use]
    pub fn rpc(mut self, rpc: Option<Rpc>) -> Self {
        self.exchange.rpc = rpc.map(|rpc| Rpc { name: rpc.name.map(|name| self.masker.text(&name)), ..rpc });
        self.cite_spoken_revision();
        self
    }

    /// Records the request.
    pub fn request(&mut self, method: &Method, url: &str, headers: &HeaderMap, body: Option<&[u8]>) {
        let mut found = Found::default();
        // Headers first: what they reveal as a secret is then found in URL and body too.
        let headers = self.headers(headers, "request header", &mut found);
        let url = self.cut(self.masker.url_found(url, "request url", &mut found));
        let media_type = media_type_of(&headers);
        let body = body
            .map(|bytes| self.body_of(&media_type, bytes, bytes.len() as u64, "request body", &mut found));
        self.exchange.request = Request { method: method.to_string(), url, headers, body };
        self.exchange.tokens.extend(found.tokens);
    }

    /// Records status and headers of the response.
    pub fn response(&mut self, status: StatusCode, headers: &HeaderMap, now: SystemTime) {
        let mut found = Found::default();
        let headers = self.headers(headers, "response header", &mut found);
        let first_byte_ms = Some(self.since(now));
        self.exchange.response = Some(Response {
            status: status.as_u16(),
            headers,
            body: None,
            events: Vec::new(),
            events_dropped: 0,
            first_byte_ms,
        });
        self.exchange.tokens.extend(found.tokens);
    }

    /// Takes a piece of the response body.
    pub fn body_chunk(&mut self, bytes: &[u8]) {
        self.body_bytes += bytes.len() as u64;
        let room = self.limits.max_body_bytes.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Records one event of a stream and returns it masked.
    pub fn stream_event(
        &mut self,
        event: Option<&str>,
        id: Option<&str>,
        retry: Option<u64>,
        data: &str,
        now: SystemTime,
    ) -> StreamEvent {
        let mut found = Found::default();
        let masked = self.masker.body("application/json", data, "stream event", &mut found);
        let kept = cut_at(&masked, self.limits.max_event_bytes);
        let masked = StreamEvent {
            seq: self.next_event,
            at: milliseconds(now),
            event: event.map(|event| self.masker.text(event)),
            id: id.map(|id| self.masker.text(id)),
            retry,
            data: kept.to_owned(),
            truncated: kept.len() < masked.len(),
        };
        self.next_event += 1;
        if let Some(response) = &mut self.exchange.response {
            response.events.push(masked.clone());
            while response.events.len() > self.limits.max_events {
                response.events.remove(0);
                response.events_dropped += 1;
            }
        }
        self.exchange.tokens.extend(found.tokens);
        masked
    }

    fn cite_spoken_revision(&mut self) {
        if let Some(revision) = self.exchange.rpc.as_ref().and_then(|rpc| rpc.revision.as_deref()) {
            self.exchange.narration.in_revision(revision);
        }
    }

    /// Records what was decided. Texts of peers in it are masked here.
    pub fn decide(&mut self, decision: &Decision) {
        // A first request that is refused for want of a token has negotiated nothing: it is where the search for the
        // authorization server begins.
        if matches!(decision, Decision::Challenged { with_token: false, .. })
            && self.exchange.phase == Phase::Negotiate
        {
            self.exchange.phase = Phase::Discover;
        }
        self.exchange.narration.conclude(decision);
        self.cite_spoken_revision();
        if let Some(last) = self.exchange.narration.conclusions.last_mut() {
            last.text = self.masker.text(&last.text);
            last.what_next = last.what_next.as_deref().map(|text| self.masker.text(text));
        }
    }

    /// The answer is complete.
    pub fn finish(&mut self, now: SystemTime) {
        self.settle_body();
        self.end(Status::Finished, now);
    }

    /// There will be no complete answer.
    pub fn fail(&mut self, kind: FailureKind, message: &str, now: SystemTime) {
        self.settle_body();
        self.exchange.failure = Some(Failure { kind, message: self.masker.text(message) });
        // A stream that we close on purpose is finished, not broken.
        let status = if kind == FailureKind::Closed { Status::Finished } else { Status::Failed };
        self.end(status, now);
    }

    /// What there is so far, masked.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The masker, to teach it a secret that the caller knows.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    fn end(&mut self, status: Status, now: SystemTime) {
        if self.exchange.status == Status::Running {
            self.exchange.status = status;
            self.exchange.duration_ms = Some(self.since(now));
        }
    }

    fn settle_body(&mut self) {
        if self.body_bytes == 0 {
            return;
        }
        let bytes = std::mem::take(&mut self.body);
        let total = std::mem::take(&mut self.body_bytes);
        let Some(response) = &self.exchange.response else { return };
        let media_type = media_type_of(&response.headers);
        let mut found = Found::default();
        let body = self.body_of(&media_type, &bytes, total, "response body", &mut found);
        if let Some(response) = &mut self.exchange.response {
            response.body = Some(body);
        }
        self.exchange.tokens.extend(found.tokens);
    }

    fn headers(&self, headers: &HeaderMap, place: &str, found: &mut Found) -> Vec<Header> {
        headers
            .iter()
            .take(self.limits.max_headers)
            .map(|(name, value)| {
                let name = name.as_str();
                let value = String::from_utf8_lossy(value.as_bytes());
                let place = format!("{place} {name}");
                // Masked before it is cut: half a secret would be learned as one, and the other half shown elsewhere.
                let value = self.cut(self.masker.header(name, &value, &place, found));
                Header { name: name.to_owned(), value, matters: crate::mask::names::matters(name) }
            })
            .collect()
    }

    /// `bytes` may be the beginning of `total`.
    fn body_of(&self, media_type: &str, bytes: &[u8], total: u64, place: &str, found: &mut Found) -> Body {
        let whole = bytes.len() as u64 == total;
        let masked = readable(bytes, whole).map(|text| {
            if whole {
                self.masker.body(media_type, text, place, found)
            } else {
                self.masker.beginning(media_type, text, place, found)
            }
        });
        let shown = masked.as_deref().map(|text| cut_at(text, self.limits.max_body_bytes));
        let truncated = !whole || shown.map(str::len) < masked.as_ref().map(String::len);
        Body { media_type: media_type.to_owned(), text: shown.map(str::to_owned), bytes: total, truncated }
    }

    fn cut(&self, mut text: String) -> String {
        text.truncate(cut_at(&text, self.limits.max_header_bytes).len());
        text
    }

    fn since(&self, now: SystemTime) -> f64 {
        let elapsed = now.duration_since(self.started).unwrap_or(Duration::ZERO);
        (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn media_type_of(headers: &[Header]) -> String {
    let value =
        headers.iter().find(|header| header.name == "content-type").map_or("", |header| &header.value);
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The text of a body; `None` when it is not UTF-8. A cut inside a character takes the character away.
fn readable(bytes: &[u8], whole: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if !whole && bytes.len() - error.valid_up_to() < 4 => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

fn cut_at(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
