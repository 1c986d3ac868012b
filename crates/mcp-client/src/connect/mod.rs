//! The ladder: which era a server speaks, and the first agreement with it.
//!
//! The modern era first. Only a recognised modern answer proves a modern server; after everything else the handshake of
//! the older revisions is tried, and where its POST is not taken the transport of 2024-11-05, before anybody is asked to log in again or told that this is no MCP server
//! ([Backward Compatibility](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#backward-compatibility)).

mod handshake;
pub(crate) mod http_sse;
mod probe;

use std::sync::Arc;

use barewire_exchange::Decision;
use barewire_mcp::client::probe::LegacySign;
use barewire_mcp::jsonrpc::{ErrorObject, Id};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::v2026_07_28::DiscoverResult;
use http::StatusCode;
use url::Url;

use self::handshake::Established;
pub(crate) use self::handshake::{Handshake, handshake};
pub(crate) use self::http_sse::Opened;
use self::probe::Probed;
use crate::auth::Auth;
use crate::authorized::{Authorized, Follow, challenge_of};
use crate::client::ServerInfo;
use crate::connection::{Connection, Spoken};
use crate::credentials::GrantKey;
use crate::error::{Answered, CallError, ConnectError, TransportError};
use crate::legacy::Legacy;
use crate::login::LoginError;
use crate::options::{ClientOptions, EraChoice};
use crate::transport::{Reply, Transport, describe};

/// Takes back and forgets the grant for a server without connecting to it; `false` when there was none.
///
/// # Errors
/// [`CallError::Store`]. That the issuer cannot be reached is not an error: the grant is forgotten here.
pub async fn log_out(server: &str, options: &ClientOptions) -> Result<bool, CallError> {
    let Ok(url) = parse(server) else { return Ok(false) };
    let key = GrantKey { owner: options.owner.clone(), server: server.to_owned() };
    let auth = Auth::new(url, key, options.clone(), Transport::new(options.clone()));
    Ok(auth.revoke().await?)
}

/// Connects.
pub(crate) async fn connect(given: String, options: ClientOptions) -> Result<Arc<Connection>, ConnectError> {
    let url = parse(&given)?;
    let transport = Transport::new(options.clone());
    let key = GrantKey { owner: options.owner.clone(), server: given.clone() };
    let auth = Auth::new(url.clone(), key, options.clone(), transport.clone());
    let authorized = Arc::new(Authorized::new(auth, given.clone(), options.clone(), transport));
    let ladder = Ladder { given, url, options, authorized, next_id: 1 };
    ladder.climb().await
}

/// http or https, without a fragment; everything else stays as it was given.
fn parse(given: &str) -> Result<Url, ConnectError> {
    let wrong = || ConnectError::Url { url: given.to_owned() };
    let mut url = Url::parse(given).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !url.username().is_empty() {
        return Err(wrong());
    }
    url.set_fragment(None);
    Ok(url)
}

struct Ladder {
    given: String,
    url: Url,
    options: ClientOptions,
    authorized: Arc<Authorized>,
    next_id: i64,
}

