//! Requests that are refused before their method runs.

use barewire_mcp::error::{Error, TransportFault};
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::Era;
use barewire_mcp::server::{Rejection, reply};
use barewire_oauth::dpop::NONCE_HEADER;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};

use crate::auth::Refusal;
use crate::body::{Body, status_only};
use crate::observer::{Decision, Outcome};
use crate::reason::Reason;
use crate::server::Shared;
use crate::trail::Trail;

/// Why a request was refused, by whose rule.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The protocol's.
    Protocol(Rejection),
    /// OAuth's: who sent it, or with which scopes.
    Auth(Box<Refusal>),
    /// The body did not arrive in time, or not whole.
    Body(StatusCode),
    /// An answer of the client to a question that nobody here has asked.
    NotAsked,
    /// The server is about to stop.
    ShuttingDown,
    /// Whoever observes could not keep the record of it.
    Unobserved,
    /// The server, or this caller, has as many streams as it may have.
    TooManyStreams(Id),
    /// The same, for a stream that has no id.
    TooManyGetStreams,
    /// A session has as many requests without an answer as it may have.
    TooManyRequests,
}

/// How long a client that was told "too many" or "not now" waits, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

impl Refused {
    pub(crate) fn transport(fault: TransportFault) -> Self {
        Self::Protocol(Rejection { id: None, era: Era::Legacy, error: fault.into() })
    }

    pub(crate) fn error(id: &Id, era: Era, error: impl Into<Error>) -> Self {
        Self::Protocol(Rejection { id: Some(id.clone()), era, error: error.into() })
    }

    /// The same, with the id of the request that it is about.
    pub(crate) fn about(self, id: &Id) -> Self {
        match self {
            Self::Protocol(rejection) => Self::Protocol(Rejection { id: Some(id.clone()), ..rejection }),
            other => other,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Protocol(rejection) => Reason::from(&rejection.error),
            Self::Auth(refusal) => Reason::from(&refusal.error),
            Self::Body(StatusCode::REQUEST_TIMEOUT) => Reason::word("body_timeout"),
            Self::Body(_) => Reason::word("body_broken_off"),
            Self::NotAsked => Reason::word("unexpected_response"),
            Self::ShuttingDown => Reason::SHUTTING_DOWN,
            Self::Unobserved => Reason::UNOBSERVED,
            Self::TooManyStreams(_) | Self::TooManyGetStreams => Reason::TOO_MANY_STREAMS,
            Self::TooManyRequests => Reason::word("too_many_requests"),
        }
    }

    /// A line for whoever runs the server, where that is to be mended there.
    pub(crate) fn log(&self, server: &Shared) {
        if let Self::Protocol(Rejection {
            error: Error::Transport(fault @ (TransportFault::Host | TransportFault::Origin)),
            ..
        }) = self
            && let Some(unsaid) = server.mismatches.say(server.now(), server.limits.refusal_log_pause)
        {
            // The commonest mistake of a deployment, and invisible without a line in the log.
            tracing::warn!(%fault, unsaid, "refused; is the public URL configured?");
        }
    }

    /// The answer, and a note about it.
    pub(crate) fn into_response(self, trail: Option<&mut Trail>) -> Response<Body> {
        if let Some(trail) = trail {
            trail.outcome = match &self {
                Self::Protocol(rejection) => Outcome::Error(rejection.error.codes(rejection.era).0),
                _ => Outcome::Nothing,
            };
            trail.reason = Some(self.reason());
            if let Self::Auth(refusal) = &self {
                trail.decision = match refusal.status {
                    StatusCode::FORBIDDEN => Decision::InsufficientScope,
                    _ => Decision::Unauthenticated,
                };
            }
        }
        match self {
            Self::Protocol(rejection) => rejection.response().map(Body::whole),
            Self::Auth(refusal) => {
                let mut response = Response::new(Body::whole(refusal.body));
                *response.status_mut() = refusal.status;
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                if let Some(challenge) = refusal.challenge {
                    headers.insert(WWW_AUTHENTICATE, challenge);
                }
                if let Some(nonce) = refusal.nonce {
                    headers.insert(NONCE_HEADER, nonce);
                }
                if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
                    headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
                }
                response
            }
            Self::Body(status) => status_only(status),
            Self::NotAsked => status_only(StatusCode::BAD_REQUEST),
            Self::Unobserved => {
                let mut response = status_only(StatusCode::SERVICE_UNAVAILABLE);
                response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
                response
            }
            Self::ShuttingDown => {
                let mut response = Rejection { id: None, era: Era::Modern, error: Error::ShuttingDown }
                    .response()
                    .map(Body::whole);
                response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
                response
            }
            Self::TooManyStreams(id) => {
                let error = barewire_mcp::jsonrpc::ErrorObject::new(
                    barewire_mcp::error::code::INTERNAL_ERROR,
                    "Too many open streams",
                );
                let error = Error::Application(Box::new(error));
                too_many(reply(&id, Era::Modern, Err(&error)).map(Body::whole))
            }
            Self::TooManyGetStreams | Self::TooManyRequests => {
                too_many(status_only(StatusCode::TOO_MANY_REQUESTS))
            }
        }
    }
}

fn too_many(mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    response
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Protocol(rejection)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Auth(Box::new(refusal))
    }
}
