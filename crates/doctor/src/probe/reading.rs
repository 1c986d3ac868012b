//! Reads one answer: to its end, or until what was wanted is there, or until a limit.

use std::time::{Duration, Instant, SystemTime};

use barewire_exchange::ExchangeBuilder;
use barewire_mcp::http::headers::{EVENT_STREAM, media_type};
use barewire_mcp::http::sse::{Decoder, Event};
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::answer::{Cut, Reply, read_json};
use super::ask::Until;
use super::asker::{milliseconds, root_cause};

/// After the response, how long a stream has to end.
const END_OF_STREAM: Duration = Duration::from_millis(500);
/// Events read of one stream. What has not answered by then only talks.
const MAX_EVENTS: usize = 500;

/// Reads one answer.
pub(super) struct Reading<'a> {
    pub(super) started: Instant,
    pub(super) deadline: tokio::time::Instant,
    pub(super) limit: usize,
    pub(super) until: Until,
    pub(super) record: &'a mut ExchangeBuilder,
}

impl Reading<'_> {
    pub(super) async fn read(mut self, mut response: reqwest::Response) -> Reply {
        let mut reply = Reply {
            status: response.status(),
            http: response.version(),
            headers: response.headers().clone(),
            body: Bytes::new(),
            events: Vec::new(),
            message: None,
            head_ms: milliseconds(self.started.elapsed()),
            cut: None,
        };
        let kind = reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(media_type);
        // Compressed events cannot be read, and need not be: that they are compressed is the finding.
        let coded = reply.headers.contains_key(http::header::CONTENT_ENCODING);
        let stream =
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM)) && reply.status.is_success();
        if stream && (coded || self.until == Until::Head) {
            reply.cut = Some(Cut::StillOpen);
        } else if stream {
            self.events(&mut response, &mut reply).await;
        } else {
            self.body(&mut response, &mut reply).await;
            reply.message = response_in(&reply.body);
        }
        reply
    }

    async fn body(&mut self, response: &mut reqwest::Response, reply: &mut Reply) {
        let mut body = BytesMut::new();
        reply.cut = loop {
            match tokio::time::timeout_at(self.deadline, response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    self.record.body_chunk(&chunk);
                    if body.len() + chunk.len() > self.limit {
                        break Some(Cut::TooLarge { limit: self.limit });
                    }
                    body.extend_from_slice(&chunk);
                }
                Ok(Ok(None)) => break None,
                Ok(Err(error)) => break Some(Cut::Broken { detail: root_cause(&error) }),
                Err(_) => break Some(self.late()),
            }
        };
        reply.body = body.freeze();
    }

    /// Reads until the response is there, or the first event, whichever was asked for.
    async fn events(&mut self, response: &mut reqwest::Response, reply: &mut Reply) {
        let mut decoder = Decoder::new(self.limit);
        let mut bytes = 0;
        let mut deadline = self.deadline;
        let mut done = false;
        reply.cut = loop {
            let events = match tokio::time::timeout_at(deadline, response.chunk()).await {
                Err(_) if done => break Some(Cut::StillOpen),
                Err(_) => break Some(self.late()),
                Ok(Ok(None)) => break None,
                Ok(Err(_)) if done => break None,
                Ok(Err(error)) => break Some(Cut::Broken { detail: root_cause(&error) }),
                Ok(Ok(Some(chunk))) => {
                    bytes += chunk.len();
                    match decoder.feed(&chunk) {
                        Ok(events) if bytes <= self.limit => events,
                        _ => break Some(Cut::TooLarge { limit: self.limit }),
                    }
                }
            };
            for event in events {
                self.note(&event);
                reply.message = reply.message.take().or_else(|| response_in(event.data.as_bytes()));
                reply.events.push(event);
            }
            if reply.events.len() > MAX_EVENTS {
                break Some(Cut::TooLarge { limit: self.limit });
            }
            if reply.message.is_some() && !done {
                done = true;
                deadline = self.deadline.min(tokio::time::Instant::now() + END_OF_STREAM);
            }
            if self.until == Until::FirstEvent && !reply.events.is_empty() {
                break Some(Cut::StillOpen);
            }
        };
    }

    fn note(&mut self, event: &Event) {
        let retry = event.retry.map(milliseconds);
        let (kind, id) = (event.event.as_deref(), event.id.as_deref());
        self.record.stream_event(kind, id, retry, &event.data, SystemTime::now());
    }

    fn late(&self) -> Cut {
        Cut::Late { ms: milliseconds(self.started.elapsed()) }
    }
}

/// A JSON-RPC response, if this is one.
fn response_in(body: &[u8]) -> Option<Value> {
    let message = read_json(body)?;
    let is_response = message.get("method").is_none()
        && message.get("jsonrpc").is_some()
        && (message.get("result").is_some() || message.get("error").is_some());
    is_response.then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_neither_a_request_nor_any_json() {
        for (body, is) in [
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, true),
            (r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, true),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, false),
            (r#"{"result":{}}"#, false),
            (r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#, false),
            ("<html>", false),
            ("", false),
        ] {
            assert_eq!(response_in(body.as_bytes()).is_some(), is, "{body}");
        }
    }
}
