//! Fetching what strangers say is at a URL, without letting anybody steer the server into a network that he cannot reach
//! himself.
//!
//! The host is resolved once, every address has to be public, and the connection goes to exactly these addresses; no
//! redirects, no proxy, a short time and a small size.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use barewire_oauth::client_document::{freshness, is_public_address};
use http::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE};
use reqwest::redirect;
use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::config::AuthConfig;

/// Why there is nothing.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host has no address, or one that is not public. One answer for both: whoever asks must not learn which
    /// names there are in the network of this server.
    #[error("the host {0} cannot be found on the public internet")]
    NotPublic(String),
    /// Too much else is being fetched.
    #[error("too much is being fetched from other hosts; try again")]
    Busy,
    /// It did not answer, or not in time.
    #[error("the host {host} did not answer with the document")]
    Failed {
        /// Which host.
        host: String,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// It answered with something else than 200.
    #[error("the host {host} answered with status {status}")]
    Status {
        /// Which host.
        host: String,
        /// What it answered.
        status: u16,
    },
    /// It is sent as something else than JSON, like what users of a site have uploaded there.
    #[error("the host {host} did not send the document as application/json")]
    ContentType {
        /// Which host.
        host: String,
    },
    /// It is larger than allowed.
    #[error("the document is too large")]
    TooLarge,
}

/// Who wrote the URL down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlOf {
    /// Anybody: only the public internet is reached.
    Stranger,
    /// The operator, who may mean a host of his own network.
    Operator,
}

/// What fetches. One for the whole server: what is fetched at once is counted together, strangers' URLs and the operator's
/// each for themselves, so that no stranger's slow host keeps the operator's keys away.
pub(crate) struct Fetcher {
    for_strangers: Semaphore,
    for_operator: Semaphore,
    timeout: Duration,
    max_bytes: usize,
    from_loopback: bool,
    least: Duration,
    most: Duration,
}

/// What was fetched.
pub(crate) struct Fetched {
    pub(crate) body: Vec<u8>,
    /// How long it counts.
    pub(crate) lifetime: Duration,
}

impl Fetcher {
    pub(crate) fn new(config: &AuthConfig) -> Self {
        Self {
            for_strangers: Semaphore::new(config.client_document_fetches),
            for_operator: Semaphore::new(config.client_document_fetches),
            timeout: config.client_document_timeout,
            max_bytes: config.client_document_max_bytes,
            from_loopback: config.client_documents_from_loopback,
            least: config.client_document_min_ttl,
            most: config.client_document_max_ttl,
        }
    }

    /// The JSON document at `url`.
    pub(crate) async fn get(&self, url: &Url, of: UrlOf) -> Result<Fetched, FetchError> {
        let fetching = match of {
            UrlOf::Stranger => &self.for_strangers,
            UrlOf::Operator => &self.for_operator,
        };
        let _fetching = fetching.try_acquire().map_err(|_| FetchError::Busy)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let addresses = self.addresses(url, of).await?;
        let failed = |source| FetchError::Failed { host: host.clone(), source };
        let http = reqwest::Client::builder()
            .resolve_to_addrs(&host, &addresses)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(self.timeout)
            .build()
            .map_err(failed)?;
        let request = http.get(url.clone()).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status { host, status: response.status().as_u16() });
        }
        let headers = response.headers().clone();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if !header(CONTENT_TYPE).is_some_and(is_json) {
            return Err(FetchError::ContentType { host });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let lifetime = freshness(header(CACHE_CONTROL), header(AGE), self.least, self.most);
        Ok(Fetched { body, lifetime })
    }

    /// The addresses of the host, all of which are allowed. One bad one refuses all: a name that leads both into the
    /// public and into a private network is an attack, not a host.
    async fn addresses(&self, url: &Url, of: UrlOf) -> Result<Vec<SocketAddr>, FetchError> {
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => vec![(IpAddr::V4(ip), port).into()],
            Some(Host::Ipv6(ip)) => vec![(IpAddr::V6(ip), port).into()],
            Some(Host::Domain(name)) => {
                let lookup = tokio::time::timeout(self.timeout, tokio::net::lookup_host((name, port)));
                match lookup.await {
                    Ok(Ok(found)) => found.collect(),
                    _ => Vec::new(),
                }
            }
            None => Vec::new(),
        };
        let allowed = match of {
            UrlOf::Stranger => may_be_fetched_from(&addresses, self.from_loopback),
            UrlOf::Operator => !addresses.is_empty(),
        };
        if allowed {
            Ok(addresses)
        } else {
            let host = url.host_str().unwrap_or_default();
            tracing::info!(host, ?addresses, "a host from which something was to be fetched is not public");
            Err(FetchError::NotPublic(host.to_owned()))
        }
    }
}

fn may_be_fetched_from(addresses: &[SocketAddr], from_loopback: bool) -> bool {
    let allowed = |ip: IpAddr| is_public_address(ip) || (from_loopback && ip.to_canonical().is_loopback());
    !addresses.is_empty() && addresses.iter().all(|address| allowed(address.ip()))
}

/// `application/json`, or something more specific that is JSON too.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_private_address_spoils_the_name() {
        fn check(addresses: &[&str], from_loopback: bool, expected: bool) {
            let found: Vec<_> =
                addresses.iter().map(|ip| (ip.parse::<IpAddr>().unwrap(), 443).into()).collect();
            assert_eq!(may_be_fetched_from(&found, from_loopback), expected, "{addresses:?}");
        }
        check(&["93.184.216.34", "2606:4700::1111"], false, true);
        check(&[], false, false);
        check(&[], true, false);
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
        ] {
            check(&[private], false, false);
            check(&["93.184.216.34", private], false, false);
        }
        check(&["127.0.0.1"], true, true);
        check(&["::ffff:127.0.0.1"], true, true);
        check(&["127.0.0.1", "10.0.0.1"], true, false);
    }

    #[test]
    fn only_json_is_a_document() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/cimd+json", true),
            ("text/plain", false),
            ("text/html", false),
            ("text/json", false),
            ("image/svg+json", false),
            ("application/octet-stream", false),
            ("", false),
        ] {
            assert_eq!(is_json(content_type), expected, "{content_type}");
        }
    }
}
