//! Logins at identity providers: each is answered once, an account is one user's, and what a provider said lives as long as
//! something depends on it.

use barewire_oauth::grant::Holder;
use barewire_oauth::upstream::callback::Pending;
use barewire_oauth::upstream::id_token::Account;
use barewire_oauth_server::store::{
    DeviceDecision, DeviceRecord, Digest, GrantRecord, Insert, LinkedAccount, Retention, SessionRecord,
    Store, Swap, UpstreamLoginRecord, UpstreamSessionRecord,
};
use std::time::Duration;

use crate::laws::{at, code, digest, family, grant, secret, user, users};

fn login(n: u8, source: Option<u8>) -> UpstreamLoginRecord {
    UpstreamLoginRecord {
        state: digest(n),
        pending: Pending {
            provider: "corporate".to_owned(),
            browser: [n; 32],
            started_at: at(u64::from(n)),
            expires_at: at(100 + u64::from(n)),
            used_at: None,
        },
        query: format!("client_id=c{n}"),
        source: source.map(digest),
    }
}

fn account(subject: &str) -> Account {
    Account { issuer: "https://idp.example".to_owned(), subject: subject.to_owned() }
}

fn said(id: &str) -> UpstreamSessionRecord {
    UpstreamSessionRecord {
        id: id.to_owned(),
        provider: "corporate".to_owned(),
        account: account("s1"),
        user_id: "u1".to_owned(),
        scope: "posts:read".to_owned(),
        refresh_token: Some(secret("refresh")),
        started_at: at(1),
        checked_at: at(2),
        tried_at: at(3),
        refused_at: None,
        generation: 0,
    }
}

fn session(n: u8) -> SessionRecord {
    SessionRecord {
        digest: digest(n),
        user_id: "u1".to_owned(),
        authenticated_at: at(1),
        expires_at: at(500),
        started_from: None,
        browser: None,
    }
}

/// A browser session with what a provider said.
async fn start(store: &impl Store, n: u8, id: &str) {
    link(store).await;
    let started = store.start_upstream_session(None, &session(n), 9, &secret("hash"), &said(id)).await;
    assert_eq!(started.unwrap(), Swap::Done);
}

/// The account is theirs, if it was not before.
async fn link(store: &impl Store) {
    store.link_upstream_account("u1", &account("s1"), at(0)).await.unwrap();
}

async fn is_there(store: &impl Store, n: u8) -> bool {
    store.upstream_session(digest(n)).await.unwrap().is_some()
}

