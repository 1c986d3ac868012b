//! Clients that are web pages ([CORS](https://fetch.spec.whatwg.org/#http-cors-protocol)).
//!
//! Which origins may come is decided by the origin policy, before anything else; here an allowed one is told so, on
//! challenges and errors as on answers, because a page that cannot read a 401 cannot log in.

use barewire_mcp::revision::Era;
use barewire_mcp::server::Rejection;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Response, StatusCode};

use crate::body::{Body, status_only};
use crate::refused::Refused;
use crate::server::Shared;

const METHODS: HeaderValue = HeaderValue::from_static("POST, GET, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "mcp-session-id, mcp-protocol-version, www-authenticate, retry-after, dpop-nonce",
);
/// What clients of some revision send. Headers that repeat a tool's arguments are added as they are asked for.
const ALLOWED: &str = "authorization, dpop, content-type, accept, mcp-protocol-version, mcp-session-id, mcp-method, \
                       mcp-name, last-event-id";
/// More than this in a preflight is not looked at.
const MAX_REQUESTED_HEADERS: usize = 64;

/// The origin of a page, if the request comes from one that may come.
pub(crate) fn origin(server: &Shared, parts: &Parts) -> Option<HeaderValue> {
    let origin = parts.headers.get(ORIGIN)?;
    server.policy.origin.check(&parts.headers, &parts.uri).is_ok().then(|| origin.clone())
}

/// Answers `OPTIONS`: a preflight, or the question what the endpoint can do.
pub(crate) fn preflight(server: &Shared, parts: &Parts) -> Result<Response<Body>, Refused> {
    server.policy.origin.check(&parts.headers, &parts.uri).map_err(|fault| Rejection {
        id: None,
        era: Era::Modern,
        error: fault.into(),
    })?;
    let mut response = status_only(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(&parts.headers));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    headers.append(VARY, HeaderValue::from_static("access-control-request-headers"));
    Ok(response)
}

/// Lets the page that asked read the response.
pub(crate) fn expose(origin: Option<HeaderValue>, response: &mut Response<Body>) {
    let headers = response.headers_mut();
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        return;
    }
    let Some(origin) = origin else { return };
    headers.append(VARY, HeaderValue::from_static("origin"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

fn allowed_headers(headers: &HeaderMap) -> HeaderValue {
    let requested = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    let mut allowed = ALLOWED.to_owned();
    for name in requested.unwrap_or_default().split(',').map(str::trim).take(MAX_REQUESTED_HEADERS) {
        let name = name.to_ascii_lowercase();
        if name.starts_with(barewire_mcp::http::headers::PARAM_PREFIX) {
            allowed.push_str(", ");
            allowed.push_str(&name);
        }
    }
    HeaderValue::from_str(&allowed).unwrap_or(HeaderValue::from_static(ALLOWED))
}
