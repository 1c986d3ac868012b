//! `POST /token` ([OAuth 2.1 §3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2)). Here is
//! what all grant types share; each has a file of its own.

mod authorization_code;
mod client_credentials;
pub(crate) mod device_code;
mod jwt_bearer;
pub(crate) mod refresh_token;
mod token_exchange;

use std::time::SystemTime;

use axum::extract::State;
use axum::response::Response;
use barewire_oauth::client::Client;
use barewire_oauth::device::DeviceRefusal;
use barewire_oauth::dpop::ProofError;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::grant::{CodeRefusal, Holder, Redemption};
use barewire_oauth::parameters::Parameters;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::RefreshToken;
use barewire_oauth::token::{self, TokenError, TokenRequest, TokenResponse};
use barewire_oauth::token_family::{RefreshRefusal, TokenFamily};
use http::{HeaderMap, StatusCode};

pub(crate) use self::client_credentials::own_grant;
use self::refresh_token::{Wanted, family_record};
use crate::access_tokens::NewToken;
use crate::client_authentication::{Authenticated, authenticate};
use crate::config::Dpop;
use crate::keys::SigningError;
use crate::possession::{give_nonce, proven};
use crate::posted::Posted;
use crate::refresh_tokens::Parts;
use crate::routes::TOKEN;
use crate::server::{AppState, Inner};
use crate::store::{FamilyRecord, GrantRecord, StoreError};
use crate::witness::{Draft, EventKind, Sender, token_refusal};
use crate::{random, respond};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The client's fault.
    #[error(transparent)]
    Refused(#[from] TokenError),
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Ours, too.
    #[error("a token could not be signed")]
    Signing(#[from] SigningError),
}

impl From<CodeRefusal> for Failure {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Refused(TokenError::Code(refusal))
    }
}

impl From<RefreshRefusal> for Failure {
    fn from(refusal: RefreshRefusal) -> Self {
        Self::Refused(TokenError::Refresh(refusal))
    }
}

impl Failure {
    /// For whoever keeps account.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => token_refusal(refusal),
            Self::Store(_) => "store",
            Self::Signing(_) => "signing",
        }
    }

    pub(crate) fn respond(&self) -> Response {
        match self {
            Self::Refused(refusal @ TokenError::Device(DeviceRefusal::Pending)) => {
                respond::token_error(refusal)
            }
            Self::Refused(refusal) => {
                tracing::info!(error = refusal.code().as_str(), reason = %refusal, "a token request was refused");
                respond::token_error(refusal)
            }
            Self::Store(failure) => respond::store_failed(failure),
            Self::Signing(failure) => {
                tracing::error!(error = failure as &dyn std::error::Error, "a token could not be signed");
                respond::error(&ErrorResponse::new(ErrorCode::ServerError, "the token could not be signed"))
            }
        }
    }
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    let arrived_at = state.now();
    let mut account = Account {
        sender: &posted.sender,
        kind: EventKind::Grant,
        draft: Draft::default(),
        possession: Possession::default(),
    };
    let result = exchange(&state, &posted, arrived_at, &mut account).await;
    let ending = result.as_ref().map(|_| None).map_err(Failure::rule);
    // A device asks every few seconds; that nobody has decided yet is no event.
    if !matches!(&result, Err(Failure::Refused(TokenError::Device(DeviceRefusal::Pending)))) {
        state.tell(&posted.sender, TOKEN, account.kind, &account.draft, ending);
    }
    let wants_nonce = matches!(&result, Err(Failure::Refused(refusal)) if refusal.wants_nonce());
    let mut response = match result {
        Ok(response) => respond::json(StatusCode::OK, &response),
        Err(failure) => failure.respond(),
    };
    give_nonce(&state, wants_nonce, &posted.headers, &mut response);
    response
}

async fn exchange(
    state: &Inner,
    posted: &Posted,
    arrived_at: SystemTime,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let parameters = posted.parameters()?;
    let headers = &posted.headers;
    // Before anything is awaited: from here on, other requests with the same code or refresh token are its twins.
    let attempt = token::used_once(&parameters).map(|once| state.redeeming.arrive(random::digest(once)));
    let anonymous = is_anonymous_statement(headers, &parameters);
    let client = if anonymous { None } else { Some(authenticate(state, headers, &parameters).await?) };
    account.draft.client = client.as_ref().map(|client| client.id.clone());
    account.draft.registration = client.as_ref().map(|client| client.registration().as_str());
    account.possession = Possession::of(state, headers, client.as_ref())?;
    let key = account.possession.key.clone();
    let request = token::read(&parameters)?;
    let (request, client) = match (request, client) {
        (TokenRequest::JwtBearer { assertion, scope, resource }, client) => {
            let wanted = jwt_bearer::Wanted {
                assertion: &assertion,
                scope: scope.as_ref(),
                resource: resource.as_ref(),
            };
            return jwt_bearer::redeem(state, client.as_ref(), &wanted, account).await;
        }
        (request, Some(client)) => (request, client),
        (_, None) => return Err(TokenError::NoClient.into()),
    };
    match request {
        TokenRequest::JwtBearer { .. } => Err(TokenError::UnsupportedGrantType.into()),
        TokenRequest::AuthorizationCode { code, redirect_uri, verifier, resource } => {
            let by = Redemption {
                client_id: &client.id,
                redirect_uri: redirect_uri.as_deref(),
                verifier: &verifier,
                resource: resource.as_ref(),
                arrived_at,
                key: key.as_deref(),
            };
            authorization_code::redeem(state, &client, code.expose(), &by, attempt.as_ref(), account).await
        }
        TokenRequest::RefreshToken { refresh_token, scope, resource } => {
            let (scope, resource, attempt) = (scope.as_ref(), resource.as_ref(), attempt.as_ref());
            let wanted = Wanted { client: &client, scope, resource, attempt };
            account.kind = EventKind::Refresh;
            refresh_token::refresh(state, &refresh_token, &wanted, account).await
        }
        TokenRequest::DeviceCode { device_code, resource } => {
            if !state.config.device_flow {
                return Err(TokenError::UnsupportedGrantType.into());
            }
            device_code::redeem(state, &client, &device_code, resource.as_ref(), account).await
        }
        TokenRequest::TokenExchange(wanted) => {
            account.kind = EventKind::TokenExchange;
            token_exchange::exchange(state, &client, &wanted, arrived_at, account).await
        }
        TokenRequest::ClientCredentials { scope, resource } => {
            client_credentials::issue(state, &client, scope.as_ref(), resource.as_ref(), account).await
        }
    }
}

