//! Slowing down guesses: after a few wrong passwords each further one has to wait, twice as long as the one before.
//!
//! What counts is the pair of account and place. So whoever guesses slows himself down and not the account's owner,
//! who gets in from another place, and also from the same one with a browser that has been logged in before.
//!
//! Attempts of one pair take [turns](crate::turns), so each finds the outcome of the ones before it. An attempt counts
//! from its start all the same: other processes at the same store see it, and a crash in the middle forgives nothing.

use std::time::{Duration, SystemTime};

use crate::config::AuthConfig;
use crate::store::{AttemptsRecord, Digest, Store, StoreError, Swap};

/// Lost races before an attempt is turned away: as many other processes would have to attempt the same at once.
const RACES: usize = 8;

/// Whether an attempt may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may, and is counted.
    Admitted(Counted),
    /// It has to come back after this time, because the ones before it were wrong; it was not counted.
    Wait(Duration),
    /// Other processes count attempts of the same pair faster than this one can; it was not counted.
    Crowded,
}

/// An attempt that is counted as a wrong one until it proves right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    earlier: Option<AttemptsRecord>,
    new: AttemptsRecord,
}

/// Counts an attempt, before its password is looked at.
pub(crate) async fn admit(
    store: &dyn Store,
    config: &AuthConfig,
    key: Digest,
    now: SystemTime,
) -> Result<Admission, StoreError> {
    for _ in 0..RACES {
        let earlier = store.login_attempts(key).await?;
        if let Some(wait) = wait(earlier, config, now) {
            return Ok(Admission::Wait(wait));
        }
        let count =
            earlier.filter(|earlier| !forgotten(earlier, config, now)).map_or(0, |earlier| earlier.count);
        let new = AttemptsRecord { key, count: count.saturating_add(1), last_at: now };
        match store.count_login_attempt(earlier, new, config.max_login_records).await? {
            Swap::Done => return Ok(Admission::Admitted(Counted { earlier, new })),
            Swap::Lost => {}
        }
    }
    Ok(Admission::Crowded)
}

impl Counted {
    /// The password was right: it and all before it are forgotten.
    pub(crate) async fn succeeded(self, store: &dyn Store) -> Result<(), StoreError> {
        store.clear_login_attempts(self.new.key).await
    }

    /// Nobody looked at the password: it counts no more, the ones before it still do.
    pub(crate) async fn take_back(self, store: &dyn Store, config: &AuthConfig) -> Result<(), StoreError> {
        // Lost means that another process has counted on; then it has counted this one too, which is the safe side.
        let _swap = match self.earlier {
            None => store.uncount_login_attempt(self.new).await?,
            Some(earlier) => {
                store.count_login_attempt(Some(self.new), earlier, config.max_login_records).await?
            }
        };
        Ok(())
    }
}

/// How long the next attempt has to wait.
fn wait(attempts: Option<AttemptsRecord>, config: &AuthConfig, now: SystemTime) -> Option<Duration> {
    let attempts = attempts.filter(|attempts| !forgotten(attempts, config, now))?;
    let surplus = attempts.count.checked_sub(config.login_free_attempts)?;
    let delay = config.login_delay.saturating_mul(1u32.checked_shl(surplus).unwrap_or(u32::MAX));
    let waited = now.duration_since(attempts.last_at).unwrap_or_default();
    delay.min(config.login_max_delay).checked_sub(waited).filter(|left| !left.is_zero())
}

fn forgotten(attempts: &AttemptsRecord, config: &AuthConfig, now: SystemTime) -> bool {
    now.duration_since(attempts.last_at).is_ok_and(|since| since >= config.login_memory)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn the_wait_doubles_and_ends() {
        fn check(count: u32, since_last: u64, expected: Option<u64>) {
            let config = AuthConfig {
                login_free_attempts: 3,
                login_delay: Duration::from_secs(1),
                login_max_delay: Duration::from_secs(60),
                login_memory: Duration::from_secs(3600),
                ..AuthConfig::default()
            };
            let attempts = AttemptsRecord { key: Digest([0; 32]), count, last_at: UNIX_EPOCH };
            let wait = wait(Some(attempts), &config, UNIX_EPOCH + Duration::from_secs(since_last));
            assert_eq!(wait.map(|wait| wait.as_secs()), expected, "{count} after {since_last}");
        }
        check(1, 0, None);
        check(2, 0, None);
        check(3, 0, Some(1));
        check(3, 1, None);
        check(4, 0, Some(2));
        check(6, 3, Some(5));
        check(9, 0, Some(60));
        check(9, 59, Some(1));
        check(40, 0, Some(60));
        check(u32::MAX, 0, Some(60));
        check(40, 3600, None);
    }
}
