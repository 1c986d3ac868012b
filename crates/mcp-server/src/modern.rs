//! Requests of 2026-07-28: each is understood by itself.

use std::sync::Arc;

use barewire_mcp::error::Error;
use barewire_mcp::jsonrpc::{Id, write};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::server::modern::Call;
use barewire_mcp::types::notification::ServerNotification;
use barewire_mcp::types::subscriptions::SubscriptionFilter;
use barewire_mcp::wire::v2026_07_28::{self as wire, Request, RequestMeta};
use http::request::Parts;
use http::{HeaderMap, Response};

use crate::answer::{Answer, written};
use crate::ask::{AskBook, Subject};
use crate::auth::Principal;
use crate::auth::access::{Access, decide};
use crate::body::{Body, event_stream};
use crate::call::{CallState, Cancel, LastProgress};
use crate::hub::{Kind, NoStream};
use crate::observer::Outcome;
use crate::operation::{self, Begun};
use crate::outbox::Outbox;
use crate::refused::Refused;
use crate::server::Shared;
use crate::service::Caller;
use crate::session::SessionKey;
use crate::streams::LongStream;
use crate::tasks::{self, TaskSlot};
use crate::trail::Trail;

/// Begins to answer one request.
pub(crate) fn begin(
    server: &Arc<Shared>,
    parts: &mut Parts,
    caller: Caller,
    request: Call,
    mut trail: Option<&mut Trail>,
) -> Begun {
    let Call { id, revision, request, mut meta } = request;
    if let Some(trail) = &mut trail {
        note(trail, revision, &request, &mut meta);
    }
    match request {
        Request::Operation(wanted) => {
            let subject = Subject::of(&wanted);
            let call = at_work(server, parts, caller, Head { id, revision, meta }, wanted.method(), subject);
            operation::begin(call, wanted, &parts.headers, trail)
        }
        Request::Task(wanted) => {
            let head = Head { id, revision, meta };
            let call = at_work(server, parts, caller, head, wanted.method(), Subject::default());
            match tasks::begin(&call, wanted) {
                Ok(work) => Begun::AtWork(work, call),
                Err(error) => Begun::Answered(Answer::of(&call, Err(error)).into_response(trail)),
            }
        }
        Request::Discover => {
            if let Some(trail) = &mut trail {
                trail.outcome = Outcome::Result;
            }
            Begun::Answered(written(&id, Era::Modern, write::result(&id, &server.statics.discover)))
        }
        Request::Listen(filter) => {
            let agreed = agree(server, caller.as_deref(), &filter);
            let opened = listen(server, caller.as_ref(), &parts.headers, id, agreed);
            Begun::Answered(opened.unwrap_or_else(|refused| refused.into_response(trail)))
        }
    }
}

/// Whether a request wants to hear of tasks. Those are looked up before it is answered: [`watch_tasks`].
pub(crate) fn watches_tasks(call: &Call) -> bool {
    matches!(&call.request, Request::Listen(filter) if !filter.task_ids.is_empty())
}

/// Answers `subscriptions/listen` with tasks among what is wanted.
pub(crate) async fn watch_tasks(
    server: &Arc<Shared>,
    headers: &HeaderMap,
    caller: Caller,
    request: Call,
    trail: Option<&mut Trail>,
) -> Result<Response<Body>, Refused> {
    let Call { id, revision, request, mut meta } = request;
    if let Some(trail) = trail {
        note(trail, revision, &request, &mut meta);
    }
    let Request::Listen(filter) = request else {
        return Err(Refused::error(&id, Era::Modern, Error::Internal));
    };
    let mut agreed = agree(server, caller.as_deref(), &filter);
    let watched = tasks::watched(server, caller.as_deref(), &meta.client_capabilities, &filter.task_ids);
    agreed.task_ids = watched.await.map_err(|missing| Refused::error(&id, Era::Modern, missing))?;
    listen(server, caller.as_ref(), headers, id, agreed)
}

