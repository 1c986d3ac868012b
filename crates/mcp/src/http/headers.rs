//! The headers of a request: their names, and how to read each of them.

use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};

use super::value;
use crate::error::{HeaderMismatch, TransportFault};

/// The revision that a request speaks, `MCP-Protocol-Version`.
pub const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The body's `method`, `Mcp-Method`. From 2026-07-28 on.
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// The body's `params.name` or `params.uri`, `Mcp-Name`. From 2026-07-28 on.
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// What a header that repeats an argument starts with, `Mcp-Param-`. From 2026-07-28 on.
pub const PARAM_PREFIX: &str = "mcp-param-";
/// The session, `Mcp-Session-Id`. Only in the handshake era.
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The last event that a client saw. Only in the handshake era.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells a proxy not to hold back an event stream; its value is `no`.
pub const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// `application/json`.
pub const JSON: &str = "application/json";
/// `text/event-stream`.
pub const EVENT_STREAM: &str = "text/event-stream";
/// How the SDKs ask for the two.
const USUAL_ACCEPT: [&[u8]; 3] = [
    b"application/json, text/event-stream",
    b"text/event-stream, application/json",
    b"application/json,text/event-stream",
];

/// The one value of a header, without the white space around it.
///
/// # Errors
/// It is there more than once, or holds something other than visible ASCII, blanks and tabs.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, HeaderMismatch> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HeaderMismatch::Twice { header: name.to_string() });
    }
    match first.to_str() {
        // Of the white space that ASCII has, `to_str` lets pass blanks and tabs only.
        Ok(value) => Ok(Some(value.trim_ascii())),
        Err(_) => Err(HeaderMismatch::Malformed { header: name.to_string() }),
    }
}

/// Checks that a header is there and says the same as the body
/// ([Server validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation)).
///
/// # Errors
/// It does not, and how.
pub fn require_equal(headers: &HeaderMap, name: &HeaderName, body: &str) -> Result<(), HeaderMismatch> {
    match single(headers, name)? {
        None => Err(HeaderMismatch::Missing { header: spelled(name) }),
        Some(value) if value == body => Ok(()),
        Some(value) => Err(different(name, value, body)),
    }
}

/// Checks `Mcp-Name` against the name in the body: required where the method has one, and decoded before it is
/// compared.
///
/// # Errors
/// It is missing, broken or different.
pub fn check_name(headers: &HeaderMap, body: Option<&str>) -> Result<(), HeaderMismatch> {
    let Some(body) = body else {
        // The table of required headers knows `Mcp-Name` for three methods; elsewhere there is nothing to compare.
        return Ok(());
    };
    let value = single(headers, &NAME)?.ok_or_else(|| HeaderMismatch::Missing { header: spelled(&NAME) })?;
    let decoded = value::decode(value).ok_or_else(|| HeaderMismatch::Malformed { header: spelled(&NAME) })?;
    if decoded == body { Ok(()) } else { Err(different(&NAME, value, body)) }
}

/// Checks that the client of a POST takes both forms that the answer may have. A wildcard covers them, and so does
/// no `Accept` at all ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)).
///
/// # Errors
/// [`TransportFault::Accept`].
pub fn check_accept(headers: &HeaderMap) -> Result<(), TransportFault> {
    // Reading ranges costs 3,000 instructions, and clients say it in one of a few ways.
    let mut values = headers.get_all(ACCEPT).iter();
    if let (Some(value), None) = (values.next(), values.next())
        && USUAL_ACCEPT.contains(&value.as_bytes())
    {
        return Ok(());
    }
    let both = accepts(headers, JSON) && accepts(headers, EVENT_STREAM);
    if both { Ok(()) } else { Err(TransportFault::Accept) }
}

/// Checks that the client of a GET takes an event stream.
///
/// # Errors
/// [`TransportFault::AcceptStream`].
pub fn check_accept_stream(headers: &HeaderMap) -> Result<(), TransportFault> {
    if accepts(headers, EVENT_STREAM) { Ok(()) } else { Err(TransportFault::AcceptStream) }
}

/// Checks that the body is declared as JSON, and as nothing else.
///
/// # Errors
/// [`TransportFault::ContentType`].
pub fn check_content_type(headers: &HeaderMap) -> Result<(), TransportFault> {
    let json = |value: &http::HeaderValue| {
        value == JSON || value.to_str().is_ok_and(|value| media_type(value).eq_ignore_ascii_case(JSON))
    };
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let fine = values.next().is_some_and(json) && values.all(json);
    if fine { Ok(()) } else { Err(TransportFault::ContentType) }
}

/// Checks that the body is as it is, since nothing here decodes one
/// ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-8.4)).
///
/// # Errors
/// [`TransportFault::ContentEncoding`].
pub fn check_content_encoding(headers: &HeaderMap) -> Result<(), TransportFault> {
    let identity = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    let fine = headers.get_all(CONTENT_ENCODING).iter().all(identity);
    if fine { Ok(()) } else { Err(TransportFault::ContentEncoding) }
}

/// The media type of a `Content-Type` without its parameters.
pub fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether text may be a session's id: visible ASCII and nothing else
/// ([Session management](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management)).
pub fn is_session_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7E).contains(&byte))
}

