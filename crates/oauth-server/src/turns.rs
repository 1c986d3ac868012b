//! Requests that must not gain by coming together take turns.
//!
//! Whether an attempt has to wait depends on how the ones before it ended. So attempts of one account from one place
//! go one after the other: parallel guesses get exactly the tries that serial ones get, and parallel logins with the
//! right password never count against each other. Registrations, pushed requests and devices that begin take turns too,
//! by network, so that a flood of them does not fill the line before the store's only writer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::store::Digest;

/// The lines in which requests stand. As many as there are keys in use right now, no more.
pub(crate) struct Turns {
    lines: Mutex<HashMap<Digest, Line>>,
    /// How many may stand in one line, whoever is at its head included.
    longest: usize,
}

#[derive(Default)]
struct Line {
    head: Arc<tokio::sync::Mutex<()>>,
    length: usize,
}

/// Being at the head of a line, until dropped.
pub(crate) struct Turn<'a> {
    // In this order: the next one's turn begins before the place is given up, so a line that is used stays one line.
    _head: OwnedMutexGuard<()>,
    _place: Place<'a>,
}

/// Standing in a line; leaves it when dropped, also when the caller stops waiting.
struct Place<'a> {
    turns: &'a Turns,
    key: Digest,
}

impl Turns {
    pub(crate) fn new(waiting: usize) -> Self {
        Self { lines: Mutex::default(), longest: waiting.saturating_add(1) }
    }

    /// Waits for its turn, in the order of arrival; `None` when the line is too long to stand in.
    pub(crate) async fn take(&self, key: Digest) -> Option<Turn<'_>> {
        let (head, place) = self.stand_in_line(key)?;
        Some(Turn { _head: head.lock_owned().await, _place: place })
    }

    fn stand_in_line(&self, key: Digest) -> Option<(Arc<tokio::sync::Mutex<()>>, Place<'_>)> {
        let mut lines = self.lock();
        let line = lines.entry(key).or_default();
        if line.length >= self.longest {
            return None;
        }
        line.length += 1;
        Some((Arc::clone(&line.head), Place { turns: self, key }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lock();
        if let Some(line) = lines.get_mut(&self.key) {
            line.length -= 1;
            if line.length == 0 {
                lines.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const KEY: Digest = Digest([1; 32]);

    fn is_ready<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
    }

    #[tokio::test]
    async fn one_at_a_time_in_order_and_the_line_has_an_end() {
        let turns = Turns::new(2);
        let first = turns.take(KEY).await.unwrap();
        let (mut second, mut third) = (pin!(turns.take(KEY)), pin!(turns.take(KEY)));
        assert!(!is_ready(second.as_mut()) && !is_ready(third.as_mut()));
        assert!(turns.take(KEY).await.is_none());
        // Another account is another line.
        assert!(turns.take(Digest([2; 32])).await.is_some());
        drop(first);
        assert!(!is_ready(third.as_mut()));
        assert!(is_ready(second.as_mut()));
        assert!(is_ready(third.as_mut()));
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_the_line_and_empty_lines_are_forgotten() {
        let turns = Turns::new(1);
        let first = turns.take(KEY).await.unwrap();
        {
            let mut waiting = pin!(turns.take(KEY));
            assert!(!is_ready(waiting.as_mut()));
            assert!(turns.take(KEY).await.is_none());
        }
        {
            let mut waiting = pin!(turns.take(KEY));
            assert!(!is_ready(waiting.as_mut()));
        }
        drop(first);
        assert!(turns.lock().is_empty());
    }
}
