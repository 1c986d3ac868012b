//! Streams of the handshake era: answers that break off and are resumed, and the server's own stream.

use std::sync::Arc;
use std::time::Duration;

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::legacy::{self as message, Session};
use http::Method;
use http::header::HeaderValue;
use tokio::sync::oneshot;

use super::Legacy;
use crate::authorized::Follow;
use crate::connection::{Connection, Pending, Response, Spoken, not_mcp};
use crate::error::{Answered, CallError, TransportError};
use crate::recording::Purpose;
use crate::transport::{Events, Reply, Request as HttpRequest};

/// A stream that lived so long was not refused, even when it said nothing.
const LIVED: Duration = Duration::from_secs(30);

impl Connection {
    /// Reads a response stream to the response. When the connection ends before it came and the server numbered its
    /// events, the stream is resumed
    /// ([Resumability](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery)).
    pub(super) async fn read_stream(
        self: &Arc<Self>,
        legacy: &Legacy,
        pending: &Pending<'_>,
        mut events: Events,
    ) -> Result<Response, CallError> {
        let mut last_id: Option<String> = None;
        let mut retry = self.options.config.default_retry;
        let mut resumes = 0;
        let revision = legacy.session().revision;
        loop {
            let ended = loop {
                match events.next().await {
                    Ok(Some(event)) => {
                        resumes = 0;
                        let outcome = self.read_event(revision, Some(pending), &events, &event.data)?;
                        if let Some(outcome) = outcome {
                            events.recording.finish();
                            return Ok(Response { outcome, recording: events.recording });
                        }
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            last_id = events.last_event_id().or(last_id);
            let failed = |ended: Option<TransportError>| match ended {
                Some(error) => CallError::Transport(error),
                None => CallError::Http(Answered::StreamEnded),
            };
            let too_large = matches!(ended, Some(TransportError::TooLarge { .. }));
            let Some(id) = last_id.clone().filter(|_| !too_large) else { return Err(failed(ended)) };
            if resumes >= self.options.config.max_resumes {
                return Err(failed(ended));
            }
            resumes += 1;
            retry = self.options.config.retry(events.retry().unwrap_or(retry));
            let milliseconds = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
            events.recording.decide(&Decision::ResumeAfter { milliseconds });
            let repeats = events.recording.id();
            drop(events);
            tokio::time::sleep(retry).await;
            let mut purpose = Purpose::of(Step::ResumeStream);
            purpose.tag = pending.tag.map(str::to_owned).or_else(|| self.options.tag.clone());
            purpose.repeats = repeats;
            let reply = self.get_stream(&legacy.session(), Some(&id), purpose).await?;
            if !reply.is_stream() {
                return Err(not_mcp(reply).await);
            }
            events = reply.events(self.options.config.max_answer_bytes);
        }
    }

    async fn get_stream(
        &self,
        session: &Session,
        last_id: Option<&str>,
        purpose: Purpose,
    ) -> Result<Reply, CallError> {
        let last_id = last_id.and_then(|id| HeaderValue::from_str(id).ok());
        let build = || {
            Ok(HttpRequest {
                purpose: purpose.clone(),
                method: Method::GET,
                url: self.url.clone(),
                headers: message::listen(session, last_id.as_ref()),
                body: None,
                timeout: self.options.config.answer_timeout,
            })
        };
        self.authorized.send(Follow::Renewals, build).await.map(|(reply, _)| reply)
    }

    /// Opens the server's own stream in the background, and waits a moment for it: a server may ask there during the
    /// very next request. Servers that have none say so at once; some hold back the head until there is something to say.
    pub(super) async fn open_stream(self: &Arc<Self>) {
        let (opened, wait) = oneshot::channel();
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let closed = connection.closed.clone();
            let Spoken::Legacy(legacy) = &connection.spoken else { return };
            let stream = legacy.state().stream;
            tokio::select! {
                () = closed.cancelled() => {}
                () = stream.cancelled() => {}
                () = connection.listen_legacy(legacy, opened) => {}
            }
        });
        let patience = self.options.config.stream_open_timeout;
        let _ = tokio::time::timeout(patience, wait).await;
    }

    async fn listen_legacy(self: &Arc<Self>, legacy: &Legacy, opened: oneshot::Sender<()>) {
        let config = &self.options.config;
        let mut opened = Some(opened);
        let mut last_id: Option<String> = None;
        let mut retry = config.default_retry;
        let mut failures = 0;
        loop {
            let step = if last_id.is_some() { Step::ResumeStream } else { Step::OpenStream };
            let mut purpose = Purpose::of(step);
            purpose.tag.clone_from(&self.options.tag);
            let started = tokio::time::Instant::now();
            let session = legacy.session();
            match self.get_stream(&session, last_id.as_deref(), purpose).await {
                Ok(reply) if reply.is_stream() => {
                    let mut events = reply.events(config.max_answer_bytes);
                    opened.take().map(|opened| opened.send(()));
                    while let Ok(Some(event)) = events.next().await {
                        failures = 0;
                        // A response on this stream belongs to nothing here; everything else is told and asked.
                        if let Err(error) = self.read_event(session.revision, None, &events, &event.data) {
                            tracing::debug!(%error, "an event of the server's stream was dropped");
                        }
                    }
                    last_id = events.last_event_id().or(last_id);
                    retry = config.retry(events.retry().unwrap_or(retry));
                }
                Ok(mut reply) => {
                    reply.recording.decide(&Decision::NoStream);
                    reply.excerpt().await;
                    return;
                }
                Err(error) => tracing::debug!(%error, "the server's stream could not be opened"),
            }
            opened.take();
            failures = if started.elapsed() >= LIVED { 0 } else { failures + 1 };
            if failures > config.max_resumes {
                return;
            }
            tokio::time::sleep(retry).await;
        }
    }
}
