//! The laws of a client's credentials, on SQLite and in memory, and what the file gives away.

use barewire_mcp_client::{CredentialStore, GrantKey, MemoryCredentials};
use barewire_oauth::client_flow::{ClientIdentity, Grant};
use barewire_store::Store;
use serde_json::json;

use crate::sqlite;

fn identity(issuer: &str, client_id: &str) -> ClientIdentity {
    let identity = json!({
        "issuer": issuer, "client_id": client_id, "client_secret": "s3cret", "auth_method": "client_secret_basic",
        "origin": "registered", "redirect_uri": "http://localhost:5173/callback",
    });
    serde_json::from_value(identity).unwrap()
}

fn grant(access_token: &str) -> Grant {
    let grant = json!({
        "issuer": "https://as.example",
        "resource": "https://rs.example/mcp",
        "client": identity("https://as.example", "c1"),
        "token_endpoint": "https://as.example/token",
        "revocation_endpoint": null,
        "requested": "posts:read",
        "tokens": { "access_token": access_token, "refresh_token": "r3fresh", "expires_at": null, "scope": "posts:read" },
    });
    serde_json::from_value(grant).unwrap()
}

fn key(owner: &str, server: &str) -> GrantKey {
    GrantKey { owner: owner.into(), server: server.into() }
}

async fn identities_are_kept_by_issuer(store: &impl CredentialStore) {
    assert_eq!(store.identities().await.unwrap(), []);
    let (old, new, other) =
        (identity("https://a", "1"), identity("https://a", "2"), identity("https://b", "1"));
    for one in [&old, &new, &other] {
        store.save_identity(one).await.unwrap();
    }
    let kept = async || {
        let mut kept = store.identities().await.unwrap();
        kept.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        kept
    };
    assert_eq!(kept().await, [new.clone(), other.clone()]);
    store.forget_identity("https://a", "1").await.unwrap();
    assert_eq!(kept().await, [new, other.clone()], "it has another client id by now");
    store.forget_identity("https://a", "2").await.unwrap();
    store.forget_identity("https://a", "2").await.unwrap();
    assert_eq!(kept().await, [other]);
}

async fn grants_are_kept_by_owner_and_server(store: &impl CredentialStore) {
    let keys =
        [key("me", "https://x/mcp"), key("you", "https://x/mcp"), key("me", "https://y/mcp"), key("", "")];
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(store.grant(key).await.unwrap(), None);
        store.save_grant(key, &grant("before")).await.unwrap();
        store.save_grant(key, &grant(&format!("t{n}"))).await.unwrap();
    }
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(store.grant(key).await.unwrap(), Some(grant(&format!("t{n}"))));
    }
    store.forget_grant(&keys[0]).await.unwrap();
    store.forget_grant(&keys[0]).await.unwrap();
    assert_eq!(store.grant(&keys[0]).await.unwrap(), None);
    assert_eq!(store.grant(&keys[1]).await.unwrap(), Some(grant("t1")));
}

macro_rules! laws {
    ($($law:ident),+) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $law() {
                let (_dir, store) = super::sqlite::open().await;
                super::$law(&store).await;
            })+
        }

        mod in_memory {
            $(#[tokio::test]
            async fn $law() {
                super::$law(&super::MemoryCredentials::default()).await;
            })+
        }
    };
}

laws!(identities_are_kept_by_issuer, grants_are_kept_by_owner_and_server);

#[tokio::test]
async fn the_file_alone_opens_nothing() {
    let (dir, store) = sqlite::open().await;
    let path = dir.join("store.sqlite");
    let me = key("me", "https://x/mcp");
    store.save_grant(&me, &grant("acc3ss")).await.unwrap();
    store.save_identity(&identity("https://a", "1")).await.unwrap();
    store.close().await;
    let bytes = std::fs::read(&path).unwrap();
    for secret in ["acc3ss", "r3fresh", "s3cret"] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    assert_eq!(Store::open(&path).await.unwrap().grant(&me).await.unwrap(), Some(grant("acc3ss")));

    // Moved under another name by somebody who can write the file but has no key.
    let store = Store::open(&path).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut db = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("UPDATE credential_grants SET server = 'https://evil/mcp'").execute(&mut db).await.unwrap();
    assert_eq!(store.grant(&key("me", "https://evil/mcp")).await.unwrap(), None);
    assert_eq!(store.identities().await.unwrap().len(), 1);

    // Without its key nothing is opened and nothing is written over: it may only have been mislaid.
    let key_file = dir.join("store.sqlite.key");
    std::fs::rename(&key_file, dir.join("mislaid")).unwrap();
    let without = Store::open(&path).await.unwrap();
    assert!(without.identities().await.is_err());
    assert!(without.save_grant(&me, &grant("new")).await.is_err());
    assert!(!key_file.exists(), "a new key was made for what an old one sealed");
    std::fs::rename(dir.join("mislaid"), &key_file).unwrap();
    assert_eq!(without.identities().await.unwrap().len(), 1);
}
