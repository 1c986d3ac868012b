//! Pushed authorization requests are used once, and a flood of them costs its source.

use barewire_oauth::pushed::Pushed;
use barewire_oauth_server::store::{Insert, PushedLimits, PushedRecord, Store, Swap};

use crate::laws::{at, digest};

const MOST: PushedLimits = PushedLimits { per_source: 3, total: 5 };

fn request(n: u8, source: Option<u8>) -> PushedRecord {
    let pushed = Pushed {
        client_id: format!("c{n}"),
        query: format!("state={n}"),
        pushed_at: at(u64::from(n)),
        expires_at: at(100 + u64::from(n)),
        used_at: None,
    };
    PushedRecord { digest: digest(n), pushed, source: source.map(digest) }
}

async fn push(store: &impl Store, n: u8, source: Option<u8>) -> Insert {
    store.insert_pushed(&request(n, source), MOST).await.unwrap()
}

pub(crate) async fn a_request_is_kept_whole_and_used_once(store: &impl Store) {
    assert_eq!(push(store, 1, Some(9)).await, Insert::Inserted);
    assert_eq!(store.pushed(digest(1)).await.unwrap(), Some(request(1, Some(9))));
    assert_eq!(store.pushed(digest(2)).await.unwrap(), None);
    let uses = tokio::join!(
        store.use_pushed(digest(1), at(50)),
        store.use_pushed(digest(1), at(50)),
        store.use_pushed(digest(1), at(50)),
    );
    let uses = [uses.0.unwrap(), uses.1.unwrap(), uses.2.unwrap()];
    assert_eq!(uses.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{uses:?}");
    assert_eq!(store.pushed(digest(1)).await.unwrap().unwrap().pushed.used_at, Some(at(50)));
    // What was used does not come back by lasting longer.
    store.extend_pushed(digest(1), at(999)).await.unwrap();
    assert_eq!(store.pushed(digest(1)).await.unwrap().unwrap().pushed.expires_at, at(101));
}

pub(crate) async fn a_request_lasts_until_it_expires(store: &impl Store) {
    assert_eq!(push(store, 1, None).await, Insert::Inserted);
    assert_eq!(store.use_pushed(digest(1), at(101)).await.unwrap(), Swap::Lost);
    store.extend_pushed(digest(1), at(200)).await.unwrap();
    store.extend_pushed(digest(1), at(150)).await.unwrap();
    assert_eq!(store.pushed(digest(1)).await.unwrap().unwrap().pushed.expires_at, at(200));
    assert_eq!(store.use_pushed(digest(1), at(199)).await.unwrap(), Swap::Done);
}

pub(crate) async fn a_flood_of_requests_costs_its_source(store: &impl Store) {
    for n in 1..=3 {
        assert_eq!(push(store, n, Some(8)).await, Insert::Inserted);
    }
    assert_eq!(push(store, 4, Some(8)).await, Insert::Exists, "its share is used up");
    assert_eq!(push(store, 5, Some(9)).await, Insert::Inserted);
    assert_eq!(push(store, 6, None).await, Insert::Inserted);
    // Full: the earliest of those of whom there are most makes room.
    assert_eq!(push(store, 7, Some(10)).await, Insert::Inserted);
    assert_eq!(store.pushed(digest(1)).await.unwrap(), None);
    for n in [2, 3, 5, 6, 7] {
        assert!(store.pushed(digest(n)).await.unwrap().is_some(), "{n}");
    }
    // What is over takes nobody's room.
    assert_eq!(push(store, 110, Some(8)).await, Insert::Inserted);
    assert_eq!(store.pushed(digest(7)).await.unwrap(), None);
}
