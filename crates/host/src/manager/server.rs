//! One server of a session: what is shown of it, its exchange log, and the way to its driver.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use barewire_mcp::revision::Revision;
use barewire_mcp_client::{Clock, GrantKey, LoginRequired};
use barewire_oauth::scope::ScopeSet;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::driver::{self, Command};
use super::link::Link;
use super::trouble::Trouble;
use super::wire::{Ended, Wire};
use super::writer;
use crate::api::{Authorization, Era, Event, ListKind, ServerStatus, ServerStatusKind, ServerView};
use crate::error::ApiError;
use crate::events::EventLog;
use crate::host::{App, millis};
use crate::random;
use crate::session::Session;
use crate::store::{SessionKey, StoredExchange, StoredServer};

/// Longest URL that is taken.
const URL_LENGTH: usize = 2048;

/// Commands that may wait for the driver; more of them would say the same again.
const COMMANDS: usize = 8;

/// A server of a session.
pub(crate) struct Server {
    id: String,
    url: Url,
    spoken: Spoken,
    added_at: SystemTime,
    key: SessionKey,
    session: Weak<Session>,
    events: Arc<EventLog>,
    clock: Clock,
    wire: Wire,
    finished: mpsc::Sender<Ended>,
    commands: mpsc::Sender<Command>,
    closed: CancellationToken,
    logging_in: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    view: ServerView,
    link: Option<Arc<Link>>,
    /// The page was told that it was removed; nothing is told of it after that.
    gone: bool,
    login: Option<LoginRequired>,
}

/// What is spoken with a server, as the person chose. The same URL with another choice is another server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Spoken {
    pub(crate) era: Era,
    /// Nothing newer than this; without it, the newest there is.
    pub(crate) newest: Option<Revision>,
}

/// What the store keeps of a server.
#[derive(Serialize, Deserialize)]
struct Document {
    url: Url,
    name: String,
    #[serde(flatten)]
    spoken: Spoken,
}

