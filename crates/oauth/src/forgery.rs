//! What forged tokens may cost.
//!
//! Issuer, audience, key and algorithm of a token are no secrets, so anybody can write one that is right in all of them
//! but its signature. Only the signature check tells it from a good token seen for the first time, and it costs more
//! than everything else about a request together. [`Forgeries`] stands before that check:
//!
//! * **A forgery that comes again** is known by its digest and refused without a check. The list has a fixed length of
//!   its own; nothing that is good is ever in it or pushed out by it.
//! * **Checks that fail** come out of an allowance per second. Checks that succeed cost nothing, so however many good
//!   tokens are new (after a restart, say), they are checked as they come.
//! * **When the allowance is used up**, a flood is going on. A token then is checked only if its user, client and grant
//!   have had a good one before; each of them has a small allowance of its own, which nobody can use up who does not
//!   know all three. So a client that renews its token gets through a flood as if there were none. A stranger's token is
//!   answered with "not now" until the allowance has grown again, which it does all the time: of tokens that nobody has
//!   seen, each has the same chance, because nothing tells them apart.
//!
//! The alternative, a queue for one check at a time, lets strangers in sooner and gives a flood a whole processor.
//!
//! Nothing of this is an oracle: what decides is what the sender wrote himself, and lists are compared by digest.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use crate::allowance::{Allowance, Spent};
use crate::bearer::BearerError;

/// A flood is told of once in this time.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How much of it one allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgeryLimits {
    /// Signature checks that may fail per second. At least 1.
    pub failures_per_second: u32,
    /// As many of them may fail at once, after a quiet time. At least 1. Small, because that time is a processor's, and
    /// everybody else's requests wait for it: 2,000 at once are a tenth of a second.
    pub failures_at_once: u32,
    /// Signature checks that may fail per minute for a known caller, once those for everybody are used up. At least 1.
    pub failures_per_caller: u32,
    /// Callers with a good token (user, client and grant) that are known again.
    pub known_callers: usize,
    /// Forged tokens that are known again.
    pub known_forgeries: usize,
}

impl Default for ForgeryLimits {
    fn default() -> Self {
        Self {
            failures_per_second: 2_000,
            failures_at_once: 50,
            failures_per_caller: 4,
            known_callers: 16_384,
            known_forgeries: 4_096,
        }
    }
}

/// What is known about forged tokens. One for each set of keys.
pub struct Forgeries {
    everybody: Allowance,
    caller: Allowance,
    /// Held for a look or a note, never while a signature is checked.
    known: Mutex<Known>,
}

/// Tables of a fixed size: a digest has one place where it can be, and whoever comes later takes it over.
struct Known {
    failures: Spent,
    /// Tokens that were not looked at and nobody has been told of.
    turned_away: u64,
    /// When somebody was told last.
    told: Option<Duration>,
    forgeries: Box<[u128]>,
    callers: Box<[(u64, Spent)]>,
}

impl Forgeries {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(limits: ForgeryLimits) -> Self {
        Self {
            everybody: Allowance::new(
                limits.failures_at_once,
                limits.failures_per_second,
                Duration::from_secs(1),
            ),
            caller: Allowance::new(
                limits.failures_per_caller,
                limits.failures_per_caller,
                Duration::from_secs(60),
            ),
            known: Mutex::new(Known {
                failures: Spent::default(),
                turned_away: 0,
                told: None,
                forgeries: vec![0; limits.known_forgeries].into(),
                callers: vec![(0, Spent::default()); limits.known_callers].into(),
            }),
        }
    }

