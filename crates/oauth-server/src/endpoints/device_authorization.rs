//! `POST /device_authorization` ([RFC 8628 §3.1](https://datatracker.ietf.org/doc/html/rfc8628#section-3.1)): a device
//! begins.

use axum::extract::State;
use axum::response::Response;
use barewire_oauth::authorize::OFFLINE_ACCESS;
use barewire_oauth::client::{Client, Registration};
use barewire_oauth::device::{self, DeviceResponse, UserCode};
use barewire_oauth::error::ErrorResponse;
use barewire_oauth::secret::DeviceCode;
use barewire_oauth::token::TokenError;
use http::StatusCode;

use super::token::Failure as TokenFailure;
use crate::client_authentication::{Authenticated, authenticate, of_document};
use crate::posted::Posted;
use crate::routes::{DEVICE, DEVICE_AUTHORIZATION};
use crate::server::{AppState, Inner};
use crate::store::{DeviceRecord, Insert, StoreError};
use crate::witness::{Draft, EventKind, request_of_device};
use crate::{random, respond};

/// How often another code is drawn when somebody has one already.
const DRAWS: usize = 8;

/// Why there is no code.
enum Failure {
    /// The request cannot be read, or the client is not who it says.
    Refused(TokenFailure),
    /// What it asks for cannot be.
    Request(Box<ErrorResponse>),
}

impl<E: Into<TokenFailure>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Failure {
    /// For whoever keeps account.
    fn rule(&self) -> &'static str {
        match self {
            Self::Refused(failure) => failure.rule(),
            Self::Request(_) => "request",
        }
    }
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    let mut draft = Draft::default();
    let result = begin(&state, &posted, &mut draft).await;
    let ending = result.as_ref().map(|_| None).map_err(Failure::rule);
    state.tell(&posted.sender, DEVICE_AUTHORIZATION, EventKind::DeviceAuthorization, &draft, ending);
    match result {
        Ok(response) => respond::json(StatusCode::OK, &response),
        Err(Failure::Refused(failure)) => failure.respond(),
        Err(Failure::Request(error)) => respond::error(&error),
    }
}

async fn begin(state: &Inner, posted: &Posted, draft: &mut Draft) -> Result<DeviceResponse, Failure> {
    let parameters = posted.parameters()?;
    let client = client(state, &authenticate(state, &posted.headers, &parameters).await?).await?;
    draft.concerns(&client);
    let request = device::read(&parameters, &client, &state.policy)
        .map_err(|error| Failure::Request(Box::new(error)))?;
    draft.scope = Some(request.scope.to_string());
    let turn = posted.source.turn(state).await;
    let _turn = turn.ok_or(TokenError::NotNow("too many requests come from your network"))?;
    let now = state.now();
    let device_code = random::token::<32>();
    let mut record = DeviceRecord {
        device_code: random::digest(&device_code),
        user_code: random::digest(""),
        refreshable: client.may_refresh() || request.scope.contains(OFFLINE_ACCESS),
        proof_required: client.demands.dpop_bound_access_tokens,
        client_has_keys: client.registration == Registration::Document && !client.is_public(),
        client_id: client.id,
        client_name: client.name,
        registration: client.registration,
        scope: request.scope.to_string(),
        resource: request.resource.as_str().to_owned(),
        source: posted.source.network_digest(),
        grant_id: random::token::<16>(),
        issued_at: now,
        expires_at: now + state.config.device_code_ttl,
        decision: None,
        redeemed_at: None,
    };
    draft.request = request_of_device(record.device_code);
    for _ in 0..DRAWS {
        let user_code = UserCode::from_random(&random::bytes());
        record.user_code = random::digest(user_code.letters());
        match state.store.insert_device(&record, state.config.max_device_codes).await? {
            Insert::Inserted => return Ok(response(state, device_code, &user_code)),
            Insert::Exists => {}
        }
    }
    Err(StoreError::new("every random user code was taken").into())
}

/// The client itself; one with a document may not have been looked at yet.
async fn client(state: &Inner, authenticated: &Authenticated) -> Result<Client, Failure> {
    if let Some(client) = &authenticated.client {
        return Ok(Client::clone(client));
    }
    let client = state.documents.client(&state.config, &authenticated.id, state.now()).await;
    let client = client.map_err(|error| of_document(&error))?;
    authenticated.prove(!client.is_public())?;
    Ok(Client::clone(&client))
}

fn response(state: &Inner, device_code: String, user_code: &UserCode) -> DeviceResponse {
    let verification_uri = state.url(DEVICE);
    DeviceResponse {
        device_code: DeviceCode::new(device_code),
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        verification_uri,
        user_code: user_code.to_string(),
        expires_in: state.config.device_code_ttl.as_secs(),
        interval: state.config.device_poll_interval.as_secs(),
    }
}
