//! What servers gave for proofs of possession ([RFC 9449 §8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use barewire_oauth::dpop;
use http::HeaderMap;

/// Who gives a nonce. One origin can be both, and its nonces are not the same
/// ([RFC 9449 §9](https://www.rfc-editor.org/rfc/rfc9449#section-9)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Giver {
    AuthorizationServer,
    Resource,
}

/// The latest nonce of each server; the one heard of longest ago leaves first.
#[derive(Default)]
pub(crate) struct Nonces {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    nonces: HashMap<(Giver, String), (u64, String)>,
    next: u64,
}

impl Nonces {
    pub(crate) fn recall(&self, giver: Giver, origin: &str) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.nonces.get(&(giver, origin.to_owned())).map(|(_, nonce)| nonce.clone())
    }

    /// Keeps what a response gave, if it gave anything; whatever its status.
    pub(crate) fn learn(&self, giver: Giver, origin: &str, headers: &HeaderMap, most: usize) {
        let Some(nonce) = dpop::nonce(headers) else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let age = kept.next;
        kept.next += 1;
        kept.nonces.insert((giver, origin.to_owned()), (age, nonce.to_owned()));
        if kept.nonces.len() > most.max(1) {
            let oldest = kept.nonces.iter().min_by_key(|(_, (age, _))| *age).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                kept.nonces.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_each_server_and_no_more() {
        let nonces = Nonces::default();
        let give = |giver, origin, nonce: &str| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(dpop::NONCE_HEADER),
                nonce.parse().unwrap(),
            )]);
            nonces.learn(giver, origin, &headers, 2);
        };
        give(Giver::Resource, "https://a", "r1");
        give(Giver::AuthorizationServer, "https://a", "s1");
        give(Giver::Resource, "https://a", "r2");
        nonces.learn(Giver::Resource, "https://a", &HeaderMap::new(), 2);
        assert_eq!(nonces.recall(Giver::Resource, "https://a").as_deref(), Some("r2"));
        assert_eq!(nonces.recall(Giver::AuthorizationServer, "https://a").as_deref(), Some("s1"));
        give(Giver::Resource, "https://b", "b1");
        assert_eq!(nonces.recall(Giver::AuthorizationServer, "https://a"), None, "the oldest left");
        assert_eq!(nonces.recall(Giver::Resource, "https://a").as_deref(), Some("r2"));
    }
}
