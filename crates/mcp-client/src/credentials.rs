//! Where grants and client registrations are kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use barewire_oauth::client_flow::{ClientIdentity, Grant};

/// Whose grant at which server.
///
/// The URL the client connects to is the key, so that a restart finds the tokens without asking anybody; issuer and
/// resource are inside the [`Grant`] and compared before it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantKey {
    /// Whose it is: a browser session, a user, or empty where there is one user only.
    pub owner: String,
    /// The URL of the MCP endpoint as it was given to the client.
    pub server: String,
}

/// Keeps what a client must not lose. An implementation that writes to a disk encrypts: both values hold secrets.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// Every identity that is kept, of whatever issuer; one is only ever used with its own.
    async fn identities(&self) -> Result<Vec<ClientIdentity>, StoreError>;

    /// Keeps an identity, replacing one for the same issuer.
    async fn save_identity(&self, identity: &ClientIdentity) -> Result<(), StoreError>;

    /// Drops the identity at this issuer if it still has this client id: the issuer does not know it any more.
    async fn forget_identity(&self, issuer: &str, client_id: &str) -> Result<(), StoreError>;

    /// The grant.
    async fn grant(&self, key: &GrantKey) -> Result<Option<Grant>, StoreError>;

    /// Keeps a grant, replacing the one before.
    async fn save_grant(&self, key: &GrantKey, grant: &Grant) -> Result<(), StoreError>;

    /// Drops the grant: it was revoked or the user logged out.
    async fn forget_grant(&self, key: &GrantKey) -> Result<(), StoreError>;
}

/// The store cannot be reached or does not work.
#[derive(Debug, thiserror::Error)]
#[error("the credential store failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps everything in memory, as long as the process lives. Bounded: the oldest leave first.
#[derive(Default)]
pub struct MemoryCredentials {
    inner: Mutex<Inner>,
}

/// How many grants, and how many identities, [`MemoryCredentials`] keeps.
const MAX_KEPT: usize = 1_000;

#[derive(Default)]
struct Inner {
    identities: Bounded<String, ClientIdentity>,
    grants: Bounded<GrantKey, Grant>,
}

impl MemoryCredentials {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is one insert or remove; a panic elsewhere leaves the maps whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CredentialStore for MemoryCredentials {
    async fn identities(&self) -> Result<Vec<ClientIdentity>, StoreError> {
        Ok(self.lock().identities.values())
    }

    async fn save_identity(&self, identity: &ClientIdentity) -> Result<(), StoreError> {
        self.lock().identities.put(identity.issuer.clone(), identity.clone());
        Ok(())
    }

    async fn forget_identity(&self, issuer: &str, client_id: &str) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let issuer = issuer.to_owned();
        if inner.identities.get(&issuer).is_some_and(|identity| identity.client_id == client_id) {
            inner.identities.remove(&issuer);
        }
        Ok(())
    }

    async fn grant(&self, key: &GrantKey) -> Result<Option<Grant>, StoreError> {
        Ok(self.lock().grants.get(key))
    }

    async fn save_grant(&self, key: &GrantKey, grant: &Grant) -> Result<(), StoreError> {
        self.lock().grants.put(key.clone(), grant.clone());
        Ok(())
    }

    async fn forget_grant(&self, key: &GrantKey) -> Result<(), StoreError> {
        self.lock().grants.remove(key);
        Ok(())
    }
}

/// A map that drops its oldest entry when it is full.
struct Bounded<K, V> {
    entries: HashMap<K, (u64, V)>,
    next: u64,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), next: 0 }
    }
}

impl<K: Clone + Eq + std::hash::Hash, V: Clone> Bounded<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key).map(|(_, value)| value.clone())
    }

    fn values(&self) -> Vec<V> {
        self.entries.values().map(|(_, value)| value.clone()).collect()
    }

    fn put(&mut self, key: K, value: V) {
        self.entries.insert(key, (self.next, value));
        self.next += 1;
        if self.entries.len() > MAX_KEPT {
            let oldest = self.entries.iter().min_by_key(|(_, (age, _))| *age).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
    }

    fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }
}
