//! A store that lasts as long as the process: for tests, and for a host without a data directory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;

use super::{HostStore, HostStoreError, SessionKey, StoredExchange, StoredServer};

/// State in memory. It is as bounded as what the host puts into it.
#[derive(Default)]
pub struct MemoryHostStore {
    sessions: Mutex<BTreeMap<SessionKey, StoredSession>>,
}

struct StoredSession {
    seen: SystemTime,
    servers: Vec<(StoredServer, Vec<StoredExchange>)>,
}

impl MemoryHostStore {
    fn sessions(&self) -> MutexGuard<'_, BTreeMap<SessionKey, StoredSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoredSession {
    fn log(&mut self, server: &str) -> Option<&mut Vec<StoredExchange>> {
        self.servers.iter_mut().find(|(it, _)| it.id == server).map(|(_, log)| log)
    }
}

#[async_trait]
impl HostStore for MemoryHostStore {
    async fn ready(&self) -> Result<(), HostStoreError> {
        Ok(())
    }

    async fn session_seen(&self, session: &SessionKey) -> Result<Option<SystemTime>, HostStoreError> {
        Ok(self.sessions().get(session).map(|it| it.seen))
    }

    async fn save_session(&self, session: &SessionKey, seen: SystemTime) -> Result<(), HostStoreError> {
        let mut sessions = self.sessions();
        let stored = sessions.entry(session.clone()).or_insert(StoredSession { seen, servers: Vec::new() });
        stored.seen = seen;
        Ok(())
    }

    async fn sessions_seen_before(&self, time: SystemTime) -> Result<Vec<SessionKey>, HostStoreError> {
        Ok(self.sessions().iter().filter(|(_, it)| it.seen < time).map(|(key, _)| key.clone()).collect())
    }

    async fn remove_session(
        &self,
        session: &SessionKey,
        seen_before: SystemTime,
    ) -> Result<(), HostStoreError> {
        let mut sessions = self.sessions();
        if sessions.get(session).is_some_and(|it| it.seen < seen_before) {
            sessions.remove(session);
        }
        Ok(())
    }

    async fn servers(&self, session: &SessionKey) -> Result<Vec<StoredServer>, HostStoreError> {
        let sessions = self.sessions();
        Ok(sessions
            .get(session)
            .map(|it| it.servers.iter().map(|(it, _)| it.clone()).collect())
            .unwrap_or_default())
    }

    async fn save_server(&self, session: &SessionKey, server: &StoredServer) -> Result<(), HostStoreError> {
        let mut sessions = self.sessions();
        let Some(stored) = sessions.get_mut(session) else { return Ok(()) };
        match stored.servers.iter_mut().find(|(it, _)| it.id == server.id) {
            Some((known, _)) => *known = server.clone(),
            None => stored.servers.push((server.clone(), Vec::new())),
        }
        Ok(())
    }

    async fn remove_server(&self, session: &SessionKey, server: &str) -> Result<(), HostStoreError> {
        if let Some(stored) = self.sessions().get_mut(session) {
            stored.servers.retain(|(it, _)| it.id != server);
        }
        Ok(())
    }

    async fn save_exchanges(
        &self,
        session: &SessionKey,
        server: &str,
        exchanges: &[StoredExchange],
        oldest: u64,
    ) -> Result<(), HostStoreError> {
        if let Some(log) = self.sessions().get_mut(session).and_then(|it| it.log(server)) {
            log.retain(|it| exchanges.iter().all(|new| new.number != it.number));
            log.extend_from_slice(exchanges);
            log.retain(|it| it.number >= oldest);
            log.sort_by_key(|it| it.number);
        }
        Ok(())
    }

    async fn exchanges(
        &self,
        session: &SessionKey,
        server: &str,
    ) -> Result<Vec<StoredExchange>, HostStoreError> {
        Ok(self.sessions().get_mut(session).and_then(|it| it.log(server).cloned()).unwrap_or_default())
    }

    async fn clear_exchanges(&self, session: &SessionKey, server: &str) -> Result<(), HostStoreError> {
        if let Some(log) = self.sessions().get_mut(session).and_then(|it| it.log(server)) {
            log.clear();
        }
        Ok(())
    }
}