/// Reads a URL that somebody entered.
///
/// # Errors
/// A sentence for the person, if it cannot be the URL of an MCP endpoint.
pub(crate) fn parse_url(text: &str) -> Result<Url, ApiError> {
    let refuse = |why: &str| Err(ApiError::BadRequest(why.to_owned()));
    if text.len() > URL_LENGTH {
        return refuse("the URL is too long");
    }
    let Ok(mut url) = Url::parse(text.trim()) else {
        return refuse("this is not a URL; the URL of an MCP endpoint looks like https://example.com/mcp");
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return refuse("the URL of an MCP endpoint starts with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("a URL with a user name or password in it is not taken: log in at the server instead");
    }
    url.set_fragment(None);
    Ok(url)
}

impl Server {
    /// A new server; it starts to connect.
    pub(crate) fn add(app: &App, session: &Arc<Session>, url: Url, spoken: Spoken) -> Arc<Self> {
        let name = name_of(&url);
        Self::start(app, session, random::id("s"), app.now(), Document { url, name, spoken }, Vec::new())
    }

    /// A server of an earlier run; it starts to connect. `None` if the store has something unreadable.
    pub(crate) fn restore(
        app: &App,
        session: &Arc<Session>,
        stored: StoredServer,
        exchanges: Vec<StoredExchange>,
    ) -> Option<Arc<Self>> {
        match serde_json::from_str(&stored.document) {
            Ok(document) => Some(Self::start(app, session, stored.id, stored.added_at, document, exchanges)),
            Err(error) => {
                tracing::error!(%error, server = stored.id, "a stored server cannot be read; it is left out");
                None
            }
        }
    }

    fn start(
        app: &App,
        session: &Arc<Session>,
        id: String,
        added_at: SystemTime,
        document: Document,
        exchanges: Vec<StoredExchange>,
    ) -> Arc<Self> {
        let (commands, for_driver) = mpsc::channel(COMMANDS);
        let (finished, for_writer) = mpsc::channel(writer::QUEUE);
        let view = ServerView {
            id: id.clone(),
            url: document.url.to_string(),
            name: document.name,
            era: document.spoken.era,
            newest: document.spoken.newest,
            added_at: millis(added_at),
            status: ServerStatus {
                kind: ServerStatusKind::Connecting,
                message: "Connecting.".to_owned(),
                what_next: None,
                since: millis(app.now()),
                retry_at: None,
            },
            authorization: Authorization::Unknown,
            revision: None,
            supported_revisions: Vec::new(),
            server_info: None,
            capabilities: None,
            instructions: None,
            user: None,
            client: None,
            issuer: None,
            resource: None,
            scopes: Vec::new(),
            scopes_supported: Vec::new(),
            token_expires_at: None,
        };
        let server = Arc::new(Self {
            wire: Wire::new(&id, app.limits(), session.events().clone(), app.budget().clone(), exchanges),
            id,
            url: document.url,
            spoken: document.spoken,
            added_at,
            key: session.key().clone(),
            session: Arc::downgrade(session),
            events: session.events().clone(),
            clock: app.clock().clone(),
            finished,
            commands,
            closed: session.closed().child_token(),
            logging_in: tokio::sync::Mutex::default(),
            state: Mutex::new(State { view, link: None, gone: false, login: None }),
        });
        server.publish(&server.lock());
        app.tasks().spawn(writer::write(app.clone(), server.clone(), for_writer));
        app.tasks().spawn(driver::drive(app.clone(), server.clone(), for_driver));
        server
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn spoken(&self) -> Spoken {
        self.spoken
    }

    /// Key of the session that it belongs to.
    pub(crate) fn key(&self) -> &SessionKey {
        &self.key
    }

    /// The session that it belongs to, unless that is gone.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.upgrade()
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Ends with the server.
    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// Tells the page that it was removed, as the last thing of all, and ends its tasks.
    pub(crate) fn retire(&self) {
        self.wire.retire();
        let mut state = self.lock();
        state.gone = true;
        self.events.publish(&Event::ServerRemoved { server: self.id.clone() });
        drop(state);
        self.closed.cancel();
    }

    pub(crate) fn view(&self) -> ServerView {
        self.lock().view.clone()
    }

    /// As the store keeps it.
    pub(crate) fn stored(&self) -> StoredServer {
        let name = self.lock().view.name.clone();
        let Spoken { era, newest } = self.spoken;
        let document = serde_json::json!({ "url": self.url, "name": name, "era": era, "newest": newest });
        let document = document.to_string();
        StoredServer { id: self.id.clone(), added_at: self.added_at, document }
    }

    /// Tells the driver something; if many commands wait already, it will look again anyway.
    pub(crate) fn command(&self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(command)) = self.commands.try_send(command) {
            tracing::debug!(?command, server = self.id, "the driver has enough to do already");
        }
    }

    /// Tells the driver of a trouble that a request met, if it is one of the whole connection.
    pub(crate) fn noticed(&self, trouble: &Trouble) {
        if matches!(trouble, Trouble::LoginRequired { .. } | Trouble::Lost { .. }) && self.link().is_ok() {
            self.command(Command::Troubled(trouble.clone()));
        }
    }

    /// The connection, if there is one now.
    pub(crate) fn link(&self) -> Result<Arc<Link>, ApiError> {
        let state = self.lock();
        state.link.clone().ok_or_else(|| ApiError::Conflict {
            message: format!("{} is not connected: {}", state.view.name, state.view.status.message),
            what_next: state.view.status.what_next.clone(),
        })
    }

    pub(crate) fn set_link(&self, link: Option<Arc<Link>>) {
        self.lock().link = link;
    }

    /// Changes what is shown, and tells the page if it is something else now.
    pub(crate) fn update(&self, change: impl FnOnce(&mut ServerView)) {
        let mut state = self.lock();
        let before = state.view.clone();
        change(&mut state.view);
        if state.view != before {
            self.publish(&state);
        }
    }

    /// Changes the status, and with it whatever else changed.
    pub(crate) fn set_status(
        &self,
        kind: ServerStatusKind,
        message: impl Into<String>,
        what_next: Option<&str>,
        change: impl FnOnce(&mut ServerView),
    ) {
        let since = millis((self.clock)());
        let status = ServerStatus {
            kind,
            message: message.into(),
            what_next: what_next.map(ToOwned::to_owned),
            since,
            retry_at: None,
        };
        self.update(|view| {
            view.status = status;
            change(view);
        });
    }

    pub(crate) fn list_changed(&self, list: ListKind) {
        self.tell(&Event::ListChanged { server: self.id.clone(), list });
    }

    pub(crate) fn resource_updated(&self, uri: &str) {
        self.tell(&Event::ResourceUpdated { server: self.id.clone(), uri: uri.to_owned() });
    }

    /// Hands an exchange that has ended to the store, behind the work that made it.
    pub(crate) fn keep(&self, ended: Option<Ended>) {
        if let Some(ended) = ended
            && self.finished.try_send(ended).is_err()
        {
            tracing::warn!(server = self.id, "the store is too slow: an exchange will not survive a restart");
        }
    }

    /// What the next login has to know: the server's last challenge.
    pub(crate) fn login_required(&self) -> LoginRequired {
        let known = self.lock().login.clone();
        known.unwrap_or_else(|| {
            let scopes = ScopeSet::from_tokens(&self.view().scopes);
            LoginRequired { step_up: !scopes.is_empty(), scopes, ..LoginRequired::to(self.url.as_str()) }
        })
    }

    /// While this is held nobody else starts a login here.
    pub(crate) async fn one_login(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.logging_in.lock().await
    }

    pub(crate) fn set_login_required(&self, login: Option<LoginRequired>) {
        self.lock().login = login;
    }

    fn tell(&self, event: &Event) {
        if !self.lock().gone {
            self.events.publish(event);
        }
    }

    fn publish(&self, state: &State) {
        if state.gone {
            return;
        }
        self.events.publish(&Event::Server { server: Box::new(state.view.clone()) });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the tokens of a server that is in the store only.
pub(crate) async fn forget_stored_grant(
    app: &App,
    session: &SessionKey,
    stored: &StoredServer,
) -> Result<(), ApiError> {
    let Ok(document) = serde_json::from_str::<Document>(&stored.document) else { return Ok(()) };
    let key = GrantKey { owner: session.as_str().to_owned(), server: document.url.to_string() };
    app.client().credentials.forget_grant(&key).await.map_err(ApiError::Credentials)
}

/// What a server is called before it said its name.
fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    format!("{host}{port}{}", url.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document that was written before there was such a choice.
    #[test]
    fn what_is_not_said_is_everything() {
        for (document, expected) in [
            (r#"{"url":"http://a.example/mcp","name":"a"}"#, Spoken::default()),
            (
                r#"{"url":"http://a.example/mcp","name":"a","era":"legacy"}"#,
                Spoken { era: Era::Legacy, newest: None },
            ),
            (
                r#"{"url":"http://a.example/mcp","name":"a","era":"either","newest":"2025-03-26"}"#,
                Spoken { era: Era::Either, newest: Some(Revision::V2025_03_26) },
            ),
        ] {
            assert_eq!(serde_json::from_str::<Document>(document).unwrap().spoken, expected, "{document}");
        }
    }

    #[test]
    fn an_endpoint_is_an_http_url_without_credentials() {
        for (text, expected) in [
            ("http://localhost:8000/mcp", Some("http://localhost:8000/mcp")),
            (" https://example.com/mcp ", Some("https://example.com/mcp")),
            ("https://example.com/mcp?tenant=1#top", Some("https://example.com/mcp?tenant=1")),
            ("localhost:8000/mcp", None),
            ("file:///etc/passwd", None),
            ("javascript:alert(1)", None),
            ("https://user@example.com/mcp", None),
            ("https://:secret@example.com/mcp", None),
            ("", None),
        ] {
            assert_eq!(parse_url(text).ok().map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
        assert!(parse_url(&format!("https://example.com/{}", "a".repeat(URL_LENGTH))).is_err());
    }
}
