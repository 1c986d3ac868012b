//! `POST /token` ([OAuth 2.1 §3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2)).

use std::time::SystemTime;

use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use barewire_oauth::client_document::DocumentUrl;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use barewire_oauth::grant::{AuthorizationCode, Authorized, CodeRefusal, Redemption};
use barewire_oauth::parameters::Parameters;
use barewire_oauth::pkce::CodeChallenge;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::RefreshToken;
use barewire_oauth::token::{self, ClientCredentials, TokenError, TokenRequest, TokenResponse};
use barewire_oauth::token_family::{Presented, RefreshRefusal, Replaced, TokenFamily};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::keys::SigningError;
use crate::redeeming::Attempt;
use crate::refresh_tokens::Parts;
use crate::routes::TOKEN;
use crate::server::{AppState, Inner};
use crate::store::{
    CodeRecord, Digest, FamilyRecord, GrantRecord, ReplacedToken, Revocation, RevocationReason, Secret,
    StoreError, Swap,
};
use crate::witness::{Draft, EventKind, Sender, token_refusal};
use crate::{documents, random, respond};

/// How often a refresh looks again after somebody else rotated the family; each time there is an answer then.
const RACES: usize = 16;

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
    fn rule(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => token_refusal(refusal),
            Self::Store(_) => "store",
            Self::Signing(_) => "signing",
        }
    }

    fn respond(&self, headers: &HeaderMap) -> Response {
        match self {
            Self::Refused(refusal) => {
                tracing::info!(error = refusal.code().as_str(), reason = %refusal, "a token request was refused");
                respond::token_error(refusal, headers)
            }
            Self::Store(failure) => respond::store_failed(failure),
            Self::Signing(failure) => {
                tracing::error!(error = failure as &dyn std::error::Error, "a token could not be signed");
                respond::error(&ErrorResponse::new(ErrorCode::ServerError, "the token could not be signed"))
            }
        }
    }
}

pub(crate) async fn post(
    State(state): State<AppState>,
    sender: Sender,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let arrived_at = state.now();
    let mut account = Account { sender: &sender, kind: EventKind::Grant, draft: Draft::default() };
    let result = exchange(&state, &headers, body, arrived_at, &mut account).await;
    let ending = result.as_ref().map(|_| None).map_err(Failure::rule);
    state.tell(&sender, TOKEN, account.kind, &account.draft, ending);
    match result {
        Ok(response) => respond::json(StatusCode::OK, &response),
        Err(failure) => failure.respond(&headers),
    }
}

async fn exchange(
    state: &Inner,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    arrived_at: SystemTime,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let parameters = respond::form(headers, body)?;
    // Before anything is awaited: from here on, other requests for the same code are its twins.
    let attempt = parameters
        .one("code")
        .map_err(TokenError::from)?
        .map(|code| state.redeeming.arrive(random::digest(code)));
    let client_id = authenticate(state, headers, &parameters).await?;
    account.draft.client = Some(client_id.clone());
    match token::read(&parameters)? {
        TokenRequest::AuthorizationCode { code, redirect_uri, verifier, resource } => {
            let by = Redemption {
                client_id: &client_id,
                redirect_uri: redirect_uri.as_deref(),
                verifier: &verifier,
                resource: resource.as_ref(),
                arrived_at,
            };
            redeem(state, code.expose(), &by, attempt.as_ref(), account).await
        }
        TokenRequest::RefreshToken { refresh_token, scope, resource } => {
            let wanted = Wanted { client_id: &client_id, scope: scope.as_ref(), resource: resource.as_ref() };
            account.kind = EventKind::Refresh;
            refresh(state, &refresh_token, &wanted, account).await
        }
    }
}

