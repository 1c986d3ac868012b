//! Where the demo listens, and under which URL the world knows it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, lookup_host};
use url::Url;

/// Why the demo cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is not one, or somebody else has it.
    #[error("cannot listen on {address}; is another server running there?")]
    Bind {
        /// As configured.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The world can reach it, but nobody said by which name.
    #[error(
        "{0} can be reached from other machines: give the URL under which they know this server (--public-url)"
    )]
    NoPublicUrl(SocketAddr),
}

/// Listens on `address` (`host:port`), and says where the first listener is; for `localhost` on both loopback
/// addresses where the machine has both.
pub(crate) async fn bind(address: &str) -> Result<(Vec<TcpListener>, SocketAddr), ListenError> {
    let failed = |source| ListenError::Bind { address: address.to_owned(), source };
    let mut addresses: Vec<SocketAddr> = lookup_host(address).await.map_err(failed)?.collect();
    if address.starts_with("localhost:")
        && let Some(port) = addresses.first().map(SocketAddr::port)
    {
        // Resolvers differ in what `localhost` means; browsers try both.
        addresses = vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    }
    let mut listeners: Vec<TcpListener> = Vec::new();
    for mut address in addresses {
        if let Some(first) = listeners.first() {
            address.set_port(first.local_addr().map_err(failed)?.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            // No IPv6 here. A port that is taken is another matter: half of the visitors would meet somebody else.
            Err(error) if !listeners.is_empty() && error.kind() != io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let first = listeners.first().ok_or_else(|| failed(io::ErrorKind::AddrNotAvailable.into()))?;
    let bound = first.local_addr().map_err(failed)?;
    Ok((listeners, bound))
}

/// The origin for metadata, tokens and cookies: as configured, or `http://localhost:PORT` on this machine.
pub(crate) fn public_origin(configured: Option<&Url>, bound: SocketAddr) -> Result<String, ListenError> {
    match configured {
        Some(url) => Ok(url.origin().ascii_serialization()),
        None if bound.ip().is_loopback() => match bound.ip() {
            IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(_) => {
                Ok(format!("http://localhost:{}", bound.port()))
            }
            IpAddr::V4(ip) => Ok(format!("http://{ip}:{}", bound.port())),
        },
        None => Err(ListenError::NoPublicUrl(bound)),
    }
}
