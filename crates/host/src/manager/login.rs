//! Logins that wait for a person to come back to `/callback`.
//!
//! A login belongs to the browser session that started it: the `state` alone is not enough, so that nobody can have
//! somebody else's browser finish a login of theirs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;

use super::driver::Command;
use super::link::{Login, Trouble};
use super::{Server, run};
use crate::api::ServerStatusKind;
use crate::error::ApiError;
use crate::host::App;
use crate::session::Session;

/// Logins of one session that may be open at once; the oldest makes room.
const OPEN: usize = 16;

/// The open logins of one session, by `state`.
#[derive(Default)]
pub(crate) struct Logins(Mutex<IndexMap<String, Pending>>);

struct Pending {
    server: String,
    login: Login,
    since: SystemTime,
}

impl Logins {
    fn insert(&self, state: String, pending: Pending) {
        let mut open = self.lock();
        if open.len() >= OPEN {
            open.shift_remove_index(0);
        }
        open.insert(state, pending);
    }

    /// Takes the login of that state out: it can be finished once.
    fn take(&self, state: &str, now: SystemTime, ttl: Duration) -> Option<(String, Login)> {
        let mut open = self.lock();
        open.retain(|_, it| now.duration_since(it.since).is_ok_and(|age| age <= ttl));
        open.shift_remove(state).map(|it| (it.server, it.login))
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<String, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a callback ended, for the browser that made it.
pub(crate) enum Callback {
    /// Go to this server; how it went on is in its status.
    Server(String),
    /// No login of this session has that `state`.
    Unknown,
}

/// Begins a login and says where the browser goes.
pub(crate) async fn start(
    app: &App,
    server: &Arc<Server>,
    scopes: Option<Vec<String>>,
) -> Result<String, ApiError> {
    let session = server.session().ok_or(ApiError::NoSession)?;
    let (login, state, authorize_url) = Login::begin(app, server, scopes).await?;
    session.logins().insert(state, Pending { server: server.id().to_owned(), login, since: app.now() });
    Ok(authorize_url)
}

/// Takes what the authorization server sent the browser back with. The code is redeemed in the background, so that the
/// browser is back on the page, where it sees that happen, and closing it loses nothing.
pub(crate) fn finish(app: &App, session: &Session, query: &str) -> Callback {
    let state = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "state")
        .map(|(_, value)| value);
    let taken = state.and_then(|it| session.logins().take(&it, app.now(), app.limits().login));
    let Some((id, login)) = taken else { return Callback::Unknown };
    let Ok(server) = session.server(&id) else { return Callback::Unknown };
    let (app_, query) = (app.clone(), query.to_owned());
    app.tasks().spawn(async move {
        let app = app_;
        match login.finish(&app, &server, &query).await {
            Ok(()) => server.command(Command::Connect),
            Err(trouble) => refuse(&app, &server, trouble),
        }
    });
    Callback::Server(id)
}

/// Forgets the tokens, at the authorization server too where it can be told.
pub(crate) async fn log_out(app: &App, server: &Arc<Server>) -> Result<(), ApiError> {
    Login::log_out(app, server).await?;
    server.command(Command::Connect);
    Ok(())
}

/// A login that failed leaves a connection that works as it is: a refused step-up takes nothing away.
fn refuse(app: &App, server: &Arc<Server>, trouble: Trouble) {
    let _ = (app, run::resume);
    let (message, what_next) = trouble.sentences();
    server.set_status(ServerStatusKind::Refused, message, what_next.as_deref(), |_| {});
}
