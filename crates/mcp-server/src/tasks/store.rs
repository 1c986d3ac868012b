//! Where tasks are kept.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A task as a store keeps it. What it is about is in the document, which is the server's own JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask {
    /// 128 random bits.
    pub id: String,
    /// Who may ask about it: the user and the client, as bytes.
    pub owner: Vec<u8>,
    /// Whose share of the room it takes: the user, as bytes.
    pub account: Vec<u8>,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: SystemTime,
    /// When it may be forgotten.
    pub expires_at: SystemTime,
    /// When its worker counts as dead, if nothing is heard of it until then.
    pub alive_until: SystemTime,
    /// Whether it has ended.
    pub finished: bool,
    /// Everything else: results and answers among it.
    pub document: String,
}

/// How much room there is for a new task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskRoom {
    /// The time: what has expired by now takes none.
    pub now: SystemTime,
    /// Tasks in the store.
    pub all: usize,
    /// Tasks of one account.
    pub each: usize,
}

/// A store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the store of tasks could not {doing}")]
pub struct TaskStoreError {
    /// What it was asked for.
    pub doing: &'static str,
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What a store gives back in the end.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, TaskStoreError>> + Send + 'a>>;

/// Where tasks are kept. One process keeps them in memory ([`InMemoryTasks`]), where they end with it; a durable store
/// keeps them over a restart, and replicas share one.
///
/// Each method is one step: whoever looks sees all of it or nothing.
pub trait TaskStore: Send + Sync + 'static {
    /// Adds a task, and forgets those that have expired. Where an account or the store is full, the account's own oldest
    /// finished task makes room; `false` where it has none. When it is `true`, [`TaskStore::find`] finds the task.
    fn insert<'a>(&'a self, task: &'a StoredTask, room: TaskRoom) -> Stored<'a, bool>;

    /// The task with this id, expired or not.
    fn find<'a>(&'a self, id: &'a str) -> Stored<'a, Option<StoredTask>>;

    /// Puts a changed task in the place of the one whose version is one less; its `alive_until` stays what it is there.
    /// `false` where that one is not there.
    fn replace<'a>(&'a self, task: &'a StoredTask) -> Stored<'a, bool>;

    /// Sets `alive_until` of these tasks, and says which of them have not ended. Called every few seconds for all tasks at
    /// work.
    fn renew<'a>(&'a self, ids: &'a [String], alive_until: SystemTime) -> Stored<'a, Vec<String>>;
}

/// For those who share one.
impl<T: TaskStore + ?Sized> TaskStore for Arc<T> {
    fn insert<'a>(&'a self, task: &'a StoredTask, room: TaskRoom) -> Stored<'a, bool> {
        (**self).insert(task, room)
    }

    fn find<'a>(&'a self, id: &'a str) -> Stored<'a, Option<StoredTask>> {
        (**self).find(id)
    }

    fn replace<'a>(&'a self, task: &'a StoredTask) -> Stored<'a, bool> {
        (**self).replace(task)
    }

    fn renew<'a>(&'a self, ids: &'a [String], alive_until: SystemTime) -> Stored<'a, Vec<String>> {
        (**self).renew(ids, alive_until)
    }
}

/// Keeps tasks in this process.
#[derive(Debug, Default)]
pub struct InMemoryTasks(Mutex<HashMap<String, StoredTask>>);

impl InMemoryTasks {
    /// Every change is complete before the lock is released.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, StoredTask>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, task: &StoredTask, room: TaskRoom) -> bool {
        let mut tasks = self.lock();
        tasks.retain(|_, kept| kept.expires_at > room.now);
        let own = |kept: &&StoredTask| kept.account == task.account;
        if tasks.len() >= room.all || tasks.values().filter(own).count() >= room.each {
            let finished = tasks.values().filter(own).filter(|kept| kept.finished);
            let Some(oldest) = finished.min_by_key(|kept| kept.created_at).map(|kept| kept.id.clone()) else {
                return false;
            };
            tasks.remove(&oldest);
        }
        tasks.insert(task.id.clone(), task.clone());
        true
    }

    fn swap(&self, task: &StoredTask) -> bool {
        let mut tasks = self.lock();
        let Some(kept) = tasks.get_mut(&task.id).filter(|kept| kept.version + 1 == task.version) else {
            return false;
        };
        *kept = StoredTask { alive_until: kept.alive_until, ..task.clone() };
        true
    }

    fn keep_alive(&self, ids: &[String], alive_until: SystemTime) -> Vec<String> {
        let mut tasks = self.lock();
        let alive = |id: &&String| {
            let task = tasks.get_mut(*id).filter(|task| !task.finished);
            task.is_some_and(|task| {
                task.alive_until = alive_until;
                true
            })
        };
        ids.iter().filter(alive).cloned().collect()
    }
}

impl TaskStore for InMemoryTasks {
    fn insert<'a>(&'a self, task: &'a StoredTask, room: TaskRoom) -> Stored<'a, bool> {
        Box::pin(std::future::ready(Ok(self.add(task, room))))
    }

    fn find<'a>(&'a self, id: &'a str) -> Stored<'a, Option<StoredTask>> {
        Box::pin(std::future::ready(Ok(self.lock().get(id).cloned())))
    }

    fn replace<'a>(&'a self, task: &'a StoredTask) -> Stored<'a, bool> {
        Box::pin(std::future::ready(Ok(self.swap(task))))
    }

    fn renew<'a>(&'a self, ids: &'a [String], alive_until: SystemTime) -> Stored<'a, Vec<String>> {
        Box::pin(std::future::ready(Ok(self.keep_alive(ids, alive_until))))
    }
}
