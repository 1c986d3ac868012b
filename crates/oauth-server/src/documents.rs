//! Fetching the documents of clients that are named by a URL, without letting anybody steer the server into a network
//! that he cannot reach himself.
//!
//! The host is resolved once, every address has to be public, and the connection goes to exactly these addresses; no
//! redirects, no proxy, a short time and a small size. Only good documents are remembered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use barewire_oauth::client::Client;
use barewire_oauth::client_document::{self, DocumentError, DocumentUrl, freshness, is_public_address};
use barewire_oauth::register::RegistrationPolicy;
use http::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE};
use quick_cache::sync::Cache;
use reqwest::redirect;
use tokio::sync::Semaphore;
use url::Host;

use crate::config::AuthConfig;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentFetchError {
    /// The operator accepts no documents, or not from this host.
    #[error("this server does not accept client documents from {0}")]
    HostNotAccepted(String),
    /// The host has no address, or one that is not public. One answer for both: whoever asks must not learn which
    /// names there are in the network of this server.
    #[error("the host {0} cannot be found on the public internet")]
    NotPublic(String),
    /// Too many others are being fetched.
    #[error("too many client documents are being fetched; try again")]
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
    /// It is not a client's document.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// Known documents.
pub(crate) struct Documents {
    cache: Cache<String, Known>,
    fetching: Semaphore,
    policy: RegistrationPolicy,
}

#[derive(Clone)]
struct Known {
    client: Arc<Client>,
    until: SystemTime,
}

impl Documents {
    pub(crate) fn new(config: &AuthConfig) -> Self {
        Self {
            cache: Cache::new(config.client_document_cache),
            fetching: Semaphore::new(config.client_document_fetches),
            policy: RegistrationPolicy { private_use_redirects: config.private_use_redirects },
        }
    }

    /// The client whose document is at `client_id`.
    pub(crate) async fn client(
        &self,
        config: &AuthConfig,
        client_id: &str,
        now: SystemTime,
    ) -> Result<Arc<Client>, DocumentFetchError> {
        let url = DocumentUrl::parse(client_id, config.client_documents_from_loopback)?;
        if !is_accepted(config, url.host()) {
            return Err(DocumentFetchError::HostNotAccepted(url.host().to_owned()));
        }
        self.cache.remove_if(client_id, |known| known.until <= now);
        // Several browsers that ask for the same client wait for one fetch.
        let fetch = async {
            let (client, lifetime) = self.fetch(config, &url).await?;
            Ok::<_, DocumentFetchError>(Known { client: Arc::new(client), until: now + lifetime })
        };
        Ok(self.cache.get_or_insert_async(client_id, fetch).await?.client)
    }

    async fn fetch(
        &self,
        config: &AuthConfig,
        url: &DocumentUrl,
    ) -> Result<(Client, std::time::Duration), DocumentFetchError> {
        let _fetching = self.fetching.try_acquire().map_err(|_| DocumentFetchError::Busy)?;
        let host = url.host().to_owned();
        let addresses = addresses(config, url).await?;
        let failed = |source| DocumentFetchError::Failed { host: host.clone(), source };
        let http = reqwest::Client::builder()
            .resolve_to_addrs(url.host(), &addresses)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(config.client_document_timeout)
            .build()
            .map_err(failed)?;
        let request = http.get(url.url().clone()).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != http::StatusCode::OK {
            return Err(DocumentFetchError::Status { host, status: response.status().as_u16() });
        }
        let headers = response.headers().clone();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if !header(CONTENT_TYPE).is_some_and(is_json) {
            return Err(DocumentFetchError::ContentType { host });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > config.client_document_max_bytes {
                return Err(DocumentFetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let client = client_document::read(url, &body, self.policy)?;
        let (least, most) = (config.client_document_min_ttl, config.client_document_max_ttl);
        Ok((client, freshness(header(CACHE_CONTROL), header(AGE), least, most)))
    }
}

/// Whether the operator accepts documents from this host.
pub(crate) fn is_accepted(config: &AuthConfig, host: &str) -> bool {
    let hosts = &config.client_document_hosts;
    config.client_documents && (hosts.is_empty() || hosts.iter().any(|one| one.eq_ignore_ascii_case(host)))
}

/// The addresses of the document's host, all of which are allowed. One bad one refuses all: a name that leads both
/// into the public and into a private network is an attack, not a host.
async fn addresses(config: &AuthConfig, url: &DocumentUrl) -> Result<Vec<SocketAddr>, DocumentFetchError> {
    let port = url.url().port_or_known_default().unwrap_or(443);
    let addresses: Vec<SocketAddr> = match url.url().host() {
        Some(Host::Ipv4(ip)) => vec![(IpAddr::V4(ip), port).into()],
        Some(Host::Ipv6(ip)) => vec![(IpAddr::V6(ip), port).into()],
        Some(Host::Domain(name)) => {
            let lookup =
                tokio::time::timeout(config.client_document_timeout, tokio::net::lookup_host((name, port)));
            match lookup.await {
                Ok(Ok(found)) => found.collect(),
                _ => Vec::new(),
            }
        }
        None => Vec::new(),
    };
    if may_be_fetched_from(&addresses, config.client_documents_from_loopback) {
        Ok(addresses)
    } else {
        tracing::info!(host = url.host(), ?addresses, "a client document's host is not public");
        Err(DocumentFetchError::NotPublic(url.host().to_owned()))
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
