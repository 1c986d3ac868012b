//! Signing keys come one after the other, and a secret is made once.

use std::time::Duration;

use barewire_oauth_server::store::{SigningKeyRecord, Store, Swap};

use crate::laws::{at, secret};

fn key(kid: &str, created: u64, retired: Option<u64>) -> SigningKeyRecord {
    SigningKeyRecord {
        kid: kid.into(),
        algorithm: "ES256".into(),
        private_key: secret("der"),
        created_at: at(created),
        signs_from: at(created + 5),
        token_ttl: Duration::from_secs(900),
        retired_at: retired.map(at),
    }
}

pub(crate) async fn keys_come_one_after_the_other(store: &impl Store) {
    let keys = [key("a", 1, None), key("b", 1, None), key("c", 1, None)];
    let insert = async |key| store.insert_signing_key(&[], key).await.unwrap();
    let swaps = tokio::join!(insert(&keys[0]), insert(&keys[1]), insert(&keys[2]));
    let swaps = [swaps.0, swaps.1, swaps.2];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    let first = store.signing_keys().await.unwrap().remove(0).kid;
    // Made later, and earlier by its clock.
    let next = key("next", 0, None);
    for known in [&["other"][..], &[], &[&first, "other"]] {
        assert_eq!(store.insert_signing_key(known, &next).await.unwrap(), Swap::Lost, "{known:?}");
    }
    assert_eq!(store.insert_signing_key(&[&first], &next).await.unwrap(), Swap::Done);
    assert_eq!(store.signing_keys().await.unwrap(), [key(&first, 1, None), next.clone()]);

    store.lengthen_token_ttl(Duration::from_secs(901)).await.unwrap();
    store.lengthen_token_ttl(Duration::from_secs(60)).await.unwrap();
    assert_eq!(store.retire_signing_key("none", at(7)).await.unwrap(), Swap::Lost);
    assert_eq!(store.retire_signing_key(&first, at(7)).await.unwrap(), Swap::Done);
    assert_eq!(store.retire_signing_key(&first, at(8)).await.unwrap(), Swap::Lost);
    let longer = |key| SigningKeyRecord { token_ttl: Duration::from_secs(901), ..key };
    assert_eq!(store.signing_keys().await.unwrap(), [longer(key(&first, 1, Some(7))), longer(next.clone())]);
    store.delete_signing_key(&first).await.unwrap();
    store.delete_signing_key(&first).await.unwrap();
    assert_eq!(store.signing_keys().await.unwrap(), [longer(next)]);
}

pub(crate) async fn a_secret_is_made_once(store: &impl Store) {
    let fresh = ["a", "b", "c"].map(secret);
    let take = async |fresh| store.secret("csrf", fresh).await.unwrap();
    let taken = tokio::join!(take(&fresh[0]), take(&fresh[1]), take(&fresh[2]));
    assert!(taken.0 == taken.1 && taken.1 == taken.2);
    assert_eq!(store.secret("other", &secret("x")).await.unwrap(), secret("x"));
    assert_eq!(format!("{:?}", taken.0), "Secret(…)");
}
