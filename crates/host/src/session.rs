//! Browser sessions: what belongs to one browser and to no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::{Limits, PublicOrigin};
use crate::error::ApiError;
use crate::events::EventLog;
use crate::host::App;
use crate::manager::{self, Call, Logins, Server};
use crate::store::SessionKey;

/// Name of the cookie. Over https it is bound to this very host, so that no neighbouring one can plant a session of its own
/// in a browser and see what that browser logs in to
/// ([RFC 6265bis §4.1.3.2](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2)).
pub(crate) fn cookie_name(origin: &PublicOrigin) -> &'static str {
    if origin.is_https() { "__Host-barewire_session" } else { "barewire_session" }
}

/// How often the store is told that a session was seen.
const SEEN_EVERY: Duration = Duration::from_secs(600);

/// The sessions in memory.
pub(crate) struct Sessions {
    limit: usize,
    map: Mutex<HashMap<SessionKey, Arc<Session>>>,
    /// One session is taken out of the store at a time, so that two tabs do not connect its servers twice.
    restoring: tokio::sync::Mutex<()>,
}

/// One browser's session.
pub(crate) struct Session {
    key: SessionKey,
    events: Arc<EventLog>,
    streams: Arc<Semaphore>,
    stream_limit: usize,
    closed: CancellationToken,
    seen: Mutex<Seen>,
    servers: Mutex<IndexMap<String, Arc<Server>>>,
    calls: Mutex<IndexMap<String, Arc<Call>>>,
    logins: Logins,
}

struct Seen {
    at: SystemTime,
    stored: SystemTime,
}

/// The header that gives a browser its session: no script can read it, and it goes along only with what starts here or
/// with a navigation to here.
pub(crate) fn set_cookie(secret: &str, origin: &PublicOrigin, limits: &Limits) -> String {
    let secure = if origin.is_https() { "; Secure" } else { "" };
    let age = limits.session_idle.as_secs();
    let name = cookie_name(origin);
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}")
}

impl App {
    /// The session of that cookie, from memory or out of the store.
    pub(crate) async fn session(&self, cookie: &str) -> Result<Option<Arc<Session>>, ApiError> {
        let key = SessionKey::of_cookie(cookie);
        let session = match self.sessions().find(&key) {
            Some(session) => session,
            None => match self.restore(&key).await? {
                Some(session) => session,
                None => return Ok(None),
            },
        };
        let now = self.now();
        if session.seen(now) {
            self.store().save_session(&key, now).await?;
        }
        Ok(Some(session))
    }

    /// A new session for that cookie.
    pub(crate) fn new_session(&self, cookie: &str) -> Result<Arc<Session>, ApiError> {
        let key = SessionKey::of_cookie(cookie);
        let session = Arc::new(Session::new(self, key));
        self.sessions().insert(session.clone())?;
        Ok(session)
    }

