//! The one connection that writes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use barewire_oauth_server::store::{Codes, Families, Grants, Housekeeping, Insert, Retention, Swap};

use crate::laws::{at, code, digest, family, grant};
use crate::sqlite;

/// A caller that goes away in the middle (its request was cancelled) leaves a connection that others can use, and
/// never half a redemption.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_go_away_leave_the_writer_usable() {
    let (_dir, store) = sqlite::open().await;
    for n in 0..=200 {
        assert_eq!(store.insert_code(&code(n, "c1")).await.unwrap(), Insert::Inserted);
    }
    let mut tasks = Vec::new();
    for n in 0..=200_u8 {
        let store = store.clone();
        let redeem =
            async move { store.redeem_code(digest(n), at(1), &grant(n, "c1"), Some(&family(n, 0))).await };
        tasks.push(tokio::spawn(redeem));
        if n % 3 == 0 {
            tokio::task::yield_now().await;
        }
        if n % 2 == 0 {
            tasks[usize::from(n / 2)].abort();
        }
    }
    for task in tasks {
        let _ = task.await;
    }
    for n in 0..=200 {
        let redeemed = store.code(digest(n)).await.unwrap().unwrap().redeemed_at.is_some();
        assert_eq!(store.grant(&format!("g{n}")).await.unwrap().is_some(), redeemed, "{n}");
        assert_eq!(store.family(digest(n)).await.unwrap().is_some(), redeemed, "{n}");
        let again = store.redeem_code(digest(n), at(1), &grant(n, "c1"), Some(&family(n, 0))).await.unwrap();
        assert_eq!(again, if redeemed { Swap::Lost } else { Swap::Done }, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_waits_for_a_step_of_a_sweep_and_not_for_all_of_it() {
    let (_dir, store) = sqlite::open().await;
    for n in 0..200 {
        store.revoke_access_token(&format!("j{n}"), at(1), at(0)).await.unwrap();
    }
    let long = Duration::from_secs(1_000);
    let retention = Retention {
        codes: long,
        login_attempts: long,
        unused_clients: long,
        idle_clients: long,
        grants: long,
    };
    let steps = AtomicUsize::new(0);
    let sweep = async {
        while store.sweep(at(100), retention, 10).await.unwrap() == 10 {
            steps.fetch_add(1, Ordering::Relaxed);
        }
    };
    let write = async {
        store.revoke_access_token("later", at(1_000), at(100)).await.unwrap();
        steps.load(Ordering::Relaxed)
    };
    let ((), before) = tokio::join!(sweep, write);
    assert_eq!(steps.into_inner(), 20);
    assert!(before <= 2, "it waited for {before} steps");
}
