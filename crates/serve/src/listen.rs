//! Taking an address.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;

use tokio::net::{TcpListener, TcpStream, lookup_host};

/// How often another free port is tried, where the one that is free in one family is taken in the other.
const FREE_PORTS: usize = 16;

/// Why an address cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// It is not `host:port`, or the host has no address.
    #[error("{address} is not an address such as localhost:8000")]
    NotAnAddress {
        /// As given.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Somebody else has it.
    #[error("{address} is taken; is another server running there?")]
    Taken {
        /// The one of the addresses that is.
        address: SocketAddr,
    },
    /// The system does not give it: another machine's address, or a port for administrators only.
    #[error("cannot listen on {address}")]
    Refused {
        /// The one of the addresses that is refused.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Addresses that are taken, and on which nobody is answered yet. Never empty; all have the same port.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    /// Whether they were asked for as `localhost` rather than by number.
    named_localhost: bool,
    /// The one that is asked first next time, so that a flood on one does not starve the others.
    next: usize,
}

/// Listens on `address` (`host:port`; port 0 takes a free one): for `localhost` on both loopback addresses where the
/// machine has both, since resolvers differ in what it means and browsers try both.
///
/// # Errors
/// See the variants of [`BindError`]. That a machine has no IPv6 is none.
pub async fn bind(address: &str) -> Result<Listeners, BindError> {
    let wanted = resolve(address).await?;
    let mut attempt = 1;
    loop {
        match take(&wanted).await {
            Err(BindError::Taken { .. }) if wanted[0].port() == 0 && attempt < FREE_PORTS => attempt += 1,
            Ok(listeners) => return Ok(Listeners { named_localhost: is_localhost(address), ..listeners }),
            Err(error) => return Err(error),
        }
    }
}

fn is_localhost(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, _)| host.eq_ignore_ascii_case("localhost"))
}

/// Not empty.
async fn resolve(address: &str) -> Result<Vec<SocketAddr>, BindError> {
    if is_localhost(address)
        && let Some((_, port)) = address.rsplit_once(':')
        && let Ok(port) = port.parse::<u16>()
    {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let failed = |source| BindError::NotAnAddress { address: address.to_owned(), source };
    let found: Vec<SocketAddr> = lookup_host(address).await.map_err(failed)?.collect();
    if found.is_empty() {
        return Err(failed(io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok(found)
}

async fn take(wanted: &[SocketAddr]) -> Result<Listeners, BindError> {
    let mut listeners =
        Listeners { sockets: Vec::new(), addresses: Vec::new(), named_localhost: false, next: 0 };
    for &(mut address) in wanted {
        if let Some(first) = listeners.addresses.first() {
            address.set_port(first.port());
        }
        let bound = async {
            let socket = TcpListener::bind(address).await?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        match bound.await {
            Ok((socket, address)) => {
                listeners.sockets.push(socket);
                listeners.addresses.push(address);
            }
            // Half of the visitors would meet somebody else.
            Err(error) if io::Error::kind(&error) == io::ErrorKind::AddrInUse => {
                return Err(BindError::Taken { address });
            }
            Err(error) if listeners.sockets.is_empty() => {
                return Err(BindError::Refused { address, source: error });
            }
            Err(error) => tracing::debug!(%address, %error, "not listening there"),
        }
    }
    Ok(listeners)
}

impl Listeners {
    /// Where they listen, in the order in which they were taken.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The port of all of them; where 0 was asked for, the one that was free.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addresses.first().map_or(0, SocketAddr::port)
    }

    /// Under which origin this machine knows them, as they were asked for: `http://localhost:8000` or
    /// `http://127.0.0.1:8000`, since a client compares what the metadata say with the URL it was given. None if other
    /// machines can reach them, because then only the operator knows.
    #[must_use]
    pub fn loopback_origin(&self) -> Option<String> {
        loopback_origin(&self.addresses, self.named_localhost)
    }

    pub(crate) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| {
            for turn in 0..self.sockets.len() {
                let at = (self.next + turn) % self.sockets.len();
                if let Poll::Ready(accepted) = self.sockets[at].poll_accept(context) {
                    self.next = at + 1;
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn loopback_origin(addresses: &[SocketAddr], named_localhost: bool) -> Option<String> {
    let first = addresses.first()?;
    if !addresses.iter().all(|address| address.ip().is_loopback()) {
        return None;
    }
    Some(match named_localhost {
        true => format!("http://localhost:{}", first.port()),
        false => format!("http://{first}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[&str], named_localhost: bool, expected: Option<&str>) {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(loopback_origin(&addresses, named_localhost).as_deref(), expected, "{addresses:?}");
    }

    #[test]
    fn only_loopback_has_an_origin_of_its_own() {
        check(&["127.0.0.1:8000", "[::1]:8000"], true, Some("http://localhost:8000"));
        check(&["127.0.0.1:8000"], true, Some("http://localhost:8000"));
        check(&["127.0.0.1:8000"], false, Some("http://127.0.0.1:8000"));
        check(&["[::1]:8000"], false, Some("http://[::1]:8000"));
        check(&["127.0.0.2:8000"], false, Some("http://127.0.0.2:8000"));
        check(&["0.0.0.0:8000"], false, None);
        check(&["[::]:8000"], false, None);
        check(&["127.0.0.1:8000", "192.0.2.1:8000"], false, None);
        check(&[], false, None);
    }
}
