//! When which key signs, and how long each is shown: the rules by which signing keys take turns.
//!
//! A key is published before it signs, so that whoever keeps a copy of the `JWKS` knows it by then, and afterwards until
//! the last token that it signed has ended. All of that follows from times that stand beside the key, so two processes at
//! one store agree without talking, and nothing has to happen at the moment of the change.

use std::time::{Duration, SystemTime};

/// How many keys there are at most. An operator who rotates again and again has to wait for the oldest to end.
pub const MAX_SIGNING_KEYS: usize = 32;

/// How much longer a key is shown than its tokens count: others' clocks may be behind.
const OVERLAP: Duration = Duration::from_secs(60);

/// What is remembered of one signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTimes {
    /// Its turn begins. It ends when the next one's does.
    pub signs_from: SystemTime,
    /// Its tokens count this long at most.
    pub token_ttl: Duration,
    /// An operator has ended it, with every token that it signed.
    pub retired_at: Option<SystemTime>,
}

/// How keys take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    /// How long each signs. `None`: until an operator says.
    pub period: Option<Duration>,
    /// How long each is published before it signs.
    pub announcement: Duration,
}

/// What a key is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published; its turn is to come.
    Next,
    /// Signs.
    Signing,
    /// Published for tokens that it signed.
    Old,
    /// Ended by an operator: not published, and its tokens do not count.
    Retired,
    /// Over; it can be deleted.
    Over,
}

impl KeyState {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Signing => "signing",
            Self::Old => "old",
            Self::Retired => "retired",
            Self::Over => "over",
        }
    }

    /// Whether the `JWKS` shows it, and its tokens count.
    #[must_use]
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Next | Self::Signing | Self::Old)
    }
}

/// The signing keys of one store, in the order in which they were added.
#[derive(Debug, Clone, Copy)]
pub struct Turns<'a>(pub &'a [KeyTimes]);

