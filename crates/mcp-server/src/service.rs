//! The way of a request, from its head to its answer. This is the page to begin with.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use barewire_mcp::server::{Accepted, Verb, accept_post, accepted, admit, http_sse, legacy as accept_legacy};
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, Version};

use crate::auth::Document;
use crate::body::Body;
use crate::errand::Errand;
use crate::observer::Decision;
use crate::operation::Begun;
use crate::read::{BoxError, discard, read_body};
use crate::refused::Refused;
use crate::server::Shared;
use crate::trail::Trail;
use crate::{batch, cors, legacy, modern, running, sse_transport};

/// One endpoint of the server as a tower service.
#[derive(Clone)]
pub struct McpService(pub(crate) Arc<Shared>);

/// What an endpoint is there for.
pub(crate) enum Endpoint {
    /// Everything, and every revision.
    Mcp,
    /// Streams of the transport of 2024-11-05, whose clients send their messages to this path.
    Sse { messages: String },
    /// These messages.
    Messages,
}

impl Endpoint {
    /// The HTTP methods that it knows, where these are fewer than the protocol has.
    pub(crate) fn methods(&self) -> Option<&'static str> {
        match self {
            Self::Mcp => None,
            Self::Sse { .. } => Some("GET, OPTIONS"),
            Self::Messages => Some("POST, OPTIONS"),
        }
    }
}

impl<B> tower_service::Service<Request<B>> for McpService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.0.clone();
        // Taken apart here and lent from here on: an async function keeps a copy of what is moved through it.
        let (mut parts, body) = request.into_parts();
        Box::pin(async move {
            let mut body = pin!(body);
            let mut response = handle(&server, &mut parts, body.as_mut()).await;
            if !response.status().is_success() && !discard(body, &server.limits).await {
                close_after(&parts, &mut response);
            }
            Ok(response)
        })
    }
}

/// Says that the connection ends with this response
/// ([RFC 9112 §9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)); HTTP/2 has no need of that.
fn close_after(parts: &Parts, response: &mut Response<Body>) {
    if parts.version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Answers one request, whatever it is, and leaves a trail.
async fn handle<B>(server: &Arc<Shared>, parts: &mut Parts, body: Pin<&mut B>) -> Response<Body>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let mut errand = Errand::begin(server, parts);
    let page = cors::origin(server, parts);
    let answered = route(server, parts, body, &mut errand).await;
    let mut response = errand.finish(server, page, answered);
    if let Some(guard) = &server.guard {
        guard.give_nonce(&parts.headers, server.now(), &mut response);
    }
    response
}

/// By the endpoint and the HTTP method: a message, a stream of the legacy era, or its end.
async fn route<B>(
    server: &Arc<Shared>,
    parts: &mut Parts,
    body: Pin<&mut B>,
    errand: &mut Errand,
) -> Result<Response<Body>, Refused>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    if let Some(document) = server.metadata_below(parts.uri.path()) {
        if let Some(trail) = &mut errand.trail {
            trail.note_metadata();
        }
        return Ok(document.answer(&parts.method));
    }
    if parts.method == Method::OPTIONS {
        return cors::preflight(server, parts);
    }
    match &server.endpoint {
        Endpoint::Mcp => {
            let verb = admit(parts, &server.policy)?;
            errand.may_go_on()?;
            let trail = errand.trail.as_deref_mut();
            match verb {
                Verb::Post => post(server, parts, body, trail).await,
                Verb::Get => {
                    let caller = identify(server, parts, trail).await?;
                    let listen = accept_legacy::accept_get(parts)?;
                    legacy::open_stream(server, caller, &parts.headers, listen).await
                }
                Verb::Delete => {
                    let caller = identify(server, parts, trail).await?;
                    legacy::end_session(server, caller, &accept_legacy::accept_delete(parts)?).await
                }
            }
        }
        // What is seldom does not make every request's future larger.
        Endpoint::Sse { messages } => {
            http_sse::admit_stream(parts, &server.policy)?;
            errand.may_go_on()?;
            Box::pin(sse_transport::open(server, parts, messages, errand)).await
        }
        Endpoint::Messages => {
            http_sse::admit_message(parts, &server.policy)?;
            errand.may_go_on()?;
            Box::pin(sse_transport::take(server, parts, body, errand)).await
        }
    }
}

/// Who sends it, what is sent, which era it is of, and then the answer of that era.
async fn post<B>(
    server: &Arc<Shared>,
    parts: &mut Parts,
    body: Pin<&mut B>,
    mut trail: Option<&mut Trail>,
) -> Result<Response<Body>, Refused>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let caller = identify(server, parts, trail.as_deref_mut()).await?;
    let body = read_body(body, &server.limits).await?;
    if let Some(trail) = &mut trail {
        trail.bytes_in = body.len() as u64;
    }
    let begun = match accept_post(parts, &body)? {
        Accepted::Call(call) if modern::watches_tasks(&call) => {
            return Box::pin(modern::watch_tasks(server, &parts.headers, caller, *call, trail)).await;
        }
        Accepted::Call(call) => modern::begin(server, parts, caller, *call, trail.as_deref_mut()),
        Accepted::Legacy(post) => {
            let session = legacy::session_of(server, caller.as_deref(), &post).await?;
            legacy::begin(server, parts, caller, session, *post, trail.as_deref_mut())?
        }
        Accepted::Notification => Begun::Answered(accepted().map(Body::whole)),
        Accepted::Batch(head) => {
            return Box::pin(batch::answer(server, parts, caller, head, &body, trail)).await;
        }
    };
    match begun {
        Begun::Answered(response) => Ok(response),
        Begun::AtWork(work, call) => Ok(running::respond(work, call, trail).await),
    }
}

/// Who a request comes from: established anew for each one, and passed on as a parameter.
pub(crate) type Caller = Option<Arc<crate::Principal>>;

pub(crate) async fn identify(
    server: &Shared,
    parts: &Parts,
    trail: Option<&mut Trail>,
) -> Result<Caller, Refused> {
    let caller = match &server.guard {
        None => None,
        Some(guard) => guard.authenticate(parts, server.now()).await?,
    };
    if let Some(trail) = trail {
        trail.decision = Decision::Allowed;
        trail.principal.clone_from(&caller);
    }
    Ok(caller)
}

impl Shared {
    /// The resource metadata, when the path is the form that is appended to the endpoint's own: whoever mounts this
    /// service with everything below it gets that form without a route.
    fn metadata_below(&self, path: &str) -> Option<&Document> {
        let guard = self.guard.as_ref()?;
        path.ends_with(barewire_oauth::metadata::well_known::PROTECTED_RESOURCE).then(|| guard.document())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;
    use tower_service::Service as _;

    use super::*;
    use crate::McpServer;

    /// It is allocated for each request, and it stays for as long as a handler works: an `async fn` on the way that takes
    /// its arguments by value adds a copy of each (8,176 bytes once, in a server with 10,000 requests at work 80 MB).
    #[test]
    fn a_request_at_work_is_small() {
        let mut service = McpServer::builder("x", "1").build().unwrap().service();
        let future = service.call(Request::new(Full::<Bytes>::default()));
        let bytes = size_of_val(&*future);
        assert!(bytes <= 2_048, "{bytes} bytes");
    }
}
