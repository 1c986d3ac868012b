//! A statement counts once.

use barewire_oauth_server::store::{StatementLimits, Store, Use, UsedStatement};

use crate::laws::{at, digest};

const LIMITS: StatementLimits = StatementLimits { per_owner: 2, total: 4 };

fn statement(n: u8, owner: u8, until: u64) -> UsedStatement {
    UsedStatement { digest: digest(n), owner: digest(owner), until: at(until) }
}

pub(crate) async fn a_statement_is_used_once(store: &impl Store) {
    let one = statement(1, 1, 100);
    let once = async || store.use_statement(&one, LIMITS, at(1)).await.unwrap();
    let uses = tokio::join!(once(), once(), once(), once(), once(), once());
    let uses = [uses.0, uses.1, uses.2, uses.3, uses.4, uses.5];
    assert_eq!(uses.iter().filter(|used| **used == Use::First).count(), 1, "{uses:?}");
    assert_eq!(uses.iter().filter(|used| **used == Use::Again).count(), 5, "{uses:?}");
    assert_eq!(store.use_statement(&one, LIMITS, at(99)).await.unwrap(), Use::Again);
    // From its last moment on it may have been forgotten, and counts as used whether it was or not.
    for until in [100, 101] {
        assert_eq!(store.use_statement(&one, LIMITS, at(until)).await.unwrap(), Use::Again);
        let other = store.use_statement(&statement(2, 1, 100), LIMITS, at(until)).await.unwrap();
        assert_eq!(other, Use::Again);
    }
}

pub(crate) async fn used_statements_are_bounded(store: &impl Store) {
    let check = async |n, owner, until, now, expected| {
        let used = store.use_statement(&statement(n, owner, until), LIMITS, at(now)).await.unwrap();
        assert_eq!(used, expected, "{n} of {owner} at {now}");
    };
    check(1, 1, 100, 1, Use::First).await;
    check(2, 1, 50, 1, Use::First).await;
    check(3, 1, 100, 1, Use::Full).await;
    check(3, 2, 100, 1, Use::First).await;
    check(4, 2, 100, 1, Use::First).await;
    check(5, 3, 100, 1, Use::Full).await;
    // What was not remembered was not used; what has ended makes room.
    check(3, 2, 100, 1, Use::Again).await;
    check(5, 1, 100, 50, Use::Full).await;
    check(6, 3, 150, 100, Use::First).await;
    check(5, 1, 150, 100, Use::First).await;
}
