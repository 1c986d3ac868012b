//! What administrators see of all users and clients, and do about them.

use barewire_oauth::client::Registration::{Dynamic, Preregistered};
use barewire_oauth_server::store::{
    AnsweredChallenge, ClientRecord, ClientsBy, ClientsWanted, CodeRecord, ConsentRecord, FamilyRecord,
    GrantRecord, Insert, NewPasskey, PasskeyRecord, Registered, Revocation, RevocationReason, SessionRecord,
    Store, Swap, TotpRecord, UserRecord, UsersWanted,
};

use crate::laws::devices::device;
use crate::laws::{self, at, client, code, digest, family, grant, secret, users};

pub(crate) async fn users_are_listed_in_the_order_of_their_names(store: &impl Store) {
    for name in ["bob", "Alice", "alina", "alice", "Bert", "ålice"] {
        let user = UserRecord { name: name.into(), ..laws::user(&format!("id of {name}")) };
        assert_eq!(store.insert_user(&user).await.unwrap(), Insert::Inserted);
    }
    let names = async |begins: &str, after: Option<&str>, limit: u32| {
        let found = store.users(&UsersWanted { begins, after, limit }).await.unwrap();
        found.into_iter().map(|user| user.name).collect::<Vec<_>>()
    };
    assert_eq!(names("", None, 9).await, ["Alice", "alice", "alina", "Bert", "bob", "ålice"]);
    assert_eq!(names("", None, 2).await, ["Alice", "alice"]);
    assert_eq!(names("", Some("Alice"), 2).await, ["alice", "alina"]);
    assert_eq!(names("ALI", None, 9).await, ["Alice", "alice", "alina"]);
    assert_eq!(names("ALI", Some("alice"), 9).await, ["alina"]);
    assert_eq!(names("b", Some("alina"), 9).await, ["Bert", "bob"]);
    assert_eq!(names("å", None, 9).await, ["ålice"]);
    assert_eq!(names("%", None, 9).await, [""; 0]);

    assert_eq!(store.set_administrator("id of bob", true, None).await.unwrap(), Swap::Done);
    assert!(store.user_by_name("bob").await.unwrap().unwrap().administrator);
    assert_eq!(store.set_administrator("id of bob", false, None).await.unwrap(), Swap::Done);
    assert!(!store.user("id of bob").await.unwrap().unwrap().administrator);
    assert_eq!(store.set_administrator("nobody", true, None).await.unwrap(), Swap::Lost);
}

pub(crate) async fn only_an_administrator_of_that_moment_demotes_or_disables(store: &impl Store) {
    users(store, &["u1", "u2", "u3"]).await;
    for id in ["u1", "u2"] {
        assert_eq!(store.set_administrator(id, true, None).await.unwrap(), Swap::Done);
    }
    assert_eq!(store.set_administrator("u1", false, Some("u3")).await.unwrap(), Swap::Lost);
    assert_eq!(store.disable_user("u1", Some("u3"), at(5)).await.unwrap(), Swap::Lost);
    assert_eq!(store.set_administrator("u1", false, Some("nobody")).await.unwrap(), Swap::Lost);
    assert_eq!(store.set_administrator("u1", false, Some("u2")).await.unwrap(), Swap::Done);
    // The other one, at the same moment.
    assert_eq!(store.set_administrator("u2", false, Some("u1")).await.unwrap(), Swap::Lost);
    assert_eq!(store.disable_user("u2", Some("u1"), at(6)).await.unwrap(), Swap::Lost);
    assert!(store.user("u2").await.unwrap().unwrap().administrator);
    // Who is disabled is none, whatever the mark says.
    assert_eq!(store.set_administrator("u1", true, Some("u2")).await.unwrap(), Swap::Done);
    assert_eq!(store.disable_user("u1", Some("u2"), at(7)).await.unwrap(), Swap::Done);
    assert_eq!(store.disable_user("u2", Some("u1"), at(8)).await.unwrap(), Swap::Lost);
    assert_eq!(store.user("u2").await.unwrap().unwrap().disabled_at, None);
}

fn session(n: u8, user: &str) -> SessionRecord {
    SessionRecord {
        digest: digest(n),
        user_id: user.into(),
        authenticated_at: at(1),
        expires_at: at(99),
        started_from: None,
        browser: None,
    }
}

