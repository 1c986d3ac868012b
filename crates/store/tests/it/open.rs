//! Which files are opened, which are refused, and what an operator reads.

use std::path::Path;

use barewire_oauth::upstream::id_token::Account;
use barewire_oauth_server::store::{
    Insert, Keys, SecondFactors, Secret, Swap, TotpRecord, Upstreams, UserRecord, Users,
};
use barewire_store::{OpenError, Store};
use barewire_testkit::TempDir;
use sqlx::{ConnectOptions, Connection};

use crate::laws::{self, at, secret};

async fn run(path: &Path, statement: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut db = options.connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

/// Two branches that each took the next number would land side by side without a conflict.
#[test]
fn every_migration_has_a_number_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut numbers: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .map(|name| name.split_once('_').unwrap().0.to_owned())
        .collect();
    let count = numbers.len();
    assert!(numbers.iter().all(|number| number.len() == 4 && number.parse::<u16>().is_ok()), "{numbers:?}");
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "a number is there twice");
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let dir = TempDir::new();
    let path = dir.join("deep/down/store.sqlite");
    let user = UserRecord {
        id: "u".into(),
        name: "n".into(),
        password_hash: secret("h"),
        created_at: at(1),
        password_changed_at: None,
        administrator: false,
        disabled_at: None,
    };
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.insert_user(&user).await.unwrap(), Insert::Inserted);
    assert!(store.is_ready().await);
    // A second process on the same file sees it at once.
    let beside = Store::open(&path).await.unwrap();
    assert_eq!(beside.user("u").await.unwrap(), Some(user.clone()));
    drop((store, beside));
    assert_eq!(Store::open(&path).await.unwrap().user("u").await.unwrap(), Some(user));
}

/// Before there was a word for having no password, there was the hash of one that nobody knows.
#[tokio::test]
async fn who_was_made_by_a_login_elsewhere_has_no_password() {
    let dir = TempDir::new();
    let path = dir.join("store.sqlite");
    let user = |id: &str| UserRecord { id: id.into(), name: id.into(), ..laws::user(id) };
    let account = |subject: &str| Account { issuer: "https://idp.example".into(), subject: subject.into() };
    let store = Store::open(&path).await.unwrap();
    for (id, subject) in [("made", "1"), ("given one", "2")] {
        let inserted = store.insert_upstream_user(&user(id), &account(subject)).await.unwrap();
        assert_eq!(inserted, Insert::Inserted);
    }
    let (old, new) = (secret("hash"), secret("another hash"));
    assert_eq!(store.replace_password("given one", &old, &new, at(9)).await.unwrap(), Swap::Done);
    assert_eq!(store.insert_user(&user("linked")).await.unwrap(), Insert::Inserted);
    let linked = store.link_upstream_account("linked", &account("3"), at(9)).await.unwrap();
    assert_eq!(linked, Insert::Inserted);
    store.close().await;
    // As the version before left it.
    const BEFORE: &str = concat!(
        "DELETE FROM _sqlx_migrations WHERE version = 27; DROP INDEX upstream_sessions_by_account;",
        "CREATE INDEX codes_waiting ON codes (user_id) WHERE redeemed_at IS NULL"
    );
    run(&path, BEFORE).await;
    let store = Store::open(&path).await.unwrap();
    for (id, expected) in [("made", false), ("given one", true), ("linked", true)] {
        assert_eq!(store.user(id).await.unwrap().unwrap().password().is_some(), expected, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_can_open_a_new_file_at_once() {
    let dir = TempDir::new();
    let path = dir.join("store.sqlite");
    let opening: Vec<_> = (0..8).map(|_| tokio::spawn(Store::open(path.clone()))).collect();
    let mut secrets = Vec::new();
    for (n, opening) in opening.into_iter().enumerate() {
        let store = opening.await.unwrap().unwrap();
        secrets.push(store.secret("s", &Secret::new(vec![u8::try_from(n).unwrap()])).await.unwrap());
    }
    assert!(secrets.windows(2).all(|two| two[0] == two[1]));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    let path = dir.join("data/store.sqlite");
    drop(Store::open(&path).await.unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.join("data")), 0o700);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = Store::open(&path).await.unwrap();
    store.secret("s", &secret("x")).await.unwrap();
    for entry in std::fs::read_dir(dir.join("data")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn the_secret_of_an_authenticator_app_is_sealed() {
    let dir = TempDir::new();
    let path = dir.join("store.sqlite");
    let store = Store::open(&path).await.unwrap();
    let app = TotpRecord {
        user_id: "u".into(),
        secret: secret("twenty secret bytes!"),
        created_at: at(1),
        confirmed_at: None,
        last_step: 0,
    };
    laws::users(&store, &["u"]).await;
    assert_eq!(store.begin_totp(&app, &secret("hash")).await.unwrap(), Swap::Done);
    assert_eq!(store.totp("u").await.unwrap(), Some(app));
    store.close().await;
    let base64 =
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, "twenty secret bytes!");
    let bytes = std::fs::read(&path).unwrap();
    for text in ["twenty secret bytes!", &base64] {
        assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
    // A copy of the database without the key beside it opens nothing.
    std::fs::remove_file(dir.join("store.sqlite.key")).unwrap();
    assert!(Store::open(&path).await.unwrap().totp("u").await.is_err());
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_not_touched() {
    let dir = TempDir::new();
    let text = dir.join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but longer than the header of one, which has a hundred bytes; so here are \
        some more words until it is long enough to be looked at by SQLite",
    )
    .unwrap();
    let sqlite = dir.join("other.sqlite");
    run(&sqlite, "CREATE TABLE songs (title TEXT)").await;
    for path in [text, sqlite] {
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path).await.unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
        assert!(error.to_string().ends_with("belongs to another program; give Barewire a path of its own"));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let dir = TempDir::new();
    let path = dir.join("store.sqlite");
    Store::open(&path).await.unwrap().close().await;
    run(&path, "INSERT INTO _sqlx_migrations VALUES (9001, 'later', 0, TRUE, x'00', 0)").await;
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { version: 9001, .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let dir = TempDir::new();
    let path = dir.join("store.sqlite");
    Store::open(&path).await.unwrap().close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 8192);
    bytes[4096..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
}

/// With a million grants a look at every page would take many seconds of each start.
#[tokio::test]
async fn a_large_file_is_looked_at_where_nothing_works_without_it() {
    let dir = TempDir::new();
    let path = dir.join("store.sqlite");
    Store::open(&path).await.unwrap().close().await;
    let fill = "INSERT INTO host_sessions VALUES ('s', 0); \
                INSERT INTO host_servers VALUES ('s', 'x', 0, CAST(zeroblob(70000000) AS TEXT)); \
                PRAGMA wal_checkpoint(TRUNCATE)";
    run(&path, fill).await;
    let page = |number: usize| (number - 1) * 4096..number * 4096;
    let mut bytes = std::fs::read(&path).unwrap();
    let far = bytes.len() / 4096 - 5_000;
    bytes[page(far)].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let store = Store::open(&path).await.unwrap();
    assert!(store.is_ready().await);
    store.close().await;

    let mut db = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let root = sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE name = 'signing_keys'");
    let root: u32 = root.fetch_one(&mut db).await.unwrap();
    db.close().await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[page(root as usize)].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_path_that_cannot_be_is_refused() {
    let dir = TempDir::new();
    std::fs::write(dir.join("file"), "").unwrap();
    let error = Store::open(dir.join("file/store.sqlite")).await.unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}