pub(crate) async fn a_login_elsewhere_is_kept_whole_and_answered_once(store: &impl Store) {
    assert_eq!(store.insert_upstream_login(&login(1, Some(9)), 10).await.unwrap(), Insert::Inserted);
    assert_eq!(store.insert_upstream_login(&login(1, None), 10).await.unwrap(), Insert::Exists);
    assert_eq!(store.upstream_login(digest(1)).await.unwrap(), Some(login(1, Some(9))));
    assert_eq!(store.upstream_login(digest(2)).await.unwrap(), None);
    let uses = tokio::join!(
        store.use_upstream_login(digest(1), at(50)),
        store.use_upstream_login(digest(1), at(50)),
        store.use_upstream_login(digest(1), at(50)),
    );
    let uses = [uses.0.unwrap(), uses.1.unwrap(), uses.2.unwrap()];
    assert_eq!(uses.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{uses:?}");
    assert_eq!(store.upstream_login(digest(1)).await.unwrap().unwrap().pending.used_at, Some(at(50)));
}

pub(crate) async fn a_flood_of_logins_elsewhere_costs_its_source(store: &impl Store) {
    for (n, source) in [(1, Some(8)), (2, Some(8)), (3, Some(9)), (4, None), (5, Some(8))] {
        assert_eq!(store.insert_upstream_login(&login(n, source), 4).await.unwrap(), Insert::Inserted);
    }
    assert_eq!(store.upstream_login(digest(1)).await.unwrap(), None);
    for n in [2, 3, 4, 5] {
        assert!(store.upstream_login(digest(n)).await.unwrap().is_some(), "{n}");
    }
    // What is over goes first.
    assert_eq!(store.insert_upstream_login(&login(103, Some(9)), 4).await.unwrap(), Insert::Inserted);
    assert_eq!(store.upstream_login(digest(2)).await.unwrap(), None);
    assert!(store.upstream_login(digest(5)).await.unwrap().is_some());
}

pub(crate) async fn an_account_is_one_users(store: &impl Store) {
    assert_eq!(store.upstream_user(&account("s1")).await.unwrap(), None);
    let insert = async |id: &str, subject: &str| {
        store.insert_upstream_user(&user(id), &account(subject)).await.unwrap()
    };
    assert_eq!(insert("u1", "s1").await, Insert::Inserted);
    assert_eq!(store.upstream_user(&account("s1")).await.unwrap(), Some(user("u1")));
    // The account is taken, and nobody is added for it.
    assert_eq!(insert("u2", "s1").await, Insert::Exists);
    assert_eq!(store.user("u2").await.unwrap(), None);
    // The name is taken, and the account stays free.
    assert_eq!(insert("u1", "s2").await, Insert::Exists);
    assert_eq!(store.upstream_user(&account("s2")).await.unwrap(), None);
    let elsewhere = Account { issuer: "https://other.example".to_owned(), ..account("s1") };
    assert_eq!(store.upstream_user(&elsewhere).await.unwrap(), None);
    assert_eq!(store.link_upstream_account("u1", &elsewhere, at(9)).await.unwrap(), Insert::Inserted);
    assert_eq!(store.link_upstream_account("u3", &elsewhere, at(9)).await.unwrap(), Insert::Exists);
    assert_eq!(store.upstream_user(&elsewhere).await.unwrap(), Some(user("u1")));
}

pub(crate) async fn what_came_of_an_account_ends_with_it(store: &impl Store) {
    users(store, &["u1", "u2"]).await;
    start(store, 1, "a").await;
    let later = Account { issuer: "https://other.example".to_owned(), ..account("s1") };
    assert_eq!(store.link_upstream_account("u1", &later, at(9)).await.unwrap(), Insert::Inserted);
    let both = [(account("s1"), at(0)), (later.clone(), at(9))]
        .map(|(account, linked_at)| LinkedAccount { account, linked_at });
    assert_eq!(store.upstream_accounts("u1").await.unwrap(), both);
    assert!(store.upstream_accounts("u2").await.unwrap().is_empty());
    let unlink = async |user: &str, account: &Account| {
        store.unlink_upstream_account(user, account, at(20)).await.unwrap()
    };
    // Of whom it is not, nothing is taken.
    assert_eq!(unlink("u2", &account("s1")).await, Swap::Lost);
    assert_eq!(unlink("u1", &account("s2")).await, Swap::Lost);
    assert_eq!(unlink("u1", &later).await, Swap::Done);
    assert_eq!(store.upstream_session(digest(1)).await.unwrap(), Some(said("a")));
    assert_eq!(unlink("u1", &account("s1")).await, Swap::Done);
    assert!(store.upstream_accounts("u1").await.unwrap().is_empty());
    assert_eq!(store.upstream_user(&account("s1")).await.unwrap(), None);
    let over =
        UpstreamSessionRecord { refused_at: Some(at(20)), refresh_token: None, generation: 1, ..said("a") };
    assert_eq!(store.upstream_session(digest(1)).await.unwrap(), Some(over));
    // Nor does a login come in that was on its way.
    let started = store.start_upstream_session(None, &session(2), 9, &secret("hash"), &said("b")).await;
    assert_eq!(started.unwrap(), Swap::Lost);
    assert_eq!(store.session(digest(2)).await.unwrap(), None);
    assert_eq!(unlink("u1", &account("s1")).await, Swap::Lost);
}

pub(crate) async fn a_session_begins_with_its_bounds_or_not_at_all(store: &impl Store) {
    users(store, &["u1"]).await;
    assert!(!store.has_upstream_sessions().await.unwrap());
    link(store).await;
    let started = store.start_upstream_session(None, &session(1), 9, &secret("old hash"), &said("a")).await;
    assert_eq!(started.unwrap(), Swap::Lost);
    assert!(!is_there(store, 1).await);
    assert_eq!(store.session(digest(1)).await.unwrap(), None);
    start(store, 1, "a").await;
    assert_eq!(store.upstream_session(digest(1)).await.unwrap(), Some(said("a")));
    assert!(store.session(digest(1)).await.unwrap().is_some());
    assert!(store.has_upstream_sessions().await.unwrap());
    assert!(!is_there(store, 2).await);
}

pub(crate) async fn what_a_provider_says_is_compared_and_set(store: &impl Store) {
    users(store, &["u1"]).await;
    start(store, 1, "a").await;
    let later = UpstreamSessionRecord {
        scope: String::new(),
        refresh_token: None,
        checked_at: at(20),
        tried_at: at(21),
        refused_at: Some(at(22)),
        generation: 1,
        ..said("a")
    };
    assert_eq!(store.update_upstream_session(7, &later).await.unwrap(), Swap::Lost);
    assert_eq!(store.upstream_session(digest(1)).await.unwrap(), Some(said("a")));
    assert_eq!(store.update_upstream_session(0, &later).await.unwrap(), Swap::Done);
    assert_eq!(store.upstream_session(digest(1)).await.unwrap(), Some(later.clone()));
    assert_eq!(store.update_upstream_session(0, &later).await.unwrap(), Swap::Lost);
}

/// A code whose grant is tied to this session.
async fn tied(store: &impl Store, n: u8, upstream_id: &str) -> GrantRecord {
    assert_eq!(store.insert_code(&code(n, "c1")).await.unwrap(), Insert::Inserted);
    assert_eq!(store.tie_grant(&format!("g{n}"), upstream_id).await.unwrap(), Swap::Done);
    grant(n, "c1")
}

fn keep() -> Retention {
    let short = Duration::from_secs(10);
    Retention {
        codes: short,
        login_attempts: short,
        unused_clients: short,
        idle_clients: short,
        grants: short,
    }
}

pub(crate) async fn what_a_provider_said_goes_with_the_last_that_needs_it(store: &impl Store) {
    users(store, &["u1"]).await;
    // Nothing came of it: it goes with the session.
    start(store, 1, "a").await;
    store.end_session(digest(1)).await.unwrap();
    assert!(!is_there(store, 1).await);
    // A code that nobody redeems, and a grant: the one lets go of it, the other does not.
    start(store, 2, "b").await;
    let _unused = tied(store, 2, "b").await;
    let grant = tied(store, 3, "b").await;
    assert_eq!(store.redeem_code(digest(3), at(5), &grant, Some(&family(3, 0))).await.unwrap(), Swap::Done);
    store.end_session(digest(2)).await.unwrap();
    assert_eq!(store.upstream_of_grant("g3").await.unwrap(), Some(said("b")));
    store.sweep(at(200), keep(), 1_000).await.unwrap();
    assert_eq!(store.upstream_of_grant("g2").await.unwrap(), None);
    assert_eq!(store.upstream_of_grant("g3").await.unwrap(), Some(said("b")));
    store.sweep(at(2_000), keep(), 1_000).await.unwrap();
    assert_eq!(store.upstream_of_grant("g3").await.unwrap(), None);
    assert!(!store.has_upstream_sessions().await.unwrap());
    // What is gone ties nothing.
    assert_eq!(store.tie_grant("g9", "b").await.unwrap(), Swap::Lost);
    // A session outlives the grants that came of it.
    start(store, 4, "c").await;
    tied(store, 4, "c").await;
    store.sweep(at(300), keep(), 1_000).await.unwrap();
    assert_eq!(store.upstream_of_grant("g4").await.unwrap(), None);
    assert!(is_there(store, 4).await);
}

fn device(n: u8) -> DeviceRecord {
    DeviceRecord {
        device_code: digest(n),
        user_code: Digest([n + 100; 32]),
        client_id: "c1".to_owned(),
        client_name: None,
        registration: barewire_oauth::client::Registration::Dynamic,
        client_has_keys: false,
        scope: "posts:read posts:write".to_owned(),
        resource: "http://localhost:8000/mcp".to_owned(),
        refreshable: true,
        proof_required: Holder::default().proof_required,
        source: None,
        grant_id: format!("d{n}"),
        issued_at: at(1),
        expires_at: at(60),
        decision: None,
        redeemed_at: None,
    }
}

pub(crate) async fn a_device_is_allowed_within_its_users_bounds(store: &impl Store) {
    users(store, &["u1"]).await;
    start(store, 1, "a").await;
    for n in [1, 2] {
        assert_eq!(store.insert_device(&device(n), 9).await.unwrap(), Insert::Inserted);
    }
    let allow = async |n: u8, upstream: &str, now| {
        store.allow_device_within(digest(n), "u1", "posts:read", upstream, at(now)).await.unwrap()
    };
    assert_eq!(allow(1, "gone", 5).await, Swap::Lost);
    assert_eq!(store.device(digest(1)).await.unwrap(), Some(device(1)), "nothing was changed");
    assert_eq!(allow(1, "a", 5).await, Swap::Done);
    assert_eq!(allow(1, "a", 5).await, Swap::Lost);
    assert_eq!(allow(2, "a", 60).await, Swap::Lost);
    let decision = Some(DeviceDecision { user_id: Some("u1".to_owned()), at: at(5) });
    let decided = DeviceRecord { scope: "posts:read".to_owned(), decision, ..device(1) };
    assert_eq!(store.device(digest(1)).await.unwrap(), Some(decided));
    assert_eq!(store.upstream_of_grant("d1").await.unwrap(), Some(said("a")));
    assert_eq!(store.upstream_of_grant("d2").await.unwrap(), None);
}
