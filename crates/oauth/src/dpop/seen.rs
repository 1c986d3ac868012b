//! Proofs that were used ([RFC 9449 §11.1](https://www.rfc-editor.org/rfc/rfc9449#section-11.1)).
//!
//! Each proof counts once: its `jti` is remembered with its key until the proof would be too old anyway. The memory is
//! bounded. **When it is full, the oldest are forgotten, and from then on every proof as old as those is refused**, used or
//! not, so that no proof ever counts twice. Whoever is refused so is asked for a proof with a nonce of this very moment, which
//! is younger than everything that was forgotten; an honest client notices a second round trip and nothing else.
//!
//! Keys are spread over shards that have a lock, a share of the room and a mark of their own, so a client that sends very
//! many proofs brings that round trip on itself and a sixty-fourth of the others. By which key comes where, chance decides,
//! not the key's owner.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::ProofError;

const SHARDS: usize = 64;

/// The proofs that may still come again.
pub(super) struct SeenProofs {
    shards: Box<[Mutex<Shard>]>,
    spread: RandomState,
    /// Proofs of one shard.
    most: usize,
}

#[derive(Default)]
struct Shard {
    /// By the last second in which they count.
    proofs: BTreeMap<u64, HashSet<u128>>,
    count: usize,
    /// Of those that count until then or shorter, nobody knows any more which were used.
    forgotten: Option<u64>,
}

impl SeenProofs {
    /// Remembers about `most` of them, each in some 40 bytes.
    #[must_use]
    pub(super) fn new(most: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, spread: RandomState::new(), most: most.div_ceil(SHARDS) }
    }

    /// Uses a proof: its key's thumbprint, its `jti`, and the last second, since 1970, in which it counts.
    ///
    /// # Errors
    /// [`ProofError::Replayed`], or [`ProofError::Stale`] when it is as old as what had to be forgotten.
    pub(super) fn use_up(&self, key: &str, id: &str, until: u64, now: u64) -> Result<(), ProofError> {
        let shard = self.spread.hash_one(key) as usize % SHARDS;
        // A number is written at once, so a panic elsewhere leaves nothing half done.
        let mut shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget_before(now);
        if shard.forgotten.is_some_and(|forgotten| until <= forgotten) {
            return Err(ProofError::Stale);
        }
        if !shard.proofs.entry(until).or_default().insert(digest(key, id)) {
            return Err(ProofError::Replayed);
        }
        shard.count += 1;
        while shard.count > self.most {
            let Some((end, proofs)) = shard.proofs.pop_first() else { break };
            shard.count -= proofs.len();
            shard.forgotten = shard.forgotten.max(Some(end));
        }
        // Among those was this one, if there was no older: more in one second than there is room for.
        if shard.forgotten.is_some_and(|forgotten| until <= forgotten) {
            return Err(ProofError::Stale);
        }
        Ok(())
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().count).sum()
    }
}

impl Shard {
    /// What counts no more need not be remembered. The mark moves on, so that a clock that is set back brings nothing back.
    fn forget_before(&mut self, now: u64) {
        while let Some(oldest) = self.proofs.first_entry().filter(|oldest| *oldest.key() < now) {
            let (end, proofs) = oldest.remove_entry();
            self.count -= proofs.len();
            self.forgotten = self.forgotten.max(Some(end));
        }
    }
}

impl fmt::Debug for SeenProofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenProofs").field("most", &(self.most * SHARDS)).finish_non_exhaustive()
    }
}

/// 128 bits of SHA-256: nobody finds a second proof for one.
fn digest(key: &str, id: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(id);
    let hash = hash.finalize();
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counts_once_and_for_its_key() {
        let seen = SeenProofs::new(1_000);
        for (key, id, until, now, expected) in [
            ("k", "1", 160, 100, Ok(())),
            ("k", "1", 160, 100, Err(ProofError::Replayed)),
            ("k", "1", 160, 160, Err(ProofError::Replayed)),
            ("k", "2", 160, 160, Ok(())),
            ("l", "1", 160, 160, Ok(())),
            ("k1", "", 160, 160, Ok(())),
            ("k", "3", 200, 161, Ok(())),
            // The clock was set back: what was forgotten does not count again.
            ("k", "1", 160, 100, Err(ProofError::Stale)),
        ] {
            assert_eq!(seen.use_up(key, id, until, now), expected, "{key} {id} {until} {now}");
        }
        // Only the shard that was looked into has tidied up.
        assert!(seen.count() <= 4, "{}", seen.count());
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_into_refusal() {
        let seen = SeenProofs::new(SHARDS * 100);
        let (mut used, mut refused) = (Vec::new(), 0);
        for number in 0..10_000_u64 {
            // Ten in each second.
            let (id, now) = (number.to_string(), number / 10);
            match seen.use_up("k", &id, now + 300, now) {
                Ok(()) => used.push((id, now + 300)),
                Err(error) => {
                    assert_eq!(error, ProofError::Stale);
                    refused += 1;
                }
            }
            assert!(seen.count() <= 100);
        }
        assert_eq!(refused, 0, "whatever is of this second finds room");
        for (id, until) in &used {
            assert!(seen.use_up("k", id, *until, 999).is_err(), "{id} counted twice");
        }
        // Another client's are in another shard, but for one in sixty-four.
        let others = (0..64).filter(|other| seen.use_up(&format!("o{other}"), "1", 1_200, 999).is_ok());
        assert!(others.count() >= 50);
    }

    #[test]
    fn more_in_one_second_than_fit_are_refused_and_the_next_second_is_free() {
        let seen = SeenProofs::new(SHARDS * 10);
        let accepted =
            (0..100).filter(|id: &u32| seen.use_up("k", &id.to_string(), 400, 100).is_ok()).count();
        assert_eq!(accepted, 10);
        assert_eq!(seen.use_up("k", "0", 400, 100), Err(ProofError::Stale));
        assert_eq!(seen.use_up("k", "0", 401, 101), Ok(()));
    }

    #[test]
    fn of_many_at_once_one_counts() {
        let seen = SeenProofs::new(SHARDS * 1_000);
        let accepted: usize = std::thread::scope(|scope| {
            let each =
                || (0..100).filter(|id: &u32| seen.use_up("k", &id.to_string(), 400, 100).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(each)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(accepted, 100);
    }
}
