//! The ladder: which era a server speaks, and the first agreement with it.
//!
//! The modern era first. Only a recognised modern answer proves a modern server; after everything else the handshake of
//! the older revisions is tried, before anybody is asked to log in again or told that this is no MCP server
//! ([Backward Compatibility](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#backward-compatibility)).

use std::sync::Arc;

use barewire_exchange::{Decision, Step};
use barewire_mcp::client::legacy::Session;
use barewire_mcp::client::probe::{LegacySign, ProbeAnswer, ProbeVerdict, judge};
use barewire_mcp::client::{self, Incoming};
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::jsonrpc::{self, ErrorObject, Id, Message};
use barewire_mcp::revision::{Era, Revision};
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::v2025_11_25::{InitializeRequest, InitializeResult, Request as LegacyRequest};
use barewire_mcp::wire::v2026_07_28::{ClientMeta, DiscoverResult, Request as ModernRequest};
use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, StatusCode};
use url::Url;

use crate::auth::Auth;
use crate::authorized::{Authorized, Follow, challenge_of};
use crate::client::ServerInfo;
use crate::connection::{Connection, Spoken, purpose};
use crate::credentials::GrantKey;
use crate::error::{Answered, CallError, ConnectError, TransportError};
use crate::legacy::Legacy;
use crate::login::LoginError;
use crate::modern::unfit;
use crate::options::{ClientOptions, EraChoice, seconds};
use crate::recording::Recording;
use crate::transport::{Reply, Request, Transport, describe};

/// A probe that is answered with "another revision" is repeated so often.
const MAX_PROBES: usize = 3;

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

/// What a probe led to.
enum Probed {
    Modern {
        revision: Revision,
        discovered: Box<DiscoverResult>,
        raw: RawJson,
        recording: Recording,
    },
    /// Try the handshake; with what the probe was answered.
    Legacy {
        sign: Option<LegacySign>,
        answered: Option<Answered>,
    },
}

