//! Where a request comes from, for slowing down guesses and for sharing the room for registrations.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;

use crate::random;
use crate::server::{AppState, Inner};
use crate::store::Digest;
use crate::turns::Turn;

/// The address a request came from; `None` when the application did not say
/// (`into_make_service_with_connect_info::<SocketAddr>()`), in which case all requests share one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source(pub(crate) Option<IpAddr>);

impl FromRequestParts<AppState> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(client_address(parts, state.config.client_address_header.as_deref())))
    }
}

/// The address that a request came from: what our own proxy says in `header`
/// ([`AuthConfig::client_address_header`](crate::AuthConfig::client_address_header)), and else the other end of the
/// connection, as [`ConnectInfo`]`<SocketAddr>` among its extensions. For an application that writes it down too.
#[must_use]
pub fn client_address(parts: &Parts, header: Option<&str>) -> Option<IpAddr> {
    let told = header.and_then(|header| {
        // The last entry is the one our own proxy wrote; the ones before came from outside.
        let last = parts.headers.get_all(header).iter().next_back()?;
        parse(last.to_str().ok()?.rsplit(',').next()?)
    });
    let connection = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    told.or_else(connection)
}

impl Source {
    /// Bytes that are equal for the same place. An IPv6 user has a whole /64, so that is one place.
    pub(crate) fn key(self) -> Vec<u8> {
        match self.0.map(|ip| ip.to_canonical()) {
            None => Vec::new(),
            Some(IpAddr::V4(ip)) => ip.octets().to_vec(),
            Some(IpAddr::V6(ip)) => ip.octets()[..8].to_vec(),
        }
    }

    /// The same for whoever makes us store something, as the store knows it.
    pub(crate) fn network_digest(self) -> Option<Digest> {
        self.network().map(|network| random::digest_of(&[b"network", &network]))
    }

    /// For whoever makes us store something: a flood from one network has one write under way, however many requests it
    /// sends; others' logins go between. `None` where too many wait for theirs.
    pub(crate) async fn turn(self, state: &Inner) -> Option<Turn<'_>> {
        state.insertions.take(self.network_digest().unwrap_or(Digest([0; 32]))).await
    }

    /// One who wants many IPv6 networks easily has a /48.
    fn network(self) -> Option<Vec<u8>> {
        self.0.map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets()[..6].to_vec(),
        })
    }
}

fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_proxies_write_them() {
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(parse(text).map(|ip| ip.to_string()).as_deref(), expected, "{text}");
        }
        check(" 192.0.2.1 ", Some("192.0.2.1"));
        check("192.0.2.1:443", Some("192.0.2.1"));
        check("[2001:db8::1]:443", Some("2001:db8::1"));
        check("2001:db8::1", Some("2001:db8::1"));
        check("unknown", None);
        assert_eq!(Source("2001:db8::1".parse().ok()).key(), Source("2001:db8::2:3".parse().ok()).key(),);
        let networks = ["2001:db8:1:2::1", "2001:db8:1:ffff::1", "2001:db8:2::1"];
        let networks = networks.map(|ip| Source(ip.parse().ok()).network());
        assert!(networks[0] == networks[1] && networks[0] != networks[2]);
        assert_eq!(Source("::ffff:192.0.2.1".parse().ok()).key(), Source("192.0.2.1".parse().ok()).key());
    }
}
