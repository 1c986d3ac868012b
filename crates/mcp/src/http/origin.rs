//! Who may call from where: the rules for `Origin` and `Host` that stop a web page from reaching a server behind
//! the user's back ([Security](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security--endpoint)).

use std::net::Ipv4Addr;

use http::header::{HOST, HeaderMap, ORIGIN};
use http::uri::{Authority, Uri};

use crate::error::TransportFault;

/// Scheme, host and port of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// Text that is not an `http` or `https` origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https origin")]
pub struct NotAnOrigin;

impl Origin {
    /// Reads `scheme://host[:port]`; a path behind it is ignored, so that a configured URL can be given as it is.
    ///
    /// # Errors
    /// The scheme is neither `http` nor `https`, or there is no host, or there is a user in front of it.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let uri: Uri = text.parse().map_err(|_| NotAnOrigin)?;
        let scheme = uri.scheme_str().ok_or(NotAnOrigin)?.to_ascii_lowercase();
        let default = default_port(&scheme).ok_or(NotAnOrigin)?;
        let (host, port) = split(uri.authority().ok_or(NotAnOrigin)?).ok_or(NotAnOrigin)?;
        Ok(Self { scheme, host, port: port.unwrap_or(default) })
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Where requests may come from and what they may be addressed to. Both come from one setting, the public origin,
/// and never from a request. The loopback forms (`localhost`, `127.0.0.0/8`, `[::1]`, any port) are always fine:
/// a name that resolves to this machine by rebinding is none of them.
#[derive(Debug, Clone, Default)]
pub struct OriginPolicy {
    public: Option<Origin>,
    /// The `Host` of a request to the public origin, as clients write it.
    public_host: Option<String>,
    allowed: Vec<String>,
}

impl OriginPolicy {
    /// Loopback only.
    pub fn loopback() -> Self {
        Self::default()
    }

    /// The public origin, and loopback.
    pub fn public(origin: Origin) -> Self {
        let public_host = match default_port(&origin.scheme) {
            Some(default) if default == origin.port => origin.host.clone(),
            _ => format!("{}:{}", origin.host, origin.port),
        };
        Self { public: Some(origin), public_host: Some(public_host), allowed: Vec::new() }
    }

    /// Also takes requests from these origins, compared as they are written. For the pages of a client that runs in
    /// a browser.
    #[must_use]
    pub fn also_from<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        self.allowed.extend(origins.into_iter().map(Into::into));
        self
    }

