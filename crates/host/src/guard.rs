//! Who may ask what: only the page itself, at the host's one public origin.
//!
//! A page elsewhere can make a browser send requests here, with the cookie where it counts as the same site, and a name
//! that resolves to this machine makes a foreign page look like ours (DNS rebinding). So `Host` must be ours, `Origin`
//! and `Sec-Fetch-Site` must not be somebody else's, and what changes something carries a header that a foreign page
//! cannot send without asking first.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use crate::config::PublicOrigin;
use crate::error::ApiError;
use crate::host::App;

/// The header of requests that change something.
const CHANGES: HeaderName = HeaderName::from_static("x-barewire");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The page loads nothing from elsewhere, runs no script that is not a file of its own, and is never framed.
/// Pictures in results are `data:` or `blob:` URLs.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self' data:; \
     img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; \
     worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Middleware over everything.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let api = path == "/api" || path.starts_with("/api/");
    // Probes come by address, and answer nothing that is anybody's.
    let probe = matches!(path, "/healthz" | "/readyz");
    let ours = probe || is_ours(request.uri(), request.headers(), app.origin());
    let mut response = if !ours {
        misdirected(app.origin(), api)
    } else if let Err(refusal) =
        if api { check(request.method(), request.headers(), app.origin()) } else { Ok(()) }
    {
        refusal.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether the request was meant for our origin.
fn is_ours(uri: &Uri, headers: &HeaderMap, origin: &PublicOrigin) -> bool {
    // HTTP/2 has the authority in the URI; HTTP/1.1 in `Host`, exactly once.
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => uri.authority().map(http::uri::Authority::as_str),
        (Some(_), Some(_)) => None,
    };
    host.is_some_and(|it| it.eq_ignore_ascii_case(origin.authority()))
}

/// Whether an API request comes from our page.
fn check(method: &Method, headers: &HeaderMap, origin: &PublicOrigin) -> Result<(), ApiError> {
    if headers.get_all(ORIGIN).iter().any(|it| it != origin.as_str()) {
        return Err(ApiError::Forbidden("this API is for the host's own page: the Origin is another one"));
    }
    if headers.get_all(FETCH_SITE).iter().any(|it| it != "same-origin" && it != "none") {
        return Err(ApiError::Forbidden(
            "this API is for the host's own page: the request came from another site",
        ));
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if !reads && headers.get(CHANGES).is_none_or(|it| it != "1") {
        return Err(ApiError::Forbidden("a request that changes something needs the header X-Barewire: 1"));
    }
    Ok(())
}

fn misdirected(origin: &PublicOrigin, api: bool) -> Response {
    let status = StatusCode::MISDIRECTED_REQUEST;
    if api {
        return (
            status,
            axum::Json(crate::api::ErrorBody {
                code: crate::api::ErrorCode::Forbidden,
                message: "the Host header names another server".to_owned(),
                what_next: Some(format!("Use {}", origin.as_str())),
            }),
        )
            .into_response();
    }
    // The origin is the operator's, from the configuration, and an origin cannot contain markup.
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Barewire is elsewhere</title>\
         <h1>Barewire is at another address</h1><p>Open <a href=\"{0}\">{0}</a>.</p></html>",
        origin.as_str()
    );
    (status, Html(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HostConfig;

    fn headers(text: &[(&str, &str)]) -> HeaderMap {
        text.iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
            .collect()
    }

    #[test]
    fn only_our_own_host_is_ours() {
        let origin = HostConfig::default().origin(Some("http://localhost:5173")).unwrap();
        for (host, expected) in [
            (vec!["localhost:5173"], true),
            (vec!["LOCALHOST:5173"], true),
            (vec!["localhost"], false),
            (vec!["localhost:5174"], false),
            (vec!["127.0.0.1:5173"], false),
            (vec!["evil.example:5173"], false),
            (vec!["localhost:5173", "evil.example"], false),
            (vec!["localhost:5173.evil.example"], false),
            (vec![], false),
        ] {
            let headers = headers(&host.iter().map(|it| ("host", *it)).collect::<Vec<_>>());
            assert_eq!(is_ours(&Uri::from_static("/"), &headers, &origin), expected, "{host:?}");
        }
        let http2 = Uri::from_static("http://localhost:5173/");
        assert!(is_ours(&http2, &HeaderMap::new(), &origin));
    }

    #[test]
    fn only_our_own_page_may_change_something() {
        let origin = HostConfig::default().origin(Some("http://localhost:5173")).unwrap();
        let ours = ("origin", "http://localhost:5173");
        let changes = ("x-barewire", "1");
        for (method, text, expected) in [
            (Method::GET, vec![], true),
            (Method::GET, vec![ours], true),
            (Method::GET, vec![("origin", "http://localhost:8000")], false),
            (Method::GET, vec![("origin", "null")], false),
            (Method::GET, vec![("sec-fetch-site", "same-origin")], true),
            (Method::GET, vec![("sec-fetch-site", "none")], true),
            (Method::GET, vec![("sec-fetch-site", "same-site")], false),
            (Method::GET, vec![("sec-fetch-site", "cross-site")], false),
            (Method::POST, vec![], false),
            (Method::POST, vec![ours], false),
            (Method::POST, vec![ours, ("x-barewire", "0")], false),
            (Method::POST, vec![ours, changes], true),
            (Method::POST, vec![changes], true),
            (Method::DELETE, vec![("origin", "http://evil.example"), changes], false),
            (Method::DELETE, vec![ours], false),
        ] {
            assert_eq!(check(&method, &headers(&text), &origin).is_ok(), expected, "{method} {text:?}");
        }
    }
}
