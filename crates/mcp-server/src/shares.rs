//! How many of something there may be, all together and of one principal: one user cannot take what is there for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::auth::Principal;
use crate::server::Shared;

/// Places that are taken and given back.
pub(crate) struct Shares {
    max: usize,
    max_each: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Only who has some.
    by: HashMap<Arc<[u8]>, usize>,
}

/// A place. Dropped, it is free again.
pub(crate) struct Share {
    shares: Arc<Shares>,
    owner: Option<Arc<[u8]>>,
}

/// Whose places are all taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Everybody's together.
    All,
    /// This principal's.
    Owner,
}

impl Shares {
    pub(crate) fn new(max: usize, max_each: usize) -> Arc<Self> {
        Arc::new(Self { max, max_each, taken: Mutex::default() })
    }

    /// Takes a place. Where nobody is told apart there is no owner, and only the whole counts.
    pub(crate) fn take(self: &Arc<Self>, owner: Option<&[u8]>) -> Result<Share, Full> {
        let mut taken = self.taken();
        if taken.all >= self.max {
            return Err(Full::All);
        }
        let owner = match owner {
            None => None,
            Some(owner) => {
                let (owner, count) = match taken.by.get_key_value(owner) {
                    Some((owner, count)) => (owner.clone(), *count),
                    None => (owner.into(), 0),
                };
                if count >= self.max_each {
                    return Err(Full::Owner);
                }
                taken.by.insert(owner.clone(), count + 1);
                Some(owner)
            }
        };
        taken.all += 1;
        Ok(Share { shares: self.clone(), owner })
    }

    #[cfg(test)]
    pub(crate) fn is_unused(&self) -> bool {
        let taken = self.taken();
        taken.all == 0 && taken.by.is_empty()
    }

    /// Nothing panics between two statements that belong together.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Whether it is this principal's.
    pub(crate) fn is_of(&self, owner: Option<&[u8]>) -> bool {
        self.owner.as_deref() == owner
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.all -= 1;
        if let Some(owner) = &self.owner
            && let Some(count) = taken.by.get_mut(owner)
        {
            *count -= 1;
            if *count == 0 {
                taken.by.remove(owner);
            }
        }
    }
}

impl Shared {
    /// Whose share a caller uses up: the user's, whatever clients they have. Nobody's where nobody is told apart.
    pub(crate) fn owner(&self, caller: Option<&Principal>) -> Option<Vec<u8>> {
        self.guard.as_ref()?;
        Some(caller.map_or_else(Vec::new, user))
    }
}

/// A user: two issuers may call two people by one subject.
fn user(caller: &Principal) -> Vec<u8> {
    let mut bytes = [b"user ".as_slice(), caller.subject.as_bytes()].concat();
    // No subject has a byte that UTF-8 has not.
    if let Some(issuer) = &caller.issuer {
        bytes.push(0xff);
        bytes.extend_from_slice(issuer.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_of_one_name_have_a_share_each() {
        let of = |issuer: Option<&str>, client: &str| {
            let mut caller = Principal::new("ann");
            caller.issuer = issuer.map(Into::into);
            caller.client_id = Some(client.to_owned());
            user(&caller)
        };
        let issuers = [None, Some("https://a.example"), Some("https://b.example")];
        let users: std::collections::HashSet<_> = issuers.iter().map(|&issuer| of(issuer, "c")).collect();
        assert_eq!(users.len(), issuers.len());
        assert_eq!(of(None, "c"), of(None, "d"), "whatever clients they have");
    }

    #[test]
    fn one_cannot_take_what_is_there_for_all() {
        let shares = Shares::new(4, 2);
        let take = |owner: Option<&str>| shares.take(owner.map(str::as_bytes));
        let alices = [take(Some("alice")).unwrap(), take(Some("alice")).unwrap()];
        assert_eq!(take(Some("alice")).err(), Some(Full::Owner));
        let bobs = take(Some("bob")).unwrap();
        let nobodys = take(None).unwrap();
        assert_eq!(take(Some("carol")).err(), Some(Full::All));
        assert_eq!(take(None).err(), Some(Full::All));
        drop(alices);
        let again = take(Some("alice")).unwrap();
        assert!(again.is_of(Some(b"alice")) && !again.is_of(Some(b"bob")) && !again.is_of(None));
        drop((again, bobs, nobodys));
        assert!(shares.is_unused(), "nothing is kept of anybody");
    }
}
