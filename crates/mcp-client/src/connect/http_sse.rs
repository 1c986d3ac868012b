//! The last rung: the transport of 2024-11-05, with one endpoint for the stream and another one for messages
//! ([HTTP with SSE](https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse),
//! [Backwards Compatibility](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility)).
//! Which revision is spoken over it is agreed in the handshake as ever.

use barewire_exchange::{Decision, Step};
use barewire_mcp::client;
use barewire_mcp::jsonrpc::Id;
use http::header::HeaderMap;
use http::{Method, StatusCode};
use url::Url;

use super::handshake::{self, Established};
use super::refusal_of;
use crate::authorized::{Authorized, Follow};
use crate::connection::not_mcp;
use crate::error::{Answered, CallError, ConnectError, TransportError};
use crate::options::ClientOptions;
use crate::recording::Purpose;
use crate::shared::whole_seconds;
use crate::transport::{Events, Request};

/// A stream that has named where messages go.
pub(crate) struct Opened {
    pub(crate) endpoint: Url,
    pub(crate) events: Events,
}

/// Whether a handshake that was answered like this may find an older server behind a GET.
pub(super) fn may_follow(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}

/// Opens the stream and shakes hands over it. `None` when there is no such stream. `repeats` is the stream that was lost
/// before, where there was one.
pub(crate) async fn connect(
    authorized: &Authorized,
    options: &ClientOptions,
    url: &Url,
    id: &Id,
    repeats: Option<String>,
) -> Result<Option<Established>, ConnectError> {
    match open(authorized, options, url, repeats).await? {
        Some(opened) => shake_hands(authorized, options, opened, id).await.map(Some),
        None => Ok(None),
    }
}

async fn open(
    authorized: &Authorized,
    options: &ClientOptions,
    url: &Url,
    repeats: Option<String>,
) -> Result<Option<Opened>, ConnectError> {
    let mut purpose = Purpose::of(Step::OpenHttpSse);
    purpose.tag.clone_from(&options.tag);
    purpose.repeats = repeats;
    let sent = authorized
        .send(Follow::Everything, || {
            Ok(Request {
                purpose: purpose.clone(),
                method: Method::GET,
                url: url.clone(),
                headers: client::legacy::open(),
                body: None,
                timeout: options.config.endpoint_timeout,
            })
        })
        .await;
    let mut reply = match sent {
        Ok((reply, _)) => reply,
        // A stream of another kind that has nothing to say yet.
        Err(CallError::Transport(TransportError::Timeout { .. })) => return Ok(None),
        Err(error) => return Err(refusal_of(error)),
    };
    let recording = reply.recording.clone();
    let none = |found: String| {
        recording.decide(&Decision::NoEndpoint { found });
        Ok(None)
    };
    if !reply.is_stream() {
        let answered = reply.describe().await;
        return none(answered.to_string());
    }
    let mut events = reply.take_events(options.config.max_answer_bytes);
    let first = match tokio::time::timeout(options.config.endpoint_timeout, events.next()).await {
        Ok(Ok(Some(event))) => event,
        Ok(Ok(None)) => return none("the stream ended".to_owned()),
        Ok(Err(error)) => return none(error.to_string()),
        Err(_) => {
            let seconds = whole_seconds(options.config.endpoint_timeout);
            return none(format!("a stream that names none within {seconds} s"));
        }
    };
    if first.event.as_deref() != Some("endpoint") {
        return none("a stream that begins with something else".to_owned());
    }
    match endpoint(url, &first.data) {
        Some(endpoint) => {
            recording.decide(&Decision::Endpoint { endpoint: options.shared.masker.url(endpoint.as_str()) });
            Ok(Some(Opened { endpoint, events }))
        }
        None => {
            let endpoint: String = first.data.chars().take(500).collect();
            let endpoint = options.shared.masker.text(&endpoint);
            recording.decide(&Decision::EndpointElsewhere { endpoint: endpoint.clone() });
            Err(ConnectError::Endpoint { endpoint })
        }
    }
}

/// Where messages go. It is on the stream's own origin, or it is nowhere: the token goes there, and so does all that is
/// said.
fn endpoint(stream: &Url, named: &str) -> Option<Url> {
    let mut endpoint = stream.join(named.trim()).ok()?;
    endpoint.set_fragment(None);
    let fine = endpoint.origin() == stream.origin()
        && endpoint.origin().is_tuple()
        && endpoint.username().is_empty()
        && endpoint.password().is_none();
    fine.then_some(endpoint)
}

async fn shake_hands(
    authorized: &Authorized,
    options: &ClientOptions,
    opened: Opened,
    id: &Id,
) -> Result<Established, ConnectError> {
    let Opened { endpoint, mut events } = opened;
    let mut reply = handshake::propose(authorized, options, &endpoint, id, Follow::Everything).await?;
    let recording = reply.recording.clone();
    if !reply.status.is_success() {
        return Err(match not_mcp(reply).await {
            CallError::Http(answered) => ConnectError::NotMcp { url: endpoint.to_string(), answered },
            error => refusal_of(error),
        });
    }
    reply.excerpt().await;
    recording.decide(&Decision::AnswerOnStream);
    let waited =
        tokio::time::timeout(options.config.probe_timeout, handshake::heard(&mut events, id, options));
    let outcome = match waited.await {
        Ok(heard) => heard.map_err(ConnectError::Transport)?,
        Err(_) => {
            let seconds = whole_seconds(options.config.probe_timeout);
            return Err(ConnectError::Transport(TransportError::Timeout { seconds }));
        }
    };
    let Some(outcome) = outcome else {
        return Err(ConnectError::NotMcp { url: endpoint.to_string(), answered: Answered::StreamEnded });
    };
    let result = outcome.map_err(|error| handshake::refused(error, &recording))?;
    let established = handshake::established(result, &HeaderMap::new(), &endpoint, options, &recording)?;
    Ok(Established { opened: Some(Opened { endpoint, events }), ..established })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_does_not_leave_its_origin() {
        let stream = Url::parse("https://a.example:8443/x/sse?y=1").unwrap();
        let check = |named: &str, expected: Option<&str>| {
            assert_eq!(endpoint(&stream, named).as_ref().map(Url::as_str), expected, "{named}");
        };
        check("/messages?s=1", Some("https://a.example:8443/messages?s=1"));
        check("messages", Some("https://a.example:8443/x/messages"));
        check(" ?s=1\n", Some("https://a.example:8443/x/sse?s=1"));
        check("https://a.example:8443/m#f", Some("https://a.example:8443/m"));
        check("https://A.EXAMPLE:8443/m", Some("https://a.example:8443/m"));
        for elsewhere in [
            "https://a.example/m",
            "http://a.example:8443/m",
            "//b.example:8443/m",
            "https://a.example:8443@b.example/m",
            "https://user@a.example:8443/m",
            "https://:word@a.example:8443/m",
            "\\\\b.example/m",
            "file:///etc/passwd",
            "data:text/plain,x",
            "javascript:1",
            "https://",
        ] {
            check(elsewhere, None);
        }
    }
}
