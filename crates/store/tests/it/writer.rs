//! The one connection that writes.

use barewire_oauth_server::store::{Codes, Families, Grants, Insert, Swap};

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