pub(crate) async fn who_is_disabled_has_nothing_left_to_get_in_by(store: &impl Store) {
    users(store, &["u1", "u2"]).await;
    let start = async |n: u8, user: &str| {
        store.start_session(None, &session(n, user), 9, &secret("hash")).await.unwrap()
    };
    for (n, user) in [(1, "u1"), (2, "u1"), (3, "u2")] {
        assert_eq!(start(n, user).await, Swap::Done);
    }
    // 1 is redeemed, 2 waits; 3 waits for somebody else.
    for (n, user) in [(1, "u1"), (2, "u1"), (3, "u2")] {
        let code = CodeRecord { user_id: user.into(), ..code(n, "c1") };
        assert_eq!(store.insert_code(&code).await.unwrap(), Insert::Inserted);
    }
    let redeemed = store.redeem_code(digest(1), at(2), &grant(1, "c1"), Some(&family(1, 0))).await.unwrap();
    assert_eq!(redeemed, Swap::Done);
    assert_eq!(store.insert_device(&device(21, None), 9).await.unwrap(), Insert::Inserted);
    assert_eq!(store.decide_device(digest(21), Some("u1"), at(15)).await.unwrap(), Swap::Done);

    assert_eq!(store.disable_user("u1", None, at(20)).await.unwrap(), Swap::Done);
    assert_eq!(store.disable_user("u1", None, at(21)).await.unwrap(), Swap::Lost, "it is so already");
    assert_eq!(store.disable_user("nobody", None, at(21)).await.unwrap(), Swap::Lost);
    assert_eq!(store.user("u1").await.unwrap().unwrap().disabled_at, Some(at(20)));
    for (n, left) in [(1, false), (2, false), (3, true)] {
        assert_eq!(store.session(digest(n)).await.unwrap().is_some(), left, "{n}");
    }
    for (n, left) in [(1, true), (2, false), (3, true)] {
        assert_eq!(store.code(digest(n)).await.unwrap().is_some(), left, "{n}");
    }
    assert_eq!(store.device(digest(21)).await.unwrap(), None);
    assert!(store.family(digest(1)).await.unwrap().unwrap().0.suspended);
    // The right password opens nothing, and changes nothing.
    assert_eq!(start(4, "u1").await, Swap::Lost);
    let change = store.replace_password("u1", &secret("hash"), &secret("new"), at(22)).await.unwrap();
    assert_eq!(change, Swap::Lost);

    assert_eq!(store.enable_user("u1", at(30)).await.unwrap(), Swap::Done);
    assert_eq!(store.user("u1").await.unwrap().unwrap().disabled_at, None);
    assert!(!store.family(digest(1)).await.unwrap().unwrap().0.suspended);
    assert_eq!(start(4, "u1").await, Swap::Done);
}

pub(crate) async fn an_administrator_resets_what_a_person_signs_in_with(store: &impl Store) {
    users(store, &["u1", "u2"]).await;
    for (n, user) in [(1, "u1"), (2, "u2")] {
        let swap = store.start_session(None, &session(n, user), 9, &secret("hash")).await.unwrap();
        assert_eq!(swap, Swap::Done);
        let app = TotpRecord {
            user_id: user.into(),
            secret: secret("totp"),
            created_at: at(1),
            confirmed_at: None,
            last_step: 0,
        };
        assert_eq!(store.begin_totp(&app, &secret("hash")).await.unwrap(), Swap::Done);
        assert_eq!(
            store.confirm_totp(&app, 1, at(2), &[digest(1), digest(2)], &secret("hash")).await.unwrap(),
            Swap::Done
        );
        let passkey = PasskeyRecord {
            id: vec![n],
            user_id: user.into(),
            name: "A key".into(),
            algorithm: -7,
            public_key: vec![1],
            counter: 0,
            backed_up: false,
            created_at: at(1),
            last_used_at: None,
        };
        let challenge = AnsweredChallenge { digest: digest(n), expires_at: at(99) };
        assert_eq!(
            store.insert_passkey(&passkey, challenge, 9, &secret("hash")).await.unwrap(),
            NewPasskey::Inserted
        );
    }
    assert_eq!(store.reset_second_factors("u1").await.unwrap(), 4);
    assert_eq!(store.reset_second_factors("u1").await.unwrap(), 0);
    assert_eq!(store.totp("u1").await.unwrap(), None);
    assert_eq!(store.recovery_codes_left("u1").await.unwrap(), 0);
    assert_eq!(store.passkeys_of("u1").await.unwrap(), []);
    assert_eq!(store.recovery_codes_left("u2").await.unwrap(), 2);
    assert_eq!(store.passkeys_of("u2").await.unwrap().len(), 1);

    assert_eq!(store.reset_password("u1", &secret("new"), at(5)).await.unwrap(), Swap::Done);
    let user = store.user("u1").await.unwrap().unwrap();
    assert_eq!((user.password_hash, user.password_changed_at), (secret("new"), Some(at(5))));
    assert_eq!(store.session(digest(1)).await.unwrap(), None);
    assert!(store.session(digest(2)).await.unwrap().is_some());
    assert_eq!(store.reset_password("nobody", &secret("new"), at(5)).await.unwrap(), Swap::Lost);
}

