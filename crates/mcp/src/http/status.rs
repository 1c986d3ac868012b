//! What the status and the media type of an answer say to a client.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};

use super::headers::{EVENT_STREAM, JSON, media_type};

/// What a client does with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The body is one JSON-RPC message, whatever the status.
    Message,
    /// The body is an event stream.
    Stream,
    /// Nothing follows: a notification or a response was taken.
    Accepted,
    /// The client has to log in, or to ask for more scopes: 401 and 403 with a challenge.
    Challenge,
    /// 403 without a challenge: whoever the client is, it may not.
    Forbidden,
    /// 404 without a message: the session ended (handshake era), or nothing is there.
    NotFound,
    /// 405: this endpoint does not do that.
    MethodNotAllowed,
    /// 429 and 503: later.
    Later,
    /// Anything else: a page of a proxy, a redirect, a broken server.
    Other(StatusCode),
}

/// Reads the head of an answer.
pub fn read(status: StatusCode, headers: &HeaderMap) -> Answer {
    let kind =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(media_type).unwrap_or_default();
    let challenged = headers.contains_key(http::header::WWW_AUTHENTICATE);
    match status {
        StatusCode::UNAUTHORIZED => Answer::Challenge,
        StatusCode::FORBIDDEN if challenged => Answer::Challenge,
        _ if kind.eq_ignore_ascii_case(JSON) => Answer::Message,
        _ if status.is_success() && kind.eq_ignore_ascii_case(EVENT_STREAM) => Answer::Stream,
        StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Answer::Accepted,
        StatusCode::FORBIDDEN => Answer::Forbidden,
        StatusCode::NOT_FOUND => Answer::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Answer::MethodNotAllowed,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Answer::Later,
        status => Answer::Other(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let check = |status: u16, header: Option<(&'static str, &'static str)>, expected| {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header {
                headers.insert(name, value.parse().unwrap());
            }
            assert_eq!(
                read(StatusCode::from_u16(status).unwrap(), &headers),
                expected,
                "{status} {header:?}"
            );
        };
        check(200, Some(("content-type", "application/json; charset=utf-8")), Answer::Message);
        check(400, Some(("content-type", "application/json")), Answer::Message);
        check(404, Some(("content-type", "application/json")), Answer::Message);
        check(200, Some(("content-type", "text/event-stream")), Answer::Stream);
        check(202, None, Answer::Accepted);
        check(401, Some(("content-type", "application/json")), Answer::Challenge);
        check(403, Some(("www-authenticate", "Bearer")), Answer::Challenge);
        check(403, None, Answer::Forbidden);
        check(404, None, Answer::NotFound);
        check(405, None, Answer::MethodNotAllowed);
        check(503, None, Answer::Later);
        check(200, Some(("content-type", "text/html")), Answer::Other(StatusCode::OK));
        check(302, None, Answer::Other(StatusCode::FOUND));
    }
}
