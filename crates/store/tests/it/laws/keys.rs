//! One key signs, and a secret is made once.

use barewire_oauth_server::store::{SigningKeyRecord, Store, Swap};

use crate::laws::{at, secret};

fn key(kid: &str, created: u64, retired: Option<u64>) -> SigningKeyRecord {
    SigningKeyRecord {
        kid: kid.into(),
        algorithm: "ES256".into(),
        private_key: secret("der"),
        created_at: at(created),
        retired_at: retired.map(at),
    }
}

pub(crate) async fn one_key_signs(store: &impl Store) {
    let keys = [key("a", 1, None), key("b", 1, None), key("c", 1, None)];
    let insert = async |key| store.insert_signing_key(None, key).await.unwrap();
    let swaps = tokio::join!(insert(&keys[0]), insert(&keys[1]), insert(&keys[2]));
    let swaps = [swaps.0, swaps.1, swaps.2];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    let first = store.signing_keys().await.unwrap().remove(0).kid;
    let next = key("next", 7, None);
    assert_eq!(store.insert_signing_key(Some("other"), &next).await.unwrap(), Swap::Lost);
    assert_eq!(store.insert_signing_key(None, &next).await.unwrap(), Swap::Lost);
    assert_eq!(store.insert_signing_key(Some(&first), &next).await.unwrap(), Swap::Done);
    assert_eq!(store.signing_keys().await.unwrap(), [next, key(&first, 1, Some(7))]);
}

pub(crate) async fn a_secret_is_made_once(store: &impl Store) {
    let fresh = ["a", "b", "c"].map(secret);
    let take = async |fresh| store.secret("csrf", fresh).await.unwrap();
    let taken = tokio::join!(take(&fresh[0]), take(&fresh[1]), take(&fresh[2]));
    assert!(taken.0 == taken.1 && taken.1 == taken.2);
    assert_eq!(store.secret("other", &secret("x")).await.unwrap(), secret("x"));
    assert_eq!(format!("{:?}", taken.0), "Secret(…)");
}
