//! The modern probe: `server/discover`, and what its answer says about the server.

use barewire_exchange::{Decision, Step};
use barewire_mcp::client;
use barewire_mcp::client::probe::{LegacySign, ProbeAnswer, ProbeVerdict, judge};
use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::jsonrpc::{self, ErrorObject, Message};
use barewire_mcp::revision::Revision;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::v2026_07_28::{ClientMeta, DiscoverResult, Request as ModernRequest};
use bytes::Bytes;
use http::{Method, StatusCode};

use super::{Ladder, answered_by, refusal_of, supported};
use crate::authorized::Follow;
use crate::connection::{purpose, rpc_error};
use crate::error::{Answered, CallError, ConnectError, TransportError};
use crate::modern::unfit;
use crate::recording::Recording;
use crate::transport::{Reply, Request};

/// A probe that is answered with "another revision" is repeated so often.
const MAX_PROBES: usize = 3;

/// What a probe led to.
pub(super) enum Probed {
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
    /// Asks until the answer is not "another revision".
    pub(super) async fn probe(&mut self) -> Result<Probed, ConnectError> {
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
                    recording.decide(&rpc_error(&error));
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
        let capabilities = self.options.capabilities();
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
                    timeout: self.options.config.probe_timeout,
                })
            })
            .await
    }

    /// The body of a probe's answer; of a stream, the first response in it.
    async fn probe_body(&self, reply: &mut Reply) -> Bytes {
        let limit = self.options.config.max_answer_bytes;
        let patience = self.options.config.probe_timeout;
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
}

fn revision_error(error: ErrorObject) -> ConnectError {
    match supported(&error) {
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

fn raw_result(body: &[u8]) -> RawJson {
    match jsonrpc::parse(body) {
        Ok(Message::Response(response)) => {
            response.outcome.map_or_else(|_| RawJson::empty_object(), RawJson::from)
        }
        _ => RawJson::empty_object(),
    }
}
