//! Grants that go on living: narrowed, listed.

use barewire_oauth::client::Registration::Dynamic;
use barewire_oauth_server::store::{
    CodeRecord, ConsentRecord, GrantRecord, GrantsWanted, Insert, Live, Narrowing, Registered, Revocation,
    RevocationReason, Store, Swap,
};

use crate::laws::devices::device;
use crate::laws::{at, client, code, digest, family, grant};

async fn put(store: &impl Store, n: u8, change: impl FnOnce(&mut GrantRecord)) {
    let mut grant = grant(n, "c1");
    change(&mut grant);
    assert_eq!(store.insert_code(&code(n, "c1")).await.unwrap(), Insert::Inserted);
    let redeemed = store.redeem_code(digest(n), at(2), &grant, Some(&family(n, 0))).await.unwrap();
    assert_eq!(redeemed, Swap::Done);
}

pub(crate) async fn a_grant_is_narrowed_by_compare_and_set(store: &impl Store) {
    put(store, 1, |grant| grant.scope = "a b c".into()).await;
    let narrow =
        async |from: &str, to: &str, when: u64| store.narrow_grant("g1", from, to, at(when)).await.unwrap();
    assert_eq!(narrow("a b", "a", 5).await, Swap::Lost, "that is not what it has");
    assert_eq!(narrow("a b c", "a b", 6).await, Swap::Done);
    assert_eq!(narrow("a b c", "c", 7).await, Swap::Lost, "somebody else was first");
    assert_eq!(narrow("a b", "a", 8).await, Swap::Done);
    let now = store.grant("g1").await.unwrap().unwrap();
    assert_eq!(now.scope, "a");
    assert_eq!(now.narrowed, Some(Narrowing { at: at(8), granted_scope: "a b c".into() }));
    let revocation = Revocation { at: at(9), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g1", revocation).await.unwrap(), Swap::Done);
    assert_eq!(narrow("a", "", 10).await, Swap::Lost, "it is revoked");
}

pub(crate) async fn what_was_taken_is_not_remembered(store: &impl Store) {
    put(store, 1, |grant| grant.scope = "a b".into()).await;
    let resource = grant(1, "c1").resource;
    let consent = |user: &str, host: &str| ConsentRecord {
        user_id: user.into(),
        client_id: "c1".into(),
        resource: resource.clone(),
        redirect_host: host.into(),
        scope: "a b c".into(),
        granted_at: at(1),
    };
    for (user, host) in [("u1", "one.example"), ("u1", "two.example"), ("u2", "one.example")] {
        store.put_consent(&consent(user, host)).await.unwrap();
    }
    let remembered = async |user: &str, host: &str| {
        store.consent(user, "c1", &resource, host).await.unwrap().map(|consent| consent.scope)
    };
    assert_eq!(store.narrow_grant("g1", "a b", "b", at(5)).await.unwrap(), Swap::Done);
    for host in ["one.example", "two.example"] {
        assert_eq!(remembered("u1", host).await.as_deref(), Some("b"));
    }
    assert_eq!(remembered("u2", "one.example").await.as_deref(), Some("a b c"));
    // A client that logs out is not asked about the next time; one that a person has thrown out is.
    put(store, 2, |_| ()).await;
    let by_client = Revocation { at: at(6), reason: RevocationReason::Client };
    assert_eq!(store.revoke_grant("g2", by_client).await.unwrap(), Swap::Done);
    assert_eq!(remembered("u1", "one.example").await.as_deref(), Some("b"));
    let by_user = Revocation { at: at(7), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g1", by_user).await.unwrap(), Swap::Done);
    assert_eq!(remembered("u1", "one.example").await, None);
    assert_eq!(remembered("u2", "one.example").await.as_deref(), Some("a b c"));
}

pub(crate) async fn a_connection_ends_whole(store: &impl Store) {
    // 3 is another user's, 4 another client's, 5 of another resource, 6 is revoked, 7 is over.
    for n in 1..=7 {
        put(store, n, |grant| match n {
            3 => grant.user_id = "u2".into(),
            4 => grant.client_id = "c2".into(),
            5 => grant.resource = "https://other.example/mcp".into(),
            7 => grant.expires_at = at(20),
            _ => {}
        })
        .await;
    }
    let by_client = Revocation { at: at(10), reason: RevocationReason::Client };
    assert_eq!(store.revoke_grant("g6", by_client).await.unwrap(), Swap::Done);
    // 11 waits to be redeemed, 12 does so for another user.
    for n in [11, 12] {
        let user_id = if n == 12 { "u2" } else { "u1" }.to_owned();
        let waiting = CodeRecord { user_id, ..code(n, "c1") };
        assert_eq!(store.insert_code(&waiting).await.unwrap(), Insert::Inserted);
    }
    // 21 was allowed and has no tokens yet, 22 waits for its user.
    for n in [21, 22] {
        assert_eq!(store.insert_device(&device(n, None), 9).await.unwrap(), Insert::Inserted);
    }
    assert_eq!(store.decide_device(digest(21), Some("u1"), at(15)).await.unwrap(), Swap::Done);
    let by_user = Revocation { at: at(20), reason: RevocationReason::User };
    let mut ended = store.disconnect("g1", by_user).await.unwrap();
    ended.sort();
    assert_eq!(ended, ["g1", "g2"]);
    assert_eq!(store.disconnect("g1", by_user).await.unwrap(), Vec::<String>::new());
    for (n, revoked) in [(1, true), (2, true), (3, false), (4, false), (5, false), (7, false)] {
        let grant = store.grant(&format!("g{n}")).await.unwrap().unwrap();
        assert_eq!(grant.revoked, revoked.then_some(by_user), "{n}");
    }
    assert_eq!(store.grant("g6").await.unwrap().unwrap().revoked, Some(by_client));
    assert_eq!(store.code(digest(11)).await.unwrap(), None);
    assert!(store.code(digest(12)).await.unwrap().is_some());
    assert!(
        store.code(digest(1)).await.unwrap().is_some(),
        "one that was redeemed is still known when it is replayed"
    );
    assert_eq!(store.device(digest(21)).await.unwrap(), None);
    assert!(store.device(digest(22)).await.unwrap().is_some());
    let late = store.redeem_code(digest(11), at(21), &grant(11, "c1"), None).await.unwrap();
    assert_eq!(late, Swap::Lost);
    assert_eq!(store.disconnect("nothing", by_user).await.unwrap(), Vec::<String>::new());
}

pub(crate) async fn grants_are_listed_in_pages(store: &impl Store) {
    assert_eq!(store.register_client(&client("c1", Dynamic), 5).await.unwrap(), Registered::New);
    // 1 and 2 at the same moment; 3 is another user's, 4 has expired, 5 is revoked.
    for (n, created) in [(1, 10), (2, 10), (3, 11), (4, 12), (5, 13), (6, 14)] {
        put(store, n, |grant| {
            grant.created_at = at(created);
            grant.user_id = if n == 3 { "u2" } else { "u1" }.into();
            grant.expires_at = at(if n == 4 { 50 } else { 1000 });
        })
        .await;
    }
    let revocation = Revocation { at: at(20), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g5", revocation).await.unwrap(), Swap::Done);
    // 7 has no refresh token, and its last access token was issued at 2.
    assert_eq!(store.insert_code(&code(7, "c1")).await.unwrap(), Insert::Inserted);
    let without = GrantRecord { created_at: at(15), ..grant(7, "c1") };
    assert_eq!(store.redeem_code(digest(7), at(2), &without, None).await.unwrap(), Swap::Done);
    let all = GrantsWanted { user_id: None, client_id: None, live: None, after: None, limit: 99 };
    let ids = async |wanted: GrantsWanted<'_>| {
        let found = store.grants(&wanted).await.unwrap();
        found.into_iter().map(|found| found.grant.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(all).await, ["g7", "g6", "g5", "g4", "g3", "g2", "g1"]);
    let live = Live { at: at(50), expired_until: at(2) };
    let mine = GrantsWanted { user_id: Some("u1"), live: Some(live), ..all };
    assert_eq!(ids(mine).await, ["g6", "g2", "g1"]);
    let earlier = Live { expired_until: at(1), ..live };
    assert_eq!(ids(GrantsWanted { live: Some(earlier), ..mine }).await, ["g7", "g6", "g2", "g1"]);
    for wanted in [live, earlier] {
        let listed = ids(GrantsWanted { user_id: Some("u1"), live: Some(wanted), ..all }).await;
        for overview in store.grants(&GrantsWanted { user_id: Some("u1"), ..all }).await.unwrap() {
            assert_eq!(overview.is_live(wanted), listed.contains(&overview.grant.id), "{overview:?}");
        }
    }
    assert_eq!(ids(GrantsWanted { limit: 2, ..mine }).await, ["g6", "g2"]);
    assert_eq!(ids(GrantsWanted { after: Some((at(10), "g2")), ..mine }).await, ["g1"]);
    assert_eq!(ids(GrantsWanted { client_id: Some("c1"), user_id: Some("u2"), ..all }).await, ["g3"]);
    assert_eq!(ids(GrantsWanted { client_id: Some("c2"), ..all }).await, [""; 0]);
    let one = store.grant_overview("g6").await.unwrap().unwrap();
    assert_eq!(one.renewable_until, Some(family(6, 0).expires_at));
    assert_eq!(one.client, Some(client("c1", Dynamic).client));
    assert_eq!(store.grant_overview("g9").await.unwrap(), None);
}
