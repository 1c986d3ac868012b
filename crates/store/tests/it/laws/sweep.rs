//! What is over goes, and nothing else.

use std::time::Duration;

use barewire_oauth::client::Registration::{Dynamic, Preregistered};
use barewire_oauth_server::store::{
    AttemptsRecord, Changed, GrantRecord, Insert, Registered, Retention, Revocation, RevocationReason,
    SessionRecord, StatementLimits, Store, Swap, Use, UsedStatement,
};

use crate::laws::{at, client, code, digest, family, grant, secret, users};

pub(crate) async fn a_sweep_takes_what_is_over_and_nothing_else(store: &impl Store) {
    let retention = Retention {
        codes: Duration::from_secs(10),
        login_attempts: Duration::from_secs(20),
        unused_clients: Duration::from_secs(30),
        idle_clients: Duration::from_secs(60),
        grants: Duration::from_secs(40),
    };
    let now = at(100);
    users(store, &["u1"]).await;
    // Each pair: the first is over at `now`, the second a second later.
    for (n, expires) in [(1, 100), (2, 101)] {
        let session = SessionRecord {
            digest: digest(n),
            user_id: "u1".into(),
            authenticated_at: at(0),
            expires_at: at(expires),
            started_from: None,
            browser: None,
        };
        assert_eq!(store.start_session(None, &session, 9, &secret("hash")).await.unwrap(), Swap::Done);
        store.revoke_access_token(&format!("j{n}"), at(expires), at(1)).await.unwrap();
        let used = UsedStatement { digest: digest(n), owner: digest(9), until: at(expires) };
        let limits = StatementLimits { per_owner: 9, total: 9 };
        assert_eq!(store.use_statement(&used, limits, at(1)).await.unwrap(), Use::First);
    }
    for (n, last) in [(1, 80), (2, 81)] {
        let attempts = AttemptsRecord { key: digest(n), count: 1, last_at: at(last) };
        assert_eq!(store.count_login_attempt(None, attempts, 9).await.unwrap(), Swap::Done);
    }
    for (id, registered) in [("old", 70), ("young", 71), ("used", 0)] {
        let mut new = client(id, Dynamic);
        new.registered_at = at(registered);
        assert_eq!(store.register_client(&new, 9).await.unwrap(), Registered::New);
    }
    store.put_client(&client("configured", Preregistered)).await.unwrap();
    // Grants 1 and 2 expire, 3 and 4 are revoked; 5 lives.
    let expiries = [(1, 60), (2, 61), (3, 999), (4, 999), (5, 999)];
    for (n, expires) in expiries {
        let mut code = code(n, "used");
        code.expires_at = at(if n == 5 { 91 } else { 90 });
        assert_eq!(store.insert_code(&code).await.unwrap(), Insert::Inserted);
        let grant = GrantRecord { expires_at: at(expires), ..grant(n, "used") };
        let swap = store.redeem_code(digest(n), at(50), &grant, Some(&family(n, 0))).await.unwrap();
        assert_eq!(swap, Swap::Done);
    }
    for (id, when) in [("g3", 60), ("g4", 61)] {
        let revocation = Revocation { at: at(when), reason: RevocationReason::User };
        assert_eq!(store.revoke_grant(id, revocation).await.unwrap(), Swap::Done);
    }

    // A session, a token, three changes, a statement, attempts, a client, four codes, two grants (with their families), in four
    // steps.
    for gone in [4, 4, 4, 2, 0] {
        assert_eq!(store.sweep(now, retention, 4).await.unwrap(), gone);
    }

    assert!(
        store.session(digest(1)).await.unwrap().is_none()
            && store.session(digest(2)).await.unwrap().is_some()
    );
    // What verifiers have to know, for as long as grants are kept: the tokens were revoked long ago.
    let left = store.changes_after(0, 99).await.unwrap();
    assert_eq!(
        left.into_iter().map(|(_, change)| change.what).collect::<Vec<_>>(),
        [Changed::GrantRevoked("g4".into())]
    );
    assert!(store.login_attempts(digest(1)).await.unwrap().is_none());
    assert!(store.login_attempts(digest(2)).await.unwrap().is_some());
    for (id, left) in [("old", false), ("young", true), ("used", true), ("configured", true)] {
        assert_eq!(store.client(id).await.unwrap().is_some(), left, "{id}");
    }
    for (n, left) in [(1, false), (2, true), (3, false), (4, true), (5, true)] {
        assert_eq!(store.grant(&format!("g{n}")).await.unwrap().is_some(), left, "{n}");
        assert_eq!(store.family(digest(n)).await.unwrap().is_some(), left, "{n}");
        assert_eq!(store.code(digest(n)).await.unwrap().is_some(), n == 5, "{n}");
    }
}

pub(crate) async fn who_has_nothing_to_come_back_with_is_forgotten(store: &impl Store) {
    let day = Duration::from_secs(86_400);
    let idle_clients = Duration::from_secs(50);
    let retention =
        Retention { codes: day, login_attempts: day, unused_clients: day, idle_clients, grants: day };
    for (n, id, used, expires) in [
        (1, "over", 50, 60),
        (2, "used a moment ago", 51, 60),
        (3, "revoked", 50, 999),
        (4, "not renewed", 50, 999),
        (5, "renewable", 50, 999),
        (6, "configured", 50, 60),
    ] {
        if id == "configured" {
            store.put_client(&client(id, Preregistered)).await.unwrap();
        } else {
            assert_eq!(store.register_client(&client(id, Dynamic), 9).await.unwrap(), Registered::New);
        }
        assert_eq!(store.insert_code(&code(n, id)).await.unwrap(), Insert::Inserted);
        let grant = GrantRecord { expires_at: at(expires), ..grant(n, id) };
        // Refresh tokens of these families end at 100, but for the one that has one second more.
        let family = family(n, u64::from(n == 5));
        let swap = store.redeem_code(digest(n), at(used), &grant, Some(&family)).await.unwrap();
        assert_eq!(swap, Swap::Done);
    }
    let revocation = Revocation { at: at(60), reason: RevocationReason::User };
    assert_eq!(store.revoke_grant("g3", revocation).await.unwrap(), Swap::Done);
    store.register_client(&client("never used", Dynamic), 9).await.unwrap();

    assert_eq!(store.sweep(at(100), retention, 9).await.unwrap(), 3);
    for (id, left) in [
        ("over", false),
        ("used a moment ago", true),
        ("revoked", false),
        ("not renewed", false),
        ("renewable", true),
        ("configured", true),
        ("never used", true),
    ] {
        assert_eq!(store.client(id).await.unwrap().is_some(), left, "{id}");
    }
}
