//! A device waits, is decided about once, and gets tokens once.

use barewire_oauth::client::Registration;
use barewire_oauth_server::store::{DeviceDecision, DeviceRecord, Digest, Insert, Store, Swap};

use crate::laws::{at, digest, family, grant};

pub(crate) fn device(n: u8, source: Option<u8>) -> DeviceRecord {
    DeviceRecord {
        device_code: digest(n),
        user_code: digest(100 + n),
        client_id: "c1".to_owned(),
        client_name: Some("A client".to_owned()),
        registration: Registration::Dynamic,
        client_has_keys: n.is_multiple_of(2),
        scope: "posts:read".to_owned(),
        resource: "http://localhost:8000/mcp".to_owned(),
        refreshable: true,
        proof_required: n % 2 == 1,
        source: source.map(digest),
        grant_id: format!("g{n}"),
        issued_at: at(u64::from(n)),
        expires_at: at(100),
        decision: None,
        redeemed_at: None,
    }
}

pub(crate) async fn a_device_is_kept_whole(store: &impl Store) {
    assert_eq!(store.insert_device(&device(1, Some(7)), 9).await.unwrap(), Insert::Inserted);
    let same_user_code = DeviceRecord { user_code: digest(101), ..device(2, None) };
    assert_eq!(store.insert_device(&same_user_code, 9).await.unwrap(), Insert::Exists);
    assert_eq!(store.device(digest(1)).await.unwrap(), Some(device(1, Some(7))));
    assert_eq!(store.device_by_user_code(digest(101)).await.unwrap(), Some(device(1, Some(7))));
    assert_eq!(store.device(digest(101)).await.unwrap(), None);
    assert_eq!(store.device_by_user_code(digest(1)).await.unwrap(), None);
}

pub(crate) async fn one_decision_and_one_redemption_count(store: &impl Store) {
    for n in [1, 2, 3] {
        assert_eq!(store.insert_device(&device(n, None), 9).await.unwrap(), Insert::Inserted);
    }
    let redeem = async |n: u8, second| {
        store.redeem_device(digest(n), at(second), &grant(n, "c1"), Some(&family(n, 0))).await.unwrap()
    };
    assert_eq!(redeem(1, 9).await, Swap::Lost, "nobody has decided");
    assert_eq!(store.decide_device(digest(1), Some("u1"), at(10)).await.unwrap(), Swap::Done);
    assert_eq!(store.decide_device(digest(1), None, at(11)).await.unwrap(), Swap::Lost);
    assert_eq!(store.decide_device(digest(2), None, at(10)).await.unwrap(), Swap::Done);
    assert_eq!(store.decide_device(digest(3), Some("u1"), at(100)).await.unwrap(), Swap::Lost, "it is over");
    assert_eq!(redeem(2, 20).await, Swap::Lost, "it was denied");
    let swaps = tokio::join!(redeem(1, 20), redeem(1, 20), redeem(1, 20), redeem(1, 20));
    let swaps = [swaps.0, swaps.1, swaps.2, swaps.3];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    let kept = store.device(digest(1)).await.unwrap().unwrap();
    assert_eq!(kept.decision, Some(DeviceDecision { user_id: Some("u1".to_owned()), at: at(10) }));
    assert_eq!(kept.redeemed_at, Some(at(20)));
    assert_eq!(store.grant("g1").await.unwrap(), Some(grant(1, "c1")));
    assert_eq!(store.family(digest(1)).await.unwrap().unwrap().0, family(1, 0));
    let denied = store.device(digest(2)).await.unwrap().unwrap().decision;
    assert_eq!(denied, Some(DeviceDecision { user_id: None, at: at(10) }));
}

pub(crate) async fn room_for_devices_is_made_by_who_has_most(store: &impl Store) {
    let insert = async |n: u8, source| {
        assert_eq!(store.insert_device(&device(n, Some(source)), 4).await.unwrap(), Insert::Inserted);
    };
    let left = async || {
        let mut left = Vec::new();
        for n in 1..=9 {
            left.extend(store.device(Digest([n; 32])).await.unwrap().map(|_| n));
        }
        left
    };
    insert(1, 1).await;
    for n in [2, 3, 4] {
        insert(n, 2).await;
    }
    insert(5, 2).await;
    assert_eq!(left().await, [1, 3, 4, 5]);
    insert(6, 3).await;
    assert_eq!(left().await, [1, 4, 5, 6]);
    // What is over goes first.
    let late = DeviceRecord { issued_at: at(100), expires_at: at(200), ..device(7, Some(4)) };
    assert_eq!(store.insert_device(&late, 4).await.unwrap(), Insert::Inserted);
    assert_eq!(left().await, [7]);
}
