//! The transport of 2024-11-05: what is sent goes to one endpoint, and what comes back comes on the one stream that the
//! other endpoint opened
//! ([HTTP with SSE](https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse)).
//!
//! The stream is the session. When it is lost, requests that wait for their answer fail, because nobody can tell whether
//! they were done; then another stream is opened, with another handshake.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::{self, Incoming};
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::v2025_11_25::Request;
use tokio::sync::oneshot;
use url::Url;

use crate::client::CallOptions;
use crate::connect::Opened;
use crate::connection::{Connection, Spoken};
use crate::error::{Answered, CallError, TransportError};
use crate::legacy::{Legacy, State};
use crate::shared::whole_seconds;
use crate::transport::Events;

type Outcome = Result<RawJson, ErrorObject>;

/// The two endpoints of one session.
pub(super) struct Link {
    /// Where messages go.
    pub(super) endpoint: Url,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    by_id: HashMap<Id, oneshot::Sender<Outcome>>,
    lost: Option<Lost>,
}

/// How a stream ended; without an error, the server ended it.
struct Lost(Option<TransportError>);

impl Lost {
    fn error(&self) -> CallError {
        self.0.clone().map_or(CallError::Http(Answered::StreamEnded), CallError::Transport)
    }
}

/// A response that has not come yet.
pub(super) struct Expected {
    link: Arc<Link>,
    id: Id,
    response: oneshot::Receiver<Outcome>,
}

impl Link {
    pub(super) fn new(endpoint: Url) -> Self {
        Self { endpoint, waiting: Mutex::default() }
    }

    /// Waits for the response to a request that is about to be sent; an error when the stream is lost already.
    pub(super) fn expect(self: &Arc<Self>, id: &Id) -> Result<Expected, CallError> {
        let mut waiting = self.waiting();
        if let Some(lost) = &waiting.lost {
            return Err(lost.error());
        }
        let (sender, response) = oneshot::channel();
        waiting.by_id.insert(id.clone(), sender);
        Ok(Expected { link: Arc::clone(self), id: id.clone(), response })
    }

    /// A response came. An error without an id is about a message that the server could not read; where one request
    /// waits, it is that one's.
    fn answer(&self, id: Option<Id>, outcome: Outcome) {
        let mut waiting = self.waiting();
        let id = match id {
            Some(id) => Some(id),
            None if waiting.by_id.len() == 1 => waiting.by_id.keys().next().cloned(),
            None => None,
        };
        if let Some(sender) = id.and_then(|id| waiting.by_id.remove(&id)) {
            // Whoever waited may have left.
            let _ = sender.send(outcome);
        }
    }

    /// No response comes any more. Returns how many are missing.
    fn lose(&self, lost: Lost) -> usize {
        let mut waiting = self.waiting();
        waiting.lost = Some(lost);
        waiting.by_id.drain().count()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expected {
    pub(super) async fn response(mut self) -> Result<Outcome, CallError> {
        if let Ok(outcome) = (&mut self.response).await {
            return Ok(outcome);
        }
        Err(self.link.waiting().lost.as_ref().unwrap_or(&Lost(None)).error())
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.link.waiting().by_id.remove(&self.id);
    }
}

impl Connection {
    /// Reads the stream of the session as long as it lives, and opens another one when it was lost.
    pub(crate) fn follow_http_sse(self: &Arc<Self>, events: Events) {
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let closed = connection.closed.clone();
            let Spoken::Legacy(legacy) = &connection.spoken else { return };
            let State { link: Some(link), generation, stream, .. } = legacy.state() else { return };
            let retry = tokio::select! {
                () = closed.cancelled() => return,
                () = stream.cancelled() => return,
                retry = connection.read_http_sse(&link, events) => retry,
            };
            tokio::select! {
                () = closed.cancelled() => {}
                () = connection.find_again(legacy, generation, retry) => {}
            }
        });
    }

    /// Returns when the stream is lost, with how long the server wants us to wait.
    async fn read_http_sse(self: &Arc<Self>, link: &Link, mut events: Events) -> Duration {
        let config = &self.options.config;
        // A server that has nothing to say is asked whether it is there, before its silence counts as a loss.
        let patience = config.stream_idle_timeout / 2;
        let mut asked = false;
        let lost = loop {
            match tokio::time::timeout(patience, events.next()).await {
                Ok(Ok(Some(event))) => {
                    asked = false;
                    if event.event.as_deref().is_none_or(|name| name == "message") {
                        self.hear(link, &events, event.data.as_bytes());
                    }
                }
                Ok(Ok(None)) => break Lost(None),
                Ok(Err(error)) => break Lost(Some(error)),
                Err(_) if asked => {
                    let seconds = whole_seconds(config.stream_idle_timeout);
                    break Lost(Some(TransportError::Timeout { seconds }));
                }
                Err(_) => {
                    asked = true;
                    self.ping();
                }
            }
        };
        let waiting = link.lose(lost);
        events.recording.decide(&Decision::StreamLost { waiting });
        events.retry().unwrap_or(config.default_retry).min(config.max_retry)
    }

    fn hear(self: &Arc<Self>, link: &Link, events: &Events, text: &[u8]) {
        let Spoken::Legacy(legacy) = &self.spoken else { return };
        let revision = legacy.session().revision;
        let messages = match client::messages(revision, text, self.options.config.max_batch) {
            Ok(messages) => messages,
            Err(fault) => {
                tracing::warn!(%fault, server = %self.url, "a batch was refused");
                return;
            }
        };
        for message in messages {
            match client::read(revision, message) {
                Ok(Incoming::Response { id, outcome }) => link.answer(id, outcome),
                Ok(message) => {
                    self.take_in(message, None, &events.recording);
                }
                Err(fault) => {
                    tracing::warn!(%fault, server = %self.url, "the server broke the protocol");
                }
            }
        }
    }

    /// The response is an event, and any event will do.
    fn ping(self: &Arc<Self>) {
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let Spoken::Legacy(legacy) = &connection.spoken else { return };
            let call = CallOptions::default();
            let asked = connection.ask_legacy(legacy, Step::Ping, &Request::Ping, None, &call);
            tokio::select! {
                () = connection.closed.cancelled() => {}
                answer = asked => if let Err(error) = answer {
                    tracing::debug!(%error, "the server does not answer a ping");
                },
            }
        });
    }

    /// Another stream, unless a request has opened one meanwhile. After the last attempt the next request tries.
    async fn find_again(self: &Arc<Self>, legacy: &Legacy, generation: u64, retry: Duration) {
        for _ in 0..self.options.config.max_resumes {
            tokio::time::sleep(retry).await;
            match self.reopen(legacy, generation).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(%error, "the stream could not be opened again"),
            }
        }
    }
}

impl Opened {
    pub(super) fn split(self) -> (Arc<Link>, Events) {
        (Arc::new(Link::new(self.endpoint)), self.events)
    }
}