/// The session that a request names.
///
/// # Errors
/// What is there cannot be a session's id, so there is no such session.
pub fn session_id(headers: &HeaderMap) -> Result<Option<&str>, TransportFault> {
    match single(headers, &SESSION_ID) {
        Ok(Some(id)) if is_session_id(id) => Ok(Some(id)),
        Ok(None) => Ok(None),
        Ok(Some(_)) | Err(_) => Err(TransportFault::SessionNotFound),
    }
}

pub(crate) fn different(name: &HeaderName, value: &str, body: &str) -> HeaderMismatch {
    let (value, body) = (value.to_owned(), body.to_owned());
    HeaderMismatch::Different { header: spelled(name), value, body }
}

/// The name as the specification spells it, for humans.
fn spelled(name: &HeaderName) -> String {
    match name.as_str() {
        "mcp-protocol-version" => "MCP-Protocol-Version".to_owned(),
        "mcp-method" => "Mcp-Method".to_owned(),
        "mcp-name" => "Mcp-Name".to_owned(),
        other => other.to_owned(),
    }
}

/// Of the ranges that cover the type, the most specific one decides.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    if !headers.contains_key(ACCEPT) {
        return true;
    }
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
    ranges.filter_map(|range| coverage(range, wanted)).max().is_some_and(|(_, taken)| taken)
}

/// How specifically a range covers a type, and whether it takes it; nothing where it does not cover it.
fn coverage(range: &str, wanted: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let kind = wanted.split('/').next().unwrap_or_default();
    let specific = if range.eq_ignore_ascii_case(wanted) {
        2
    } else if range.strip_suffix("/*").is_some_and(|range| range.eq_ignore_ascii_case(kind)) {
        1
    } else if range == "*/*" {
        0
    } else {
        return None;
    };
    let weight = parts.find_map(|parameter| {
        let (name, weight) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("q").then(|| weight.parse::<f32>().ok())?
    });
    Some((specific, weight != Some(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), http::HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn accept() {
        let check = |accept: &'static str, takes_both| {
            assert_eq!(check_accept(&headers(&[("accept", accept)])).is_ok(), takes_both, "{accept}");
        };
        check("application/json, text/event-stream", true);
        check("text/event-stream;q=0.9,Application/JSON", true);
        check("*/*", true);
        check("application/*, text/*;q=0.1", true);
        check("application/json", false);
        check("text/event-stream", false);
        check("application/json, text/event-stream;q=0", false);
        check("application/json, text/event-stream;Q=0.000", false);
        check("*/*, text/event-stream;q=0", false);
        check("*/*;q=0, application/json, text/event-stream", true);
        check("text/*;q=0, */*", false);
        check("application/json;q=0, application/json, text/event-stream", true);
        check("application/json, text/event-stream;q=bad", true);
        check("application/json text/event-stream", false);
        check(",,application/json,,text/event-stream,", true);
        check("", false);
        check("text/html", false);
        assert!(check_accept(&HeaderMap::new()).is_ok());
        let two_lines = headers(&[("accept", "application/json"), ("accept", "text/event-stream")]);
        assert!(check_accept(&two_lines).is_ok());
    }

    #[test]
    fn content_type() {
        let check = |value: &'static str, json| {
            assert_eq!(check_content_type(&headers(&[("content-type", value)])).is_ok(), json, "{value}");
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("application/json-rpc", false);
        check("text/plain", false);
        check("", false);
        check("application/json, text/plain", false);
        assert!(check_content_type(&HeaderMap::new()).is_err());
        let two = headers(&[("content-type", "application/json"), ("content-type", "text/plain")]);
        assert!(check_content_type(&two).is_err(), "two readers could take different ones");
    }

    #[test]
    fn content_encoding() {
        let check = |value: &'static str, fine| {
            let headers = headers(&[("content-encoding", value)]);
            assert_eq!(check_content_encoding(&headers).is_ok(), fine, "{value}");
        };
        check("identity", true);
        check("Identity", true);
        check("gzip", false);
        check("identity, gzip", false);
        check("", false);
        assert!(check_content_encoding(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn name() {
        let check = |header: Option<&'static str>, body: Option<&str>, fine: bool| {
            let lines: Vec<_> = header.map(|value| ("mcp-name", value)).into_iter().collect();
            assert_eq!(check_name(&headers(&lines), body).is_ok(), fine, "{header:?} {body:?}");
        };
        check(Some("foo"), Some("foo"), true);
        check(Some("  foo  "), Some("foo"), true);
        check(Some("Foo"), Some("foo"), false);
        check(None, Some("foo"), false);
        check(None, None, true);
        check(Some("=?base64?w7w=?="), Some("ü"), true);
        check(Some("=?base64?w7w?="), Some("ü"), false);
        let twice = headers(&[("mcp-name", "foo"), ("mcp-name", "foo")]);
        assert_eq!(check_name(&twice, Some("foo")), Err(HeaderMismatch::Twice { header: "mcp-name".into() }));
    }

    #[test]
    fn sessions() {
        let check = |id: &'static str, expected| {
            assert_eq!(session_id(&headers(&[("mcp-session-id", id)])), expected, "{id}");
        };
        check("abc-~!", Ok(Some("abc-~!")));
        check("a b", Err(TransportFault::SessionNotFound));
        check("", Err(TransportFault::SessionNotFound));
    }
}
