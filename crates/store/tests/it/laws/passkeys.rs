//! Passkeys and the challenges they answer.

use std::time::Duration;

use barewire_oauth_server::store::{AnsweredChallenge, NewPasskey, PasskeyRecord, Retention, Store, Swap};

use crate::laws::{at, digest, secret, users};

fn passkey(id: u8, user: &str) -> PasskeyRecord {
    PasskeyRecord {
        id: vec![id; 16],
        user_id: user.into(),
        name: format!("Passkey {id}"),
        algorithm: -7,
        public_key: vec![0x30, id],
        counter: u32::MAX - u32::from(id),
        backed_up: true,
        created_at: at(u64::from(id)),
        last_used_at: None,
    }
}

fn challenge(n: u8) -> AnsweredChallenge {
    AnsweredChallenge { digest: digest(n), expires_at: at(100) }
}

pub(crate) async fn a_passkey_is_kept_whole_and_is_one_users(store: &impl Store) {
    users(store, &["u1", "u2"]).await;
    let insert_with = async |id: u8, user: &str, n: u8, password: &str| {
        store.insert_passkey(&passkey(id, user), challenge(n), 2, &secret(password)).await.unwrap()
    };
    let insert = async |id: u8, user: &str, n: u8| insert_with(id, user, n, "hash").await;
    assert_eq!(insert_with(1, "u1", 1, "replaced").await, NewPasskey::OtherPassword);
    assert_eq!(insert(1, "u1", 1).await, NewPasskey::Inserted);
    assert_eq!(insert(1, "u2", 2).await, NewPasskey::Exists, "it is somebody else's");
    assert_eq!(insert(2, "u1", 3).await, NewPasskey::Inserted);
    assert_eq!(insert(3, "u1", 4).await, NewPasskey::Full);
    assert_eq!(insert(3, "u2", 4).await, NewPasskey::Inserted, "what is refused uses no challenge up");
    assert_eq!(store.passkeys_of("u1").await.unwrap(), [passkey(1, "u1"), passkey(2, "u1")]);
    assert_eq!(store.passkey(&[3; 16]).await.unwrap(), Some(passkey(3, "u2")));
    assert_eq!(store.passkey(&[4; 16]).await.unwrap(), None);
    let remove = async |user: &str, password: &str| {
        store.remove_passkey(user, &[3; 16], &secret(password)).await.unwrap()
    };
    assert_eq!(remove("u1", "hash").await, Swap::Lost, "it is not theirs");
    assert_eq!(remove("u2", "replaced").await, Swap::Lost, "that is not the password any more");
    assert_eq!(remove("u2", "hash").await, Swap::Done);
    assert_eq!(store.passkey(&[3; 16]).await.unwrap(), None);
}

pub(crate) async fn a_challenge_is_answered_once(store: &impl Store) {
    users(store, &["u1"]).await;
    let insert = async |id: u8| {
        store.insert_passkey(&passkey(id, "u1"), challenge(1), 9, &secret("hash")).await.unwrap()
    };
    assert_eq!(insert(1).await, NewPasskey::Inserted);
    assert_eq!(insert(2).await, NewPasskey::Answered);
    let count = passkey(1, "u1").counter;
    let one = async || store.use_passkey(&[1; 16], count, count, at(5), challenge(2)).await.unwrap();
    let swaps = tokio::join!(one(), one(), one(), one());
    let swaps = [swaps.0, swaps.1, swaps.2, swaps.3];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    // It is remembered until it is over, and then it is over.
    let day = Duration::from_secs(86_400);
    let retention =
        Retention { codes: day, login_attempts: day, unused_clients: day, idle_clients: day, grants: day };
    assert_eq!(store.sweep(at(99), retention, 9).await.unwrap(), 0);
    assert_eq!(one().await, Swap::Lost);
    assert_eq!(store.sweep(at(100), retention, 9).await.unwrap(), 2);
}

pub(crate) async fn a_counter_is_compared_and_set(store: &impl Store) {
    users(store, &["u1"]).await;
    let new = PasskeyRecord { counter: 5, ..passkey(1, "u1") };
    let inserted = store.insert_passkey(&new, challenge(1), 9, &secret("hash")).await.unwrap();
    assert_eq!(inserted, NewPasskey::Inserted);
    let use_it = async |from: u32, to: u32, n: u8| {
        store.use_passkey(&[1; 16], from, to, at(7), challenge(n)).await.unwrap()
    };
    assert_eq!(use_it(4, 6, 2).await, Swap::Lost);
    assert_eq!(use_it(5, 6, 2).await, Swap::Done, "a lost one uses no challenge up");
    assert_eq!(use_it(5, 7, 3).await, Swap::Lost);
    let now = store.passkey(&[1; 16]).await.unwrap().unwrap();
    assert_eq!((now.counter, now.last_used_at), (6, Some(at(7))));
}