impl Ladder {
    async fn climb(mut self) -> Result<Arc<Connection>, ConnectError> {
        let origin = self.url.origin().ascii_serialization();
        let known = self.options.shared.eras.recall(&origin, (self.options.clock)());
        if self.options.era == EraChoice::Legacy {
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
                    }
                }
                Probed::Legacy { answered, .. } => return self.shake_hands(answered).await,
            }
        }
    }

    // ── Modern ─────────────────────────────────────────────────────────────────────────────────────────────────

    async fn probe(&mut self) -> Result<Probed, ConnectError> {
        let mut revision = Revision::LATEST_MODERN;
        let mut refused = None;
        for _ in 0..MAX_PROBES {
            let (mut reply, with_token) = match self.send_probe(revision).await {
                Ok(answer) => answer,
                // Nobody is there; the handshake would find nobody either.
                Err(CallError::Transport(error @ TransportError::Connect { .. })) => {
                    return Err(ConnectError::Transport(error));
                }
                // Some servers let a request without a session hang, or hang up.
                Err(CallError::Transport(_)) => return Ok(Probed::Legacy { sign: None, answered: None }),
                Err(error) => return Err(refusal_of(error)),
            };
            let recording = reply.recording.clone();
            let body = self.probe_body(&mut reply).await;
            let answer =
                ProbeAnswer { status: reply.status, headers: &reply.headers, body: &body, with_token };
            let text = self.options.shared.masker.text(String::from_utf8_lossy(&body).trim());
            let answered = answered_by(&reply, &text);
            match judge(&answer) {
                ProbeVerdict::Modern { revision, discovered } => {
                    let raw = raw_result(&body);
                    return Ok(Probed::Modern { revision, discovered, raw, recording });
                }
                ProbeVerdict::Retry { revision: wanted } => {
                    recording.decide(&Decision::OtherRevision { revision: wanted.to_string() });
                    revision = wanted;
                    refused = Some(wanted);
                }
                ProbeVerdict::Refused { error } => {
                    recording.decide(&crate::connection::rpc_error(&error));
                    return Err(revision_error(error));
                }
                ProbeVerdict::Legacy { sign } => {
                    recording.decide(&Decision::FallBack { because: because(sign, reply.status) });
                    return Ok(Probed::Legacy { sign: Some(sign), answered: Some(answered) });
                }
                // `send` has followed every challenge that it could; this one names no way.
                ProbeVerdict::Login => {
                    self.log_in(&reply).await?;
                }
                ProbeVerdict::WrongPlace { .. } => {
                    recording.decide(&Decision::NotMcp { answered: answered.to_string() });
                    return Err(ConnectError::NotMcp { url: self.given.clone(), answered });
                }
                ProbeVerdict::Later { .. } => return Err(ConnectError::Refused { answered }),
            }
        }
        let offered = refused.map(|revision| vec![revision.to_string()]).unwrap_or_default();
        Err(ConnectError::Revision { offered })
    }

    async fn send_probe(&mut self, revision: Revision) -> Result<(Reply, bool), CallError> {
        let id = self.id();
        let handler = Arc::clone(&self.options.handler);
        let capabilities = handler.capabilities();
        let tag = self.options.tag.clone();
        let purpose =
            purpose(Step::Discover, "server/discover", Some(&id), None, Some(revision), tag.as_deref());
        let meta = ClientMeta {
            revision,
            client_info: &self.options.identity,
            client_capabilities: &capabilities,
            log_level: None,
            progress_token: None,
            extra: None,
        };
        self.authorized
            .send(Follow::ButKeepRefusals, || {
                let none = MirroredParams::default();
                let outgoing = client::modern::request(&id, &ModernRequest::Discover, &meta, &none)
                    .map_err(|fault| unfit(&fault))?;
                Ok(Request {
                    purpose: purpose.clone(),
                    method: Method::POST,
                    url: self.url.clone(),
                    headers: outgoing.headers,
                    body: Some(outgoing.body),
                    timeout: seconds(self.options.config.probe_timeout),
                })
            })
            .await
    }

    /// The body of a probe's answer; of a stream, the first response in it.
    async fn probe_body(&self, reply: &mut Reply) -> Bytes {
        let limit = self.options.config.max_answer_bytes;
        let patience = seconds(self.options.config.probe_timeout);
        let read = async {
            if !reply.is_stream() {
                return reply.body(limit).await.unwrap_or_default();
            }
            let mut events = reply.take_events(limit);
            while let Ok(Some(event)) = events.next().await {
                if matches!(jsonrpc::parse(event.data.as_bytes()), Ok(Message::Response(_))) {
                    events.recording.finish();
                    return Bytes::from(event.data);
                }
            }
            Bytes::new()
        };
        tokio::time::timeout(patience, read).await.unwrap_or_default()
    }

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
            Err(ConnectError::NotMcp { url, answered }) => {
                Err(ConnectError::NotMcp { url, answered: probed.filter(is_telling).unwrap_or(answered) })
            }
            Err(error) => Err(error),
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
            Ok(Handshake::Refused(_)) | Err(_) => Ok(None),
        }
    }

    async fn try_handshake(&mut self, follow: Follow) -> Result<Handshake, ConnectError> {
        let id = self.id();
        handshake(&self.authorized, &self.options, &self.url, &id, follow).await
    }

    /// The session is there; completes the handshake and listens.
    async fn settle(&self, established: Established) -> Arc<Connection> {
        self.remember(Era::Legacy);
        let Established { result, session, raw } = established;
        let info = ServerInfo {
            revision: session.revision.unwrap_or(Revision::LATEST_LEGACY),
            supported: Vec::new(),
            implementation: Some(result.server_info),
            capabilities: result.capabilities,
            raw_capabilities: member(&raw, "capabilities"),
            instructions: result.instructions,
        };
        let spoken = Spoken::Legacy(Box::new(Legacy::new(session)));
        let connection = self.connection(spoken, info);
        if let Spoken::Legacy(legacy) = &connection.spoken {
            connection.initialized(legacy).await;
        }
        connection.open_stream().await;
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

    fn remember(&self, era: Era) {
        let origin = self.url.origin().ascii_serialization();
        self.options.shared.eras.remember(&origin, era, &self.options.config, (self.options.clock)());
    }

    fn id(&mut self) -> Id {
        let id = Id::from(self.next_id);
        self.next_id += 1;
        id
    }
}

/// What a handshake led to.
pub(crate) enum Handshake {
    Established(Box<Established>),
    /// 401 or 403 that was not followed.
    Refused(Box<Reply>),
}

/// A session.
pub(crate) struct Established {
    pub(crate) result: InitializeResult,
    pub(crate) session: Session,
    raw: RawJson,
}

/// Sends `initialize` and reads its answer.
pub(crate) async fn handshake(
    authorized: &Authorized,
    options: &ClientOptions,
    url: &Url,
    id: &Id,
    follow: Follow,
) -> Result<Handshake, ConnectError> {
    let request = LegacyRequest::Initialize(Box::new(InitializeRequest {
        protocol_version: Revision::LATEST_LEGACY.to_string(),
        capabilities: options.handler.capabilities(),
        client_info: options.identity.clone(),
    }));
    let purpose = purpose(
        Step::Initialize,
        "initialize",
        Some(id),
        None,
        Some(Revision::LATEST_LEGACY),
        options.tag.as_deref(),
    );
    let (mut reply, _) = authorized
        .send(follow, || {
            let outgoing = client::legacy::request(id, &request, None, &Session::default())
                .map_err(|fault| unfit(&fault))?;
            Ok(Request {
                purpose: purpose.clone(),
                method: Method::POST,
                url: url.clone(),
                headers: outgoing.headers,
                body: Some(outgoing.body),
                timeout: seconds(options.config.probe_timeout),
            })
        })
        .await
        .map_err(refusal_of)?;
    if matches!(reply.status, StatusCode::UNAUTHORIZED) {
        return Ok(Handshake::Refused(Box::new(reply)));
    }
    let recording = reply.recording.clone();
    let headers = reply.headers.clone();
    let outcome = first_response(&mut reply, id, options).await;
    let result = match outcome {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => {
            recording.decide(&crate::connection::rpc_error(&error));
            return Err(ConnectError::Rpc(error));
        }
        Err(CallError::Http(answered)) => {
            recording.decide(&Decision::NotMcp { answered: answered.to_string() });
            let forbidden = matches!(&answered, Answered::Status { status, .. } if *status == 403);
            let later = matches!(&answered, Answered::Status { status, .. } if status.is_server_error() || *status == 429);
            return Err(match forbidden || later {
                true => ConnectError::Refused { answered },
                false => ConnectError::NotMcp { url: url.to_string(), answered },
            });
        }
        Err(error) => return Err(refusal_of(error)),
    };
    established(result, &headers, url, &recording)
}

