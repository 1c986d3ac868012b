//! Calls that go on as tasks after they were answered
//! ([the extension](https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md), SEP-2663).
//!
//! A handler says when ([`Context::start_task`](crate::Context::start_task)): the task is stored, the client gets its id,
//! and the same future goes on in the background (`worker.rs`). What the handler asks from then on, and how it ends, is
//! written to the store, where `tasks/get` and the others read it (`request.rs`), here or at another replica.
//!
//! The work itself stays in this process. Its worker says every few seconds that it is alive, and looks whether the
//! task was answered or cancelled elsewhere; of a worker that says nothing for a while it is assumed that its process
//! died, and the task has failed.

mod record;
mod request;
mod store;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use barewire_mcp::error::{Error, InvalidParams, code};
use barewire_mcp::jsonrpc::ErrorObject;
use barewire_mcp::types::tasks::{Task, TaskState};

use self::record::{Change, Record};
pub(crate) use self::request::{begin, watched};
pub use self::store::{InMemoryTasks, Stored, StoredTask, TaskRoom, TaskStore, TaskStoreError};
pub(crate) use self::worker::{TaskSlot, Worker, ask, run, start};
use crate::auth::Principal;
use crate::auth::access::{Access, decide};
use crate::config::Limits;
use crate::error::{Kind, ToolError};
use crate::server::Shared;
use crate::shares::Shares;

/// How a call goes on as a task.
#[derive(Debug, Clone, Default)]
pub struct TaskOptions {
    message: Option<String>,
    poll_interval: Option<Duration>,
}

impl TaskOptions {
    /// What the user may read while the task works, until the handler says something else.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// How long a client should wait between two questions about the task, instead of
    /// [`Limits::task_poll_interval`](crate::Limits::task_poll_interval).
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }
}

/// The tasks of one server.
pub(crate) struct Tasks {
    store: Arc<dyn TaskStore>,
    /// Those whose handler is at work in this process.
    at_work: Mutex<AtWork>,
    places: Arc<Shares>,
}

#[derive(Default)]
struct AtWork {
    workers: HashMap<String, Arc<Worker>>,
    /// Whether somebody renews their leases.
    beating: bool,
}

/// How often a change is tried that somebody else's comes before.
const TRIES: usize = 16;

impl Tasks {
    pub(crate) fn new(store: Arc<dyn TaskStore>, limits: &Limits) -> Self {
        let places = Shares::new(limits.max_tasks, limits.max_tasks_per_principal);
        Self { store, at_work: Mutex::default(), places }
    }

    fn worker(&self, id: &str) -> Option<Arc<Worker>> {
        self.at_work().workers.get(id).cloned()
    }

    fn at_work(&self) -> MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find(&self, id: &str) -> Result<Option<Record>, ToolError> {
        let stored = self.store.find(id).await.map_err(ToolError::internal)?;
        stored.map(Record::read).transpose().map_err(ToolError::internal)
    }

    /// Changes a task as it is in the store, tells whoever watches it, and gives it back. Nothing where it is not there.
    async fn change(
        &self,
        server: &Shared,
        id: &str,
        change: impl Fn(&mut Record) -> Result<Change, ToolError> + Send,
    ) -> Result<Option<Record>, ToolError> {
        for _ in 0..TRIES {
            let Some(mut record) = self.find(id).await? else { return Ok(None) };
            if change(&mut record)? == Change::None {
                return Ok(Some(record));
            }
            if self.store.replace(&record.stored()).await.map_err(ToolError::internal)? {
                server.hub.task_changed(id);
                return Ok(Some(record));
            }
        }
        Err(ToolError::internal("a task changed each time that it was to be changed"))
    }

    /// A task that this caller may ask about, as it is now.
    ///
    /// # Errors
    /// There is none, or there is one and the caller is told that there is none; or the tool needs scopes that the caller
    /// does not have (any more).
    async fn permitted(
        &self,
        server: &Shared,
        caller: Option<&Principal>,
        id: &str,
    ) -> Result<Record, ToolError> {
        let unknown = || Error::from(InvalidParams::UnknownTask { id: id.to_owned() });
        let now = server.now();
        let found = self.find(id).await?.filter(|record| !record.is_expired(now));
        let record = found.ok_or_else(|| ToolError::from(unknown()))?;
        let hidden = || ToolError(Box::new(Kind::Hidden(unknown())));
        let rule = server.registry.tools.get(&record.tool).map(|entry| &entry.rule);
        let Some(rule) = rule.filter(|_| record.owner == Principal::binding(caller)) else {
            return Err(hidden());
        };
        match decide(rule, caller, server.guard.as_ref()) {
            Access::Allowed => {}
            Access::Hidden => return Err(hidden()),
            Access::Acquirable(scopes) => return Err(ToolError(Box::new(Kind::Scopes(scopes)))),
        }
        if !record.is_abandoned(now) {
            return Ok(record);
        }
        let keep = server.limits.task_ttl;
        let end = |record: &mut Record| {
            // Its worker may have come back between the two looks.
            if !record.is_abandoned(now) {
                return Ok(Change::None);
            }
            Ok(record.end(record::interrupted(), now, keep))
        };
        Ok(self.change(server, id, end).await?.unwrap_or(record))
    }

    /// A task for somebody who watches it; nothing where they may not see it (any more).
    pub(crate) async fn look(
        &self,
        server: &Shared,
        caller: Option<&Principal>,
        id: &str,
    ) -> Option<Task<TaskState>> {
        self.permitted(server, caller, id).await.ok().map(|record| record.task)
    }
}

fn too_many() -> ToolError {
    ToolError::new("Too many tasks are at work or kept; try again later")
}

fn too_large() -> ErrorObject {
    ErrorObject::new(code::INTERNAL_ERROR, "The result is larger than what the server keeps of a task")
}
