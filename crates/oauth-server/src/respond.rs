//! How the endpoints that speak JSON answer.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::token::TokenError;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::store::StoreError;

/// A JSON answer that no cache keeps ([OAuth 2.1 §3.2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.3)).
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("our own types have string keys and no failing serializers");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A JSON error with the status that belongs to its code.
pub(crate) fn error(error: &ErrorResponse) -> Response {
    json(error.error.http_status(), error)
}

/// What the client is told when the store fails; what really happened goes to the log.
pub(crate) fn store_failed(failure: &StoreError) -> Response {
    tracing::error!(error = failure as &dyn std::error::Error, "the store failed");
    error(&ErrorResponse::new(
        ErrorCode::ServerError,
        "the server could not read or write its state; try again",
    ))
}

/// Says when to come back, in whole seconds and at least one.
pub(crate) fn retry_after(response: &mut Response, wait: Option<Duration>) {
    if let Some(wait) = wait {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
}

/// Nobody's fault but that of others: the client comes back later.
pub(crate) fn not_now(why: &str) -> Response {
    let mut response = error(&ErrorResponse::new(ErrorCode::TemporarilyUnavailable, why));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// A method that this path does not have. `allow` goes into the header that says so.
pub(crate) fn method_not_allowed(allow: &'static str) -> Response {
    let body = ErrorResponse::new(ErrorCode::InvalidRequest, format!("this endpoint answers {allow}"));
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &body);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// The `Authorization` header lines; unreadable ones count, as what they are.
pub(crate) fn authorization(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(http::header::AUTHORIZATION)
        .iter()
        .map(|line| line.to_str().unwrap_or_default())
        .collect()
}

/// The error of a request that a client sends itself. Whoever could not be authenticated is told how that is done, whatever
/// they tried ([OAuth 2.1 §3.2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.4) demands it
/// after Basic, [RFC 9110 §15.5.2](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2) of every 401).
pub(crate) fn token_error(refusal: &TokenError) -> Response {
    let mut response = error(&refusal.response());
    if *refusal == TokenError::TooLarge {
        // RFC 9126 §2.3 demands it of pushed requests; it is as true elsewhere.
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"authorization server\", charset=\"UTF-8\"");
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// A redirect after a form: the browser fetches `location` with GET. Nothing is cached and no referrer is sent, the
/// location may carry a code.
pub(crate) fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(http::header::LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(http::header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The same, and cookies to be set on the way.
pub(crate) fn see_other_with(location: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut response = see_other(location);
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
