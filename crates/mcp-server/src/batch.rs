//! Batches, which only 2025-03-26 has
//! ([Batching](https://modelcontextprotocol.io/specification/2025-03-26/basic/index#batching)).
//!
//! A batch is one HTTP request and many of JSON-RPC. What HTTP says (who sends it, whether it may) is said once: where a
//! member asks for something whose scopes the caller lacks, the answer to the whole is 403 with the scopes of all its
//! members, and nothing of it has been done, so the client can get them and send it again. What comes out only while
//! a handler works is an error in that member's place, as everything else is that goes wrong with one member.

use std::collections::VecDeque;
use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Poll};

use barewire_mcp::http::headers::JSON;
use barewire_mcp::http::sse;
use barewire_mcp::jsonrpc::EnvelopeFault;
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::server::Rejection;
use barewire_mcp::server::legacy::{BatchHead, Incoming, Member, Post, accept_batch};
use barewire_mcp::types::operation::Operation;
use barewire_mcp::wire::legacy::has_batches;
use barewire_mcp::wire::v2025_11_25::Request;
use barewire_oauth::scope::ScopeSet;
use bytes::Bytes;
use futures_util::stream::{SelectAll, StreamExt as _};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use tokio::time::sleep;

use crate::auth::Principal;
use crate::auth::access::{Access, challenge, decide};
use crate::body::{Body, Source, event_stream, status_only};
use crate::call::CallState;
use crate::legacy;
use crate::observer::Outcome;
use crate::operation::Begun;
use crate::refused::Refused;
use crate::registry::Work;
use crate::running::Tracked;
use crate::server::Shared;
use crate::service::Caller;
use crate::trail::Trail;

/// Answers a POST whose body is an array.
pub(crate) async fn answer(
    server: &Arc<Shared>,
    parts: &mut Parts,
    caller: Caller,
    head: BatchHead,
    body: &[u8],
    mut trail: Option<&mut Trail>,
) -> Result<Response<Body>, Refused> {
    let session = match &head.session {
        Some(id) => Some(legacy::open(server, caller.as_deref(), id).await?),
        None => None,
    };
    // The session's word counts, then the header's.
    let revision = session.as_ref().map(|session| session.revision).or(head.revision);
    let revision = revision.unwrap_or(Revision::ASSUMED);
    if let Some(trail) = &mut trail {
        trail.revision = Some(revision);
        trail.client = session.as_ref().and_then(|session| session.client.clone());
    }
    if !has_batches(revision) {
        let error = EnvelopeFault::Batch.into();
        return Err(Rejection { id: None, era: Era::Legacy, error }.into());
    }
    let members = accept_batch(body, server.limits.max_batch)?;
    if let Some(guard) = &server.guard {
        let missing = members.iter().filter_map(|member| missing_scopes(server, caller.as_deref(), member));
        if let Some(scopes) = missing.reduce(|all, more| all.union(&more)) {
            return Err(challenge(guard, caller.as_deref(), &scopes).into());
        }
    }

    let mut batch = Batch::new(server.limits.batch_concurrency);
    let (mut has_requests, mut is_accepted) = (false, true);
    let extensions = std::mem::take(&mut parts.extensions);
    for Member { bytes, message, is_answered } in members {
        has_requests |= is_answered;
        let mut trail = trail.as_deref().map(|trail| trail.member(bytes));
        let begun = match message {
            Ok(message) => {
                parts.extensions = extensions.clone();
                let post = Post { session: None, revision: Some(revision), message };
                legacy::begin(server, parts, caller.clone(), session.clone(), post, trail.as_deref_mut())
            }
            Err(rejection) => Err(rejection.into()),
        };
        let response = match begun {
            Ok(Begun::AtWork(work, call)) => {
                batch.add(work, call, trail);
                continue;
            }
            Ok(Begun::Answered(response)) => response,
            Err(refused) => refused.into_response(trail.as_deref_mut()),
        };
        is_accepted &= response.status().is_success();
        let message = response.into_body().into_whole().filter(|_| is_answered);
        if let (Some(trail), Some(message)) = (&mut trail, &message) {
            trail.bytes_out = message.len() as u64;
        }
        batch.answers.push(message);
    }
    if !has_requests {
        return Ok(status_only(if is_accepted { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST }));
    }
    if let Some(trail) = trail {
        // Until there is an answer: nobody may be left to give it to.
        trail.outcome = Outcome::Cancelled;
        let response = batch.respond(server).await;
        trail.outcome = Outcome::Result;
        return Ok(response);
    }
    Ok(batch.respond(server).await)
}

