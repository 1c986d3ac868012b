//! Where the words of a stranger may lead: a public server cannot send this client into the network it runs in.
//!
//! The login's rules judge addresses that are written down; what a name leads to shows only when it is resolved.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use barewire_oauth::client_document::is_public_address;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use url::{Host, Url};

use crate::options::ClientConfig;

/// Resolves names to what is on the public internet, and to nothing else.
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            let public = public(&found);
            if public.is_empty() {
                return Err(NotPublic { name: name.as_str().to_owned() }.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn public(found: &[SocketAddr]) -> Vec<SocketAddr> {
    found.iter().filter(|address| is_public_address(address.ip())).copied().collect()
}

/// A name leads inwards.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads into this machine or its network, while the MCP server is elsewhere")]
struct NotPublic {
    name: String,
}

/// From where the MCP servers answered, by origin: public addresses, or others. Remembered rather than looked up again,
/// because a name can lead elsewhere the next time it is asked. Behind a proxy it is the proxy's address, so that a
/// client that reaches the world through a proxy of its own network is not kept from it.
#[derive(Default)]
pub(crate) struct Peers {
    public: Mutex<HashMap<String, bool>>,
}

impl Peers {
    pub(crate) fn remember(&self, origin: &str, peer: IpAddr, config: &ClientConfig) {
        let mut public = self.public.lock().unwrap_or_else(PoisonError::into_inner);
        if public.len() >= config.max_eras.max(1) && !public.contains_key(origin) {
            // Whoever is forgotten is looked up again.
            public.clear();
        }
        public.insert(origin.to_owned(), is_public_address(peer));
    }

    fn recall(&self, origin: &str) -> Option<bool> {
        self.public.lock().unwrap_or_else(PoisonError::into_inner).get(origin).copied()
    }

    /// Whether `target`, which `server` or somebody it named wrote down, may only be on the public internet.
    pub(crate) async fn confine(&self, server: &Url, target: &Url, config: &ClientConfig) -> bool {
        if !config.public_addresses_only || server.host() == target.host() {
            return false;
        }
        match self.recall(&server.origin().ascii_serialization()) {
            Some(public) => public,
            None => is_public(server, config).await,
        }
    }
}

/// Whether the server is on the public internet, as far as its name says: for a login before the first request.
async fn is_public(server: &Url, config: &ClientConfig) -> bool {
    match server.host() {
        Some(Host::Ipv4(ip)) => is_public_address(ip.into()),
        Some(Host::Ipv6(ip)) => is_public_address(ip.into()),
        Some(Host::Domain(name)) => {
            let lookup = tokio::time::timeout(config.connect_timeout, lookup_host((name, 0))).await;
            lookup.is_ok_and(|found| found.is_ok_and(|mut found| found.any(|it| is_public_address(it.ip()))))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_name() {
        let at = |ip: &str| SocketAddr::from((ip.parse::<IpAddr>().unwrap(), 0));
        let found =
            [at("10.0.0.1"), at("93.184.216.34"), at("127.0.0.1"), at("fd00::1"), at("2606:4700::1111")];
        assert_eq!(public(&found), [at("93.184.216.34"), at("2606:4700::1111")]);
        assert!(public(&[at("169.254.169.254")]).is_empty());
    }

    #[tokio::test]
    async fn a_name_that_leads_inwards_is_not_resolved() {
        let failed = match PublicOnly.resolve("localhost".parse().unwrap()).await {
            Ok(_) => panic!("it led somewhere"),
            Err(error) => error.to_string(),
        };
        assert!(failed.starts_with("localhost leads into this machine"), "{failed}");
    }

    #[tokio::test]
    async fn who_is_confined() {
        let (open, config) = (
            ClientConfig { public_addresses_only: false, ..ClientConfig::default() },
            ClientConfig { max_eras: 2, ..ClientConfig::default() },
        );
        let url = |text: &str| Url::parse(text).unwrap();
        let peers = Peers::default();
        let target = url("https://as.example/token");
        peers.remember("https://far.example", "93.184.216.34".parse().unwrap(), &config);
        peers.remember("https://near.example", "10.0.0.1".parse().unwrap(), &config);
        for (server, target, config, expected) in [
            ("https://far.example/mcp", &target, &config, true),
            ("https://far.example/mcp", &target, &open, false),
            ("https://far.example/mcp", &url("https://far.example:8443/token"), &config, false),
            ("https://near.example/mcp", &target, &config, false),
            ("https://8.8.8.8/mcp", &target, &config, true),
            ("https://192.168.0.1/mcp", &target, &config, false),
            ("http://localhost:8000/mcp", &target, &config, false),
        ] {
            assert_eq!(peers.confine(&url(server), target, config).await, expected, "{server} {target}");
        }
        peers.remember("https://third.example", "10.0.0.1".parse().unwrap(), &config);
        assert_eq!(peers.recall("https://far.example"), None, "bounded");
    }
}
