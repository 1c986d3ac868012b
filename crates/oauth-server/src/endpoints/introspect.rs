//! `POST /introspect` ([RFC 7662](https://datatracker.ietf.org/doc/html/rfc7662)): whether a token counts.
//!
//! Only clients that authenticate may ask, and each sees its own tokens and those for the resources that it serves
//! (`introspects` in its configuration).

use axum::extract::State;
use axum::response::Response;
use barewire_oauth::bearer::BearerError;
use barewire_oauth::claims::seconds;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::introspect::{Introspection, may_see};
use barewire_oauth::revoke::{self, RevokeError, Revoked};
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::token::TokenError;
use http::StatusCode;

use super::token::Failure as TokenFailure;
use super::token::refresh_token::is_good;
use crate::client_authentication::authenticate;
use crate::posted::Posted;
use crate::refresh_tokens::Parts;
use crate::respond;
use crate::routes::INTROSPECT;
use crate::server::{AppState, Inner};
use crate::store::StoreError;
use crate::witness::{Draft, EventKind};

/// Why there is no answer.
enum Failure {
    /// The request cannot be read, or the client is not who it says, or may not ask.
    Refused(TokenFailure),
    /// There is no token in it.
    Malformed(RevokeError),
    /// Somebody sends so many forged tokens that this one was not looked at.
    NotNow,
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
            Self::Malformed(_) => "malformed",
            Self::NotNow => "not_now",
        }
    }

    fn respond(&self) -> Response {
        match self {
            Self::Refused(failure) => failure.respond(),
            Self::Malformed(error) => {
                respond::error(&ErrorResponse::new(ErrorCode::InvalidRequest, error.to_string()))
            }
            Self::NotNow => respond::not_now("access tokens cannot be checked right now"),
        }
    }
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    let mut draft = Draft::default();
    match introspect(&state, &posted, &mut draft).await {
        Ok(answer) => respond::json(StatusCode::OK, &answer),
        Err(failure) => {
            // Who was answered is no event: a resource asks for each of its requests.
            state.tell(&posted.sender, INTROSPECT, EventKind::Introspection, &draft, Err(failure.rule()));
            failure.respond()
        }
    }
}

async fn introspect(state: &Inner, posted: &Posted, draft: &mut Draft) -> Result<Introspection, Failure> {
    let parameters = posted.parameters()?;
    let caller = authenticate(state, &posted.headers, &parameters).await?;
    draft.client = Some(caller.id.clone());
    let Some(client) = caller.proven() else {
        return Err(TokenError::WrongSecret("only a client that authenticates may ask about tokens").into());
    };
    let now = state.now();
    match revoke::read(&parameters).map_err(Failure::Malformed)? {
        Revoked::Access(token) => match state.tokens.live(token, now) {
            Ok(claims) if may_see(&claims, &client.id, &state.config.introspects(&client.id)) => {
                Ok(Introspection::of_access_token(claims))
            }
            Err(BearerError::Unavailable | BearerError::Flooded) => Err(Failure::NotNow),
            Ok(_) | Err(_) => Ok(Introspection::inactive()),
        },
        Revoked::Refresh(token) => Ok(refresh(state, token, &client.id).await?),
        Revoked::Foreign => Ok(Introspection::inactive()),
    }
}

/// Of a refresh token; nobody but its client has any business with it.
async fn refresh(state: &Inner, token: &str, caller: &str) -> Result<Introspection, StoreError> {
    let Some(parts) = Parts::parse(token) else { return Ok(Introspection::inactive()) };
    let found = state.store.family(parts.handle_digest()).await?;
    let Some((record, grant)) = found.filter(|(_, grant)| grant.client_id == caller) else {
        return Ok(Introspection::inactive());
    };
    if !is_good(state, &parts, &record, &grant) {
        return Ok(Introspection::inactive());
    }
    Ok(Introspection {
        active: true,
        scope: Some(ScopeSet::parse_lenient(&grant.scope)),
        client_id: Some(grant.client_id),
        exp: Some(seconds(record.expires_at.min(grant.expires_at))),
        sub: Some(grant.user_id),
        iss: Some(state.issuer.clone()),
        ..Introspection::default()
    })
}