    async fn restore(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, ApiError> {
        let _one = self.sessions().restoring.lock().await;
        if let Some(session) = self.sessions().find(key) {
            return Ok(Some(session));
        }
        let Some(seen) = self.store().session_seen(key).await? else { return Ok(None) };
        let now = self.now();
        if now.duration_since(seen).is_ok_and(|idle| idle > self.limits().session_idle) {
            return Ok(None);
        }
        let session = Arc::new(Session::new(self, key.clone()));
        for stored in self.store().servers(key).await? {
            let exchanges = self.store().exchanges(key, &stored.id).await?;
            if let Some(server) = Server::restore(self, &session, stored, exchanges) {
                session.lock_servers().insert(server.id().to_owned(), server);
            }
        }
        if let Err(full) = self.sessions().insert(session.clone()) {
            session.close();
            return Err(full);
        }
        Ok(Some(session))
    }

    /// Forgets sessions that nobody came back to, in memory and in the store; first their tokens, then where they were.
    pub(crate) async fn forget_idle_sessions(&self) -> Result<(), ApiError> {
        let Some(before) = self.now().checked_sub(self.limits().session_idle) else { return Ok(()) };
        self.sessions().remove_seen_before(before);
        for key in self.store().sessions_seen_before(before).await? {
            if self.sessions().find(&key).is_some() {
                continue;
            }
            for stored in self.store().servers(&key).await? {
                manager::forget_stored_grant(self, &key, &stored).await?;
            }
            self.store().remove_session(&key, before).await?;
            tracing::info!("forgot an idle session");
        }
        Ok(())
    }
}

impl Sessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, map: Mutex::default(), restoring: tokio::sync::Mutex::default() }
    }

    fn find(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.lock().get(key).cloned()
    }

    /// Makes room by closing the session that was not looked at for longest; its servers stay in the store.
    fn insert(&self, session: Arc<Session>) -> Result<(), ApiError> {
        let mut map = self.lock();
        if map.len() >= self.limit {
            let idle = map.values().filter(|it| !it.is_busy()).min_by_key(|it| it.seen_at());
            let Some(idle) = idle.cloned() else {
                return Err(ApiError::TooMany { what: "browser sessions", limit: self.limit });
            };
            map.remove(&idle.key);
            idle.close();
        }
        map.insert(session.key.clone(), session);
        Ok(())
    }

    fn remove_seen_before(&self, time: SystemTime) {
        self.lock().retain(|_, session| {
            let keep = session.seen_at() >= time || session.is_busy();
            if !keep {
                session.close();
            }
            keep
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<Session>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn new(app: &App, key: SessionKey) -> Self {
        let limits = app.limits();
        Self {
            key,
            events: Arc::new(EventLog::new(limits.events, limits.event_bytes)),
            streams: Arc::new(Semaphore::new(limits.event_streams_per_session)),
            stream_limit: limits.event_streams_per_session,
            closed: app.shutdown().child_token(),
            seen: Mutex::new(Seen { at: app.now(), stored: SystemTime::UNIX_EPOCH }),
            servers: Mutex::default(),
            calls: Mutex::default(),
            logins: Logins::default(),
        }
    }

    /// Logins that were started here and did not come back as yet.
    pub(crate) fn logins(&self) -> &Logins {
        &self.logins
    }

    pub(crate) fn key(&self) -> &SessionKey {
        &self.key
    }

    pub(crate) fn events(&self) -> &Arc<EventLog> {
        &self.events
    }

    /// Ends with the session.
    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// A place for one more event stream.
    pub(crate) fn event_stream(&self, limits: &Limits) -> Result<OwnedSemaphorePermit, ApiError> {
        self.streams.clone().try_acquire_owned().map_err(|_| ApiError::TooMany {
            what: "open event streams",
            limit: limits.event_streams_per_session,
        })
    }

    pub(crate) fn servers(&self) -> Vec<Arc<Server>> {
        self.lock_servers().values().cloned().collect()
    }

    pub(crate) fn server(&self, id: &str) -> Result<Arc<Server>, ApiError> {
        self.lock_servers().get(id).cloned().ok_or(ApiError::NotFound("server"))
    }

    /// Adds what `make` gives, unless there is a server that `same` already, which is given back instead.
    pub(crate) fn add_server(
        &self,
        limit: usize,
        same: impl Fn(&Server) -> bool,
        make: impl FnOnce() -> Arc<Server>,
    ) -> Result<(Arc<Server>, bool), ApiError> {
        let mut servers = self.lock_servers();
        if let Some(known) = servers.values().find(|it| same(it)) {
            return Ok((known.clone(), false));
        }
        if servers.len() >= limit {
            return Err(ApiError::TooMany { what: "servers", limit });
        }
        let server = make();
        servers.insert(server.id().to_owned(), server.clone());
        Ok((server, true))
    }

    /// Takes the server out, and its calls with it.
    pub(crate) fn remove_server(&self, id: &str) -> Option<Arc<Server>> {
        let server = self.lock_servers().shift_remove(id)?;
        let mut calls = self.lock_calls();
        calls.retain(|_, call| {
            let stays = call.server() != id;
            if !stays {
                call.retire(false);
            }
            stays
        });
        drop(calls);
        server.retire();
        Some(server)
    }

    pub(crate) fn calls(&self) -> Vec<Arc<Call>> {
        self.lock_calls().values().cloned().collect()
    }

    pub(crate) fn call(&self, id: &str) -> Result<Arc<Call>, ApiError> {
        self.lock_calls().get(id).cloned().ok_or(ApiError::NotFound("call"))
    }

    /// Adds the call that `make` gives; the oldest finished one makes room.
    pub(crate) fn add_call(
        &self,
        limits: &Limits,
        make: impl FnOnce() -> Arc<Call>,
    ) -> Result<Arc<Call>, ApiError> {
        let mut calls = self.lock_calls();
        let running = calls.values().filter(|it| !it.is_finished()).count();
        if running >= limits.running_calls_per_session {
            return Err(ApiError::TooMany { what: "running calls", limit: limits.running_calls_per_session });
        }
        while calls.len() >= limits.calls_per_session.max(1) {
            let Some(id) = calls.iter().find(|(_, it)| it.is_finished()).map(|(id, _)| id.clone()) else {
                return Err(ApiError::TooMany { what: "calls", limit: limits.calls_per_session });
            };
            if let Some(call) = calls.shift_remove(&id) {
                call.retire(true);
            }
        }
        let call = make();
        calls.insert(call.id().to_owned(), call.clone());
        drop(calls);
        self.shed_calls(limits);
        Ok(call)
    }

    /// While all calls together are too large, the oldest finished one leaves; never the newest.
    pub(crate) fn shed_calls(&self, limits: &Limits) {
        let mut calls = self.lock_calls();
        while calls.values().map(|it| it.bytes()).sum::<usize>() > limits.call_bytes_per_session {
            let older = calls.values().take(calls.len().saturating_sub(1));
            let Some(id) = older.clone().find(|it| it.is_finished()).map(|it| it.id().to_owned()) else {
                break;
            };
            if let Some(call) = calls.shift_remove(&id) {
                call.retire(true);
            }
        }
    }

    pub(crate) fn remove_call(&self, id: &str) -> Option<Arc<Call>> {
        let call = self.lock_calls().shift_remove(id)?;
        call.retire(true);
        Some(call)
    }

    /// Notes the time; says whether the store should know too, which it does only for a session that has something.
    fn seen(&self, now: SystemTime) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.at = now;
        let due = now.duration_since(seen.stored).is_ok_and(|it| it >= SEEN_EVERY);
        let tell = due && !self.lock_servers().is_empty();
        if tell {
            seen.stored = now;
        }
        tell
    }

    fn seen_at(&self) -> SystemTime {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).at
    }

    /// Somebody looks, or something runs. What waits for a person waits for nobody here.
    fn is_busy(&self) -> bool {
        self.streams.available_permits() < self.stream_limit
            || self.lock_calls().values().any(|it| it.is_running())
    }

    fn close(&self) {
        self.closed.cancel();
    }

    fn lock_servers(&self) -> MutexGuard<'_, IndexMap<String, Arc<Server>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_calls(&self) -> MutexGuard<'_, IndexMap<String, Arc<Call>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
