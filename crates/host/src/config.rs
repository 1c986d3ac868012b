//! What an operator can set, with defaults that are safe and sized for one person's machine.

use std::path::PathBuf;
use std::time::Duration;

use barewire_mcp_client::{ClientConfig, LoginOptions};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::api::Offered;

/// The host's configuration, section `host` of the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// Where to listen, `host:port`. `localhost` means both loopback addresses.
    pub listen: String,
    /// The one origin at which browsers know the host, e.g. `https://mcp.example.com`. Redirect URI, cookie, and the
    /// check of `Host` and `Origin` come from it. Without it: `http://localhost:{port}`, and only on a loopback address.
    #[cfg_attr(feature = "schema", schemars(example = &"https://mcp.example.com"))]
    pub public_origin: Option<Url>,
    /// Servers that the page offers.
    pub offered: Vec<Offered>,
    /// Whether the page may add servers beyond those offered. Without it: yes where only this machine can reach the
    /// host, and no elsewhere, since whoever can add a server can have this machine send requests to any address and read
    /// the answers.
    #[cfg_attr(feature = "schema", schemars(example = true))]
    pub any_server: Option<bool>,
    /// Serve the page from this folder rather than from the binary: for those who work on the page.
    #[cfg_attr(feature = "schema", schemars(example = &"web/dist"))]
    pub page: Option<PathBuf>,
    /// How the host becomes a client of authorization servers. Its redirect URI is always `{public_origin}/callback`.
    pub login: LoginOptions,
    /// Times and limits of the MCP clients.
    pub client: ClientConfig,
    /// How much of everything.
    pub limits: Limits,
}

/// Bounds of everything that grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Browser sessions in memory. A session that is not looked at makes room; its servers stay in the store.
    pub sessions: usize,
    /// A browser session that was not seen for so long is forgotten, its tokens included.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub session_idle: Duration,
    /// Servers of one session.
    pub servers_per_session: usize,
    /// Calls of one session that are kept; the oldest finished ones make room.
    pub calls_per_session: usize,
    /// Bytes of calls of one session, results included, above which the oldest finished ones make room.
    pub call_bytes_per_session: usize,
    /// Calls of one session that run or wait at once.
    pub running_calls_per_session: usize,
    /// Log lines kept with a call.
    pub logs_per_call: usize,
    /// Questions of a server that are open at once in one call; it gets no answer to more.
    pub questions_per_call: usize,
    /// Exchanges kept for one server; the oldest make room.
    pub exchanges_per_server: usize,
    /// Bytes of exchanges kept for one server.
    pub exchange_bytes_per_server: usize,
    /// Bytes of exchanges kept in memory for all servers of all sessions; above it the log that grows makes room.
    pub exchange_bytes: usize,
    /// Events that can be replayed to a page that lost its stream.
    pub events: usize,
    /// Bytes of events that can be replayed.
    pub event_bytes: usize,
    /// Open event streams of one session: tabs.
    pub event_streams_per_session: usize,
    /// Bytes of one API request.
    pub request_body: usize,
    /// Silence on an event stream after which a comment is sent.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub keep_alive: Duration,
    /// First pause before a lost server is tried again; doubles each time.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub reconnect_after: Duration,
    /// Longest pause before a lost server is tried again.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub reconnect_at_most: Duration,
    /// A login that did not come back is forgotten after this.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub login: Duration,
}

/// What cannot be started with; always the operator's to mend.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Reachable from elsewhere, but nobody said under which name.
    #[error(
        "host.listen = \"{listen}\" can be reached from other machines: set host.public_origin to the origin that browsers use"
    )]
    PublicOriginMissing {
        /// As configured.
        listen: String,
    },
    /// `public_origin` is not an origin.
    #[error(
        "host.public_origin = \"{0}\" is not an origin such as https://mcp.example.com: http or https, a host, no path"
    )]
    PublicOrigin(Url),
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            listen: "localhost:5173".to_owned(),
            public_origin: None,
            offered: Vec::new(),
            any_server: None,
            page: None,
            login: LoginOptions { client_name: "Barewire host".to_owned(), ..LoginOptions::default() },
            client: ClientConfig::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 128,
            session_idle: Duration::from_secs(30 * 24 * 3600),
            servers_per_session: 20,
            calls_per_session: 200,
            call_bytes_per_session: 32 << 20,
            running_calls_per_session: 32,
            logs_per_call: 200,
            questions_per_call: 16,
            exchanges_per_server: 1_000,
            exchange_bytes_per_server: 16 << 20,
            exchange_bytes: 256 << 20,
            events: 2_000,
            event_bytes: 4 << 20,
            event_streams_per_session: 16,
            request_body: 1 << 20,
            keep_alive: Duration::from_secs(15),
            reconnect_after: Duration::from_secs(1),
            reconnect_at_most: Duration::from_secs(60),
            login: Duration::from_secs(15 * 60),
        }
    }
}

