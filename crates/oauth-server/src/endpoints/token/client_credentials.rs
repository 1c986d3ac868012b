//! `grant_type=client_credentials`
//! ([OAuth 2.1 §4.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.2)): a client gets a token
//! for itself. There is no refresh token, it can ask again.

use barewire_oauth::authorize::Offered;
use barewire_oauth::client::Registration;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::token::{TokenError, TokenResponse, own_scope, own_subject};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Account, Failure, signed};
use crate::access_tokens::NewToken;
use crate::client_authentication::Authenticated;
use crate::random;
use crate::server::Inner;

pub(super) async fn issue(
    state: &Inner,
    client: &Authenticated,
    scope: Option<&ScopeSet>,
    resource: Option<&Resource>,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let client = client
        .proven()
        .ok_or(TokenError::NotAllowed("only a client that authenticates gets tokens for itself"))?;
    account.draft.client_name.clone_from(&client.name);
    let allowed = state.config.own_access.get(&client.id);
    let allowed = allowed.ok_or(TokenError::NotAllowed("this client may have no tokens for itself"))?;
    let offered = state.policy.resource(resource).ok_or(TokenError::UnknownResource)?;
    let scope = own_scope(&part_of(allowed, offered)?, scope)?;
    let (subject, grant_id) = (own_subject(&client.id), own_grant(&client.id));
    account.draft.grant = Some(grant_id.clone());
    account.draft.scope = Some(scope.to_string());
    let new = NewToken {
        subject: &subject,
        client_id: &client.id,
        resource: offered.resource.as_str(),
        scope: &scope,
        grant_id: &grant_id,
        until: None,
        actor: None,
    };
    let now = state.now();
    let response = signed(state, &new, None, &account.possession, now)?;
    // One that registered itself and is never used is forgotten; this one is used.
    if client.registration == Registration::Dynamic {
        state.store.use_client(&client.id, now).await?;
    }
    Ok(response)
}

/// What there is at a resource of the scopes that somebody may have.
pub(super) fn part_of(allowed: &ScopeSet, offered: &Offered) -> Result<ScopeSet, TokenError> {
    offered.part_of(allowed).ok_or_else(|| TokenError::MoreScope(ScopeSet::new()))
}

/// What all tokens of one client for itself belong to; there is no record of it, and revoking it ends them.
pub(crate) fn own_grant(client_id: &str) -> String {
    let digest = random::digest_of(&[b"own", client_id.as_bytes()]);
    format!("own_{}", URL_SAFE_NO_PAD.encode(&digest.0[..16]))
}
