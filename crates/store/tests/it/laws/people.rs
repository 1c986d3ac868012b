//! Users, sessions, login attempts, consents.

use crate::laws::{self, at, digest, secret, users};
use barewire_oauth_server::store::{
    AttemptsRecord, ConsentRecord, Digest, Insert, SessionRecord, Store, Swap, UserRecord,
};

fn user(id: &str, name: &str) -> UserRecord {
    UserRecord { name: name.into(), ..laws::user(id) }
}

pub(crate) async fn a_user_is_unique_by_id_and_name(store: &impl Store) {
    let john = user("u1", "johndoe");
    assert_eq!(store.insert_user(&john).await.unwrap(), Insert::Inserted);
    assert_eq!(store.insert_user(&user("u1", "other")).await.unwrap(), Insert::Exists);
    assert_eq!(store.insert_user(&user("u2", "johndoe")).await.unwrap(), Insert::Exists);
    assert_eq!(store.insert_user(&user("u3", "JohnDoe")).await.unwrap(), Insert::Inserted, "byte for byte");
    assert_eq!(store.user("u1").await.unwrap().as_ref(), Some(&john));
    assert_eq!(store.user_by_name("johndoe").await.unwrap().as_ref(), Some(&john));
    assert_eq!(store.user("u2").await.unwrap(), None);
}

pub(crate) async fn a_password_changes_once(store: &impl Store) {
    assert_eq!(store.insert_user(&user("u1", "johndoe")).await.unwrap(), Insert::Inserted);
    let change = async |from: &str, to: &str| {
        store.replace_password("u1", &secret(from), &secret(to), at(5)).await.unwrap()
    };
    start(store, None, &session(1, 10), 9).await;
    assert_eq!(change("other", "new").await, Swap::Lost);
    assert!(store.session(digest(1)).await.unwrap().is_some());
    assert_eq!(change("hash", "new").await, Swap::Done);
    assert_eq!(store.session(digest(1)).await.unwrap(), None, "whoever used the old one");
    assert_eq!(change("hash", "newer").await, Swap::Lost);
    let now = store.user("u1").await.unwrap().unwrap();
    assert_eq!((now.password_hash, now.password_changed_at), (secret("new"), Some(at(5))));
}

fn session(n: u8, expires: u64) -> SessionRecord {
    SessionRecord {
        digest: digest(n),
        user_id: "u1".into(),
        authenticated_at: at(0),
        expires_at: at(expires),
        started_from: "192.0.2.1".parse().ok(),
        browser: Some("Firefox on Linux".into()),
    }
}

/// Starts a session of a user whose password nobody has changed.
async fn start(store: &impl Store, old: Option<Digest>, new: &SessionRecord, keep: u32) {
    assert_eq!(store.start_session(old, new, keep, &secret("hash")).await.unwrap(), Swap::Done);
}

pub(crate) async fn a_login_with_a_replaced_password_starts_nothing(store: &impl Store) {
    users(store, &["u1"]).await;
    let begin = async |old: Option<Digest>, n: u8, password: &str| {
        store.start_session(old, &session(n, 10), 1, &secret(password)).await.unwrap()
    };
    assert_eq!(begin(None, 1, "guess").await, Swap::Lost);
    let (old, new) = (secret("hash"), secret("new"));
    assert_eq!(store.replace_password("u1", &old, &new, at(5)).await.unwrap(), Swap::Done);
    assert_eq!(begin(None, 1, "hash").await, Swap::Lost);
    assert_eq!(begin(None, 2, "new").await, Swap::Done);
    assert_eq!(begin(Some(digest(2)), 3, "hash").await, Swap::Lost);
    assert!(store.session(digest(2)).await.unwrap().is_some(), "nor does it end anything");
    assert!(store.session(digest(3)).await.unwrap().is_none());
    let nobody = SessionRecord { user_id: "u9".into(), ..session(4, 10) };
    assert_eq!(store.start_session(None, &nobody, 9, &new).await.unwrap(), Swap::Lost);
}

pub(crate) async fn a_session_replaces_the_one_before(store: &impl Store) {
    users(store, &["u1"]).await;
    start(store, None, &session(1, 10), 9).await;
    start(store, Some(digest(1)), &session(2, 20), 9).await;
    assert_eq!(store.session(digest(1)).await.unwrap(), None);
    assert_eq!(store.session(digest(2)).await.unwrap(), Some(session(2, 20)));
    store.end_session(digest(2)).await.unwrap();
    store.end_session(digest(2)).await.unwrap();
    assert_eq!(store.session(digest(2)).await.unwrap(), None);
}

