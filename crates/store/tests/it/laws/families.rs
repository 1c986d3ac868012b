//! A refresh token has one successor.

use barewire_oauth::client::Registration::Dynamic;
use barewire_oauth_server::store::{
    FamilyRecord, GrantRecord, Insert, Registered, Revocation, RevocationReason, Store, Swap,
};

use crate::laws::{at, client, code, digest, family, grant};

async fn start(store: &impl Store) {
    assert_eq!(store.register_client(&client("c1", Dynamic), 5).await.unwrap(), Registered::New);
    assert_eq!(store.insert_code(&code(1, "c1")).await.unwrap(), Insert::Inserted);
    let redeemed = store.redeem_code(digest(1), at(2), &grant(1, "c1"), Some(&family(1, 0))).await.unwrap();
    assert_eq!(redeemed, Swap::Done);
}

pub(crate) async fn one_of_many_rotations_wins(store: &impl Store) {
    start(store).await;
    let rotate = async |n: u8| {
        let new = FamilyRecord { current: digest(100 + n), ..family(1, 1) };
        store.rotate_family(0, &new, at(5), None).await.unwrap()
    };
    let swaps = tokio::join!(rotate(0), rotate(1), rotate(2), rotate(3), rotate(4), rotate(5));
    let swaps = [swaps.0, swaps.1, swaps.2, swaps.3, swaps.4, swaps.5];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    let winner = u8::try_from(swaps.iter().position(|swap| *swap == Swap::Done).unwrap()).unwrap();
    assert_eq!(store.family(digest(1)).await.unwrap().unwrap().0.current, digest(100 + winner));
}

pub(crate) async fn a_rotation_is_kept_whole(store: &impl Store) {
    start(store).await;
    let from = "2001:db8::1".parse().ok();
    for generation in 1..=4 {
        let new = family(1, generation);
        assert_eq!(
            store.rotate_family(generation - 1, &new, at(generation + 9), from).await.unwrap(),
            Swap::Done
        );
        assert_eq!(store.rotate_family(generation - 1, &new, at(50), None).await.unwrap(), Swap::Lost);
    }
    let used = GrantRecord { last_used_at: at(13), last_used_from: from, ..grant(1, "c1") };
    assert_eq!(store.family(digest(1)).await.unwrap(), Some((family(1, 4), used)));
    assert_eq!(store.client("c1").await.unwrap().unwrap().last_used_at, Some(at(13)));
    assert_eq!(store.family(digest(2)).await.unwrap(), None);
    let mut unknown = family(2, 1);
    unknown.grant_id = "g1".into();
    assert_eq!(store.rotate_family(0, &unknown, at(5), None).await.unwrap(), Swap::Lost);
}

pub(crate) async fn a_revoked_grant_is_not_rotated(store: &impl Store) {
    start(store).await;
    let revocation = Revocation { at: at(3), reason: RevocationReason::Client };
    assert_eq!(store.revoke_grant("g1", revocation).await.unwrap(), Swap::Done);
    assert_eq!(store.rotate_family(0, &family(1, 1), at(4), None).await.unwrap(), Swap::Lost);
    let (family_now, grant_now) = store.family(digest(1)).await.unwrap().unwrap();
    assert_eq!((family_now, grant_now.revoked), (family(1, 0), Some(revocation)));
}
