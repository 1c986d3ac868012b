//! Logins that wait for a person to come back to `/callback`.
//!
//! A login belongs to the browser session that started it: the `state` alone is not enough, so that nobody can have
//! somebody else's browser finish a login of theirs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use barewire_mcp_client::{GrantKey, Login, LoginError};
use barewire_oauth::scope::ScopeSet;
use indexmap::IndexMap;
use url::form_urlencoded;

use super::driver::Command;
use super::{Server, link, run, trouble, view};
use crate::api::{ListKind, ServerStatusKind};
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
    /// Go to this server; how it goes on is in its status.
    Server(String),
    /// No login of this session has that `state`.
    Unknown,
}

/// Begins a login and says where the browser goes. `scopes` are asked for beside those that the server's challenge names.
pub(crate) async fn start(app: &App, server: &Arc<Server>, scopes: &[String]) -> Result<String, ApiError> {
    let session = server.session().ok_or(ApiError::NoSession)?;
    // One at a time: the second of two clicks finds the registration of the first.
    let _one = server.one_login().await;
    let required = server.login_required();
    let scopes = ScopeSet::from_tokens(scopes);
    let login = Login::start(link::options(app, server), required, scopes).await.map_err(|it| failed(&it))?;
    let authorize_url = login.authorize_url().to_owned();
    let state = login.state().to_owned();
    session.logins().insert(state, Pending { server: server.id().to_owned(), login, since: app.now() });
    Ok(authorize_url)
}

/// Takes what the authorization server sent the browser back with. The code is redeemed in the background, so that the
/// browser is back on the page, where it sees that happen, and closing it loses nothing.
pub(crate) fn finish(app: &App, session: &Session, query: &str) -> Callback {
    let state =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state").map(|(_, value)| value);
    let taken = state.and_then(|it| session.logins().take(&it, app.now(), app.limits().login));
    let Some((id, login)) = taken else { return Callback::Unknown };
    let Ok(server) = session.server(&id) else { return Callback::Unknown };
    if server.link().is_err() {
        let message = "Back from the login; the code is exchanged for a token.";
        server.set_status(ServerStatusKind::Connecting, message, None, |_| {});
    }
    app.tasks().spawn(redeem(app.clone(), server, login, query.to_owned()));
    Callback::Server(id)
}

async fn redeem(app: App, server: Arc<Server>, login: Login, query: String) {
    match (login.finish(&query).await, server.link()) {
        // A step-up: the connection is good, and what waited for the scopes goes on.
        (Ok(_), Ok(link)) => {
            server.set_login_required(None);
            link::show_grant(&link, &server).await;
            link::show_user(&app, &link, &server).await;
            for list in [ListKind::Tools, ListKind::Resources, ListKind::Prompts] {
                server.list_changed(list);
            }
            run::resume(&app, &server);
            run::refused(&server, "The login did not give all of these scopes.");
        }
        (Ok(_), Err(_)) => {
            server.set_login_required(None);
            server.command(Command::Connect);
            for other in others(&server).filter(|it| it.link().is_err()) {
                other.command(Command::Connect);
            }
        }
        // A refused step-up takes nothing away; the calls that waited say what they wait for.
        (Err(error), Ok(_)) => {
            let message = trouble::sentence(&error);
            run::refused(&server, &message);
            server.set_status(ServerStatusKind::Ready, message, error.what_next().as_deref(), |_| {});
        }
        (Err(error), Err(_)) => {
            let message = trouble::sentence(&error);
            server.set_status(ServerStatusKind::Refused, message, error.what_next().as_deref(), |_| {});
        }
    }
}

/// Revokes the tokens where the authorization server can be told, forgets them, and asks the server again without any.
pub(crate) async fn log_out(app: &App, server: &Arc<Server>) -> Result<(), ApiError> {
    forget(app, server).await?;
    server.command(Command::Connect);
    for other in others(server) {
        other.command(Command::Connect);
    }
    Ok(())
}

/// Other connections of the session to the same endpoint, in another revision: they have the same tokens.
fn others(server: &Server) -> impl Iterator<Item = Arc<Server>> {
    let (url, id) = (server.url().clone(), server.id().to_owned());
    let servers = server.session().map(|it| it.servers()).unwrap_or_default();
    servers.into_iter().filter(move |it| *it.url() == url && it.id() != id)
}

/// Revokes the tokens where that can be done, and forgets them.
pub(crate) async fn forget(app: &App, server: &Arc<Server>) -> Result<(), ApiError> {
    if let Ok(link) = server.link() {
        link.log_out().await?;
    }
    let key = GrantKey { owner: server.key().as_str().to_owned(), server: server.url().to_string() };
    app.client().credentials.forget_grant(&key).await.map_err(ApiError::Credentials)?;
    server.set_login_required(None);
    server.update(|view| {
        view::grant(view, None);
        view.user = None;
    });
    Ok(())
}

fn failed(error: &LoginError) -> ApiError {
    ApiError::Upstream { message: trouble::sentence(&error), what_next: error.what_next() }
}
