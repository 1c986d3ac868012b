//! Codes become grants, once.

use barewire_oauth::client::Registration::Dynamic;
use barewire_oauth_server::store::{
    Change, Changed, GrantRecord, Insert, Registered, Revocation, RevocationReason, Store, Swap,
};

use crate::laws::{at, client, code, digest, family, grant};

pub(crate) async fn a_code_is_kept_whole(store: &impl Store) {
    assert_eq!(store.insert_code(&code(1, "c1")).await.unwrap(), Insert::Inserted);
    assert_eq!(store.insert_code(&code(1, "c2")).await.unwrap(), Insert::Exists);
    assert_eq!(store.code(digest(1)).await.unwrap(), Some(code(1, "c1")));
    assert_eq!(store.code(digest(2)).await.unwrap(), None);
}

pub(crate) async fn one_of_many_redemptions_wins(store: &impl Store) {
    assert_eq!(store.register_client(&client("c1", Dynamic), 5).await.unwrap(), Registered::New);
    assert_eq!(store.insert_code(&code(1, "c1")).await.unwrap(), Insert::Inserted);
    let redeem = async |second: u64| {
        let grant = GrantRecord { scope: format!("s{second}"), ..grant(1, "c1") };
        store.redeem_code(digest(1), at(second), &grant, Some(&family(1, 0))).await.unwrap()
    };
    let swaps = tokio::join!(redeem(10), redeem(11), redeem(12), redeem(13), redeem(14), redeem(15));
    let swaps = [swaps.0, swaps.1, swaps.2, swaps.3, swaps.4, swaps.5];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    let winner = 10 + swaps.iter().position(|swap| *swap == Swap::Done).unwrap() as u64;
    assert_eq!(store.code(digest(1)).await.unwrap().unwrap().redeemed_at, Some(at(winner)));
    assert_eq!(store.grant("g1").await.unwrap().unwrap().scope, format!("s{winner}"));
    let client = store.client("c1").await.unwrap().unwrap();
    assert_eq!((client.activated_at, client.last_used_at), (Some(at(winner)), Some(at(winner))));
    assert_eq!(store.family(digest(1)).await.unwrap().unwrap().0, family(1, 0));
}

pub(crate) async fn a_lost_redemption_leaves_nothing(store: &impl Store) {
    let swap = store.redeem_code(digest(1), at(1), &grant(1, "c1"), Some(&family(1, 0))).await.unwrap();
    assert_eq!(swap, Swap::Lost, "no such code");
    assert_eq!(store.grant("g1").await.unwrap(), None);
    assert_eq!(store.family(digest(1)).await.unwrap(), None);
}

pub(crate) async fn a_redemption_is_whole_or_not_at_all(store: &impl Store) {
    for n in [1, 2] {
        assert_eq!(store.insert_code(&code(n, "c1")).await.unwrap(), Insert::Inserted);
    }
    let first = store.redeem_code(digest(1), at(1), &grant(1, "c1"), Some(&family(1, 0))).await.unwrap();
    assert_eq!(first, Swap::Done);
    // The family's grant exists but the handle is taken: the last write of the transaction fails.
    let mut clash = family(2, 0);
    clash.handle = digest(1);
    assert!(store.redeem_code(digest(2), at(1), &grant(2, "c1"), Some(&clash)).await.is_err());
    assert_eq!(store.code(digest(2)).await.unwrap().unwrap().redeemed_at, None);
    assert_eq!(store.grant("g2").await.unwrap(), None);
    let again = store.redeem_code(digest(2), at(2), &grant(2, "c1"), Some(&family(2, 0))).await.unwrap();
    assert_eq!(again, Swap::Done);
    assert_eq!(store.grant("g2").await.unwrap(), Some(grant(2, "c1")));
}

pub(crate) async fn a_grant_can_be_added_by_itself(store: &impl Store) {
    assert_eq!(store.insert_grant(&grant(1, "c1")).await.unwrap(), Insert::Inserted);
    let other = GrantRecord { scope: "other".to_owned(), ..grant(1, "c1") };
    assert_eq!(store.insert_grant(&other).await.unwrap(), Insert::Exists);
    assert_eq!(store.grant("g1").await.unwrap(), Some(grant(1, "c1")));
}

pub(crate) async fn a_grant_is_revoked_once(store: &impl Store) {
    assert_eq!(store.insert_code(&code(1, "c1")).await.unwrap(), Insert::Inserted);
    let redeemed = store.redeem_code(digest(1), at(1), &grant(1, "c1"), None).await.unwrap();
    assert_eq!(redeemed, Swap::Done);
    let first = Revocation { at: at(5), reason: RevocationReason::CodeReplay };
    let second = Revocation { at: at(6), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g1", first).await.unwrap(), Swap::Done);
    assert_eq!(store.revoke_grant("g1", second).await.unwrap(), Swap::Lost);
    assert_eq!(store.revoke_grant("g2", second).await.unwrap(), Swap::Lost, "unknown");
    assert_eq!(store.grant("g1").await.unwrap().unwrap().revoked, Some(first));
}

pub(crate) async fn revoked_access_tokens_are_remembered(store: &impl Store) {
    store.revoke_access_token("j1", at(10), at(1)).await.unwrap();
    store.revoke_access_token("j1", at(10), at(2)).await.unwrap();
    let of_j1 = (1, Change { at: at(1), what: Changed::TokenRevoked("j1".to_owned()) });
    assert_eq!(store.changes_after(0, 9).await.unwrap(), [of_j1], "the first time counts");
}
