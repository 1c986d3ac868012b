//! The store of tasks: the one in memory and the one on SQLite keep the same laws.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_mcp_server::{InMemoryTasks, StoredTask, TaskRoom, TaskStore};
use barewire_store::Store;
use barewire_testkit::TempDir;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn task(id: &str, account: &str) -> StoredTask {
    StoredTask {
        id: id.to_owned(),
        owner: format!("{account} at a client").into_bytes(),
        account: account.as_bytes().to_vec(),
        version: 1,
        created_at: at(1),
        expires_at: at(100),
        alive_until: at(30),
        finished: false,
        document: r#"{"tool":"export"}"#.to_owned(),
    }
}

fn room(now: u64) -> TaskRoom {
    TaskRoom { now: at(now), all: 4, each: 2 }
}

async fn both() -> (TempDir, [Arc<dyn TaskStore>; 2]) {
    let (dir, sqlite) = crate::sqlite::open().await;
    (dir, [Arc::new(InMemoryTasks::default()), Arc::new(sqlite)])
}

#[tokio::test]
async fn a_task_is_kept_whole_and_changed_once() {
    let (_dir, stores) = both().await;
    for store in stores {
        let first = task("a", "alice");
        assert_eq!(store.find("a").await.unwrap(), None);
        assert!(store.insert(&first, room(1)).await.unwrap());
        assert_eq!(store.find("a").await.unwrap(), Some(first.clone()));
        let second = StoredTask {
            version: 2,
            expires_at: at(60),
            alive_until: at(1),
            finished: true,
            document: "{}".to_owned(),
            ..first.clone()
        };
        assert!(store.replace(&second).await.unwrap());
        assert!(!store.replace(&second).await.unwrap(), "it has been changed");
        assert!(!store.replace(&StoredTask { version: 4, ..second.clone() }).await.unwrap());
        assert!(!store.replace(&task("b", "alice")).await.unwrap());
        // The lease is the worker's alone.
        let expected = StoredTask { alive_until: at(30), ..second };
        assert_eq!(store.find("a").await.unwrap(), Some(expected));
    }
}

#[tokio::test]
async fn of_many_changes_at_once_one_wins() {
    let (_dir, stores) = both().await;
    for store in stores {
        store.insert(&task("a", "alice"), room(1)).await.unwrap();
        let changes = (0..20).map(|number| {
            let (store, document) = (store.clone(), number.to_string());
            let changed = StoredTask { version: 2, document, ..task("a", "alice") };
            tokio::spawn(async move { store.replace(&changed).await.unwrap() })
        });
        let mut won = 0;
        for change in changes.collect::<Vec<_>>() {
            won += u32::from(change.await.unwrap());
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn who_has_ended_is_not_renewed() {
    let (_dir, stores) = both().await;
    for store in stores {
        store.insert(&task("a", "alice"), room(1)).await.unwrap();
        store.insert(&StoredTask { finished: true, ..task("b", "alice") }, room(1)).await.unwrap();
        let ids = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(store.renew(&ids, at(50)).await.unwrap(), ["a"]);
        assert_eq!(store.find("a").await.unwrap().unwrap().alive_until, at(50));
        assert_eq!(store.find("b").await.unwrap().unwrap().alive_until, at(30));
    }
}

#[tokio::test]
async fn room_is_made_by_ones_own_that_have_ended() {
    let (_dir, stores) = both().await;
    for store in stores {
        let ended = |id: &str, account: &str, created| StoredTask {
            finished: true,
            created_at: at(created),
            ..task(id, account)
        };
        let add = async |task: StoredTask, now| store.insert(&task, room(now)).await.unwrap();
        assert!(add(ended("a2", "alice", 2), 1).await);
        assert!(add(ended("a1", "alice", 1), 1).await);
        assert!(add(task("a3", "alice"), 1).await);
        assert!(store.find("a1").await.unwrap().is_none(), "her oldest");
        assert!(add(task("a4", "alice"), 1).await);
        assert!(!add(task("a5", "alice"), 1).await, "both of hers are at work");
        assert!(add(ended("b1", "bob", 1), 1).await);
        assert!(add(task("c1", "cyd"), 1).await);
        assert!(!add(task("c2", "cyd"), 1).await, "the store is full, and what has ended is not hers");
        assert!(add(task("b2", "bob"), 1).await);
        assert!(store.find("b1").await.unwrap().is_none());
        // Nothing is left of what has expired.
        assert!(add(StoredTask { expires_at: at(200), ..task("d1", "dee") }, 100).await);
        for id in ["a3", "a4", "b2", "c1"] {
            assert!(store.find(id).await.unwrap().is_none(), "{id}");
        }
    }
}

#[tokio::test]
async fn a_task_survives_the_process() {
    let dir = TempDir::new();
    let path = dir.join("store.sqlite");
    let store = Store::open(&path).await.unwrap();
    store.insert(&task("a", "alice"), room(1)).await.unwrap();
    store.close().await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.find("a").await.unwrap(), Some(task("a", "alice")));
}
