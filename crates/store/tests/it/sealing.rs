//! Secrets at rest: with which key, how that changes, and what happens with a wrong one.

use std::path::Path;

use barewire_oauth_server::store::{Keys, SecondFactors, SigningKeyRecord, Swap, TotpRecord};
use barewire_store::{Resealed, SealingKeys, Store, UnlockError};
use barewire_testkit::TempDir;
use sqlx::{ConnectOptions, Connection};

use crate::laws::{at, secret, users};

const OLD: &str = "b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleSE=";
const NEW: &str = "bmV3IGtleSBuZXcga2V5IG5ldyBrZXkgbmV3IGtleSE=";

async fn open(path: &Path, keys: &str) -> Store {
    let keys = (!keys.is_empty()).then(|| SealingKeys::parse(keys).unwrap());
    Store::open_with(path, keys).await.unwrap()
}

fn signing_key() -> SigningKeyRecord {
    SigningKeyRecord {
        kid: "k".into(),
        algorithm: "ES256".into(),
        private_key: secret("the private half"),
        created_at: at(1),
        signs_from: at(1),
        token_ttl: std::time::Duration::from_secs(86_400),
        retired_at: None,
    }
}

fn app() -> TotpRecord {
    TotpRecord {
        user_id: "u".into(),
        secret: secret("twenty secret bytes!"),
        created_at: at(1),
        confirmed_at: None,
        last_step: 0,
    }
}

/// A signing key, a secret and an authenticator app.
async fn fill(store: &Store) {
    users(store, &["u"]).await;
    assert_eq!(store.insert_signing_key(&[], &signing_key()).await.unwrap(), Swap::Done);
    store.secret("s", &secret("the secret of the server")).await.unwrap();
    assert_eq!(store.begin_totp(&app(), &secret("hash")).await.unwrap(), Swap::Done);
}

async fn check_full(store: &Store) {
    assert_eq!(store.signing_keys().await.unwrap(), [signing_key()]);
    assert_eq!(store.secret("s", &secret("another")).await.unwrap(), secret("the secret of the server"));
    assert_eq!(store.totp("u").await.unwrap(), Some(app()));
}

fn bytes(dir: &TempDir) -> Vec<u8> {
    let files = std::fs::read_dir(dir.path()).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn no_secret_can_be_read_in_the_files() {
    let dir = TempDir::new();
    let store = open(&dir.join("s.sqlite"), OLD).await;
    fill(&store).await;
    check_full(&store).await;
    for text in ["the private half", "the secret of the server", "twenty secret bytes!"] {
        assert!(!has(&bytes(&dir), text), "{text}");
    }
    assert!(!dir.join("s.sqlite.key").exists(), "a key was given");
    store.close().await;
}

#[tokio::test]
async fn a_wrong_key_changes_nothing() {
    let dir = TempDir::new();
    let path = dir.join("s.sqlite");
    let store = open(&path, OLD).await;
    fill(&store).await;
    store.close().await;
    let before = bytes(&dir);
    for (keys, expected) in [(NEW, "with another key"), ("", "their key is not there")] {
        let store = open(&path, keys).await;
        let error = store.unlock().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(store.signing_keys().await.is_err());
        assert!(store.secret("other", &secret("x")).await.is_err());
        store.close().await;
    }
    assert!(bytes(&dir) == before, "something was written");
    check_full(&open(&path, OLD).await).await;
}

#[tokio::test]
async fn keys_are_rotated_one_after_the_other() {
    let dir = TempDir::new();
    let path = dir.join("s.sqlite");
    let store = open(&path, OLD).await;
    fill(&store).await;
    // Where several programs share the file, each learns the new key before one seals with it.
    let beside = open(&path, &format!("{OLD} {NEW}")).await;
    beside.unlock().await.unwrap();
    let rotated = open(&path, &format!("{NEW} {OLD}")).await;
    rotated.unlock().await.unwrap();
    check_full(&rotated).await;
    check_full(&beside).await;
    // What the other still seals with the old one is found.
    beside.secret("late", &secret("x")).await.unwrap();
    assert_eq!(rotated.reseal().await.unwrap(), Resealed { secrets: 4, renewed: 1, unreadable: 0 });
    assert_eq!(rotated.reseal().await.unwrap(), Resealed { secrets: 4, renewed: 0, unreadable: 0 });
    check_full(&open(&path, NEW).await).await;
    assert!(matches!(open(&path, OLD).await.unlock().await, Err(UnlockError::OtherKey { .. })));
}

#[tokio::test]
async fn one_moves_from_the_key_beside_the_store_to_one_that_is_given() {
    let dir = TempDir::new();
    let path = dir.join("s.sqlite");
    let store = open(&path, "").await;
    fill(&store).await;
    store.close().await;
    let key_file = dir.join("s.sqlite.key");
    assert!(key_file.exists());
    let store = open(&path, NEW).await;
    check_full(&store).await;
    store.close().await;
    std::fs::remove_file(&key_file).unwrap();
    check_full(&open(&path, NEW).await).await;
    assert!(open(&path, "").await.unlock().await.is_err(), "it would begin with a key of its own");
    assert!(!key_file.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = TempDir::new();
    let path = dir.join("s.sqlite");
    fill(&open(&path, "").await).await;
    let key_file = dir.join("s.sqlite.key");
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = open(&path, "").await.unlock().await.unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(matches!(error, UnlockError::KeyFile { .. }) && why.contains("chmod 600"), "{error}: {why}");
}

/// A file as the version before wrote it: private keys and secrets in plain.
#[tokio::test]
async fn what_was_there_in_plain_is_sealed_and_leaves_no_trace() {
    let dir = TempDir::new();
    let path = dir.join("s.sqlite");
    let store = open(&path, "").await;
    users(&store, &["u"]).await;
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut db = options.connect().await.unwrap();
    const KEY: &str = "INSERT INTO signing_keys (kid, algorithm, private_key, created_at, signs_from) \
         VALUES ('k', 'ES256', ?1, ?2, ?2)";
    let micros = at(1).duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let key = sqlx::query(KEY).bind(&b"the private half"[..]).bind(i64::try_from(micros).unwrap());
    key.execute(&mut db).await.unwrap();
    let row = sqlx::query("INSERT INTO secrets (name, value) VALUES ('s', ?1)");
    row.bind(&b"the secret of the server"[..]).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    assert!(has(&bytes(&dir), "the private half"));
    let store = open(&path, "").await;
    store.unlock().await.unwrap();
    assert_eq!(store.begin_totp(&app(), &secret("hash")).await.unwrap(), Swap::Done);
    check_full(&store).await;
    store.close().await;
    for text in ["the private half", "the secret of the server"] {
        assert!(!has(&bytes(&dir), text), "{text}");
    }
}