impl Turns<'_> {
    /// Which one signs: the last whose turn has begun. Where no turn has begun, because a clock went back, the one that
    /// was published first.
    #[must_use]
    pub fn signing(&self, now: SystemTime) -> Option<usize> {
        let begun = self.counting().filter(|(_, key)| key.signs_from <= now);
        let last = begun.max_by_key(|(_, key)| key.signs_from);
        last.or_else(|| self.counting().next()).map(|(number, _)| number)
    }

    /// When its turn ends, if another one's is to follow.
    #[must_use]
    pub fn signs_until(&self, number: usize) -> Option<SystemTime> {
        let own = self.0.get(number)?.signs_from;
        self.counting()
            .filter(|(other, key)| (key.signs_from, *other) > (own, number))
            .map(|(_, key)| key.signs_from)
            .min()
    }

    /// Until when it is there, if that is known: the last token that it signed has ended, everywhere.
    #[must_use]
    pub fn kept_until(&self, number: usize) -> Option<SystemTime> {
        let key = self.0.get(number)?;
        let signed_until = key.retired_at.or_else(|| self.signs_until(number))?;
        signed_until.checked_add(key.token_ttl)?.checked_add(OVERLAP)
    }

    /// What it is now.
    #[must_use]
    pub fn state(&self, number: usize, now: SystemTime) -> KeyState {
        let Some(key) = self.0.get(number) else { return KeyState::Over };
        if self.signing(now) == Some(number) {
            KeyState::Signing
        } else if self.kept_until(number).is_some_and(|until| until <= now) {
            KeyState::Over
        } else if key.retired_at.is_some() {
            KeyState::Retired
        } else if key.signs_from > now {
            KeyState::Next
        } else {
            KeyState::Old
        }
    }

    /// Whether it is time to make the next key, and from when that one signs. Where no key counts, from now.
    ///
    /// Keys whose turn lies further ahead than any announcement were made by a clock that was wrong: they are waited for
    /// by nobody.
    #[must_use]
    pub fn due(&self, schedule: &KeySchedule, now: SystemTime) -> Option<SystemTime> {
        if self.counting().next().is_none() {
            return Some(now);
        }
        let period = schedule.period?;
        let announced = now.checked_add(schedule.announcement)?;
        let farthest = announced.checked_add(schedule.announcement)?;
        let last = self.counting().map(|(_, key)| key.signs_from).filter(|from| *from <= farthest).max();
        let Some(last) = last else { return Some(announced) };
        let turn = last.checked_add(period)?;
        (turn <= announced).then_some(announced)
    }

    /// Those that were not ended.
    fn counting(&self) -> impl Iterator<Item = (usize, &KeyTimes)> {
        self.0.iter().enumerate().filter(|(_, key)| key.retired_at.is_none())
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const DAY: u64 = 86_400;
    const SCHEDULE: KeySchedule =
        KeySchedule { period: Some(Duration::from_secs(90 * DAY)), announcement: Duration::from_secs(3_600) };

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn key(signs_from: u64) -> KeyTimes {
        KeyTimes { signs_from: at(signs_from), token_ttl: Duration::from_secs(900), retired_at: None }
    }

    fn ended(signs_from: u64, retired_at: u64) -> KeyTimes {
        KeyTimes { retired_at: Some(at(retired_at)), ..key(signs_from) }
    }

    #[test]
    fn keys_take_turns() {
        use KeyState::{Next, Old, Over, Retired, Signing};
        fn check(keys: &[KeyTimes], now: u64, expected: &[KeyState]) {
            let turns = Turns(keys);
            let states: Vec<_> = (0..keys.len()).map(|number| turns.state(number, at(now))).collect();
            assert_eq!(states, expected, "{keys:?} at {now}");
        }
        let two = [key(1_000), key(5_000)];
        check(&two, 4_999, &[Signing, Next]);
        check(&two, 5_000, &[Old, Signing]);
        check(&two, 5_959, &[Old, Signing]);
        check(&two, 5_960, &[Over, Signing]);
        // A clock that went back, and one before everything.
        check(&two, 4_000, &[Signing, Next]);
        check(&two, 10, &[Signing, Next]);
        // Two that were made for the same moment; the order in the store decides.
        check(&[key(1_000), key(1_000)], 1_001, &[Old, Signing]);
        check(&[key(1_000), key(1_000)], 1_960, &[Over, Signing]);
        // The order of making is not that of signing.
        check(&[key(5_000), key(1_000)], 4_000, &[Next, Signing]);
        check(&[ended(1_000, 2_000), key(1_500)], 2_001, &[Retired, Signing]);
        check(&[ended(1_000, 2_000), key(1_500)], 2_960, &[Over, Signing]);
        // One that was ended before its turn does not end another one's.
        check(&[key(1_000), ended(5_000, 4_000)], 5_500, &[Signing, Over]);
        check(&[ended(1_000, 2_000)], 2_001, &[Retired]);
    }

    #[test]
    fn the_next_key_is_made_in_time_for_its_announcement() {
        fn check(keys: &[KeyTimes], schedule: &KeySchedule, now: u64, expected: Option<u64>) {
            assert_eq!(Turns(keys).due(schedule, at(now)), expected.map(at), "{keys:?} at {now}");
        }
        let turn = 1_000 + 90 * DAY;
        check(&[], &SCHEDULE, 1_000, Some(1_000));
        check(&[ended(1_000, 2_000)], &SCHEDULE, 2_500, Some(2_500));
        check(&[key(1_000)], &SCHEDULE, turn - 3_601, None);
        check(&[key(1_000)], &SCHEDULE, turn - 3_600, Some(turn));
        check(&[key(1_000), key(turn)], &SCHEDULE, turn - 3_599, None);
        check(&[key(1_000), key(turn)], &SCHEDULE, turn + 1, None);
        // Nobody ran when it was due: the announcement is made up for.
        check(&[key(1_000)], &SCHEDULE, turn + 50, Some(turn + 3_650));
        // A clock that jumps ahead makes one key, not one for each period that it jumped over.
        let far = 1_000 + 900 * DAY;
        check(&[key(1_000)], &SCHEDULE, far, Some(far + 3_600));
        check(&[key(1_000), key(far + 3_600)], &SCHEDULE, far + 1, None);
        // And back: what was made then is waited for by nobody, and the turns go on.
        check(&[key(1_000), key(far + 3_600)], &SCHEDULE, turn - 3_600, Some(turn));
        check(&[key(far + 3_600)], &SCHEDULE, 5_000, Some(8_600));
        let never = KeySchedule { period: None, ..SCHEDULE };
        check(&[key(1_000)], &never, far, None);
        check(&[], &never, 1_000, Some(1_000));
    }
}