    /// Checks a request. Over HTTP/2 the host is in the URI instead of the header.
    ///
    /// # Errors
    /// [`TransportFault::Host`] or [`TransportFault::Origin`], both 403.
    pub fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), TransportFault> {
        self.check_host(headers, uri)?;
        self.check_origin(headers)
    }

    /// Whether a page of this origin may read the answers (CORS). No `Origin` means no page.
    pub fn allows(&self, origin: &str) -> bool {
        if self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
            return true;
        }
        Origin::parse(origin)
            .is_ok_and(|origin| origin.is_loopback() || self.public.as_ref() == Some(&origin))
    }

    fn check_host(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), TransportFault> {
        let mut hosts = headers.get_all(HOST).iter();
        if let (None, Some(host), None) = (uri.authority(), hosts.next(), hosts.next())
            && self.is_plainly_ours(host.as_bytes())
        {
            return Ok(());
        }
        let mut named: Vec<Authority> = uri.authority().cloned().into_iter().collect();
        if headers.get_all(HOST).iter().nth(1).is_some() {
            // Two readers could take different ones.
            return Err(TransportFault::Host);
        }
        for value in headers.get_all(HOST) {
            named.push(Authority::try_from(value.as_bytes()).map_err(|_| TransportFault::Host)?);
        }
        // Rebinding needs a name; a request without one (HTTP/1.0) cannot come from a page.
        let fine = named.iter().all(|authority| {
            split(authority).is_some_and(|(host, port)| is_loopback(&host) || self.is_public(&host, port))
        });
        if fine { Ok(()) } else { Err(TransportFault::Host) }
    }

    /// Whether a host is one of ours by its very bytes, which saves 1,700 instructions for reading what it means. Says no
    /// where that has to be looked at.
    fn is_plainly_ours(&self, host: &[u8]) -> bool {
        if self.public_host.as_ref().is_some_and(|public| public.as_bytes() == host) {
            return true;
        }
        let name = match host.iter().rposition(|&byte| byte == b':') {
            // Of up to four digits each makes a port.
            Some(colon) if (1..=4).contains(&(host.len() - colon - 1)) => {
                let (name, port) = (&host[..colon], &host[colon + 1..]);
                if port.iter().all(u8::is_ascii_digit) { name } else { host }
            }
            _ => host,
        };
        matches!(name, b"127.0.0.1" | b"localhost" | b"[::1]")
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), TransportFault> {
        let fine = |value: &http::HeaderValue| value.to_str().is_ok_and(|origin| self.allows(origin));
        if headers.get_all(ORIGIN).iter().all(fine) { Ok(()) } else { Err(TransportFault::Origin) }
    }

    fn is_public(&self, host: &str, port: Option<u16>) -> bool {
        self.public.as_ref().is_some_and(|public| {
            let port = port.or_else(|| default_port(&public.scheme));
            public.host == host && port == Some(public.port)
        })
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn split(authority: &Authority) -> Option<(String, Option<u16>)> {
    if authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    // A port that does not parse is not "no port".
    let port = match authority.as_str().strip_prefix(authority.host())?.strip_prefix(':') {
        None => None,
        Some(digits) => Some(digits.parse().ok()?),
    };
    (!host.is_empty()).then_some((host, port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(policy: &OriginPolicy, host: &'static str, origin: Option<&'static str>, fine: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        let seen = policy.check(&headers, &Uri::from_static("/mcp"));
        assert_eq!(seen.is_ok(), fine, "{host} {origin:?} {seen:?}");
    }

    #[test]
    fn loopback() {
        let policy = OriginPolicy::loopback();
        check(&policy, "localhost:8000", None, true);
        check(&policy, "LOCALHOST", Some("http://localhost:5173"), true);
        check(&policy, "127.0.0.1:8000", Some("http://127.9.9.9"), true);
        check(&policy, "[::1]:8000", Some("http://[::1]:8000"), true);
        check(&policy, "evil.example.com", Some("http://evil.example.com"), false);
        check(&policy, "evil.example.com:8000", None, false);
        check(&policy, "localhost:8000", Some("http://evil.example.com"), false);
        check(&policy, "localhost:8000", Some("null"), false);
        check(&policy, "localhost:8000", Some("file://localhost"), false);
        check(&policy, "localhost.evil.example.com", None, false);
        check(&policy, "127.0.0.1.evil.example.com", None, false);
        check(&policy, "localhost@evil.example.com", None, false);
        for host in
            ["", "localhost:", "localhost:70000", "localhost, a.example", "localhost/x", "http://localhost"]
        {
            check(&policy, host, None, false);
        }
        for host in [
            "127.1",
            "0.0.0.0",
            "2130706433",
            "[::ffff:127.0.0.1]",
            "[::1",
            "user@localhost",
            "127.0.0.1.nip.io",
        ] {
            check(&policy, host, None, false);
        }
        check(&policy, "localhost:x", None, false);
        check(&policy, "localhost.", Some("http://LOCALHOST."), true);
        for origin in [
            "",
            "http://localhost:",
            "http://localhost:99999",
            "http://user@localhost",
            "http://0x7f.1",
            "http://localhost http://evil.example.com",
            "http://localhost,http://evil.example.com",
            "http://evil.example.com#localhost",
            "http://evil.example.com\\@localhost",
            "http://localhost%2eevil.com",
        ] {
            check(&policy, "localhost", Some(origin), false);
        }
    }

    #[test]
    fn every_host_and_origin_counts() {
        let seen = |lines: &[(http::HeaderName, &'static str)], uri: &'static str| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, HeaderValue::from_static(value));
            }
            OriginPolicy::loopback().check(&headers, &Uri::from_static(uri))
        };
        let (host, origin) = (|name| (HOST, name), |name| (ORIGIN, name));
        assert_eq!(seen(&[host("localhost"), host("localhost")], "/mcp"), Err(TransportFault::Host));
        assert_eq!(seen(&[host("localhost")], "http://evil.example.com/mcp"), Err(TransportFault::Host));
        assert_eq!(seen(&[host("evil.example.com")], "http://localhost/mcp"), Err(TransportFault::Host));
        let two = [origin("http://localhost"), origin("http://evil.example.com")];
        assert_eq!(seen(&two, "/mcp"), Err(TransportFault::Origin));
    }

    #[test]
    fn public() {
        let policy = OriginPolicy::public(Origin::parse("https://mcp.example.com/mcp").unwrap())
            .also_from(["https://app.example.org"]);
        check(&policy, "mcp.example.com", Some("https://mcp.example.com"), true);
        check(&policy, "MCP.example.com:443", Some("https://mcp.example.com:443"), true);
        check(&policy, "mcp.example.com:8443", None, false);
        check(&policy, "mcp.example.com", Some("http://mcp.example.com"), false);
        check(&policy, "mcp.example.com", Some("https://app.example.org"), true);
        check(&policy, "mcp.example.com", Some("https://app.example.org.evil.com"), false);
        check(&policy, "app.example.org", None, false);
        check(&policy, "localhost:8000", None, true);
    }

    #[test]
    fn http2_names_the_host_in_the_uri() {
        let policy = OriginPolicy::loopback();
        let seen = |uri| policy.check(&HeaderMap::new(), &Uri::from_static(uri));
        assert_eq!(seen("http://localhost:8000/mcp"), Ok(()));
        assert_eq!(seen("http://evil.example.com/mcp"), Err(TransportFault::Host));
        assert_eq!(seen("/mcp"), Ok(()));
    }
}
