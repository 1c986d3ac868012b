//! Authenticator apps and recovery codes.

use barewire_oauth_server::store::{Secret, Store, Swap, TotpRecord};

use crate::laws::{at, digest, secret, users};

fn app(user: &str, text: &str) -> TotpRecord {
    TotpRecord {
        user_id: user.into(),
        secret: secret(text),
        created_at: at(1),
        confirmed_at: None,
        last_step: 0,
    }
}

pub(crate) async fn an_app_asks_for_nothing_until_it_is_confirmed(store: &impl Store) {
    users(store, &["u1"]).await;
    assert_eq!(store.totp("u1").await.unwrap(), None);
    let early = store.confirm_totp(&app("u1", "first"), 5, at(2), &[], &secret("hash")).await.unwrap();
    assert_eq!(early, Swap::Lost);
    assert_eq!(store.begin_totp(&app("u1", "first"), &secret("hash")).await.unwrap(), Swap::Done);
    assert_eq!(store.use_totp("u1", 5).await.unwrap(), Swap::Lost);
    assert_eq!(store.begin_totp(&app("u1", "second"), &secret("hash")).await.unwrap(), Swap::Done);
    assert_eq!(store.totp("u1").await.unwrap(), Some(app("u1", "second")));
    let confirm = async |text: &str, step: u64, code: u8| {
        let (app, codes) = (app("u1", text), [digest(code)]);
        store.confirm_totp(&app, step, at(2), &codes, &secret("hash")).await.unwrap()
    };
    assert_eq!(confirm("first", 5, 1).await, Swap::Lost, "another one took its place");
    assert_eq!(store.recovery_codes_left("u1").await.unwrap(), 0);
    assert_eq!(confirm("second", 5, 1).await, Swap::Done);
    assert_eq!(confirm("second", 6, 2).await, Swap::Lost, "it is confirmed");
    assert_eq!(store.begin_totp(&app("u1", "third"), &secret("hash")).await.unwrap(), Swap::Lost);
    let now = TotpRecord { confirmed_at: Some(at(2)), last_step: 5, ..app("u1", "second") };
    assert_eq!(store.totp("u1").await.unwrap(), Some(now));
    assert_eq!(store.totp("u2").await.unwrap(), None);
    assert_eq!(store.remove_totp("u1", &secret("hash")).await.unwrap(), Swap::Done);
    assert_eq!(store.totp("u1").await.unwrap(), None);
    assert_eq!(store.recovery_codes_left("u1").await.unwrap(), 0);
}

pub(crate) async fn a_replaced_password_changes_no_app(store: &impl Store) {
    users(store, &["u1"]).await;
    let (old, new) = (secret("hash"), secret("new"));
    assert_eq!(store.replace_password("u1", &old, &new, at(5)).await.unwrap(), Swap::Done);
    assert_eq!(store.begin_totp(&app("u1", "s"), &old).await.unwrap(), Swap::Lost);
    assert_eq!(store.totp("u1").await.unwrap(), None);
    assert_eq!(store.begin_totp(&app("u1", "s"), &new).await.unwrap(), Swap::Done);
    assert_eq!(store.begin_totp(&app("u1", "t"), &old).await.unwrap(), Swap::Lost);
    let confirm = async |password: &Secret| {
        store.confirm_totp(&app("u1", "s"), 5, at(6), &[digest(1)], password).await.unwrap()
    };
    assert_eq!(confirm(&old).await, Swap::Lost);
    assert_eq!(store.recovery_codes_left("u1").await.unwrap(), 0);
    assert_eq!(confirm(&new).await, Swap::Done);
    assert_eq!(store.replace_recovery_codes("u1", &[], &old).await.unwrap(), Swap::Lost);
    assert_eq!(store.remove_totp("u1", &old).await.unwrap(), Swap::Lost);
    assert!(store.totp("u1").await.unwrap().is_some());
    assert_eq!(store.recovery_codes_left("u1").await.unwrap(), 1);
}

pub(crate) async fn of_many_that_bring_one_code_one_wins(store: &impl Store) {
    users(store, &["u1"]).await;
    assert_eq!(store.begin_totp(&app("u1", "s"), &secret("hash")).await.unwrap(), Swap::Done);
    let confirmed = store.confirm_totp(&app("u1", "s"), 5, at(2), &[], &secret("hash")).await.unwrap();
    assert_eq!(confirmed, Swap::Done);
    assert_eq!(store.use_totp("u1", 5).await.unwrap(), Swap::Lost, "it confirmed the app");
    let one = async || store.use_totp("u1", 7).await.unwrap();
    let swaps = tokio::join!(one(), one(), one(), one());
    let swaps = [swaps.0, swaps.1, swaps.2, swaps.3];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    assert_eq!(store.use_totp("u1", 6).await.unwrap(), Swap::Lost, "an earlier one");
    assert_eq!(store.use_totp("u1", 8).await.unwrap(), Swap::Done);
}

pub(crate) async fn recovery_codes_are_used_once(store: &impl Store) {
    users(store, &["u1", "u2"]).await;
    assert_eq!(
        store.replace_recovery_codes("u1", &[digest(1)], &secret("hash")).await.unwrap(),
        Swap::Lost,
        "without an app"
    );
    for user in ["u1", "u2"] {
        assert_eq!(store.begin_totp(&app(user, "s"), &secret("hash")).await.unwrap(), Swap::Done);
        let (app, codes) = (app(user, "s"), [digest(1), digest(2)]);
        let confirmed = store.confirm_totp(&app, 5, at(2), &codes, &secret("hash")).await.unwrap();
        assert_eq!(confirmed, Swap::Done);
    }
    let one = async || store.use_recovery_code("u1", digest(1), at(3)).await.unwrap();
    let swaps = tokio::join!(one(), one(), one(), one());
    let swaps = [swaps.0, swaps.1, swaps.2, swaps.3];
    assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Done).count(), 1, "{swaps:?}");
    assert_eq!(store.use_recovery_code("u1", digest(9), at(3)).await.unwrap(), Swap::Lost);
    assert_eq!(store.recovery_codes_left("u1").await.unwrap(), 1);
    assert_eq!(store.recovery_codes_left("u2").await.unwrap(), 2);
    assert_eq!(store.replace_recovery_codes("u1", &[digest(3)], &secret("hash")).await.unwrap(), Swap::Done);
    assert_eq!(store.use_recovery_code("u1", digest(2), at(4)).await.unwrap(), Swap::Lost);
    assert_eq!(store.use_recovery_code("u1", digest(3), at(4)).await.unwrap(), Swap::Done);
}
