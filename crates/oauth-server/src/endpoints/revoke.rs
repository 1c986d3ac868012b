//! `POST /revoke` ([RFC 7009](https://datatracker.ietf.org/doc/html/rfc7009)).
//!
//! A refresh token takes its whole grant with it; an access token ends alone. What is unknown, expired or already
//! revoked is a success: there is nothing left to do.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::client_authentication::{self, ClientCredentials};
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::revoke::{self, RevokeError, Revoked};
use barewire_oauth::token::TokenError;
use http::header::CACHE_CONTROL;

use super::token::Failure as TokenFailure;
use crate::client_authentication::{Authenticated, authenticate_as};
use crate::posted::Posted;
use crate::refresh_tokens::Parts;
use crate::respond;
use crate::revocation::{Told, revoke as revoke_grant};
use crate::routes::REVOKE;
use crate::server::{AppState, Inner};
use crate::store::{RevocationReason, StoreError};
use crate::witness::{Draft, EventKind, token_refusal};

/// Why nothing was revoked.
enum Failure {
    /// The request cannot be read, or the client is not who it says.
    Refused(TokenError),
    /// There is no token in it.
    Malformed(RevokeError),
    /// The token belongs to another client.
    Foreign,
    /// Somebody sends so many forged tokens that this one was not looked at.
    NotNow,
    /// Ours.
    Store(StoreError),
}

impl From<TokenFailure> for Failure {
    fn from(failure: TokenFailure) -> Self {
        match failure {
            TokenFailure::Refused(error) => Self::Refused(error),
            TokenFailure::Store(error) => Self::Store(error),
            TokenFailure::Signing(error) => Self::Store(StoreError::new(error)),
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// For whoever keeps account.
    fn rule(&self) -> &'static str {
        match self {
            Self::Refused(error) => token_refusal(error),
            Self::Malformed(_) => "malformed",
            Self::Foreign => "wrong_client",
            Self::NotNow => "not_now",
            Self::Store(_) => "store",
        }
    }

    fn respond(&self) -> Response {
        match self {
            Self::Refused(error) => respond::token_error(error),
            Self::Malformed(error) => {
                respond::error(&ErrorResponse::new(ErrorCode::InvalidRequest, error.to_string()))
            }
            Self::Foreign => respond::error(&ErrorResponse::new(
                ErrorCode::UnauthorizedClient,
                "the token was issued to another client",
            )),
            Self::NotNow => respond::not_now("access tokens cannot be checked right now"),
            Self::Store(failure) => respond::store_failed(failure),
        }
    }
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    let mut asker = Draft::default();
    match try_revoke(&state, &posted, &mut asker).await {
        Ok(()) => [(CACHE_CONTROL, "no-store")].into_response(),
        Err(failure) => {
            state.tell(&posted.sender, REVOKE, EventKind::Revocation, &asker, Err(failure.rule()));
            failure.respond()
        }
    }
}

async fn try_revoke(state: &Inner, posted: &Posted, asker: &mut Draft) -> Result<(), Failure> {
    let parameters = posted.parameters()?;
    let credentials =
        client_authentication::credentials(&respond::authorization(&posted.headers), &parameters)?;
    let client = match &credentials.id {
        Some(id) => Some(authenticate_as(state, id, &credentials).await?),
        None => None,
    };
    asker.client = client.as_ref().map(|client| client.id.clone());
    match revoke::read(&parameters).map_err(Failure::Malformed)? {
        Revoked::Refresh(token) => {
            let Some(parts) = Parts::parse(token) else { return Ok(()) };
            let Some((_, grant)) = state.store.family(parts.handle_digest()).await? else { return Ok(()) };
            check_owner(state, &grant.client_id, client, &credentials).await?.prove(grant.client_has_keys)?;
            let draft = Draft {
                user: Some(grant.user_id),
                client: Some(grant.client_id),
                client_name: grant.client_name,
                grant: Some(grant.id.clone()),
                scope: Some(grant.scope),
                ..Draft::default()
            };
            let told = Told { sender: &posted.sender, endpoint: REVOKE, draft: &draft };
            revoke_grant(state, &grant.id, RevocationReason::Client, told).await?;
        }
        Revoked::Access(token) => {
            let now = state.now();
            let claims = match state.tokens.open(token, now) {
                Ok(claims) => claims,
                Err(BearerError::Unavailable | BearerError::Flooded) => return Err(Failure::NotNow),
                Err(_) => return Ok(()),
            };
            if claims.iss != state.issuer || claims.expires_at() <= now {
                return Ok(());
            }
            let client = check_owner(state, &claims.client_id, client, &credentials).await?;
            if let Some(id) = &claims.grant_id
                && let Some(grant) = state.store.grant(id).await?
                && grant.client_id == claims.client_id
            {
                client.prove(grant.client_has_keys)?;
            }
            state.store.revoke_access_token(&claims.jti, claims.expires_at(), now).await?;
            state.tokens.revoke_token(&claims.jti, now);
            let draft = Draft {
                user: Some(claims.sub.clone()),
                client: Some(claims.client_id.clone()),
                grant: claims.grant_id.clone(),
                ..Draft::default()
            };
            state.tell(&posted.sender, REVOKE, EventKind::Revocation, &draft, Ok(Some("access_token")));
        }
        Revoked::Foreign => {}
    }
    Ok(())
}

/// The token has to be this client's. One that does not say who it is must be public: then having the token is all
/// the proof there can be.
async fn check_owner(
    state: &Inner,
    owner: &str,
    client: Option<Authenticated>,
    credentials: &ClientCredentials,
) -> Result<Authenticated, Failure> {
    match client {
        Some(client) if client.id == owner => Ok(client),
        Some(_) => Err(Failure::Foreign),
        None => Ok(authenticate_as(state, owner, credentials).await?),
    }
}
