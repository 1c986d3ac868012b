//! Which URLs out of other people's documents may be called.
//!
//! A hostile server can write any URL into its documents. Plain http would show codes and tokens to the network
//! ([Communication Security](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#communication-security)),
//! a script URL would run in the browser, and an address inside the user's network would turn the client into the
//! attacker's hand there.

use std::net::IpAddr;

use url::{Host, Url};

use crate::client_document::is_public_address;

/// Longest URL that is called, in bytes.
const MAX_URL: usize = 2048;

/// Which endpoints a login may use, decided by where the MCP server itself is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRule {
    server: Reach,
    origin: url::Origin,
}

/// How far away a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// This machine.
    Loopback,
    /// An address that only exists in somebody's own network.
    Private,
    /// Everything else, all names included: what a name resolves to is the resolver's business.
    Anywhere,
}

impl Reach {
    /// How far away this URL's host is, by what is written there; a name is never resolved.
    #[must_use]
    pub fn of(url: &Url) -> Self {
        reach(url)
    }
}

impl EndpointRule {
    /// The rule for a server at this URL.
    #[must_use]
    pub fn for_server(server: &Url) -> Self {
        Self { server: reach(server), origin: server.origin() }
    }

    /// Checks an endpoint that gets secrets: `https`, or `http` on this machine; without user information and
    /// fragment; and not further inside the network than the MCP server is. The error completes "the endpoint …".
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn endpoint(&self, text: &str) -> Result<(), &'static str> {
        let url = parse(text)?;
        self.inward(&url)?;
        if url.scheme() == "http" && reach(&url) != Reach::Loopback {
            return Err("is plain http to another machine");
        }
        Ok(())
    }

    /// Checks where the server says its metadata is: an endpoint, or the server's own origin, which the user chose.
    ///
    /// # Errors
    /// As [`EndpointRule::endpoint`].
    pub fn metadata(&self, text: &str) -> Result<(), &'static str> {
        if parse(text)?.origin() == self.origin { Ok(()) } else { self.endpoint(text) }
    }

    /// Checks an issuer identifier: an endpoint without a query
    /// ([RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)).
    ///
    /// # Errors
    /// As [`EndpointRule::endpoint`].
    pub fn issuer(&self, text: &str) -> Result<(), &'static str> {
        self.endpoint(text)?;
        if text.contains('?') { Err("has a query") } else { Ok(()) }
    }

    fn inward(&self, url: &Url) -> Result<(), &'static str> {
        if reach(url) < self.server {
            return Err("leads into this machine or its network, while the MCP server is elsewhere");
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<Url, &'static str> {
    if text.len() > MAX_URL {
        return Err("is longer than 2048 bytes");
    }
    // The parser trims and drops control characters and turns backslashes around; such a text has two readings.
    if text.chars().any(|c| c.is_control() || matches!(c, ' ' | '\\')) {
        return Err("is not an absolute URL");
    }
    let url = Url::parse(text).map_err(|_| "is not an absolute URL")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("is neither https nor http");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has user information");
    }
    if text.contains('#') {
        return Err("has a fragment");
    }
    Ok(url)
}

fn reach(url: &Url) -> Reach {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let local = name == "localhost" || name.ends_with(".localhost");
            if local { Reach::Loopback } else { Reach::Anywhere }
        }
        Some(Host::Ipv4(ip)) => reach_of(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => reach_of(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
        None => Reach::Anywhere,
    }
}

fn reach_of(ip: IpAddr) -> Reach {
    match ip {
        ip if ip.is_loopback() => Reach::Loopback,
        ip if is_public_address(ip) => Reach::Anywhere,
        _ => Reach::Private,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_called_from_where() {
        let (far, near, local) =
            ("https://a.example/mcp", "https://10.0.0.5/mcp", "http://localhost:8000/mcp");
        for (server, endpoint, expected) in [
            (far, "https://as.example/token", true),
            (far, "https://as.example/token?x=1", true),
            (far, "http://as.example/token", false),
            (far, "http://a.example/token", false),
            (far, "http://localhost:1/token", false),
            (far, "https://localhost:1/token", false),
            (far, "https://localhost./token", false),
            (far, "https://127.1/token", false),
            (far, "https://[::1]/token", false),
            (far, "https://[::ffff:127.0.0.1]/token", false),
            (far, "https://169.254.169.254/latest", false),
            (far, "https://192.168.0.1/token", false),
            (far, "https://[fd00::1]/token", false),
            (far, "https://0.0.0.0/token", false),
            (far, "https://198.18.0.1/token", false),
            (far, "https://[64:ff9b::a00:1]/token", false),
            (far, "https://8.8.8.8/token", true),
            (near, "https://10.0.0.6/token", true),
            (near, "https://as.example/token", true),
            (near, "http://10.0.0.6/token", false),
            (near, "http://localhost/token", false),
            (local, "http://localhost:9000/token", true),
            (local, "http://127.0.0.1:9000/token", true),
            (local, "http://[::1]:9000/token", true),
            (local, "http://as.example/token", false),
            (local, "https://as.example/token", true),
            (far, "javascript:alert(1)", false),
            (far, "data:text/html,x", false),
            (far, "file:///etc/passwd", false),
            (far, "/token", false),
            (far, "", false),
            (far, "https://", false),
            (far, "https://u@as.example/token", false),
            (far, "https://u:p@as.example/token", false),
            (far, "https://as.example/token#f", false),
            (far, "https://as.example/token#", false),
            (far, " https://as.example/token", false),
            (far, "https:\\\\as.example/token", false),
            (far, "https://as.example/\ntoken", false),
        ] {
            let rule = EndpointRule::for_server(&Url::parse(server).unwrap());
            assert_eq!(rule.endpoint(endpoint).is_ok(), expected, "{endpoint} from {server}");
        }
        let rule = EndpointRule::for_server(&Url::parse(far).unwrap());
        assert!(rule.endpoint(&format!("https://as.example/{}", "a".repeat(MAX_URL))).is_err());
    }

    #[test]
    fn a_control_character_beyond_ascii_is_one_too() {
        let rule = EndpointRule::for_server(&Url::parse("https://a.example/mcp").unwrap());
        assert!(rule.issuer("https://as.example/\u{9b}31m").is_err());
    }

    #[test]
    fn metadata_may_also_be_where_the_server_is() {
        let rule = EndpointRule::for_server(&Url::parse("http://lab.example/mcp").unwrap());
        assert_eq!(rule.metadata("http://lab.example/.well-known/x"), Ok(()));
        assert!(rule.metadata("http://other.example/.well-known/x").is_err());
        assert!(rule.endpoint("http://lab.example/token").is_err());
    }

    #[test]
    fn an_issuer_has_no_query() {
        let rule = EndpointRule::for_server(&Url::parse("https://a.example").unwrap());
        assert_eq!(rule.issuer("https://as.example/tenant"), Ok(()));
        assert!(rule.issuer("https://as.example?tenant=1").is_err());
    }
}