/// Who asks; proven, if the client has a way to prove it.
async fn authenticate(
    state: &Inner,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<String, Failure> {
    let credentials = token::credentials(&respond::authorization(headers), parameters)?;
    let id = credentials.id.clone().ok_or(TokenError::Missing("client_id"))?;
    if DocumentUrl::looks_like_one(&id) {
        // The operator may have changed his mind about that host since.
        let url = DocumentUrl::parse(&id, state.config.client_documents_from_loopback).ok();
        url.filter(|url| documents::is_accepted(&state.config, url.host()))
            .ok_or(TokenError::UnknownClient)?;
    }
    authenticate_as(state, &id, &credentials).await?;
    Ok(id)
}

/// Checks that the credentials are good for the client called `id`.
pub(crate) async fn authenticate_as(
    state: &Inner,
    id: &str,
    credentials: &ClientCredentials,
) -> Result<(), Failure> {
    // A client with a document is public, and what it may exchange was fixed when its document was read: fetching it
    // again here would only make a token depend on somebody else's web server.
    if DocumentUrl::looks_like_one(id) {
        return match credentials.secret {
            None => Ok(()),
            Some(_) => Err(TokenError::WrongSecret("this client has no secret").into()),
        };
    }
    let record = if id.len() <= 256 { state.store.client(id).await? } else { None };
    Ok(token::authenticate(&record.ok_or(TokenError::UnknownClient)?.client, credentials)?)
}

// ------------------------------------------------------------------------------------------ authorization_code

async fn redeem(
    state: &Inner,
    code: &str,
    by: &Redemption<'_>,
    attempt: Option<&Attempt<'_>>,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let digest = random::digest(code);
    let record = state.store.code(digest).await?.ok_or(CodeRefusal::Unknown)?;
    account.concerns(&record.user_id, &record.grant_id, record.client_name.as_deref(), &record.scope);
    let now = state.now();
    match lifecycle(&record)?.redeem(by, now) {
        Ok(_) => attempt.into_iter().for_each(Attempt::begin),
        Err(CodeRefusal::Replayed { .. }) if attempt.is_some_and(Attempt::raced) => {
            return Err(CodeRefusal::Raced.into());
        }
        Err(CodeRefusal::Replayed { grant_id }) => {
            account.kind = EventKind::Reuse;
            let told = Told { sender: account.sender, endpoint: TOKEN, draft: &account.draft };
            revoke(state, &grant_id, RevocationReason::CodeReplay, told).await?;
            return Err(CodeRefusal::Replayed { grant_id }.into());
        }
        Err(refusal) => return Err(refusal.into()),
    }
    let scope = ScopeSet::parse_lenient(&record.scope);
    let grant = GrantRecord {
        id: record.grant_id,
        user_id: record.user_id,
        client_id: record.client_id,
        client_name: record.client_name,
        scope: record.scope,
        resource: record.resource,
        created_at: now,
        last_used_at: now,
        expires_at: now + state.config.grant_ttl,
        revoked: None,
    };
    let first = record.refreshable.then(Parts::random);
    let family = first.as_ref().map(|first| {
        let family = TokenFamily::new(first.secret_digest().0, &state.config.family_limits(), now);
        family_record(first.handle_digest(), &grant.id, family)
    });
    // Signed before it is stored: were it the other way round, a failure in between would have used up the code.
    let response = response(state, &grant, &scope, first.map(|first| first.token()), now)?;
    match state.store.redeem_code(digest, now, &grant, family.as_ref()).await? {
        Swap::Done => {
            attempt.into_iter().for_each(Attempt::won);
            Ok(response)
        }
        // This request saw the code unused a moment ago, so it is a twin of the one that won, not a replay.
        Swap::Lost => Err(CodeRefusal::Raced.into()),
    }
}

fn lifecycle(record: &CodeRecord) -> Result<AuthorizationCode, StoreError> {
    let authorized = Authorized {
        client_id: record.client_id.clone(),
        redirect_uri: record.redirect_uri.clone(),
        resource: Resource::parse(&record.resource).map_err(StoreError::new)?,
        code_challenge: CodeChallenge::parse(&record.code_challenge).map_err(StoreError::new)?,
        grant_id: record.grant_id.clone(),
        expires_at: record.expires_at,
    };
    Ok(match record.redeemed_at {
        None => AuthorizationCode::Issued(authorized),
        Some(at) => AuthorizationCode::Redeemed { authorized, at },
    })
}

// ----------------------------------------------------------------------------------------------- refresh_token

/// What a refresh asks for.
struct Wanted<'a> {
    client_id: &'a str,
    scope: Option<&'a ScopeSet>,
    resource: Option<&'a Resource>,
}

async fn refresh(
    state: &Inner,
    token: &RefreshToken,
    wanted: &Wanted<'_>,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let presented = Parts::parse(token.expose()).ok_or(RefreshRefusal::Unknown)?;
    let limits = state.config.family_limits();
    for _ in 0..RACES {
        let (record, grant) =
            state.store.family(presented.handle_digest()).await?.ok_or(RefreshRefusal::Unknown)?;
        account.concerns(&grant.user_id, &grant.id, grant.client_name.as_deref(), &grant.scope);
        let now = state.now();
        let scope = check_grant(&grant, wanted, now)?;
        let family = family(&record);
        let successor = match family.present(&presented.secret_digest().0, &limits, now) {
            Ok(Presented::Replaced(replaced)) => presented
                .unseal(&replaced.sealed_successor)
                .ok_or_else(|| StoreError::new("a sealed refresh token is damaged"))?,
            Ok(Presented::Current) => {
                let successor = presented.successor();
                let sealed = presented.seal(&successor).expose().to_vec();
                let generation = family.generation;
                let rotated = family.rotated(successor.secret_digest().0, sealed, &limits, now);
                let rotated = family_record(record.handle, &grant.id, rotated);
                match state.store.rotate_family(generation, &rotated, now).await? {
                    Swap::Done => successor,
                    // Somebody else rotated (or revoked) meanwhile: look again, the answer is there now.
                    Swap::Lost => continue,
                }
            }
            Err(RefreshRefusal::Reused) => {
                account.kind = EventKind::Reuse;
                let told = Told { sender: account.sender, endpoint: TOKEN, draft: &account.draft };
                revoke(state, &grant.id, RevocationReason::RefreshReuse, told).await?;
                return Err(RefreshRefusal::Reused.into());
            }
            Err(refusal) => return Err(refusal.into()),
        };
        account.draft.scope = Some(scope.to_string());
        return response(state, &grant, &scope, Some(successor.token()), now);
    }
    Err(StoreError::new("a refresh lost every race").into())
}

