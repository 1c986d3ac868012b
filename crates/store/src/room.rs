//! Room for one more of what somebody could make a flood of. What is over goes first, and then the earliest of the source that
//! has most: a flood from one place costs nobody else.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteQueryResult;

use crate::totals::{Counted, total};

/// A table that has a bound, with the two ways to make room in it.
pub(crate) struct Bounded {
    counted: Counted,
    over: &'static str,
    earliest_of_most: &'static str,
}

macro_rules! bounded {
    ($counted:ident, $table:literal, $begun_at:literal) => {
        Bounded {
            counted: Counted::$counted,
            over: concat!("DELETE FROM ", $table, " WHERE expires_at <= ?1"),
            earliest_of_most: concat!(
                concat!("DELETE FROM ", $table, " WHERE rowid IN (SELECT rowid FROM ", $table),
                concat!(" WHERE source IS (SELECT source FROM ", $table, " GROUP BY source"),
                concat!(" ORDER BY count(*) DESC, min(", $begun_at, ") LIMIT 1)"),
                concat!(" ORDER BY ", $begun_at, " LIMIT ?1)"),
            ),
        }
    };
}

pub(crate) const DEVICES: Bounded = bounded!(Devices, "devices", "issued_at");
pub(crate) const PUSHED_REQUESTS: Bounded = bounded!(PushedRequests, "pushed_requests", "pushed_at");
pub(crate) const UPSTREAM_LOGINS: Bounded = bounded!(UpstreamLogins, "upstream_logins", "started_at");

impl Bounded {
    /// Deletes until there are fewer than `max`, as far as that goes.
    pub(crate) async fn make_room(
        &self,
        db: &mut SqliteConnection,
        max: u32,
        now: i64,
    ) -> Result<(), sqlx::Error> {
        let mut excess = total(db, self.counted).await? + 1 - i64::from(max);
        if excess > 0 {
            excess -= deleted(&sqlx::query(self.over).bind(now).execute(&mut *db).await?);
        }
        // Each round empties one source at most; there is more than one only after `max` was lowered.
        while excess > 0 {
            let done = deleted(&sqlx::query(self.earliest_of_most).bind(excess).execute(&mut *db).await?);
            if done == 0 {
                break;
            }
            excess -= done;
        }
        Ok(())
    }
}

fn deleted(done: &SqliteQueryResult) -> i64 {
    i64::try_from(done.rows_affected()).unwrap_or(i64::MAX)
}
