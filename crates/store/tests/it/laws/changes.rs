//! What verifiers have to know of, in order.

use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::store::{Change, Changed, Insert, Revocation, RevocationReason, Store, Swap};

use crate::laws::{at, grant, users};

pub(crate) async fn changes_are_numbered_in_the_order_in_which_they_happen(store: &impl Store) {
    users(store, &["u1"]).await;
    for n in 1..=3 {
        assert_eq!(store.insert_grant(&grant(n, "c1")).await.unwrap(), Insert::Inserted);
    }
    assert_eq!(store.changes_after(0, 99).await.unwrap(), []);
    let by_user = Revocation { at: at(20), reason: RevocationReason::User };
    assert_eq!(store.narrow_grant("g3", "posts:read", "", at(10)).await.unwrap(), Swap::Done);
    assert_eq!(store.revoke_grant("g1", by_user).await.unwrap(), Swap::Done);
    // Whoever's clock it was: what comes later has the higher number.
    store.revoke_access_token("j", at(99), at(5)).await.unwrap();
    assert_eq!(store.disable_user("u1", None, at(6)).await.unwrap(), Swap::Done);
    assert_eq!(store.enable_user("u1", at(7)).await.unwrap(), Swap::Done);
    assert_eq!(store.disable_client("c1", at(8)).await.unwrap(), Swap::Done);
    assert_eq!(store.enable_client("c1", at(9)).await.unwrap(), Swap::Done);
    assert_eq!(store.disconnect("g2", by_user).await.unwrap().len(), 2);
    // What takes place no second time is no second change.
    assert_eq!(store.revoke_grant("g1", by_user).await.unwrap(), Swap::Lost);
    assert_eq!(store.enable_user("u1", at(7)).await.unwrap(), Swap::Lost);
    assert_eq!(store.enable_client("c1", at(9)).await.unwrap(), Swap::Lost);

    let all = store.changes_after(0, 99).await.unwrap();
    let id = |id: &str| id.to_owned();
    let expected = [
        (10, Changed::GrantNarrowed { id: id("g3"), left: ScopeSet::new() }),
        (20, Changed::GrantRevoked(id("g1"))),
        (5, Changed::TokenRevoked(id("j"))),
        (6, Changed::UserDisabled(id("u1"))),
        (7, Changed::UserEnabled(id("u1"))),
        (8, Changed::ClientDisabled(id("c1"))),
        (9, Changed::ClientEnabled(id("c1"))),
    ]
    .map(|(when, what)| Change { at: at(when), what });
    assert_eq!(all.iter().take(7).map(|(_, change)| change.clone()).collect::<Vec<_>>(), expected);
    let last: Vec<_> = all.iter().skip(7).map(|(_, change)| &change.what).collect();
    assert!(
        last.contains(&&Changed::GrantRevoked(id("g2"))) && last.contains(&&Changed::GrantRevoked(id("g3")))
    );
    assert!(all.windows(2).all(|two| two[0].0 < two[1].0), "{all:?}");
    // In parts, without a gap.
    let (first, rest) = all.split_at(4);
    assert_eq!(store.changes_after(0, 4).await.unwrap(), first);
    assert_eq!(store.changes_after(first[3].0, 99).await.unwrap(), rest);
    assert_eq!(store.changes_after(u64::MAX, 99).await.unwrap(), []);
}
