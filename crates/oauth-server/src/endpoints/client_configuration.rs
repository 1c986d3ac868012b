//! `GET`, `PUT` and `DELETE /register/{client_id}`: a client that registered itself reads, replaces or deletes its
//! registration ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)).
//!
//! Whoever has no good token is answered alike, whether there is such a client or not.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use barewire_oauth::bearer::{self, BearerError, Scheme};
use barewire_oauth::claims::seconds;
use barewire_oauth::client_configuration::{is_token, replace};
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::register::{RegistrationResponse, response};
use barewire_oauth::secret::RegistrationAccessToken;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::register::{
    Failure as RegistrationFailure, check_authentication, json_body, management, new_registration_token,
    new_secret,
};
use crate::posted::Posted;
use crate::revocation::{Told, delete_client};
use crate::routes::CLIENT_CONFIGURATION;
use crate::server::{AppState, Inner};
use crate::store::{ClientRecord, Digest, StoreError, Swap};
use crate::witness::{Draft, EventKind, Sender};
use crate::{random, respond};

/// Why nothing was said or done.
enum Failure {
    /// No token.
    NoToken,
    /// None of this client.
    Token,
    /// An administrator has disabled the client ([RFC 7592 §2](https://www.rfc-editor.org/rfc/rfc7592#section-2): 403).
    Disabled,
    /// The new metadata, or ours.
    Registration(RegistrationFailure),
}

impl From<RegistrationFailure> for Failure {
    fn from(failure: RegistrationFailure) -> Self {
        Self::Registration(failure)
    }
}

impl From<StoreError> for Failure {
    fn from(failure: StoreError) -> Self {
        Self::Registration(RegistrationFailure::Store(failure))
    }
}

impl Failure {
    /// For whoever keeps account.
    fn rule(&self) -> &'static str {
        match self {
            Self::NoToken | Self::Token => "registration_token",
            Self::Disabled => "disabled_client",
            Self::Registration(failure) => failure.rule(),
        }
    }

    fn respond(&self) -> Response {
        match self {
            // Whoever shows nothing has done nothing wrong yet (RFC 6750 §3.1).
            Self::NoToken => unauthorized(
                "Bearer realm=\"registration\"",
                "this needs the registration access token, as a bearer token",
            ),
            Self::Token => unauthorized(
                "Bearer realm=\"registration\", error=\"invalid_token\"",
                "the registration access token is not the one of this client",
            ),
            Self::Disabled => {
                let why = "this client is disabled here, and its registration stays as it is";
                respond::json(StatusCode::FORBIDDEN, &ErrorResponse::new(ErrorCode::AccessDenied, why))
            }
            Self::Registration(failure) => failure.respond(),
        }
    }
}

fn unauthorized(challenge: &'static str, why: &'static str) -> Response {
    let mut response = respond::error(&ErrorResponse::new(ErrorCode::InvalidToken, why));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

/// A client that has shown its token.
struct Shown {
    record: ClientRecord,
    token: RegistrationAccessToken,
    digest: Digest,
}

pub(crate) async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
    sender: Sender,
    headers: HeaderMap,
) -> Response {
    let mut draft = Draft::default();
    match shown(&state, &id, &headers, &mut draft).await {
        Ok(Shown { record, token, .. }) => {
            let management = management(&state, &id, token);
            let issued = seconds(record.registered_at);
            respond::json(StatusCode::OK, &response(&record.client, issued, None, None, Some(management)))
        }
        Err(failure) => {
            // That a client reads what it registered is no event.
            state.tell(&sender, CLIENT_CONFIGURATION, EventKind::Registration, &draft, Err(failure.rule()));
            failure.respond()
        }
    }
}

pub(crate) async fn put(State(state): State<AppState>, Path(id): Path<String>, posted: Posted) -> Response {
    let mut draft = Draft::default();
    let result = try_put(&state, &id, &posted, &mut draft).await;
    let ending = result.as_ref().map(|_| Some("replaced")).map_err(Failure::rule);
    state.tell(&posted.sender, CLIENT_CONFIGURATION, EventKind::Registration, &draft, ending);
    match result {
        Ok(response) => respond::json(StatusCode::OK, &response),
        Err(failure) => failure.respond(),
    }
}

async fn try_put(
    state: &Inner,
    id: &str,
    posted: &Posted,
    draft: &mut Draft,
) -> Result<RegistrationResponse, Failure> {
    let Shown { record, digest, .. } = shown(state, id, &posted.headers, draft).await?;
    let body = json_body(posted)?;
    let replacement = replace(&record.client, body, new_secret(), state.config.registration_policy())
        .map_err(RegistrationFailure::Refused)?;
    check_authentication(state, &replacement.client.authentication)?;
    draft.client_name.clone_from(&replacement.client.name);
    let _turn = posted.source.turn(state).await.ok_or(RegistrationFailure::Busy)?;
    let next = new_registration_token();
    let next_digest = random::digest(next.expose());
    match state.store.replace_client(&replacement.client, digest, next_digest).await? {
        Swap::Done => Ok(response(
            &replacement.client,
            seconds(record.registered_at),
            replacement.client_secret,
            replacement.scope,
            Some(management(state, id, next)),
        )),
        // Somebody else with the same token was faster.
        Swap::Lost => Err(Failure::Token),
    }
}

pub(crate) async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
    sender: Sender,
    headers: HeaderMap,
) -> Response {
    let mut draft = Draft::default();
    let result = try_delete(&state, &id, &sender, &headers, &mut draft).await;
    let ending = result.as_ref().map(|()| Some("deleted")).map_err(Failure::rule);
    state.tell(&sender, CLIENT_CONFIGURATION, EventKind::Registration, &draft, ending);
    match result {
        Ok(()) => (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response(),
        Err(failure) => failure.respond(),
    }
}

async fn try_delete(
    state: &Inner,
    id: &str,
    sender: &Sender,
    headers: &HeaderMap,
    draft: &mut Draft,
) -> Result<(), Failure> {
    let Shown { digest, .. } = shown(state, id, headers, draft).await?;
    let told = Told { sender, endpoint: CLIENT_CONFIGURATION, draft };
    delete_client(state, id, digest, told).await?.then_some(()).ok_or(Failure::Token)
}

/// The client whose token this is.
async fn shown(state: &Inner, id: &str, headers: &HeaderMap, draft: &mut Draft) -> Result<Shown, Failure> {
    let lines = respond::authorization(headers);
    let credentials = bearer::from_authorization(lines).map_err(|error| match error {
        BearerError::Missing => Failure::NoToken,
        _ => Failure::Token,
    })?;
    if credentials.scheme != Scheme::Bearer {
        return Err(Failure::Token);
    }
    let digest = random::digest(credentials.token);
    let record = if id.len() <= 256 { state.store.client(id).await? } else { None };
    let kept = record.as_ref().and_then(|record| record.registration_token);
    if !is_token(kept.as_ref().map(|kept| &kept.0), &digest.0) {
        return Err(Failure::Token);
    }
    let record = record.ok_or(Failure::Token)?;
    draft.concerns(&record.client);
    if record.disabled_at.is_some() {
        return Err(Failure::Disabled);
    }
    Ok(Shown { record, token: RegistrationAccessToken::new(credentials.token), digest })
}