    /// Checks the signature of a token that says it speaks for `caller` (user, client and grant), by calling `is_genuine`,
    /// unless the token is known to be forged, or too many were that came before it. Whatever can be seen without that
    /// check has to be in order already.
    ///
    /// # Errors
    /// [`BearerError::Invalid`] for a forged token; [`BearerError::Flooded`] when the signature was not looked at.
    pub fn check(
        &self,
        token: &str,
        caller: [&str; 3],
        now: SystemTime,
        is_genuine: impl FnOnce() -> bool,
    ) -> Result<(), BearerError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (token, caller) = (token_digest(token), caller_digest(caller));
        let flooded = self.admit(token, caller, now)?;
        let is_genuine = is_genuine();
        let mut known = self.known();
        if is_genuine {
            known.greet(caller);
            return Ok(());
        }
        known.failures.add(self.everybody, now);
        if flooded && let Some(failures) = known.caller(caller) {
            failures.add(self.caller, now);
        }
        if let Some(place) = place(token as u64, &mut known.forgeries) {
            *place = token;
        }
        Err(BearerError::Invalid)
    }

    /// For whoever writes a log: how many tokens were not looked at since this was answered last. `None` where there were
    /// none, and also for a minute after an answer.
    pub fn turned_away(&self, now: SystemTime) -> Option<u64> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut known = self.known();
        // A clock that was set back does not keep anybody silent.
        let lately = known.told.is_some_and(|told| (told..told + TOLD_EVERY).contains(&now));
        if known.turned_away == 0 || lately {
            return None;
        }
        known.told = Some(now);
        Some(std::mem::take(&mut known.turned_away))
    }

    /// Makes a caller known whose token needs no check, because it was issued a moment ago.
    pub fn greet(&self, caller: [&str; 3]) {
        self.known().greet(caller_digest(caller));
    }

    /// Whether the signature may be checked; and if so, whether only because its caller is known.
    fn admit(&self, token: u128, caller: u64, now: Duration) -> Result<bool, BearerError> {
        let mut known = self.known();
        if place(token as u64, &mut known.forgeries).is_some_and(|forged| *forged == token) {
            return Err(BearerError::Invalid);
        }
        if known.failures.leaves_room(self.everybody, now) {
            return Ok(false);
        }
        match known.caller(caller) {
            Some(failures) if failures.leaves_room(self.caller, now) => Ok(true),
            _ => {
                known.turned_away += 1;
                Err(BearerError::Flooded)
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A number or a digest is written at once, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Forgeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgeries").field("everybody", &self.everybody).finish_non_exhaustive()
    }
}

impl Known {
    fn caller(&mut self, caller: u64) -> Option<&mut Spent> {
        let (known, failures) = place(caller, &mut self.callers)?;
        (*known == caller).then_some(failures)
    }

    fn greet(&mut self, caller: u64) {
        if let Some(place) = place(caller, &mut self.callers)
            && place.0 != caller
        {
            *place = (caller, Spent::default());
        }
    }
}

fn place<T>(digest: u64, table: &mut [T]) -> Option<&mut T> {
    let length = table.len() as u64;
    digest.checked_rem(length).and_then(|index| table.get_mut(index as usize))
}

/// Which token. Half of a SHA-256 is more than can be searched for.
fn token_digest(token: &str) -> u128 {
    half(Sha256::digest(token).into())
}

fn caller_digest(parts: [&str; 3]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    half(hash.finalize().into()) as u64
}

fn half(digest: [u8; 32]) -> u128 {
    digest.iter().take(16).fold(0, |number, &byte| number << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LIMITS: ForgeryLimits = ForgeryLimits {
        failures_per_second: 10,
        failures_at_once: 10,
        failures_per_caller: 2,
        known_callers: 64,
        known_forgeries: 64,
    };

    /// Presents tokens, and counts how many signatures are checked.
    struct Door {
        forgeries: Forgeries,
        checks: Cell<u32>,
    }

    impl Door {
        fn new(limits: ForgeryLimits) -> Self {
            Self { forgeries: Forgeries::new(limits), checks: Cell::new(0) }
        }

        /// At this millisecond; whether it was let in, and how many checks there have been.
        fn present(
            &self,
            token: &str,
            sub: &str,
            genuine: bool,
            millisecond: u64,
        ) -> (Result<(), BearerError>, u32) {
            let now = UNIX_EPOCH + Duration::from_secs(1_000_000) + Duration::from_millis(millisecond);
            let is_genuine = || {
                self.checks.set(self.checks.get() + 1);
                genuine
            };
            (self.forgeries.check(token, [sub, "c", ""], now, is_genuine), self.checks.get())
        }

        fn flood(&self, count: u32, millisecond: u64) -> u32 {
            for number in 0..count {
                let _refused =
                    self.present(&format!("f{millisecond}.{number}"), "nobody", false, millisecond);
            }
            self.checks.get()
        }
    }

    #[test]
    fn a_forgery_is_checked_once() {
        let door = Door::new(LIMITS);
        for _ in 0..3 {
            assert_eq!(door.present("f", "ann", false, 0), (Err(BearerError::Invalid), 1));
        }
        assert_eq!(door.present("g", "ann", true, 0), (Ok(()), 2), "another one of the same user");
    }

    #[test]
    fn forgeries_are_checked_within_an_allowance() {
        let door = Door::new(LIMITS);
        assert_eq!(door.flood(5_000, 0), 10);
        assert_eq!(door.present("new", "bob", true, 0), (Err(BearerError::Flooded), 10));
        // A tenth of a second later there is room for one more, whoever comes first.
        assert_eq!(door.present("new", "bob", true, 100), (Ok(()), 11));
        assert_eq!(door.flood(5_000, 100), 12, "a good one has cost nothing of it");
        assert_eq!(door.flood(5_000, 10_000), 22, "a quiet time does not add up");
    }

    #[test]
    fn a_flood_does_not_begin_with_a_second_of_checks() {
        let door = Door::new(ForgeryLimits { failures_at_once: 3, ..LIMITS });
        assert_eq!(door.flood(5_000, 0), 3);
        assert_eq!(door.flood(5_000, 100), 4, "one grows back in a tenth of a second");
        assert_eq!(door.flood(5_000, 1_000), 7, "and no more than three of them are saved up");
    }

    #[test]
    fn good_tokens_are_never_too_many() {
        let door = Door::new(LIMITS);
        for number in 0..1_000 {
            assert!(door.present(&format!("g{number}"), &format!("user {number}"), true, 0).0.is_ok());
        }
    }

    #[test]
    fn known_callers_get_through_a_flood() {
        let door = Door::new(LIMITS);
        door.present("ann's first", "ann", true, 0).0.unwrap();
        door.forgeries.greet(["bob", "c", ""]);
        let checks = door.flood(1_000, 0);
        assert_eq!(door.present("ann's second", "ann", true, 1), (Ok(()), checks + 1));
        assert_eq!(door.present("bob's first", "bob", true, 1), (Ok(()), checks + 2));
        assert_eq!(door.present("cleo's first", "cleo", true, 1).0, Err(BearerError::Flooded));
        // Whoever knows a caller has two tries a minute in that name; then it is a stranger's.
        let checks = checks + 2;
        assert_eq!(door.present("like ann's", "ann", false, 2), (Err(BearerError::Invalid), checks + 1));
        assert_eq!(door.present("as ann's", "ann", false, 2), (Err(BearerError::Invalid), checks + 2));
        assert_eq!(door.present("so ann's", "ann", false, 2), (Err(BearerError::Flooded), checks + 2));
        assert_eq!(door.present("bob's second", "bob", true, 2), (Ok(()), checks + 3));
    }

    #[test]
    fn tables_keep_their_size() {
        for (known_callers, known_forgeries) in [(0, 0), (1, 1), (64, 64)] {
            let door = Door::new(ForgeryLimits { known_callers, known_forgeries, ..LIMITS });
            for number in 0..1_000 {
                let _verdict =
                    door.present(&format!("t{number}"), &format!("u{number}"), number % 2 == 0, number);
            }
            let known = door.forgeries.known();
            assert_eq!((known.callers.len(), known.forgeries.len()), (known_callers, known_forgeries));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out() {
        let door = Door::new(LIMITS);
        door.flood(100, 3_600_000);
        assert_eq!(door.present("g", "ann", true, 0).0, Ok(()));
    }

    #[test]
    fn a_flood_is_told_of_once_a_minute() {
        let door = Door::new(LIMITS);
        let told =
            |second: u64| door.forgeries.turned_away(UNIX_EPOCH + Duration::from_secs(1_000_000 + second));
        door.flood(10, 0);
        assert_eq!(told(0), None, "all of them were checked");
        door.flood(10 + 7, 2_000);
        assert_eq!(told(2), Some(7));
        door.flood(10 + 5, 4_000);
        assert_eq!((told(4), told(61)), (None, None));
        assert_eq!((told(62), told(200)), (Some(5), None));
        door.flood(1, 3_000);
        assert_eq!(told(3), Some(1), "the clock was set back");
    }
}
