//! `POST /par`: takes an authorization request from the client itself
//! ([RFC 9126 §2](https://www.rfc-editor.org/rfc/rfc9126#section-2)).

use axum::extract::State;
use axum::response::Response;
use barewire_oauth::dpop::ProofError;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::pushed::{PREFIX, Pushed, PushedResponse, push};
use barewire_oauth::token::TokenError;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::token;
use crate::client_authentication::authenticate;
use crate::flow::{Stop, client};
use crate::possession::{give_nonce, proven};
use crate::posted::Posted;
use crate::routes::PAR;
use crate::server::{AppState, Inner};
use crate::store::{Insert, PushedRecord, StoreError};
use crate::witness::{Draft, EventKind, request_of};
use crate::{random, respond};

/// Why a request was not kept.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Who asks, or with which proof.
    #[error(transparent)]
    Client(#[from] token::Failure),
    /// What is asked for.
    #[error("{0}")]
    Request(ErrorResponse),
    /// There is no room for more from there.
    #[error("too many pushed requests of one network")]
    TooMany,
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Client(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Client(error.into())
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        Self::Client(TokenError::from(error).into())
    }
}

impl Failure {
    /// For whoever keeps account.
    fn rule(&self) -> &'static str {
        match self {
            Self::Client(failure) => failure.rule(),
            Self::Request(_) => "request",
            Self::TooMany => "full",
        }
    }

    fn respond(&self) -> Response {
        match self {
            Self::Client(failure) => failure.respond(),
            Self::Request(error) => {
                tracing::info!(%error, "a pushed request was refused");
                respond::error(error)
            }
            Self::TooMany => {
                let error = ErrorResponse::new(
                    ErrorCode::TemporarilyUnavailable,
                    "too many requests were pushed from there; try again later",
                );
                let mut response = respond::json(StatusCode::TOO_MANY_REQUESTS, &error);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
                response
            }
        }
    }

    fn wants_nonce(&self) -> bool {
        matches!(self, Self::Client(token::Failure::Refused(refusal)) if refusal.wants_nonce())
    }
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    let mut draft = Draft::default();
    let result = keep(&state, &posted, &mut draft).await;
    let ending = result.as_ref().map(|_| None).map_err(Failure::rule);
    state.tell(&posted.sender, PAR, EventKind::PushedRequest, &draft, ending);
    let wants_nonce = result.as_ref().is_err_and(Failure::wants_nonce);
    let mut response = match result {
        Ok(response) => respond::json(StatusCode::CREATED, &response),
        Err(failure) => failure.respond(),
    };
    give_nonce(&state, wants_nonce, &posted.headers, &mut response);
    response
}

async fn keep(state: &Inner, posted: &Posted, draft: &mut Draft) -> Result<PushedResponse, Failure> {
    let parameters = posted.parameters()?;
    let authenticated = authenticate(state, &posted.headers, &parameters).await?;
    let client = client(state, &authenticated.id).await.map_err(|stop| match stop {
        Stop::Store(error) => Failure::from(error),
        _ => TokenError::UnknownClient.into(),
    })?;
    authenticated.prove(!client.is_public())?;
    draft.concerns(&client);
    let (mut query, request) = push(&parameters, &client, &state.policy).map_err(Failure::Request)?;
    draft.scope = Some(request.scope.to_string());
    draft.request = request_of(&client.id, request.code_challenge.as_str());
    // The proof says the same as `dpop_jkt`, and shows that it is true
    // (https://www.rfc-editor.org/rfc/rfc9449#section-10.1).
    if let Some(key) = proven(state, PAR, &posted.headers)? {
        match request.dpop_jkt {
            None => query = format!("{query}&dpop_jkt={key}"),
            Some(asked) if asked == key => {}
            Some(_) => return Err(ProofError::OtherKey.into()),
        }
    }
    let turn = posted.source.turn(state).await;
    let _turn = turn.ok_or(TokenError::NotNow("too many requests come from your network"))?;
    let (now, reference) = (state.now(), random::token::<32>());
    let record = PushedRecord {
        digest: random::digest(&reference),
        pushed: Pushed {
            client_id: client.id,
            query,
            pushed_at: now,
            expires_at: now + state.config.pushed_request_ttl,
            used_at: None,
        },
        source: posted.source.network_digest(),
    };
    match state.store.insert_pushed(&record, state.config.pushed_limits()).await? {
        Insert::Inserted => Ok(PushedResponse {
            request_uri: format!("{PREFIX}{reference}"),
            expires_in: state.config.pushed_request_ttl.as_secs(),
        }),
        Insert::Exists => Err(Failure::TooMany),
    }
}
