//! Under which name a request asks for this server.
//!
//! A site can make its own name lead to this machine while somebody looks at it (DNS rebinding); its scripts then count
//! as ours in that browser and can read the pages, tokens of forms included. Over https the certificate stops that.
//! Plain http is for this machine only, and there the name has to be one of this machine's.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use url::Host;

use crate::pages::ErrorPage;
use crate::server::{AppState, is_loopback};

/// Lets through what is addressed to this machine, or to a server that speaks https.
pub(crate) async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if state.secure || names_this_machine(request.uri(), request.headers()) {
        next.run(request).await
    } else {
        ErrorPage::misdirected(&state.issuer).respond(&state)
    }
}

/// Over HTTP/2 the name is in the URI instead of the header. A request without a name comes from no browser.
fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let loopback = |authority: &Authority| Host::parse(authority.host()).is_ok_and(|host| is_loopback(&host));
    let in_header = |value: &http::HeaderValue| {
        Authority::try_from(value.as_bytes()).is_ok_and(|authority| loopback(&authority))
    };
    uri.authority().is_none_or(loopback) && headers.get_all(HOST).iter().all(in_header)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_names_of_this_machine() {
        fn check(host: &str, expected: bool) {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::try_from(host).unwrap())]);
            assert_eq!(names_this_machine(&Uri::from_static("/login"), &headers), expected, "{host}");
        }
        check("localhost", true);
        check("localhost:8000", true);
        check("LOCALHOST:8000", true);
        check("blog.localhost:8000", true);
        check("127.0.0.1:8000", true);
        check("[::1]:8000", true);
        check("evil.example", false);
        check("localhost.evil.example:8000", false);
        check("localhost@evil.example", false);
        check("192.168.0.1:8000", false);
        check("", false);
        assert!(names_this_machine(&Uri::from_static("/login"), &HeaderMap::new()));
        assert!(!names_this_machine(&Uri::from_static("http://evil.example/login"), &HeaderMap::new()));
        let two = [(HOST, "localhost"), (HOST, "evil.example")];
        let two = HeaderMap::from_iter(two.map(|(name, value)| (name, HeaderValue::from_static(value))));
        assert!(!names_this_machine(&Uri::from_static("/login"), &two));
    }
}
