//! A line in the log that a flood of requests must not multiply.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When something was said last, and how often it was not said since.
#[derive(Default)]
pub(crate) struct Seldom {
    /// In milliseconds since 1970; 0 before the first time.
    said: AtomicU64,
    unsaid: AtomicU64,
}

impl Seldom {
    /// Whether to say it now. If so, how often it was not said since the last time.
    pub(crate) fn say(&self, now: SystemTime, pause: Duration) -> Option<u64> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(now.duration_since(UNIX_EPOCH).unwrap_or_default()).max(1);
        let said = self.said.load(Ordering::Relaxed);
        let is_time = said == 0 || now.abs_diff(said) >= millis(pause);
        // Of those who find that it is time, one says it.
        if is_time && self.said.compare_exchange(said, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_and_a_number() {
        let seldom = Seldom::default();
        let pause = Duration::from_secs(10);
        let check = |seconds: u64, expected: Option<u64>| {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(seldom.say(now, pause), expected, "after {seconds} s");
        };
        check(100, Some(0));
        (0..1_000).for_each(|_| check(101, None));
        check(109, None);
        check(110, Some(1_001));
        check(119, None);
        check(200, Some(1));
        // A clock that was put back does not silence it for ever.
        check(50, Some(0));
    }
}
