//! The laws of the host's store, on SQLite and in memory: both have to behave alike.

use barewire_host::{HostStore, MemoryHostStore, SessionKey, StoredExchange, StoredServer};

use crate::laws::at;
use crate::sqlite;

fn server(id: &str, added: u64, document: &str) -> StoredServer {
    StoredServer { id: id.into(), added_at: at(added), document: document.into() }
}

fn exchange(number: u64) -> StoredExchange {
    StoredExchange { number, document: format!("{{\"n\":{number}}}") }
}

async fn sessions_keep_their_servers(store: &impl HostStore) {
    let (a, b) = (SessionKey::of_cookie("a"), SessionKey::of_cookie("b"));
    store.ready().await.unwrap();
    assert_eq!(store.session_seen(&a).await.unwrap(), None);
    store.save_server(&a, &server("x", 1, "{}")).await.unwrap();
    store.save_session(&a, at(1)).await.unwrap();
    store.save_session(&b, at(5)).await.unwrap();
    assert_eq!(store.servers(&a).await.unwrap(), [], "there was no session to save it in");
    for added in [server("z", 1, "{}"), server("y", 2, "{}"), server("z", 1, "{\"new\":1}")] {
        store.save_server(&a, &added).await.unwrap();
    }
    store.save_server(&b, &server("z", 3, "{}")).await.unwrap();
    assert_eq!(store.servers(&a).await.unwrap(), [server("z", 1, "{\"new\":1}"), server("y", 2, "{}")]);
    store.remove_server(&a, "z").await.unwrap();
    store.remove_server(&a, "z").await.unwrap();
    assert_eq!(store.servers(&a).await.unwrap(), [server("y", 2, "{}")]);
    assert_eq!(store.servers(&b).await.unwrap(), [server("z", 3, "{}")]);
    store.save_session(&a, at(9)).await.unwrap();
    assert_eq!(store.sessions_seen_before(at(9)).await.unwrap(), std::slice::from_ref(&b));
    for session in [&a, &b] {
        store.remove_session(session, at(9)).await.unwrap();
    }
    assert_eq!(store.session_seen(&a).await.unwrap(), Some(at(9)));
    assert_eq!(store.session_seen(&b).await.unwrap(), None);
    assert_eq!(store.servers(&b).await.unwrap(), []);
}

async fn logs_are_kept_in_order_and_bounded(store: &impl HostStore) {
    let a = SessionKey::of_cookie("a");
    store.save_session(&a, at(1)).await.unwrap();
    for id in ["x", "y"] {
        store.save_server(&a, &server(id, 1, "{}")).await.unwrap();
    }
    let again = StoredExchange { number: 3, document: "{\"n\":\"again\"}".into() };
    store.save_exchanges(&a, "x", &[exchange(1), exchange(2), exchange(3)], 0).await.unwrap();
    store.save_exchanges(&a, "y", &[exchange(1)], 0).await.unwrap();
    store.save_exchanges(&a, "x", &[again.clone(), exchange(4)], 2).await.unwrap();
    store.save_exchanges(&a, "gone", &[exchange(1)], 0).await.unwrap();
    assert_eq!(store.exchanges(&a, "x").await.unwrap(), [exchange(2), again, exchange(4)]);
    assert_eq!(store.exchanges(&a, "gone").await.unwrap(), []);
    store.clear_exchanges(&a, "x").await.unwrap();
    assert_eq!(store.exchanges(&a, "x").await.unwrap(), []);
    assert_eq!(store.exchanges(&a, "y").await.unwrap(), [exchange(1)]);
    store.remove_server(&a, "y").await.unwrap();
    store.save_server(&a, &server("y", 2, "{}")).await.unwrap();
    assert_eq!(store.exchanges(&a, "y").await.unwrap(), [], "a log goes with its server");
    store.save_exchanges(&a, "y", &[exchange(1), exchange(2)], 3).await.unwrap();
    assert_eq!(store.exchanges(&a, "y").await.unwrap(), []);
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
                super::$law(&super::MemoryHostStore::default()).await;
            })+
        }
    };
}

laws!(sessions_keep_their_servers, logs_are_kept_in_order_and_bounded);
