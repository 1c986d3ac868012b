//! Where something comes from, as far as that tells one client from another.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use rustc_hash::FxHasher;

/// Whoever shares room: an address, of IPv6 the /48 that one who wants many addresses has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Network(Option<IpAddr>);

/// A client before it has an id: its network, and what it says it is. Two of the same kind in one network are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) network: Network,
    agent: u64,
}

impl Network {
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let mut octets = address.octets();
                octets[6..].fill(0);
                octets.into()
            }
        }))
    }
}

impl Source {
    pub(super) fn of(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let mut hasher = FxHasher::default();
        user_agent.hash(&mut hasher);
        Self { network: Network::of(address), agent: hasher.finish() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one() {
        let of = |address: &str, agent| Source::of(address.parse().ok(), agent);
        assert_eq!(of("2001:db8:1:2::3", Some("a")), of("2001:db8:1:4::5", Some("a")));
        assert_ne!(of("2001:db8:1::", Some("a")), of("2001:db8:2::", Some("a")));
        assert_eq!(of("::ffff:192.0.2.1", None), of("192.0.2.1", None));
        assert_ne!(of("192.0.2.1", Some("a")), of("192.0.2.1", Some("b")));
        assert_ne!(of("192.0.2.1", Some("a")), of("192.0.2.1", None));
    }
}