impl Ladder {
    async fn climb(mut self) -> Result<Arc<Connection>, ConnectError> {
        let origin = self.url.origin().ascii_serialization();
        let known = self.options.shared.eras.recall(&origin, (self.options.clock)());
        if self.options.era == EraChoice::Legacy || self.options.newest.era() == Era::Legacy {
            return self.shake_hands(None).await;
        }
        if (self.options.era, known) == (EraChoice::Either, Some(Era::Legacy)) {
            let outcome = self.shake_hands_again().await?;
            match outcome {
                Some(connection) => return Ok(connection),
                // The server changed since: the verdict is worth nothing any more.
                None => self.options.shared.eras.forget(&origin),
            }
        }
        loop {
            match self.probe().await? {
                Probed::Modern { revision, discovered, raw, recording } => {
                    recording.decide(&Decision::Modern { revision: revision.to_string() });
                    self.remember(Era::Modern);
                    return Ok(self.modern(revision, *discovered, &raw));
                }
                Probed::Legacy { answered, .. } if self.options.era == EraChoice::Modern => {
                    let url = self.given.clone();
                    let answered = answered.unwrap_or(Answered::StreamEnded);
                    return Err(ConnectError::NotMcp { url, answered });
                }
                // Some servers check the session before the token. If the handshake is refused as well, it was the token,
                // and after the login the server is asked from the start.
                Probed::Legacy { sign: Some(LegacySign::RefusedToken), .. } => {
                    match self.try_handshake(Follow::ButKeepRefusals).await? {
                        Handshake::Established(established) => return Ok(self.settle(*established).await),
                        Handshake::Refused(reply) => self.log_in(&reply).await?,
                        Handshake::Failed { error, .. } => return Err(error),
                    }
                }
                Probed::Legacy { answered, .. } => return self.shake_hands(answered).await,
            }
        }
    }

    // ── Modern ─────────────────────────────────────────────────────────────────────────────────────────────────

    fn modern(&self, revision: Revision, discovered: DiscoverResult, raw: &RawJson) -> Arc<Connection> {
        let info = ServerInfo {
            revision,
            supported: discovered.supported_versions,
            implementation: discovered.server_info,
            capabilities: discovered.capabilities,
            raw_capabilities: member(raw, "capabilities"),
            instructions: discovered.instructions,
        };
        self.connection(Spoken::Modern(revision), info)
    }

    // ── Legacy ─────────────────────────────────────────────────────────────────────────────────────────────────

    /// The handshake; `probed` is what the modern probe was answered, for the error message when both fail.
    async fn shake_hands(mut self, probed: Option<Answered>) -> Result<Arc<Connection>, ConnectError> {
        match self.try_handshake(Follow::Everything).await {
            Ok(Handshake::Established(established)) => Ok(self.settle(*established).await),
            Ok(Handshake::Refused(mut reply)) => {
                let answered = reply.describe().await;
                Err(ConnectError::Refused { answered })
            }
            // The probe got a page or a 404; what the handshake got is no news.
            Ok(Handshake::Failed { error: ConnectError::NotMcp { url, answered }, .. })
            | Err(ConnectError::NotMcp { url, answered }) => {
                Err(ConnectError::NotMcp { url, answered: probed.filter(is_telling).unwrap_or(answered) })
            }
            Ok(Handshake::Failed { error, .. }) | Err(error) => Err(error),
        }
    }

    /// The handshake with a server that was a legacy one before. `None` when it is not any more.
    async fn shake_hands_again(&mut self) -> Result<Option<Arc<Connection>>, ConnectError> {
        match self.try_handshake(Follow::Everything).await {
            Ok(Handshake::Established(established)) => Ok(Some(self.settle(*established).await)),
            Err(
                error @ (ConnectError::LoginRequired(_) | ConnectError::Login(_) | ConnectError::Store(_)),
            ) => Err(error),
            Err(error @ ConnectError::Transport(TransportError::Connect { .. })) => Err(error),
            Ok(Handshake::Refused(_) | Handshake::Failed { .. }) | Err(_) => Ok(None),
        }
    }

    async fn try_handshake(&mut self, follow: Follow) -> Result<Handshake, ConnectError> {
        let id = self.id();
        let outcome = handshake(&self.authorized, &self.options, &self.url, &id, follow).await?;
        let Handshake::Failed { status, error } = outcome else { return Ok(outcome) };
        // A server that names revisions has read the proposal.
        if matches!(error, ConnectError::Revision { .. }) || !http_sse::may_follow(status) {
            return Ok(Handshake::Failed { status, error });
        }
        let id = self.id();
        match http_sse::connect(&self.authorized, &self.options, &self.url, &id, None).await? {
            Some(established) => Ok(Handshake::Established(Box::new(established))),
            None => Ok(Handshake::Failed { status, error }),
        }
    }