/// The scopes that a member needs and its caller lacks, by the decision that its own call will make.
fn missing_scopes(server: &Shared, caller: Option<&Principal>, member: &Member) -> Option<ScopeSet> {
    let Ok(Incoming::Request { request: Request::Operation(operation), .. }) = &member.message else {
        return None;
    };
    let decide = |rule| decide(rule, caller, server.guard.as_ref());
    let registry = &server.registry;
    let access = match operation {
        Operation::CallTool(request) => decide(&registry.tool(&request.name).ok()?.rule),
        Operation::ReadResource(request) => decide(registry.resource(&request.uri).ok()?.rule()),
        Operation::GetPrompt(request) => decide(&registry.prompt(&request.name).ok()?.rule),
        _ => return None,
    };
    match access {
        Access::Acquirable(scopes) => Some(scopes),
        Access::Allowed | Access::Hidden => None,
    }
}

/// A batch at work.
struct Batch {
    /// Each holds its place among `answers`.
    at_work: SelectAll<Tracked<usize>>,
    /// Those for whom there is no room among the others yet.
    waiting: VecDeque<Tracked<usize>>,
    concurrency: usize,
    /// One for each member, in their order; `None` where there is none yet, or never will be.
    answers: Vec<Option<Bytes>>,
}

impl Batch {
    fn new(concurrency: usize) -> Self {
        let (at_work, waiting, answers) = (SelectAll::new(), VecDeque::new(), Vec::new());
        Self { at_work, waiting, concurrency: concurrency.max(1), answers }
    }

    fn add(&mut self, work: Work, call: Arc<CallState>, trail: Option<Box<Trail>>) {
        self.waiting.push_back(Tracked::new(work, call, trail, self.answers.len()));
        self.answers.push(None);
    }

    /// What is said next, and, if it is an answer, the place of the member that it answers; `None` once nobody is at
    /// work any more.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Bytes, Option<usize>)>> {
        loop {
            while self.at_work.len() < self.concurrency
                && let Some(next) = self.waiting.pop_front()
            {
                self.at_work.push(next);
            }
            match self.at_work.poll_next_unpin(cx) {
                Poll::Ready(None) if !self.waiting.is_empty() => {}
                polled => return polled,
            }
        }
    }

    /// An array, if no handler says anything before all are done, and a stream otherwise, or when they have been quiet
    /// for so long that a proxy may lose patience.
    async fn respond(mut self, server: &Shared) -> Response<Body> {
        let mut first_byte = std::pin::pin!(sleep(server.limits.first_byte));
        let said = std::future::poll_fn(|cx| {
            loop {
                match self.poll_next(cx) {
                    Poll::Ready(Some((answer, Some(place)))) => self.answers[place] = Some(answer),
                    Poll::Ready(Some((message, None))) => return Poll::Ready(Some(Some(message))),
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => return first_byte.as_mut().poll(cx).map(|()| Some(None)),
                }
            }
        })
        .await;
        match said {
            None if self.answers.iter().any(Option::is_some) => self.into_array(),
            said => {
                let mut first: VecDeque<_> = self.answers.iter_mut().filter_map(Option::take).collect();
                first.extend(said.flatten());
                event_stream(Box::new(BatchStream { batch: self, first }), server.limits.keep_alive)
            }
        }
    }

    fn into_array(mut self) -> Response<Body> {
        let answers = std::mem::take(&mut self.answers);
        let bytes = answers.iter().flatten().map(|answer| answer.len() + 1).sum::<usize>() + 1;
        let mut array = Vec::with_capacity(bytes);
        for answer in answers.iter().flatten() {
            array.push(if array.is_empty() { b'[' } else { b',' });
            array.extend_from_slice(answer);
        }
        array.push(b']');
        let mut response = Response::new(Body::whole(array.into()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        response
    }
}

/// The stream of a batch: each message an event of its own.
struct BatchStream {
    batch: Batch,
    /// What there was before it became a stream.
    first: VecDeque<Bytes>,
}

impl Source for BatchStream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(message) = self.first.pop_front() {
            return Poll::Ready(Some(sse::message(&message)));
        }
        self.batch.poll_next(cx).map(|said| said.map(|(message, _)| sse::message(&message)))
    }

    fn conclude(&self, trail: &mut Trail) {
        let over = self.batch.at_work.is_empty() && self.batch.waiting.is_empty();
        trail.outcome = if over { Outcome::Result } else { Outcome::Cancelled };
    }
}
