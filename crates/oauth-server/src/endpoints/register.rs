//! `POST /register` ([RFC 7591](https://datatracker.ietf.org/doc/html/rfc7591)).

use axum::extract::State;
use axum::response::Response;
use barewire_oauth::claims::seconds;
use barewire_oauth::client::{ClientAuthentication, ClientKeys, keys_url};
use barewire_oauth::client_configuration::{Management, REGISTRATION_TOKEN_PREFIX, is_managed};
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::register::{
    NewCredentials, RegistrationError, RegistrationResponse, fingerprint, register, response,
};
use barewire_oauth::secret::{ClientSecret, RegistrationAccessToken};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use url::Url;

use crate::client_keys::check_readable;
use crate::documents::is_accepted_host;
use crate::posted::Posted;
use crate::routes::{CLIENT_CONFIGURATION, REGISTER};
use crate::server::{AppState, Inner};
use crate::store::{ClientRecord, Registered, StoreError};
use crate::witness::{Draft, EventKind, registration_refusal};
use crate::{random, respond};

/// Why a client was not registered, or its registration not replaced.
pub(super) enum Failure {
    /// Its fault.
    Refused(RegistrationError),
    /// The body is too large.
    TooLarge,
    /// There is no room.
    Full,
    /// Too many from the same network at once.
    Busy,
    /// Ours.
    Store(StoreError),
}

impl Failure {
    pub(super) fn respond(&self) -> Response {
        match self {
            Self::Refused(error) => respond::error(&error.response()),
            Self::TooLarge => respond::error(&ErrorResponse::new(
                ErrorCode::InvalidClientMetadata,
                "the client metadata is too large",
            )),
            Self::Full => come_back(
                "3600",
                "this server has as many registered clients as it keeps, and all of them are in use",
            ),
            Self::Busy => come_back("1", "too many clients are being registered from your network"),
            Self::Store(failure) => respond::store_failed(failure),
        }
    }
}

impl Failure {
    /// For whoever keeps account.
    pub(super) fn rule(&self) -> &'static str {
        match self {
            Self::Refused(error) => registration_refusal(error),
            Self::TooLarge => "too_large",
            Self::Full => "full",
            Self::Busy => "busy",
            Self::Store(_) => "store",
        }
    }
}

fn come_back(seconds: &'static str, why: &str) -> Response {
    let mut response = respond::error(&ErrorResponse::new(ErrorCode::TemporarilyUnavailable, why));
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    let mut draft = Draft::default();
    let result = try_register(&state, &posted, &mut draft).await;
    let ending = result.as_ref().map(|_| None).map_err(Failure::rule);
    state.tell(&posted.sender, REGISTER, EventKind::Registration, &draft, ending);
    match result {
        Ok(response) => respond::json(StatusCode::CREATED, &response),
        Err(failure) => failure.respond(),
    }
}

async fn try_register(
    state: &Inner,
    posted: &Posted,
    draft: &mut Draft,
) -> Result<RegistrationResponse, Failure> {
    let body = json_body(posted)?;
    let fresh = NewCredentials {
        client_id: format!("client_{}", random::token::<16>()),
        client_secret: new_secret(),
    };
    let (client, secret, scope) =
        register(body, fresh, state.config.registration_policy()).map_err(Failure::Refused)?;
    check_authentication(state, &client.authentication)?;
    let _turn = posted.source.turn(state).await.ok_or(Failure::Busy)?;
    let token = is_managed(&client).then(new_registration_token);
    let record = ClientRecord {
        fingerprint: fingerprint(&client).map(random::digest),
        registration_token: token.as_ref().map(|token| random::digest(token.expose())),
        source: posted.source.network_digest(),
        client,
        registered_at: state.now(),
        activated_at: None,
        last_used_at: None,
        added: false,
        disabled_at: None,
    };
    let registered =
        state.store.register_client(&record, state.config.max_clients).await.map_err(Failure::Store)?;
    let record = match registered {
        Registered::New => record,
        Registered::Existing(existing) => *existing,
        Registered::Full => return Err(Failure::Full),
    };
    draft.concerns(&record.client);
    let management = token.map(|token| management(state, &record.client.id, token));
    Ok(response(&record.client, seconds(record.registered_at), secret, scope, management))
}

pub(super) fn new_secret() -> ClientSecret {
    ClientSecret::new(format!("bws_{}", random::token::<32>()))
}

pub(super) fn new_registration_token() -> RegistrationAccessToken {
    RegistrationAccessToken::new(format!("{REGISTRATION_TOKEN_PREFIX}{}", random::token::<32>()))
}

/// How a client manages its registration from now on.
pub(super) fn management(state: &Inner, client_id: &str, token: RegistrationAccessToken) -> Management {
    Management {
        registration_access_token: token,
        registration_client_uri: state.url(&CLIENT_CONFIGURATION.replace("{client_id}", client_id)),
    }
}

/// The metadata that a client sends.
pub(super) fn json_body(posted: &Posted) -> Result<&Bytes, Failure> {
    let body = posted.body.as_ref().map_err(|_| Failure::TooLarge)?;
    if !posted.is("application/json") {
        let error = RegistrationError::Malformed("the body has to be application/json".to_owned());
        return Err(Failure::Refused(error));
    }
    Ok(body)
}

/// Refuses keys that nobody can read, and keys at a host from which the operator lets nothing be fetched.
pub(super) fn check_authentication(
    state: &Inner,
    authentication: &ClientAuthentication,
) -> Result<(), Failure> {
    check_readable(authentication).map_err(Failure::Refused)?;
    check_keys(state, authentication)
}

fn check_keys(state: &Inner, authentication: &ClientAuthentication) -> Result<(), Failure> {
    let ClientAuthentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(text), .. } = authentication else {
        return Ok(());
    };
    let url = keys_url(text, state.config.client_documents_from_loopback);
    let accepted = |url: &Url| is_accepted_host(&state.config, url.host_str().unwrap_or_default());
    if url.as_ref().is_some_and(accepted) {
        return Ok(());
    }
    Err(Failure::Refused(RegistrationError::Unsupported(
        "this server does not fetch from the host of jwks_uri",
    )))
}