    /// The session is there; completes the handshake and listens.
    async fn settle(&self, established: Established) -> Arc<Connection> {
        // What is found at `/sse` says nothing of `/mcp` on the same origin.
        if established.opened.is_none() {
            self.remember(Era::Legacy);
        }
        let Established { result, session, opened, raw } = established;
        let info = ServerInfo {
            revision: session.revision,
            supported: Vec::new(),
            implementation: Some(result.server_info),
            capabilities: result.capabilities,
            raw_capabilities: member(&raw, "capabilities"),
            instructions: result.instructions,
        };
        let (legacy, events) = Legacy::new(session, opened);
        let connection = self.connection(Spoken::Legacy(Box::new(legacy)), info);
        connection.begin_session(events).await;
        connection
    }

    // ── Both ───────────────────────────────────────────────────────────────────────────────────────────────────

    async fn log_in(&self, reply: &Reply) -> Result<(), ConnectError> {
        let challenge = challenge_of(&reply.headers);
        self.authorized.log_in_after(reply, challenge).await.map_err(refusal_of)
    }

    fn connection(&self, spoken: Spoken, info: ServerInfo) -> Arc<Connection> {
        let authorized = Arc::clone(&self.authorized);
        Connection::new(self.url.clone(), self.options.clone(), authorized, spoken, info, self.next_id)
    }

    /// A verdict is what the server was found to be; an era that the application insisted on is none.
    fn remember(&self, era: Era) {
        // Where only one was tried, nothing was learned about the other.
        if self.options.era != EraChoice::Either || self.options.newest.era() == Era::Legacy {
            return;
        }
        let origin = self.url.origin().ascii_serialization();
        self.options.shared.eras.remember(&origin, era, &self.options.config, (self.options.clock)());
    }

    fn id(&mut self) -> Id {
        let id = Id::from(self.next_id);
        self.next_id += 1;
        id
    }
}

fn answered_by(reply: &Reply, text: &str) -> Answered {
    match reply.redirect() {
        Some(location) => Answered::Redirect { location },
        None => describe(reply.status, &reply.media_type(), text),
    }
}

/// What stopped a request, as a reason why there is no connection.
fn refusal_of(error: CallError) -> ConnectError {
    match error {
        CallError::LoginRequired(required) => ConnectError::LoginRequired(required),
        CallError::ScopeRequired { login, .. } => ConnectError::LoginRequired(login),
        CallError::ScopeLimit { attempts, scopes } => {
            ConnectError::Login(Box::new(LoginError::ScopeLimit { attempts, scopes }))
        }
        CallError::Login(error) => ConnectError::Login(error),
        CallError::Transport(error) => ConnectError::Transport(error),
        CallError::Store(error) => ConnectError::Store(error),
        CallError::Rpc(error) => ConnectError::Rpc(error),
        CallError::Http(answered) => ConnectError::Refused { answered },
        other => ConnectError::Refused {
            answered: Answered::Status { status: StatusCode::BAD_REQUEST, message: other.to_string() },
        },
    }
}

/// The revisions that an error names.
fn supported(error: &ErrorObject) -> Option<Vec<String>> {
    let list = error.data.as_ref()?.get("supported")?;
    serde_json::from_value(list.clone()).ok()
}

/// Whether an answer tells more than "this was not understood".
fn is_telling(answered: &Answered) -> bool {
    matches!(
        answered,
        Answered::Html { .. } | Answered::NotFound | Answered::Redirect { .. } | Answered::MethodNotAllowed
    )
}

fn member(object: &RawJson, name: &str) -> RawJson {
    object
        .decode::<serde_json::Map<String, serde_json::Value>>()
        .ok()
        .and_then(|mut object| object.remove(name))
        .map_or_else(RawJson::empty_object, RawJson::from)
}
