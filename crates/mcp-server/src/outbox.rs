//! What a running call has to say before its answer: notifications and, towards legacy revisions, requests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// What a call says before its answer.
pub(crate) enum Said {
    /// Lost without harm when nobody reads.
    Notification(Bytes),
    /// Somebody waits for its answer.
    Question(Bytes),
    /// Nothing: the client is to close its connection and come back after this time.
    Close(Duration),
}

impl Said {
    /// Nothing where there is nothing to read.
    pub(crate) fn into_message(self) -> Option<Bytes> {
        match self {
            Self::Notification(message) | Self::Question(message) => Some(message),
            Self::Close(_) => None,
        }
    }
}

/// A bounded queue of messages from one call to its stream. Costs nothing until the first message, and its lock
/// belongs to one request.
pub(crate) struct Outbox {
    state: Mutex<State>,
    reader: AtomicWaker,
    room: Notify,
    capacity: usize,
}

struct State {
    queue: VecDeque<Said>,
    /// Whether anybody will read it: a client that takes no event streams, or has gone, gets no notifications.
    open: bool,
}

impl Outbox {
    pub(crate) fn new(capacity: usize, open: bool) -> Self {
        Self {
            state: Mutex::new(State { queue: VecDeque::new(), open }),
            reader: AtomicWaker::new(),
            room: Notify::new(),
            capacity: capacity.max(1),
        }
    }

    /// Whether a message would find a reader.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Nobody reads any more. What is in the queue is dropped, and whoever waits for room goes on.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        state.queue = VecDeque::new();
        drop(state);
        self.room.notify_waiters();
    }

    /// Queues a message, waiting while the reader is slow. `false` when nobody reads.
    pub(crate) async fn send(&self, said: Said) -> bool {
        loop {
            let room = self.room.notified();
            {
                let mut state = self.lock();
                if !state.open {
                    return false;
                }
                if state.queue.len() < self.capacity {
                    state.queue.push_back(said);
                    break;
                }
            }
            room.await;
        }
        self.reader.wake();
        true
    }

    /// The next message, or registers the reader for it.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Said> {
        if let Some(said) = self.pop() {
            return Poll::Ready(said);
        }
        self.reader.register(cx.waker());
        // A message may have come between the look and the registration.
        self.pop().map_or(Poll::Pending, Poll::Ready)
    }

    /// Ready when there is a message, which stays; registers the reader otherwise.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_messages() {
            return Poll::Ready(());
        }
        self.reader.register(cx.waker());
        if self.has_messages() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn pop(&self) -> Option<Said> {
        let said = self.lock().queue.pop_front()?;
        self.room.notify_one();
        Some(said)
    }

    pub(crate) fn has_messages(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    /// The queue is consistent after every statement, so a panic elsewhere while it was locked changes nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn said(bytes: &[u8]) -> Said {
        Said::Notification(Bytes::copy_from_slice(bytes))
    }

    #[tokio::test]
    async fn a_slow_reader_slows_the_writer() {
        let outbox = Arc::new(Outbox::new(2, true));
        let writer = tokio::spawn({
            let outbox = outbox.clone();
            async move {
                for number in 0..5_u8 {
                    assert!(outbox.send(said(&[number])).await);
                }
            }
        });
        for number in 0..5_u8 {
            let said = std::future::poll_fn(|cx| outbox.poll_next(cx)).await;
            assert_eq!(said.into_message().unwrap()[0], number);
            assert!(outbox.lock().queue.len() <= 2);
        }
        writer.await.unwrap();
    }

    #[tokio::test]
    async fn closing_frees_whoever_waits() {
        let outbox = Arc::new(Outbox::new(1, true));
        assert!(outbox.send(said(b"")).await);
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.send(said(b"")).await }
        });
        tokio::task::yield_now().await;
        outbox.close();
        assert!(!waiting.await.unwrap());
        assert!(!outbox.send(said(b"")).await);
    }
}