fn named(id: &str, name: &str) -> ClientRecord {
    let mut record = client(id, Dynamic);
    record.client.name = Some(name.into());
    record
}

pub(crate) async fn clients_are_listed_with_those_that_have_documents(store: &impl Store) {
    for (id, name) in [("c1", "Beta"), ("c2", "alpha"), ("c3", "Alpha")] {
        assert_eq!(store.register_client(&named(id, name), 9).await.unwrap(), Registered::New);
    }
    let documents = ["https://a.example/client", "https://b.example/client"];
    for (n, id) in (1..).zip(["c1", documents[0], documents[0], documents[1], "gone", "zzz"]) {
        let grant = GrantRecord {
            client_name: Some(format!("name {n}")),
            last_used_at: at(u64::from(n)),
            ..grant(n, id)
        };
        assert_eq!(store.insert_grant(&grant).await.unwrap(), Insert::Inserted);
    }
    let by_id = async |begins: &str, after: Option<&str>, limit: u32| {
        let by = ClientsBy::Id { begins, after };
        let found = store.clients(&ClientsWanted { by, limit }).await.unwrap();
        found.into_iter().map(|client| client.id).collect::<Vec<_>>()
    };
    let all = ["c1", "c2", "c3", documents[0], documents[1]];
    assert_eq!(by_id("", None, 9).await, all);
    for (number, after) in all.iter().enumerate() {
        assert_eq!(by_id("", Some(after), 9).await, all[number + 1..], "{after}");
    }
    assert_eq!(by_id("", None, 4).await, all[..4]);
    assert_eq!(by_id("https://b", None, 9).await, documents[1..]);
    assert_eq!(by_id(documents[0], None, 9).await, documents[..1], "an identifier begins with itself");
    assert_eq!(by_id("https://", Some(documents[0]), 9).await, documents[1..]);
    assert_eq!(by_id("c", Some("c2"), 9).await, ["c3"]);
    assert_eq!(by_id("x", None, 9).await, [""; 0]);

    let by_name = async |begins: &str, after: Option<(&str, &str)>, limit: u32| {
        let by = ClientsBy::Name { begins, after };
        let found = store.clients(&ClientsWanted { by, limit }).await.unwrap();
        found.into_iter().map(|client| client.id).collect::<Vec<_>>()
    };
    assert_eq!(by_name("AL", None, 9).await, ["c2", "c3"]);
    assert_eq!(by_name("al", Some(("alpha", "c2")), 9).await, ["c3"]);
    assert_eq!(by_name("b", None, 9).await, ["c1"]);
    assert_eq!(by_name("", None, 2).await, ["c2", "c3"]);

    let found = store.client_overview(documents[0]).await.unwrap().unwrap();
    assert_eq!((found.record.is_none(), found.grants, found.last_used_at), (true, 2, Some(at(3))));
    let by_user = Revocation { at: at(20), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g2", by_user).await.unwrap(), Swap::Done);
    assert_eq!(store.client_overview(documents[0]).await.unwrap().unwrap().grants, 1);
    assert_eq!(store.client_overview("nobody").await.unwrap(), None);
}

pub(crate) async fn a_client_is_disabled_whether_it_is_stored_or_not(store: &impl Store) {
    users(store, &["u1"]).await;
    assert_eq!(store.register_client(&client("c1", Dynamic), 9).await.unwrap(), Registered::New);
    assert_eq!(store.insert_code(&code(1, "c1")).await.unwrap(), Insert::Inserted);
    let redeemed = store.redeem_code(digest(1), at(2), &grant(1, "c1"), Some(&family(1, 0))).await.unwrap();
    assert_eq!(redeemed, Swap::Done);
    let document = "https://c.example/client";
    for id in ["c1", document] {
        assert_eq!(store.client_disabled(id).await.unwrap(), None);
        assert_eq!(store.disable_client(id, at(5)).await.unwrap(), Swap::Done);
        assert_eq!(store.disable_client(id, at(6)).await.unwrap(), Swap::Lost);
        assert_eq!(store.client_disabled(id).await.unwrap(), Some(at(5)));
        assert_eq!(store.client_overview(id).await.unwrap().unwrap().disabled_at, Some(at(5)));
    }
    assert_eq!(store.client("c1").await.unwrap().unwrap().disabled_at, Some(at(5)));
    let found = store.family(digest(1)).await.unwrap().unwrap().0;
    assert_eq!(found, FamilyRecord { suspended: true, ..family(1, 0) });
    // Registering again does not help.
    let again = ClientRecord { fingerprint: Some(digest(7)), ..client("c7", Dynamic) };
    assert_eq!(store.register_client(&again, 9).await.unwrap(), Registered::New);
    assert_eq!(store.disable_client("c7", at(5)).await.unwrap(), Swap::Done);
    let Registered::Existing(same) = store.register_client(&again, 9).await.unwrap() else { panic!("new") };
    assert_eq!(same.disabled_at, Some(at(5)));
    for id in ["c1", document] {
        assert_eq!(store.enable_client(id, at(9)).await.unwrap(), Swap::Done);
        assert_eq!(store.enable_client(id, at(9)).await.unwrap(), Swap::Lost);
        assert_eq!(store.client_disabled(id).await.unwrap(), None);
    }
    assert!(!store.family(digest(1)).await.unwrap().unwrap().0.suspended);
}

pub(crate) async fn an_added_client_is_nobody_elses_to_delete(store: &impl Store) {
    let added = ClientRecord { added: true, ..client("added", Preregistered) };
    assert_eq!(store.add_client(&added).await.unwrap(), Insert::Inserted);
    assert_eq!(store.add_client(&added).await.unwrap(), Insert::Exists);
    assert_eq!(store.client("added").await.unwrap(), Some(added.clone()));
    store.put_client(&client("configured", Preregistered)).await.unwrap();
    store.keep_configured(&["configured"]).await.unwrap();
    assert!(store.client("added").await.unwrap().is_some(), "no configuration names it");
    assert_eq!(store.remove_client("configured", at(5)).await.unwrap(), Swap::Lost);
    assert_eq!(store.remove_client("nobody", at(5)).await.unwrap(), Swap::Lost);
    let consent = ConsentRecord {
        user_id: "u1".into(),
        client_id: "added".into(),
        resource: "r".into(),
        redirect_host: "h".into(),
        scope: "a".into(),
        granted_at: at(1),
    };
    store.put_consent(&consent).await.unwrap();
    assert_eq!(store.remove_client("added", at(5)).await.unwrap(), Swap::Done);
    assert_eq!(store.client("added").await.unwrap(), None);
    assert_eq!(store.consent("u1", "added", "r", "h").await.unwrap(), None);
    // One that the configuration takes over is the configuration's.
    assert_eq!(store.add_client(&added).await.unwrap(), Insert::Inserted);
    store.put_client(&client("added", Preregistered)).await.unwrap();
    assert_eq!(store.remove_client("added", at(5)).await.unwrap(), Swap::Lost);
}

pub(crate) async fn the_grants_of_a_client_end_in_steps(store: &impl Store) {
    // 2 is another client's, 3 is revoked already.
    for n in 1..=6 {
        let grant =
            GrantRecord { created_at: at(u64::from(n / 2)), ..grant(n, if n == 2 { "c2" } else { "c1" }) };
        assert_eq!(store.insert_grant(&grant).await.unwrap(), Insert::Inserted);
    }
    let by_user = Revocation { at: at(10), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g3", by_user).await.unwrap(), Swap::Done);
    let revocation = Revocation { at: at(20), reason: RevocationReason::Operator };
    let (mut after, mut steps) = (None, Vec::new());
    while let Some((last, revoked)) =
        store.revoke_grants_of_client("c1", after.as_ref(), revocation, 2).await.unwrap()
    {
        steps.push(revoked);
        after = Some(last);
    }
    assert_eq!(steps, [1, 2, 1]);
    for n in 1..=6 {
        let revoked = store.grant(&format!("g{n}")).await.unwrap().unwrap().revoked;
        let expected = match n {
            2 => None,
            3 => Some(by_user),
            _ => Some(revocation),
        };
        assert_eq!(revoked, expected, "{n}");
    }
}
