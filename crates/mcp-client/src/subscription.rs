//! Listening for changes, in the way of the era.

use std::sync::Arc;

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::{self, Incoming};
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::Revision;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::subscriptions::{Change, SubscriptionFilter};
use barewire_mcp::wire::v2025_11_25::Request as LegacyRequest;
use barewire_mcp::wire::v2026_07_28::{ClientMeta, Request as ModernRequest};
use tokio::sync::broadcast;

use crate::authorized::Follow;
use crate::client::{CallOptions, Handle};
use crate::connection::{Connection, Pending, Spoken, not_mcp, purpose, rpc_error};
use crate::error::CallError;
use crate::legacy::Legacy;
use crate::modern::unfit;
use crate::transport::Events;

/// A stream of changes. Dropping it ends the subscription.
pub struct Subscription {
    agreed: SubscriptionFilter,
    source: Source,
    handle: Arc<Handle>,
}

enum Source {
    /// The answer to `subscriptions/listen`.
    Stream(Box<Events>, Revision),
    /// What comes on the session's own stream.
    Session(broadcast::Receiver<Change>),
}

impl Subscription {
    /// What the server agreed to send.
    #[must_use]
    pub fn agreed(&self) -> &SubscriptionFilter {
        &self.agreed
    }

    /// The next change; `None` when the server ended the stream.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn next(&mut self) -> Result<Option<Change>, CallError> {
        let connection = &self.handle.connection;
        loop {
            let change = match &mut self.source {
                Source::Stream(events, revision) => {
                    let Some(event) = events.next().await.map_err(CallError::Transport)? else {
                        return Ok(None);
                    };
                    match client::read(*revision, event.data.as_bytes()) {
                        Ok(Incoming::Notification {
                            notification: ServerNotification::Change(change),
                            ..
                        }) => {
                            connection.options.handler.changed(&change);
                            change
                        }
                        // The response ends the stream.
                        Ok(Incoming::Response { outcome, .. }) => {
                            events.recording.finish();
                            return outcome.map(|_| None).map_err(CallError::Rpc);
                        }
                        Ok(_) | Err(_) => continue,
                    }
                }
                Source::Session(changes) => tokio::select! {
                    () = connection.closed.cancelled() => return Ok(None),
                    change = changes.recv() => match change {
                        Ok(change) => change,
                        Err(broadcast::error::RecvError::Lagged(_)) => continue,
                        Err(broadcast::error::RecvError::Closed) => return Ok(None),
                    },
                },
            };
            if self.agreed.wants(&change) {
                return Ok(Some(change));
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Source::Stream(events, _) = &self.source {
            events.recording.decide(&Decision::Cancelled);
            return;
        }
        let uris = std::mem::take(&mut self.agreed.resource_subscriptions);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if uris.is_empty() {
            return;
        }
        // The session goes on; the server should not go on telling about these.
        let handle = Arc::clone(&self.handle);
        runtime.spawn(async move {
            let connection = &handle.connection;
            let Spoken::Legacy(legacy) = &connection.spoken else { return };
            for uri in uris {
                let request = LegacyRequest::Unsubscribe { uri: uri.clone() };
                let options = CallOptions::default();
                let sent =
                    connection.ask_legacy(legacy, Step::Subscribe, &request, Some(&uri), &options).await;
                if let Err(error) = sent {
                    tracing::debug!(%error, %uri, "the subscription was not ended");
                }
            }
        });
    }
}

/// Opens a subscription.
pub(crate) async fn open(
    handle: &Arc<Handle>,
    filter: SubscriptionFilter,
) -> Result<Subscription, CallError> {
    let connection = &handle.connection;
    let (agreed, source) = match &connection.spoken {
        Spoken::Modern(revision) => {
            let (agreed, events) = listen(connection, *revision, filter, None).await?;
            (agreed, Source::Stream(Box::new(events), *revision))
        }
        Spoken::Legacy(legacy) => {
            let changes = connection.changes.subscribe();
            (subscribe(connection, legacy, filter).await?, Source::Session(changes))
        }
    };
    Ok(Subscription { agreed, source, handle: Arc::clone(handle) })
}

/// One request names everything; the first event says what the server agrees to
/// ([Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)).
///
/// `tag` names the work that it belongs to, where it belongs to any.
pub(crate) async fn listen(
    connection: &Arc<Connection>,
    revision: Revision,
    filter: SubscriptionFilter,
    tag: Option<&str>,
) -> Result<(SubscriptionFilter, Events), CallError> {
    let id: Id = connection.next_id();
    let request = ModernRequest::Listen(filter.clone());
    let capabilities = connection.options.capabilities();
    let meta = ClientMeta {
        revision,
        client_info: &connection.options.identity,
        client_capabilities: &capabilities,
        log_level: None,
        progress_token: None,
        extra: None,
    };
    let tag = tag.or(connection.options.tag.as_deref());
    let purpose = purpose(Step::Listen, request.method(), Some(&id), None, Some(revision), tag);
    let none = MirroredParams::default();
    let (mut reply, _) = connection
        .post(Follow::Everything, &purpose, &connection.url, || {
            client::modern::request(&id, &request, &meta, &none).map_err(|fault| unfit(&fault))
        })
        .await?;
    let pending = Pending { id: &id, method: request.method(), tag: None };
    if !reply.is_stream() {
        if reply.media_type() != "application/json" {
            return Err(not_mcp(reply).await);
        }
        // No stream: the only thing a server may say here is no.
        return match connection.read_message(revision, &pending, &mut reply).await?.outcome {
            Err(error) => Err(CallError::Rpc(error)),
            Ok(_) => Err(CallError::Malformed {
                method: pending.method.to_owned(),
                detail: "a result instead of a stream".to_owned(),
            }),
        };
    }
    let mut events = reply.events(connection.options.config.max_answer_bytes);
    while let Some(event) = events.next().await.map_err(CallError::Transport)? {
        match client::read(revision, event.data.as_bytes()) {
            Ok(Incoming::Notification { notification: ServerNotification::Acknowledged(agreed), .. }) => {
                return Ok((agreed, events));
            }
            // A server that tells before it agrees agrees.
            Ok(Incoming::Notification { notification: ServerNotification::Change(change), .. }) => {
                connection.options.handler.changed(&change);
                return Ok((filter, events));
            }
            Ok(Incoming::Response { outcome: Err(error), .. }) => {
                events.recording.decide(&rpc_error(&error));
                return Err(CallError::Rpc(error));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Err(CallError::Http(crate::error::Answered::StreamEnded))
}

/// One request for each resource; lists are told about on the session's stream without being asked for.
async fn subscribe(
    connection: &Arc<Connection>,
    legacy: &Legacy,
    filter: SubscriptionFilter,
) -> Result<SubscriptionFilter, CallError> {
    let declared = connection.info().capabilities;
    let mut agreed = SubscriptionFilter {
        tools_list_changed: filter.tools_list_changed && declared.tools.is_some_and(|it| it.list_changed),
        prompts_list_changed: filter.prompts_list_changed
            && declared.prompts.is_some_and(|it| it.list_changed),
        resources_list_changed: filter.resources_list_changed
            && declared.resources.as_ref().is_some_and(|it| it.list_changed),
        resource_subscriptions: Vec::new(),
        task_ids: Vec::new(),
    };
    if declared.resources.is_some_and(|it| it.subscribe) {
        for uri in filter.resource_subscriptions {
            let request = LegacyRequest::Subscribe { uri: uri.clone() };
            let options = CallOptions::default();
            let response =
                connection.ask_legacy(legacy, Step::Subscribe, &request, Some(&uri), &options).await?;
            response.outcome.map_err(CallError::Rpc)?;
            agreed.resource_subscriptions.push(uri);
        }
    }
    Ok(agreed)
}
