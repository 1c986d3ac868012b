//! How often something may happen: so many at once, and then as they grow back.

use std::time::Duration;

/// So many at once, and after that one whenever `each` has gone by.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    count: u32,
    each: Duration,
}

impl Allowance {
    /// `at_once` after a quiet time, and `per_period` in each `period`; at least 1 of both.
    #[must_use]
    pub fn new(at_once: u32, per_period: u32, period: Duration) -> Self {
        Self { count: at_once.max(1), each: period / per_period.max(1) }
    }

    fn whole(self) -> Duration {
        self.each * self.count
    }
}

/// What was used of an allowance, as the time at which all of it will have grown again. Times are those since 1970.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    until: Duration,
}

impl Spent {
    /// Whether there is any left.
    #[must_use]
    pub fn leaves_room(self, of: Allowance, now: Duration) -> bool {
        self.since(of, now) + of.each <= now + of.whole()
    }

    /// Uses one, whether there was any left or not.
    pub fn add(&mut self, of: Allowance, now: Duration) {
        self.until = self.since(of, now) + of.each;
    }

    /// Not before now. And not more after it than was ever spent: then the clock was set back, and nobody should have
    /// to wait until it is as late again.
    fn since(self, of: Allowance, now: Duration) -> Duration {
        if self.until > now + of.whole() * 2 { now } else { self.until.max(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_as_they_grow_back() {
        let (of, mut spent) = (Allowance::new(3, 10, Duration::from_secs(1)), Spent::default());
        let mut take = |millisecond: u64| {
            let now = Duration::from_millis(1_000_000 + millisecond);
            let room = spent.leaves_room(of, now);
            if room {
                spent.add(of, now);
            }
            room
        };
        for (millisecond, expected) in [
            (0, true),
            (0, true),
            (0, true),
            (0, false),
            (99, false),
            (100, true),
            (100, false),
            (5_000, true),
            (5_000, true),
            (5_000, true),
            (5_000, false),
            // The clock was set back.
            (4_000, true),
        ] {
            assert_eq!(take(millisecond), expected, "at {millisecond}");
        }
    }
}
