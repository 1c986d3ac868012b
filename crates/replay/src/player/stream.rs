//! An event stream that is read in parts.

use std::collections::VecDeque;
use std::time::Duration;

use barewire_mcp::http::sse::{Decoder, Event as Decoded};
use serde_json::Value;

use crate::answer::{data, is_response};
use crate::config::ReplayConfig;
use crate::transcript::Event;

/// Waits for any response.
const RESPONSE: &str = "response";
/// After the response, how long a stream has to end.
const END_OF_STREAM: Duration = Duration::from_millis(500);

/// An answer that is not over.
pub(crate) struct Stream {
    response: reqwest::Response,
    decoder: Decoder,
    exchange: String,
    waiting: VecDeque<Event>,
    seen: usize,
    over: bool,
}

impl Stream {
    pub(super) fn new(response: reqwest::Response, exchange: String, limit: usize) -> Self {
        let waiting = VecDeque::new();
        Self { response, decoder: Decoder::new(limit), exchange, waiting, seen: 0, over: false }
    }

    /// The exchange that it belongs to.
    pub(crate) fn exchange(&self) -> &str {
        &self.exchange
    }

    /// Whether nothing more can come.
    pub(crate) fn is_over(&self) -> bool {
        self.over && self.waiting.is_empty()
    }

    /// Reads up to the message with the method `wait`, the event of that kind, or as long as `budget` allows. `response` is any
    /// response, and `head` waits for nothing.
    pub(super) async fn read(
        &mut self,
        wait: Option<&str>,
        budget: Duration,
        config: &ReplayConfig,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if wait == Some("head") {
            return events;
        }
        let mut until = tokio::time::Instant::now() + budget;
        loop {
            while let Some(event) = self.waiting.pop_front() {
                let answered = is_response(&event.data);
                let wanted = wait.is_some_and(|wait| {
                    let method = event.data.get("method").and_then(Value::as_str);
                    method == Some(wait)
                        || event.event.as_deref() == Some(wait)
                        || (wait == RESPONSE && answered)
                });
                events.push(event);
                if wanted {
                    return events;
                }
                if answered {
                    // Nothing should come after it; what does is seen.
                    until = until.min(tokio::time::Instant::now() + END_OF_STREAM);
                }
            }
            if self.over {
                return events;
            }
            match tokio::time::timeout_at(until, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => match self.decoder.feed(&chunk) {
                    Ok(decoded) => {
                        self.seen += decoded.len();
                        self.over = self.seen > config.max_events;
                        self.waiting.extend(decoded.into_iter().map(event));
                    }
                    Err(_) => self.over = true,
                },
                Ok(Ok(None) | Err(_)) => self.over = true,
                Err(_) => return events,
            }
        }
    }
}

fn event(decoded: Decoded) -> Event {
    Event {
        event: decoded.event,
        id: decoded.id,
        retry: decoded.retry.and_then(|retry| u64::try_from(retry.as_millis()).ok()),
        data: data(&decoded.data),
    }
}
