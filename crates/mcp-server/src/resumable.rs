//! The streams of legacy calls: the first one, the work without one, and the one that resumes it.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::body::Source;
use crate::call::CallState;
use crate::observer::Outcome;
use crate::outbox::Said;
use crate::replay::{EventIds, Reader, Replay};
use crate::running::{Running, RunningCalls};
use crate::server::Shared;
use crate::service::Caller;
use crate::trail::Trail;

/// The stream on which a call was made. What goes out is kept until the end has gone out.
pub(crate) struct FirstStream {
    call: Arc<CallState>,
    /// Until the call is over.
    running: Option<Running>,
    replay: Arc<Replay>,
    reader: Reader,
    primed: bool,
    /// Whether the client has been told to come back later.
    closed: bool,
    /// Whether the reader has been given a moment between the last notification and the answer.
    breath: bool,
    outcome: Outcome,
}

impl FirstStream {
    pub(crate) fn new(call: Arc<CallState>, running: Running, replay: Arc<Replay>) -> Self {
        let reader = replay.attach(0);
        let (running, outcome) = (Some(running), Outcome::Cancelled);
        Self { call, running, replay, reader, primed: false, closed: false, breath: false, outcome }
    }

    fn event_ids(&self) -> EventIds<'_> {
        EventIds::of(&self.call.server, self.call.principal.as_deref())
    }
}

impl Source for FirstStream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !std::mem::replace(&mut self.primed, true) {
            return Poll::Ready(Some(self.reader.prime(&self.event_ids(), None)));
        }
        if self.closed {
            return Poll::Ready(None);
        }
        loop {
            match self.reader.poll_peek(cx) {
                // Some clients lose a notification that arrives in one piece with the answer. Giving way once lets what
                // has been written leave first.
                Poll::Ready(Some(logged)) if logged.last && !self.breath => {
                    self.breath = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(logged)) => {
                    self.breath = false;
                    let ids = EventIds::of(&self.call.server, self.call.principal.as_deref());
                    return Poll::Ready(Some(self.reader.advance(&logged, &ids)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            // Only a reader that has read everything lets the handler go on: a slow one slows it down.
            let Some(running) = &mut self.running else { return Poll::Pending };
            match running.pump(&self.replay, cx) {
                Poll::Ready(outcome) => {
                    self.running = None;
                    self.outcome = outcome;
                }
                Poll::Pending if self.reader.is_behind() => {}
                Poll::Pending => {
                    let Some(retry) = self.replay.take_close() else { return Poll::Pending };
                    self.closed = true;
                    return Poll::Ready(Some(self.reader.prime(&self.event_ids(), Some(retry))));
                }
            }
        }
    }

    fn is_breathing(&self) -> bool {
        self.breath
    }

    fn conclude(&self, trail: &mut Trail) {
        trail.outcome = match () {
            () if self.reader.is_done() => self.outcome,
            // It goes on, and who comes back for its end has a record of their own.
            () if self.closed => Outcome::Nothing,
            () => Outcome::Cancelled,
        };
    }
}

impl Drop for FirstStream {
    /// Even an end that has gone out is kept for a while: that it was written does not say that it arrived.
    fn drop(&mut self) {
        // First, so that a question that comes now looks for another way to the client.
        self.reader.leave();
        RunningCalls::go_on(&self.call, self.running.take(), self.replay.clone());
    }
}

/// A stream that goes on where another one broke off.
pub(crate) struct ResumedStream {
    server: Arc<Shared>,
    caller: Caller,
    reader: Reader,
}

impl ResumedStream {
    pub(crate) fn new(server: Arc<Shared>, caller: Caller, reader: Reader) -> Self {
        Self { server, caller, reader }
    }
}

impl Source for ResumedStream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.reader.poll_peek(cx) {
            Poll::Ready(Some(logged)) => {
                let ids = EventIds::of(&self.server, self.caller.as_deref());
                Poll::Ready(Some(self.reader.advance(&logged, &ids)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Running {
    /// Works, and logs what is said. Ready once the end is in the log, with how it ended.
    pub(crate) fn pump(&mut self, replay: &Replay, cx: &mut Context<'_>) -> Poll<Outcome> {
        let polled = self.poll(cx);
        let call = self.call();
        while let Poll::Ready(said) = call.outbox.poll_next(cx) {
            match said {
                // Somebody waits for the answer to it, and nobody may ever come back to this stream.
                Said::Question(question) if !replay.is_attached() => {
                    let session = call.session.as_ref().map(|session| session.key);
                    let hub = &call.server.hub;
                    if !session.is_some_and(|session| hub.send_to_session(&session, &question)) {
                        replay.push(question);
                    }
                }
                Said::Question(message) | Said::Notification(message) => replay.push(message),
                Said::Close(retry) => replay.close(retry),
            }
        }
        let Poll::Ready(answer) = polled else { return Poll::Pending };
        let outcome = answer.as_ref().map_or(Outcome::Cancelled, |answer| answer.outcome);
        if let Some(answer) = answer {
            replay.push(answer.message);
        }
        replay.end();
        Poll::Ready(outcome)
    }
}
