//! What a server tells of a task without being asked
//! ([Task Status Notifications](https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md#task-status-notifications)).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use barewire_mcp::client::{self, Incoming};
use barewire_mcp::revision::Revision;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::subscriptions::SubscriptionFilter;
use barewire_mcp::types::tasks::{EXTENSION, Task, TaskState};

use crate::connection::Connection;
use crate::error::CallError;
use crate::recording::Recording;
use crate::subscription;
use crate::transport::Events;

/// A stream on which a server tells how one task is; or that there is none.
pub(super) struct Notices {
    id: String,
    revision: Revision,
    state: State,
}

enum State {
    Opening(Opening),
    Open(Box<Events>),
    /// The server tells nothing, or not any more.
    Silent,
}

type Opening = Pin<Box<dyn Future<Output = Result<(SubscriptionFilter, Events), CallError>> + Send>>;

/// What was heard.
pub(super) enum Heard {
    /// The server tells from now on.
    Agreed,
    /// How the task is.
    Task(Box<Task<TaskState>>, Recording),
    /// The time to ask has come, or the stream is over.
    Nothing,
}

impl Notices {
    /// Asks to be told, where the server has tasks at all. Nothing is sent before [`Notices::next`] is polled.
    pub(super) fn of(connection: &Arc<Connection>, revision: Revision, id: &str, tag: Option<&str>) -> Self {
        let declared = connection.info().capabilities.extensions.contains_key(EXTENSION);
        let state = if declared {
            let (connection, tag) = (Arc::clone(connection), tag.map(str::to_owned));
            let filter =
                SubscriptionFilter { task_ids: vec![id.to_owned()], ..SubscriptionFilter::default() };
            State::Opening(Box::pin(async move {
                subscription::listen(&connection, revision, filter, tag.as_deref()).await
            }))
        } else {
            State::Silent
        };
        Self { id: id.to_owned(), revision, state }
    }

    /// Whether the server tells.
    pub(super) fn are_agreed(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Waits for the next thing to hear; for ever where the server tells nothing. It may be dropped and called again.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            match &mut self.state {
                State::Opening(opening) => match opening.await {
                    Ok((agreed, events)) if agreed.task_ids.contains(&self.id) => {
                        self.state = State::Open(Box::new(events));
                        return Heard::Agreed;
                    }
                    Ok(_) => self.state = State::Silent,
                    Err(error) => {
                        tracing::debug!(%error, task = self.id, "the server does not tell how the task is");
                        self.state = State::Silent;
                    }
                },
                State::Open(events) => {
                    let Ok(Some(event)) = events.next().await else {
                        self.state = State::Silent;
                        return Heard::Nothing;
                    };
                    match client::read(self.revision, event.data.as_bytes()) {
                        Ok(Incoming::Notification {
                            notification: ServerNotification::Task(task), ..
                        }) if task.task_id == self.id => {
                            return Heard::Task(task, events.recording.clone());
                        }
                        // The response ends the stream.
                        Ok(Incoming::Response { .. }) => {
                            events.recording.finish();
                            self.state = State::Silent;
                            return Heard::Nothing;
                        }
                        Ok(_) | Err(_) => {}
                    }
                }
                State::Silent => std::future::pending().await,
            }
        }
    }
}
