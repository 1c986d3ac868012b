//! Registered clients, and the room for them.

use barewire_oauth::client::Registration::{Dynamic, Preregistered};
use barewire_oauth_server::store::{
    Change, Changed, ClientRecord, ConsentRecord, Deletion, EndedGrant, GrantRecord, Insert, Registered,
    Revocation, RevocationReason, Store, Swap,
};

use crate::laws::{at, client, code, digest, grant};

pub(crate) async fn a_client_is_kept_whole(store: &impl Store) {
    let mut new = client("c1", Dynamic);
    new.fingerprint = Some(digest(9));
    new.registration_token = Some(digest(7));
    new.source = Some(digest(8));
    assert_eq!(store.register_client(&new, 10).await.unwrap(), Registered::New);
    assert_eq!(store.client("c1").await.unwrap(), Some(new));
    assert_eq!(store.client("c2").await.unwrap(), None);
}

pub(crate) async fn a_configured_client_is_replaced_but_keeps_its_use(store: &impl Store) {
    store.put_client(&client("c1", Preregistered)).await.unwrap();
    redeem(store, 1, "c1", 5).await;
    let mut changed = client("c1", Preregistered);
    changed.client.name = Some("Renamed".into());
    store.put_client(&changed).await.unwrap();
    let expected = ClientRecord { activated_at: Some(at(5)), last_used_at: Some(at(5)), ..changed };
    assert_eq!(store.client("c1").await.unwrap(), Some(expected));
}

pub(crate) async fn a_client_that_is_configured_no_more_is_gone(store: &impl Store) {
    for id in ["a", "b\"]"] {
        store.put_client(&client(id, Preregistered)).await.unwrap();
    }
    assert_eq!(store.register_client(&client("c", Dynamic), 10).await.unwrap(), Registered::New);
    store.keep_configured(&["b\"]", "x"]).await.unwrap();
    assert_eq!(alive(store, &["a", "b\"]", "c"]).await, ["b\"]", "c"]);
    store.keep_configured(&[]).await.unwrap();
    assert_eq!(alive(store, &["a", "b\"]", "c"]).await, ["c"]);
}

pub(crate) async fn equal_registrations_are_one_client(store: &impl Store) {
    let with = |id: &str| ClientRecord { fingerprint: Some(digest(1)), ..client(id, Dynamic) };
    let ids = ["a", "b", "c", "d"].map(with);
    let register = async |new| store.register_client(new, 10).await.unwrap();
    let [a, b, c, d] = &ids;
    let outcomes = tokio::join!(register(a), register(b), register(c), register(d));
    let outcomes = [outcomes.0, outcomes.1, outcomes.2, outcomes.3];
    let winner = outcomes.iter().position(|outcome| *outcome == Registered::New).unwrap();
    for (n, outcome) in outcomes.into_iter().enumerate().filter(|(n, _)| *n != winner) {
        assert_eq!(outcome, Registered::Existing(Box::new(ids[winner].clone())), "{n}");
    }
}

/// Redeems a code of this client, which activates it and leaves a live grant until `at(1000)`.
async fn redeem(store: &impl Store, n: u8, client_id: &str, when: u64) {
    assert_eq!(store.insert_code(&code(n, client_id)).await.unwrap(), Insert::Inserted);
    let grant = grant(n, client_id);
    assert_eq!(store.redeem_code(digest(n), at(when), &grant, None).await.unwrap(), Swap::Done);
}

async fn alive(store: &impl Store, ids: &[&str]) -> Vec<String> {
    let mut alive = Vec::new();
    for id in ids {
        alive.extend(store.client(id).await.unwrap().map(|record| record.client.id));
    }
    alive
}

