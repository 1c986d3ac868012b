//! A cookie jar as small as RFC 6265 allows for servers on one machine.

use http::HeaderMap;
use http::header::SET_COOKIE;
use url::Url;

/// Cookies by host, path and name. Ports do not separate cookies ([RFC 6265 section 8.5]), which matters when a host
/// page and an authorization server share `localhost`.
///
/// [RFC 6265 section 8.5]: https://www.rfc-editor.org/rfc/rfc6265#section-8.5
#[derive(Debug, Default, Clone)]
pub(crate) struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Debug, Clone)]
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    secure: bool,
}

impl Jar {
    /// Takes what a response from `url` sets. `Domain` is ignored: every cookie is host-only, as ours have to be.
    pub(crate) fn take(&mut self, url: &Url, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok()) {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let mut cookie = Cookie {
                host: host(url),
                path: default_path(url),
                name: name.to_owned(),
                value: value.to_owned(),
                secure: false,
            };
            let mut expired = false;
            for attribute in parts {
                let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
                match key.to_ascii_lowercase().as_str() {
                    "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                    "max-age" => expired = value.parse::<i64>().is_ok_and(|age| age <= 0),
                    // The one date that servers use to delete; anything else lives as long as the test.
                    "expires" => expired = expired || value.contains("1970"),
                    "secure" => cookie.secure = true,
                    _ => {}
                }
            }
            self.cookies
                .retain(|c| !(c.host == cookie.host && c.path == cookie.path && c.name == cookie.name));
            if !expired && (!cookie.secure || trustworthy(url)) {
                self.cookies.push(cookie);
            }
        }
    }

    /// The `Cookie` header for a request to `url`, longest path first.
    pub(crate) fn header(&self, url: &Url) -> Option<String> {
        let mut fitting: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|c| {
                c.host == host(url) && path_matches(&c.path, url.path()) && (!c.secure || trustworthy(url))
            })
            .collect();
        fitting.sort_by_key(|c| std::cmp::Reverse(c.path.len()));
        let pairs: Vec<String> = fitting.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(crate) fn value(&self, url: &Url, name: &str) -> Option<&str> {
        self.cookies.iter().find(|c| c.host == host(url) && c.name == name).map(|c| c.value.as_str())
    }

    pub(crate) fn clear(&mut self) {
        self.cookies.clear();
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// Browsers keep `Secure` cookies from plain HTTP when it is the machine itself that speaks.
fn trustworthy(url: &Url) -> bool {
    url.scheme() == "https" || matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(at) => url.path()[..at].to_owned(),
    }
}

fn path_matches(cookie: &str, request: &str) -> bool {
    request == cookie
        || request.strip_prefix(cookie).is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(set_at: &str, line: &'static str, ask_at: &str, expected: Option<&str>) {
        let mut jar = Jar::default();
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, line.parse().expect("a header value"));
        jar.take(&Url::parse(set_at).expect("a URL"), &headers);
        assert_eq!(
            jar.header(&Url::parse(ask_at).expect("a URL")).as_deref(),
            expected,
            "{line} from {set_at}"
        );
    }

    #[test]
    fn sends_a_cookie_where_a_browser_would() {
        check(
            "http://localhost:8000/login",
            "s=1; Path=/; HttpOnly",
            "http://localhost:5173/a/b",
            Some("s=1"),
        );
        check("http://localhost:8000/login", "s=1; Path=/log", "http://localhost:8000/login", None);
        check("http://localhost:8000/a/login", "s=1", "http://localhost:8000/a/x", Some("s=1"));
        check("http://localhost:8000/a/login", "s=1", "http://localhost:8000/b", None);
        check("http://localhost:8000/", "s=1; Path=/", "http://127.0.0.1:8000/", None);
        check("http://localhost/", "__Host-s=1; Path=/; Secure", "http://localhost/", Some("__Host-s=1"));
        check("http://example.org/", "s=1; Path=/; Secure", "http://example.org/", None);
        check("http://localhost/", "s=; Path=/; Max-Age=0", "http://localhost/", None);
    }
}
