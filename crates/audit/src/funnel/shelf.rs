//! A bounded number of things, shared fairly between networks.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::source::Network;

/// Numbers of things, each of a network. When it is full, the network that has the most gives up its oldest; among equals
/// the one whose oldest is the oldest. So a flood from a few networks costs these networks their own, and one from very
/// many takes as many of them as the shelf has places.
#[derive(Debug)]
pub(super) struct Shelf {
    places: usize,
    network_of: HashMap<u64, Network>,
    /// By age.
    of: HashMap<Network, BTreeSet<u64>>,
    /// How many, and the oldest: the last is the one to give something up.
    sizes: BTreeSet<(usize, Reverse<u64>, Network)>,
}

impl Shelf {
    pub(super) fn new(places: usize) -> Self {
        Self { places: places.max(1), network_of: HashMap::new(), of: HashMap::new(), sizes: BTreeSet::new() }
    }

    /// Puts one there; the one that had to make room, if any. That is never the new one.
    pub(super) fn put(&mut self, id: u64, network: Network) -> Option<u64> {
        self.take(id);
        let given_up = if self.network_of.len() < self.places {
            None
        } else {
            self.sizes.last().map(|&(_, Reverse(oldest), _)| oldest)
        };
        given_up.into_iter().for_each(|id| self.take(id));
        self.network_of.insert(id, network);
        self.change(network, |those| {
            those.insert(id);
        });
        given_up
    }

    /// Takes one away.
    pub(super) fn take(&mut self, id: u64) {
        if let Some(network) = self.network_of.remove(&id) {
            self.change(network, |those| {
                those.remove(&id);
            });
        }
    }

    fn change(&mut self, network: Network, change: impl FnOnce(&mut BTreeSet<u64>)) {
        let those = self.of.entry(network).or_default();
        if let Some(&oldest) = those.first() {
            self.sizes.remove(&(those.len(), Reverse(oldest), network));
        }
        change(those);
        match those.first() {
            Some(&oldest) => {
                self.sizes.insert((those.len(), Reverse(oldest), network));
            }
            None => {
                self.of.remove(&network);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.of.values().map(BTreeSet::len).sum::<usize>(), self.network_of.len());
        assert_eq!(self.sizes.len(), self.of.len());
        self.network_of.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u8) -> Network {
        Network::of(Some([203, 0, 113, number].into()))
    }

    #[test]
    fn a_flood_makes_room_for_itself() {
        let mut shelf = Shelf::new(10);
        assert_eq!(shelf.put(1, network(1)), None);
        for id in 2..1000 {
            let given_up = shelf.put(id, network(2));
            assert_ne!(given_up, Some(1));
            assert!(shelf.len() <= 10);
        }
        // As many networks as there are places are needed to push out one that has a single thing.
        let pushed_out =
            (0..20).position(|number| shelf.put(1000 + u64::from(number), network(10 + number)) == Some(1));
        assert_eq!(pushed_out, Some(8), "with those two, it is the eleventh");
    }

    #[test]
    fn what_is_taken_makes_room() {
        let mut shelf = Shelf::new(2);
        shelf.put(1, network(1));
        shelf.put(2, network(1));
        shelf.take(1);
        shelf.take(7);
        assert_eq!(shelf.put(3, network(2)), None);
        assert_eq!(shelf.put(3, network(3)), None, "it is there already, and moves");
        assert_eq!(shelf.len(), 2);
        assert_eq!(shelf.put(4, network(4)), Some(2), "the oldest among equals");
    }
}