fn established(
    raw: RawJson,
    headers: &HeaderMap,
    url: &Url,
    recording: &Recording,
) -> Result<Handshake, ConnectError> {
    use barewire_mcp::client::legacy::HandshakeFault;
    match client::legacy::established(&raw, headers) {
        Ok((result, session)) => {
            recording.decide(&Decision::Legacy {
                revision: session.revision.map(|revision| revision.to_string()).unwrap_or_default(),
                session: session.id.is_some(),
            });
            Ok(Handshake::Established(Box::new(Established { result, session, raw })))
        }
        Err(HandshakeFault::Version { version }) => Err(ConnectError::Revision { offered: vec![version] }),
        Err(HandshakeFault::Malformed { .. } | HandshakeFault::SessionId) => {
            let answered = Answered::NotJsonRpc { status: StatusCode::OK };
            recording.decide(&Decision::NotMcp { answered: answered.to_string() });
            Err(ConnectError::NotMcp { url: url.to_string(), answered })
        }
    }
}

/// The response to the handshake, in a body or in a stream. An error in a stream is an answer like any other.
async fn first_response(
    reply: &mut Reply,
    id: &Id,
    options: &ClientOptions,
) -> Result<Result<RawJson, ErrorObject>, CallError> {
    let limit = options.config.max_answer_bytes;
    let ours = |message: &[u8]| match client::read(Era::Legacy, message) {
        Ok(Incoming::Response { id: answered, outcome }) if answered.as_ref().is_none_or(|a| a == id) => {
            Some(outcome)
        }
        _ => None,
    };
    if reply.is_stream() {
        let mut events = reply.take_events(limit);
        while let Some(event) = events.next().await.map_err(CallError::Transport)? {
            if let Some(outcome) = ours(event.data.as_bytes()) {
                events.recording.finish();
                return Ok(outcome);
            }
        }
        return Err(CallError::Http(Answered::StreamEnded));
    }
    let body = reply.body(limit).await.map_err(CallError::Transport)?;
    if let Some(outcome) = ours(&body) {
        return Ok(outcome);
    }
    let text = options.shared.masker.text(String::from_utf8_lossy(&body).trim());
    Err(CallError::Http(answered_by(reply, &text)))
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

fn revision_error(error: ErrorObject) -> ConnectError {
    let supported = error.data.as_ref().and_then(|data| data.get("supported"));
    match supported.and_then(|list| serde_json::from_value::<Vec<String>>(list.clone()).ok()) {
        Some(offered) => ConnectError::Revision { offered },
        None => ConnectError::Rpc(error),
    }
}

fn because(sign: LegacySign, status: StatusCode) -> String {
    let status = status.as_u16();
    match sign {
        LegacySign::Versions => "The server lists older revisions only".to_owned(),
        LegacySign::UnknownError => {
            format!("Status {status} with an error that the modern era does not have")
        }
        LegacySign::NotJsonRpc => format!("Status {status} without a JSON-RPC message"),
        LegacySign::EmptySuccess => format!("Status {status} without a body"),
        LegacySign::StrangeResult => "A result that `server/discover` does not have".to_owned(),
        LegacySign::RefusedToken => {
            format!("Status {status} although a token was sent; the session may be checked first")
        }
    }
}

/// Whether an answer tells more than "this was not understood".
fn is_telling(answered: &Answered) -> bool {
    matches!(
        answered,
        Answered::Html { .. } | Answered::NotFound | Answered::Redirect { .. } | Answered::MethodNotAllowed
    )
}

fn raw_result(body: &[u8]) -> RawJson {
    match jsonrpc::parse(body) {
        Ok(Message::Response(response)) => {
            response.outcome.map_or_else(|_| RawJson::empty_object(), RawJson::from)
        }
        _ => RawJson::empty_object(),
    }
}

fn member(object: &RawJson, name: &str) -> RawJson {
    object
        .decode::<serde_json::Map<String, serde_json::Value>>()
        .ok()
        .and_then(|mut object| object.remove(name))
        .map_or_else(RawJson::empty_object, RawJson::from)
}