impl HostConfig {
    /// The origin at which browsers know the host. `loopback` is the one under which this machine knows it, if other
    /// machines cannot reach it (`Listeners::loopback_origin`).
    ///
    /// # Errors
    /// If it is configured and not an origin, or not configured and needed.
    pub fn origin(&self, loopback: Option<&str>) -> Result<PublicOrigin, ConfigError> {
        if let Some(url) = &self.public_origin {
            return PublicOrigin::parse(url).ok_or_else(|| ConfigError::PublicOrigin(url.clone()));
        }
        loopback
            .and_then(|origin| PublicOrigin::parse(&origin.parse().ok()?))
            .ok_or_else(|| ConfigError::PublicOriginMissing { listen: self.listen.clone() })
    }
}

impl HostConfig {
    /// Whether the page may add the server with that URL.
    #[must_use]
    pub fn allows_server(&self, url: &Url, origin: &PublicOrigin) -> bool {
        self.allows_any_server(origin) || self.offers(url)
    }

    /// Whether the operator has named the server with that URL.
    #[must_use]
    pub fn offers(&self, url: &Url) -> bool {
        self.offered.iter().any(|it| Url::parse(&it.url).is_ok_and(|it| it == *url))
    }

    /// Whether the page may add servers that are not offered.
    #[must_use]
    pub fn allows_any_server(&self, origin: &PublicOrigin) -> bool {
        self.any_server.unwrap_or(origin.is_loopback())
    }
}

/// The host's own origin: scheme, host and port, as browsers write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicOrigin {
    origin: String,
    authority: String,
}

impl PublicOrigin {
    fn parse(url: &Url) -> Option<Self> {
        let clean = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let origin = url.origin().ascii_serialization();
        let authority = origin.split_once("://")?.1.to_owned();
        clean.then_some(Self { origin, authority })
    }

    /// `http://localhost:5173`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// `localhost:5173`: what the `Host` header must be.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether cookies can be marked `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// Whether it is a name of this machine that only this machine uses.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.origin).is_ok_and(|url| match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        })
    }

    /// A URL of the host.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(loopback: Option<&str>, public_origin: Option<&str>, expected: Result<&str, &str>) {
        let public_origin = public_origin.map(|it| it.parse().unwrap());
        let config = HostConfig { public_origin, ..HostConfig::default() };
        match (config.origin(loopback), expected) {
            (Ok(origin), Ok(expected)) => assert_eq!(origin.as_str(), expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, expected) => panic!("{loopback:?} {config:?}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn the_public_origin_comes_from_configuration() {
        let loopback = Some("http://localhost:5173");
        check(loopback, None, Ok("http://localhost:5173"));
        check(loopback, Some("https://mcp.example.com"), Ok("https://mcp.example.com"));
        check(None, None, Err("other machines"));
        check(None, Some("https://mcp.example.com"), Ok("https://mcp.example.com"));
        check(None, Some("https://mcp.example.com:443/"), Ok("https://mcp.example.com"));
        check(None, Some("https://mcp.example.com/host"), Err("not an origin"));
        check(None, Some("ftp://mcp.example.com"), Err("not an origin"));
    }

    #[test]
    fn others_can_only_add_what_is_offered() {
        for (public_origin, any_server, url, expected) in [
            (None, None, "https://other.example/mcp", true),
            (None, Some(false), "https://other.example/mcp", false),
            (None, Some(false), "https://blog.example/mcp", true),
            (Some("https://host.example"), None, "http://169.254.169.254/", false),
            (Some("https://host.example"), None, "https://blog.example/mcp", true),
            (Some("https://host.example"), None, "https://blog.example/mcp/other", false),
            (Some("https://host.example"), Some(true), "https://other.example/mcp", true),
        ] {
            let offered = Offered { name: "Blog".to_owned(), url: "https://blog.example/mcp".to_owned() };
            let public_origin = public_origin.map(|it| it.parse().unwrap());
            let config =
                HostConfig { public_origin, any_server, offered: vec![offered], ..HostConfig::default() };
            let origin = config.origin(Some("http://localhost:5173")).unwrap();
            assert_eq!(
                config.allows_server(&url.parse().unwrap(), &origin),
                expected,
                "{url} {any_server:?}"
            );
        }
    }
}
