//! How large the head of a request is.

use http::header::HOST;
use http::{Request, Version};

/// hyper reads heads up to its own limit before it says how large they are. With this much more than ours, most of those
/// that are too large are told so in words; beyond that they get the status alone.
pub(crate) const ROOM_TO_SAY_SO: usize = 8 * 1024;

/// The bytes of an HTTP/1 head as it is usually written: one blank after each colon, and nothing that only fills. hyper
/// keeps no other count, and what it reads at once is more than that now and then, so that its limit alone let 40 KB
/// pass 32 KiB.
///
/// Zero for HTTP/2, where h2 counts each field while it comes
/// ([RFC 9113 §6.5.2](https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2)).
pub(crate) fn bytes<B>(request: &Request<B>) -> u64 {
    if request.version() == Version::HTTP_2 {
        return 0;
    }
    let uri = request.uri();
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let line = request.method().as_str().len() + scheme + authority + path + "  HTTP/1.1\r\n".len();
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len() + value.len() + ": \r\n".len()
    };
    (line + request.headers().iter().map(field).sum::<usize>() + "\r\n".len()) as u64
}

/// Why nobody can tell for whom a request is: over HTTP/1.1 it says so once
/// ([RFC 9112 §3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)). Of two, whoever stands before us may take the other.
pub(crate) fn host_fault<B>(request: &Request<B>) -> Option<&'static str> {
    let mut lines = request.headers().get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (_, Some(_)) => Some("this request has more than one Host header\n"),
        (None, None) if request.version() == Version::HTTP_11 => Some("this request has no Host header\n"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_are_written() {
        let check = |target: &str, fields: &[(&str, &str)]| {
            let mut request = Request::get(target);
            let mut written = format!("GET {target} HTTP/1.1\r\n");
            for (name, value) in fields {
                request = request.header(*name, *value);
                written.push_str(&format!("{name}: {value}\r\n"));
            }
            written.push_str("\r\n");
            assert_eq!(bytes(&request.body(()).unwrap()), written.len() as u64, "{written}");
        };
        check("/", &[]);
        check("/a?b=c", &[("host", "x"), ("x-empty", ""), ("x-twice", "1"), ("x-twice", "22")]);
        check("http://a.example:8000/b", &[("host", "a.example:8000")]);
        let second = Request::get("http://a/").version(Version::HTTP_2).body(()).unwrap();
        assert_eq!(bytes(&second), 0);
    }
}