pub(crate) async fn a_user_keeps_the_newest_sessions(store: &impl Store) {
    let other = SessionRecord { user_id: "u2".into(), ..session(9, 1) };
    users(store, &["u1", "u2"]).await;
    start(store, None, &other, 3).await;
    for n in 1..=5 {
        start(store, None, &session(n, u64::from(n)), 3).await;
    }
    let mut alive = Vec::new();
    for n in [1, 2, 3, 4, 5, 9] {
        alive.extend(store.session(digest(n)).await.unwrap().map(|_| n));
    }
    assert_eq!(alive, [3, 4, 5, 9]);
}

pub(crate) async fn a_users_sessions_are_listed_and_ended(store: &impl Store) {
    let of = async |user: &str, now: u64| {
        let sessions = store.sessions_of(user, at(now)).await.unwrap();
        sessions.into_iter().map(|session| session.digest).collect::<Vec<_>>()
    };
    users(store, &["u1", "u2"]).await;
    for n in 1..=4 {
        let authenticated_at = at(u64::from(n));
        let session = SessionRecord { authenticated_at, ..session(n, 10 + u64::from(n)) };
        start(store, None, &session, 9).await;
    }
    let other = SessionRecord { user_id: "u2".into(), ..session(9, 20) };
    start(store, None, &other, 9).await;
    assert_eq!(of("u1", 11).await, [4, 3, 2].map(digest), "the first has expired");
    assert_eq!(store.end_sessions_of("u1", Some(digest(3))).await.unwrap(), 3);
    assert_eq!(of("u1", 0).await, [digest(3)]);
    assert_eq!(store.end_sessions_of("u1", None).await.unwrap(), 1);
    assert_eq!(of("u1", 0).await, []);
    assert_eq!(of("u2", 0).await, [digest(9)]);
}

pub(crate) async fn every_parallel_attempt_counts(store: &impl Store) {
    let one = async || {
        loop {
            let seen = store.login_attempts(digest(1)).await.unwrap();
            let count = seen.map_or(0, |seen| seen.count) + 1;
            let new = AttemptsRecord { key: digest(1), count, last_at: at(u64::from(count)) };
            if store.count_login_attempt(seen, new, 100).await.unwrap() == Swap::Done {
                return;
            }
        }
    };
    tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
    let after = AttemptsRecord { key: digest(1), count: 8, last_at: at(8) };
    assert_eq!(store.login_attempts(digest(1)).await.unwrap(), Some(after));
    // Taking back an attempt takes back that one, and none that were counted since.
    let first = AttemptsRecord { key: digest(1), count: 1, last_at: at(1) };
    assert_eq!(store.uncount_login_attempt(first).await.unwrap(), Swap::Lost);
    assert_eq!(store.login_attempts(digest(1)).await.unwrap(), Some(after));
    assert_eq!(store.uncount_login_attempt(after).await.unwrap(), Swap::Done);
    assert_eq!(store.login_attempts(digest(1)).await.unwrap(), None);
    assert_eq!(store.count_login_attempt(None, after, 100).await.unwrap(), Swap::Done);
    store.clear_login_attempts(digest(1)).await.unwrap();
    assert_eq!(store.login_attempts(digest(1)).await.unwrap(), None);
    assert_eq!(store.count_login_attempt(Some(after), after, 100).await.unwrap(), Swap::Lost);
}

pub(crate) async fn attempts_are_bounded(store: &impl Store) {
    for n in 1..=6 {
        let new = AttemptsRecord { key: digest(n), count: 1, last_at: at(u64::from(n)) };
        assert_eq!(store.count_login_attempt(None, new, 4).await.unwrap(), Swap::Done);
    }
    for n in 1..=6 {
        assert_eq!(store.login_attempts(digest(n)).await.unwrap().is_some(), n > 2, "{n}");
    }
}

pub(crate) async fn a_consent_is_replaced(store: &impl Store) {
    let consent = |host: &str, scope: &str| ConsentRecord {
        user_id: "u1".into(),
        client_id: "c1".into(),
        resource: "http://localhost:8000/mcp".into(),
        redirect_host: host.into(),
        scope: scope.into(),
        granted_at: at(1),
    };
    store.put_consent(&consent("localhost", "posts:read")).await.unwrap();
    store.put_consent(&consent("localhost", "posts:read posts:write")).await.unwrap();
    let find = async |host| store.consent("u1", "c1", "http://localhost:8000/mcp", host).await.unwrap();
    assert_eq!(find("localhost").await, Some(consent("localhost", "posts:read posts:write")));
    assert_eq!(find("example.org").await, None);
}