/// Whether somebody presents a statement and names no client: then the statement itself says who asks
/// ([RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).
fn is_anonymous_statement(headers: &HeaderMap, parameters: &Parameters) -> bool {
    let has = |name| !matches!(parameters.one(name), Ok(None));
    parameters.one("grant_type").ok().flatten() == Some(token::JWT_BEARER)
        && respond::authorization(headers).is_empty()
        && !["client_id", "client_secret", "client_assertion", "client_assertion_type"].into_iter().any(has)
}

/// What a request proves to have, and what follows for what it gets
/// ([RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
#[derive(Default)]
struct Possession {
    /// The thumbprint of the key that its access token is bound to.
    key: Option<String>,
    /// Whether the refresh token is bound to it as well: one of a client that authenticates is bound to that already.
    binds_refresh_tokens: bool,
}

impl Possession {
    fn of(state: &Inner, headers: &HeaderMap, client: Option<&Authenticated>) -> Result<Self, TokenError> {
        let key = proven(state, TOKEN, headers)?;
        let client = client.and_then(|client| client.client.as_deref());
        let demanded = client.is_some_and(|client| client.demands.dpop_bound_access_tokens);
        if key.is_none() && (demanded || state.config.dpop == Dpop::Required) {
            return Err(ProofError::Missing.into());
        }
        Ok(Self { key, binds_refresh_tokens: client.is_none_or(Client::is_public) })
    }

    /// Who may use the next refresh token, if that was `before`.
    fn holder(&self, before: Holder) -> Holder {
        match &self.key {
            Some(key) if self.binds_refresh_tokens => Holder { key: Some(key.clone()), ..before },
            _ => before,
        }
    }
}

/// The account of one request at this endpoint.
struct Account<'a> {
    sender: &'a Sender,
    kind: EventKind,
    draft: Draft,
    possession: Possession,
}

impl Account<'_> {
    fn concerns(&mut self, user: &str, grant: &str, client_name: Option<&str>, scope: &str) {
        self.draft.user = Some(user.to_owned());
        self.draft.grant = Some(grant.to_owned());
        self.draft.client_name = client_name.map(str::to_owned);
        self.draft.scope = Some(scope.to_owned());
    }
}

/// The first tokens of a new grant, and its refresh family; neither is stored yet.
fn first_tokens(
    state: &Inner,
    grant: &GrantRecord,
    refreshable: bool,
    holder: Holder,
    possession: &Possession,
    now: SystemTime,
) -> Result<(TokenResponse, Option<FamilyRecord>), Failure> {
    let first = refreshable.then(Parts::random);
    let family = first.as_ref().map(|first| {
        let family = TokenFamily::new(first.secret_digest().0, &state.config.family_limits(), now)
            .held_by(possession.holder(holder));
        family_record(first.handle_digest(), &grant.id, family)
    });
    let scope = ScopeSet::parse_lenient(&grant.scope);
    let response = response(state, grant, &scope, first.map(|first| first.token()), possession, now)?;
    Ok((response, family))
}

fn response(
    state: &Inner,
    grant: &GrantRecord,
    scope: &ScopeSet,
    refresh_token: Option<RefreshToken>,
    possession: &Possession,
    now: SystemTime,
) -> Result<TokenResponse, Failure> {
    signed(state, &NewToken::of(grant, scope), refresh_token, possession, now)
}

/// An access token, signed and bound to what the request has proven.
fn signed(
    state: &Inner,
    new: &NewToken<'_>,
    refresh_token: Option<RefreshToken>,
    possession: &Possession,
    now: SystemTime,
) -> Result<TokenResponse, Failure> {
    let key = possession.key.as_deref();
    let (access_token, expires_in) = state.tokens.issue(new, key, now)?;
    let token_type = if key.is_some() { "DPoP" } else { "Bearer" };
    Ok(TokenResponse {
        access_token,
        issued_token_type: None,
        token_type,
        expires_in,
        refresh_token,
        scope: new.scope.clone(),
    })
}