/// Whether the grant still stands and covers what is asked; the scope of the next access token.
fn check_grant(
    grant: &GrantRecord,
    wanted: &Wanted<'_>,
    now: SystemTime,
) -> Result<ScopeSet, RefreshRefusal> {
    if grant.client_id != wanted.client_id {
        return Err(RefreshRefusal::WrongClient);
    }
    if grant.revoked.is_some() {
        return Err(RefreshRefusal::Revoked);
    }
    if grant.expires_at <= now {
        return Err(RefreshRefusal::Expired);
    }
    let own = Resource::parse(&grant.resource).ok();
    if wanted.resource.is_some_and(|wanted| own.is_none_or(|own| !own.is_equivalent(wanted))) {
        return Err(RefreshRefusal::WrongResource);
    }
    token::narrowed(&ScopeSet::parse_lenient(&grant.scope), wanted.scope)
}

fn family(record: &FamilyRecord) -> TokenFamily {
    TokenFamily {
        generation: record.generation,
        current: record.current.0,
        expires_at: record.expires_at,
        replaced: record
            .replaced
            .iter()
            .map(|replaced| Replaced {
                digest: replaced.digest.0,
                at: replaced.at,
                sealed_successor: replaced.sealed_successor.expose().to_vec(),
            })
            .collect(),
    }
}

fn family_record(handle: Digest, grant_id: &str, family: TokenFamily) -> FamilyRecord {
    FamilyRecord {
        handle,
        grant_id: grant_id.to_owned(),
        generation: family.generation,
        current: Digest(family.current),
        expires_at: family.expires_at,
        replaced: family
            .replaced
            .into_iter()
            .map(|replaced| ReplacedToken {
                digest: Digest(replaced.digest),
                at: replaced.at,
                sealed_successor: Secret::new(replaced.sealed_successor),
            })
            .collect(),
    }
}

// ------------------------------------------------------------------------------------------------------ common

/// The account of one request at this endpoint.
struct Account<'a> {
    sender: &'a Sender,
    kind: EventKind,
    draft: Draft,
}

impl Account<'_> {
    fn concerns(&mut self, user: &str, grant: &str, client_name: Option<&str>, scope: &str) {
        self.draft.user = Some(user.to_owned());
        self.draft.grant = Some(grant.to_owned());
        self.draft.client_name = client_name.map(str::to_owned);
        self.draft.scope = Some(scope.to_owned());
    }
}

/// By whose request something is ended, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) sender: &'a Sender,
    pub(crate) endpoint: &'static str,
    pub(crate) draft: &'a Draft,
}

/// Ends a grant: in the store first, then for the verifier, so that no restart brings it back.
pub(crate) async fn revoke(
    state: &Inner,
    grant_id: &str,
    reason: RevocationReason,
    told: Told<'_>,
) -> Result<(), StoreError> {
    let now = state.now();
    if state.store.revoke_grant(grant_id, Revocation { at: now, reason }).await? == Swap::Done {
        tracing::info!(grant = grant_id, reason = reason.as_str(), "a grant was revoked");
        let ending = Ok(Some(reason.as_str()));
        state.tell(told.sender, told.endpoint, EventKind::Revocation, told.draft, ending);
    }
    state.tokens.revoke_grant(grant_id, now);
    Ok(())
}

fn response(
    state: &Inner,
    grant: &GrantRecord,
    scope: &ScopeSet,
    refresh_token: Option<RefreshToken>,
    now: SystemTime,
) -> Result<TokenResponse, Failure> {
    let (access_token, expires_in) = state.tokens.issue(grant, scope, now)?;
    Ok(TokenResponse { access_token, token_type: "Bearer", expires_in, refresh_token, scope: scope.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_survives_its_record() {
        let limits = crate::AuthConfig::default().family_limits();
        let now = SystemTime::UNIX_EPOCH;
        let rotated = TokenFamily::new([1; 32], &limits, now).rotated([2; 32], vec![3], &limits, now);
        let record = family_record(Digest([9; 32]), "g", rotated.clone());
        assert_eq!(family(&record), rotated);
    }
}