pub(crate) async fn room_is_made_in_order(store: &impl Store) {
    let registered = |id: &str, when| ClientRecord { registered_at: at(when), ..client(id, Dynamic) };
    for (id, when) in [("live", 0), ("revoked", 1), ("new2", 3), ("new1", 2)] {
        assert_eq!(store.register_client(&registered(id, when), 4).await.unwrap(), Registered::New);
    }
    redeem(store, 1, "live", 4).await;
    redeem(store, 2, "revoked", 5).await;
    let revocation = Revocation { at: at(6), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g2", revocation).await.unwrap(), Swap::Done);
    let consent = ConsentRecord {
        user_id: "u1".into(),
        client_id: "new1".into(),
        resource: "r".into(),
        redirect_host: "localhost".into(),
        scope: String::new(),
        granted_at: at(6),
    };
    store.put_consent(&consent).await.unwrap();
    let all = ["live", "revoked", "new1", "new2", "a", "b", "c"];
    for (id, left) in [
        ("a", ["live", "revoked", "new2", "a"]),
        ("b", ["live", "revoked", "a", "b"]),
        ("c", ["live", "revoked", "b", "c"]),
    ] {
        assert_eq!(store.register_client(&registered(id, 10), 4).await.unwrap(), Registered::New);
        assert_eq!(alive(store, &all).await, left);
    }
    assert_eq!(store.consent("u1", "new1", "r", "localhost").await.unwrap(), None, "goes with its client");
    // With two places only, b and c go, and so does the one whose grant was revoked.
    assert_eq!(store.register_client(&registered("d", 11), 2).await.unwrap(), Registered::New);
    assert_eq!(alive(store, &[&all[..], &["d"]].concat()).await, ["live", "d"]);
}

pub(crate) async fn a_flood_makes_room_at_its_own_cost(store: &impl Store) {
    let from = |id: &str, source, when| ClientRecord {
        source: Some(digest(source)),
        registered_at: at(when),
        ..client(id, Dynamic)
    };
    let all = ["alice", "bob", "f1", "f2", "f3", "f4", "f5", "carol"];
    for (id, source, when, left) in [
        ("alice", 1, 0, &["alice"][..]),
        ("f1", 9, 1, &["alice", "f1"]),
        ("f2", 9, 2, &["alice", "f1", "f2"]),
        ("f3", 9, 3, &["alice", "f1", "f2", "f3"]),
        ("bob", 2, 4, &["alice", "bob", "f2", "f3"]),
        ("f4", 9, 5, &["alice", "bob", "f3", "f4"]),
        ("f5", 9, 6, &["alice", "bob", "f4", "f5"]),
        ("carol", 3, 7, &["alice", "bob", "f5", "carol"]),
    ] {
        assert_eq!(store.register_client(&from(id, source, when), 4).await.unwrap(), Registered::New);
        assert_eq!(alive(store, &all).await, left, "{id}");
    }
    // With one place only, all of them go, wherever they came from.
    assert_eq!(store.register_client(&from("dave", 4, 8), 1).await.unwrap(), Registered::New);
    assert_eq!(alive(store, &[&all[..], &["dave"]].concat()).await, ["dave"]);
}

pub(crate) async fn who_registers_again_is_not_the_next_to_go(store: &impl Store) {
    let registered = |id: &str, n, when| ClientRecord {
        fingerprint: Some(digest(n)),
        registered_at: at(when),
        ..client(id, Dynamic)
    };
    for (id, n) in [("a", 1), ("b", 2)] {
        let new = registered(id, n, u64::from(n));
        assert_eq!(store.register_client(&new, 2).await.unwrap(), Registered::New);
    }
    let again = registered("unused", 1, 5);
    let expected = registered("a", 1, 5);
    assert_eq!(store.register_client(&again, 2).await.unwrap(), Registered::Existing(Box::new(expected)));
    assert_eq!(store.register_client(&registered("c", 3, 6), 2).await.unwrap(), Registered::New);
    assert_eq!(alive(store, &["a", "b", "c"]).await, ["a", "c"]);
    // One that is in use stays as it is.
    redeem(store, 1, "a", 7).await;
    let Registered::Existing(used) = store.register_client(&registered("unused", 1, 8), 2).await.unwrap()
    else {
        panic!("registered twice");
    };
    assert_eq!(used.registered_at, at(5));
}

pub(crate) async fn a_full_house_says_so(store: &impl Store) {
    assert_eq!(store.register_client(&client("live", Dynamic), 1).await.unwrap(), Registered::New);
    redeem(store, 1, "live", 4).await;
    let late = |id: &str, when| ClientRecord { registered_at: at(when), ..client(id, Dynamic) };
    assert_eq!(store.register_client(&late("a", 999), 1).await.unwrap(), Registered::Full);
    assert_eq!(store.client("a").await.unwrap(), None);
    assert_eq!(
        store.register_client(&late("b", 1000), 1).await.unwrap(),
        Registered::New,
        "the grant is over"
    );
    assert_eq!(store.client("live").await.unwrap(), None);
    assert_eq!(store.register_client(&late("c", 1000), 0).await.unwrap(), Registered::Full);
    assert!(store.client("b").await.unwrap().is_some(), "a refusal deletes nobody");
}

pub(crate) async fn configured_clients_take_no_room(store: &impl Store) {
    store.put_client(&client("configured", Preregistered)).await.unwrap();
    for id in ["a", "b"] {
        assert_eq!(store.register_client(&client(id, Dynamic), 1).await.unwrap(), Registered::New);
    }
    assert_eq!(alive(store, &["configured", "a", "b"]).await, ["configured", "b"]);
}

pub(crate) async fn a_client_that_gets_tokens_is_activated(store: &impl Store) {
    for id in ["c1", "c2", "c3"] {
        assert_eq!(store.register_client(&client(id, Dynamic), 5).await.unwrap(), Registered::New);
    }
    assert_eq!(store.insert_grant(&grant(1, "c1")).await.unwrap(), Insert::Inserted);
    store.use_client("c2", at(5)).await.unwrap();
    store.use_client("c2", at(7)).await.unwrap();
    store.use_client("nobody", at(5)).await.unwrap();
    // A grant that is not added activates nobody.
    assert_eq!(store.insert_grant(&grant(1, "c3")).await.unwrap(), Insert::Exists);
    for (id, activated, used) in [("c1", Some(2), Some(2)), ("c2", Some(5), Some(7)), ("c3", None, None)] {
        let record = store.client(id).await.unwrap().unwrap();
        let expected = (activated.map(at), used.map(at));
        assert_eq!((record.activated_at, record.last_used_at), expected, "{id}");
    }
}

/// A client that manages its registration with the token `n`.
fn managed(id: &str, n: u8) -> ClientRecord {
    ClientRecord { registration_token: Some(digest(n)), ..client(id, Dynamic) }
}

pub(crate) async fn a_registration_is_replaced_by_compare_and_set(store: &impl Store) {
    let record = managed("c1", 1);
    for new in [&record, &client("c2", Dynamic)] {
        assert_eq!(store.register_client(new, 9).await.unwrap(), Registered::New);
    }
    redeem(store, 1, "c1", 5).await;
    let mut renamed = record.client.clone();
    renamed.name = Some("Renamed".into());
    let replace = async |n| store.replace_client(&renamed, digest(1), digest(n)).await.unwrap();
    let swaps = tokio::join!(replace(2), replace(3), replace(4), replace(5));
    let swaps = [swaps.0, swaps.1, swaps.2, swaps.3];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    let winner = swaps.iter().position(|swap| *swap == Swap::Done).unwrap();
    let expected = ClientRecord {
        client: renamed,
        registration_token: Some(digest(u8::try_from(winner).unwrap() + 2)),
        activated_at: Some(at(5)),
        last_used_at: Some(at(5)),
        ..record
    };
    assert_eq!(store.client("c1").await.unwrap(), Some(expected));
    // One without a token has none that fits, and what is not there is not made.
    for id in ["c2", "c3"] {
        let new = client(id, Dynamic).client;
        assert_eq!(store.replace_client(&new, digest(1), digest(2)).await.unwrap(), Swap::Lost, "{id}");
    }
    assert_eq!(store.client("c3").await.unwrap(), None);
}

pub(crate) async fn a_client_is_deleted_with_all_that_it_has(store: &impl Store) {
    for (id, n) in [("gone", 1), ("other", 2)] {
        assert_eq!(store.register_client(&managed(id, n), 9).await.unwrap(), Registered::New);
    }
    redeem(store, 1, "gone", 4).await;
    redeem(store, 2, "other", 4).await;
    assert_eq!(store.insert_code(&code(3, "gone")).await.unwrap(), Insert::Inserted);
    let over = GrantRecord { expires_at: at(9), ..grant(4, "gone") };
    assert_eq!(store.insert_grant(&over).await.unwrap(), Insert::Inserted);
    let consent = ConsentRecord {
        user_id: "u1".into(),
        client_id: "gone".into(),
        resource: "r".into(),
        redirect_host: "localhost".into(),
        scope: String::new(),
        granted_at: at(6),
    };
    store.put_consent(&consent).await.unwrap();
    let deletion = |n| Deletion {
        client_id: "gone",
        registration_token: digest(n),
        at: at(10),
        own_grant: "own",
        own_grant_until: at(500),
    };
    assert_eq!(store.delete_client(&deletion(2)).await.unwrap(), None);
    assert_eq!(store.changes_after(0, 9).await.unwrap(), []);
    let ended = EndedGrant { id: "g1".into(), user_id: "u1".into() };
    assert_eq!(store.delete_client(&deletion(1)).await.unwrap(), Some(vec![ended]));
    assert_eq!(store.delete_client(&deletion(1)).await.unwrap(), None);
    let revoked = store.grant("g1").await.unwrap().unwrap().revoked;
    assert_eq!(revoked, Some(Revocation { at: at(10), reason: RevocationReason::Client }));
    let changes = [Changed::GrantRevoked("g1".into()), Changed::TokenRevoked("own".into())];
    let told: Vec<_> =
        store.changes_after(0, 9).await.unwrap().into_iter().map(|(_, change)| change).collect();
    assert_eq!(told, changes.map(|what| Change { at: at(10), what }));
    assert_eq!(store.code(digest(3)).await.unwrap(), None);
    assert!(store.code(digest(1)).await.unwrap().is_some(), "a replay of it has to be known");
    assert_eq!(store.consent("u1", "gone", "r", "localhost").await.unwrap(), None);
    assert_eq!(alive(store, &["gone", "other"]).await, ["other"]);
    assert_eq!(store.grant("g2").await.unwrap().unwrap().revoked, None);
    assert_eq!(store.grant("g4").await.unwrap().unwrap().revoked, None, "it was over");
}