/// What the record says of a request.
fn note(trail: &mut Trail, revision: Revision, request: &Request, meta: &mut RequestMeta) {
    trail.revision = Some(revision);
    trail.method = Some(request.method());
    trail.joins(meta.trace);
    trail.name = request.name().map(str::to_owned);
    trail.client = meta.client_info.take().map(|info| (info.name, info.version));
}

/// What a request says before what it wants.
struct Head {
    id: Id,
    revision: Revision,
    meta: RequestMeta,
}

fn at_work(
    server: &Arc<Shared>,
    parts: &mut Parts,
    caller: Caller,
    head: Head,
    method: &'static str,
    subject: Subject,
) -> Arc<CallState> {
    let Head { id, revision, meta } = head;
    Arc::new(CallState {
        server: server.clone(),
        revision,
        method,
        asks: AskBook::new(subject),
        id,
        principal: caller,
        capabilities: meta.client_capabilities,
        progress_token: meta.progress_token,
        log_level: server.capabilities.logging.as_ref().and(meta.log_level),
        session: None,
        extensions: std::mem::take(&mut parts.extensions),
        outbox: Outbox::new(server.limits.stream_buffer, true),
        cancel: Cancel::default(),
        last_progress: LastProgress::default(),
        task: TaskSlot::default(),
    })
}

/// `subscriptions/listen`: a stream that stays open
/// ([Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)).
fn listen(
    server: &Arc<Shared>,
    caller: Option<&Arc<Principal>>,
    headers: &HeaderMap,
    id: Id,
    agreed: SubscriptionFilter,
) -> Result<Response<Body>, Refused> {
    let acknowledged = ServerNotification::Acknowledged(agreed.clone());
    let first = wire::encode_notification(&acknowledged, Some(&id));
    let owner = server.owner(caller.map(|caller| &**caller)).unwrap_or_default();
    let kind = Kind::Listen { id: id.clone(), filter: agreed };
    let subscription = server.hub.open(kind, Some(&owner)).map_err(|reason| match reason {
        NoStream::Closing => Refused::ShuttingDown,
        NoStream::TooMany => Refused::TooManyStreams(id),
    })?;
    let stream =
        LongStream::new(server.clone(), caller.map(|caller| &**caller), headers, subscription, Some(first))
            .watching(caller.cloned());
    Ok(event_stream(Box::new(stream), server.limits.keep_alive))
}

/// What the server will send of what a client wants: lists that exist, and resources that the caller may read.
fn agree(server: &Shared, caller: Option<&Principal>, wanted: &SubscriptionFilter) -> SubscriptionFilter {
    let offers = &server.capabilities;
    let mut room = server.limits.max_subscription_bytes;
    let fits = |uri: &&String| {
        room.checked_sub(uri.len()).is_some_and(|left| {
            room = left;
            true
        })
    };
    let readable = |uri: &&String| server.may_read(caller, uri);
    SubscriptionFilter {
        tools_list_changed: wanted.tools_list_changed && offers.tools.is_some(),
        prompts_list_changed: wanted.prompts_list_changed && offers.prompts.is_some(),
        resources_list_changed: wanted.resources_list_changed && offers.resources.is_some(),
        resource_subscriptions: wanted
            .resource_subscriptions
            .iter()
            .take(server.limits.max_subscriptions)
            .filter(readable)
            .filter(fits)
            .cloned()
            .collect(),
        // Looked up one by one, see [`tasks::watched`].
        task_ids: Vec::new(),
    }
}

impl Shared {
    /// Whether this caller may read, and so hear about, a resource.
    pub(crate) fn may_read(&self, caller: Option<&Principal>, uri: &str) -> bool {
        self.registry
            .resource(uri)
            .is_ok_and(|found| decide(found.rule(), caller, self.guard.as_ref()) == Access::Allowed)
    }

    /// A session goes on with another token, and that may allow less than the one before.
    pub(crate) fn keep_readable(&self, session: &SessionKey, caller: Option<&Principal>) {
        self.memory.keep_readable(session, |uri| self.may_read(caller, uri));
    }
}
