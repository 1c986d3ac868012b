//! How a grant ends, or loses a part of itself.

use barewire_oauth::scope::ScopeSet;

use crate::config::MAX_ACCESS_TOKEN_TTL;
use crate::endpoints::token::own_grant;
use crate::server::Inner;
use crate::store::{
    Deletion, Digest, EndedGrant, GrantRecord, Revocation, RevocationReason, StoreError, Swap,
};
use crate::witness::{Draft, EventKind, Sender};

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

/// Disconnects an application: ends this grant and all others of the same user, client and resource, and what would still
/// become one. In the store first, then for the verifier.
pub(crate) async fn disconnect(state: &Inner, grant_id: &str, told: Told<'_>) -> Result<(), StoreError> {
    let (now, reason) = (state.now(), RevocationReason::User);
    let ended = state.store.disconnect(grant_id, Revocation { at: now, reason }).await?;
    for id in &ended {
        state.tokens.revoke_grant(id, now);
        tracing::info!(grant = id, reason = reason.as_str(), "a grant was revoked");
        let scope = told.draft.scope.clone().filter(|_| id == grant_id);
        let draft = Draft { grant: Some(id.clone()), scope, ..told.draft.clone() };
        state.tell(told.sender, told.endpoint, EventKind::Revocation, &draft, Ok(Some(reason.as_str())));
    }
    Ok(())
}

/// Deletes a client that has shown this token, with all that it has: in the store first, then for the verifier. False when
/// it has another token meanwhile, or is gone.
pub(crate) async fn delete_client(
    state: &Inner,
    client_id: &str,
    registration_token: Digest,
    told: Told<'_>,
) -> Result<bool, StoreError> {
    let (now, reason) = (state.now(), RevocationReason::Client);
    let own_grant = own_grant(client_id);
    let deletion = Deletion {
        client_id,
        registration_token,
        at: now,
        own_grant: &own_grant,
        own_grant_until: now + MAX_ACCESS_TOKEN_TTL,
    };
    let Some(ended) = state.store.delete_client(&deletion).await? else { return Ok(false) };
    tracing::info!(client = client_id, grants = ended.len(), "a client has deleted itself");
    state.tokens.revoke_grants(ended.iter().map(|grant| grant.id.clone()).chain([own_grant]), now);
    for EndedGrant { id, user_id } in ended {
        let draft = Draft { user: Some(user_id), grant: Some(id), ..told.draft.clone() };
        state.tell(told.sender, told.endpoint, EventKind::Revocation, &draft, Ok(Some(reason.as_str())));
    }
    Ok(true)
}

/// Leaves a grant with these scopes: in the store first, then for the verifier, so that no restart widens it again. The
/// next request with a token that says more counts only as far as the grant still goes.
///
/// [`Swap::Lost`] when somebody else has narrowed or revoked it meanwhile.
pub(crate) async fn narrow(
    state: &Inner,
    grant: &GrantRecord,
    left: &ScopeSet,
    told: Told<'_>,
) -> Result<Swap, StoreError> {
    let now = state.now();
    let swap = state.store.narrow_grant(&grant.id, &grant.scope, &left.to_string(), now).await?;
    if swap == Swap::Done {
        state.tokens.narrow_grant(&grant.id, left.clone(), now);
        tracing::info!(grant = grant.id, scope = %left, "a grant was narrowed");
        let draft = Draft { scope: Some(left.to_string()), ..told.draft.clone() };
        state.tell(told.sender, told.endpoint, EventKind::Narrowing, &draft, Ok(None));
    }
    Ok(swap)
}
