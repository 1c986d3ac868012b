//! `grant_type=authorization_code`
//! ([OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3)).

use barewire_oauth::grant::{AuthorizationCode, Authorized, CodeRefusal, Holder, Redemption};
use barewire_oauth::pkce::CodeChallenge;
use barewire_oauth::resource::Resource;
use barewire_oauth::token::TokenResponse;

use super::{Account, Failure, first_tokens};
use crate::client_authentication::Authenticated;
use crate::random;
use crate::redeeming::Attempt;
use crate::revocation::{Told, revoke};
use crate::routes::TOKEN;
use crate::server::Inner;
use crate::store::{CodeRecord, GrantRecord, RevocationReason, StoreError, Swap};
use crate::witness::{EventKind, request_of};

pub(super) async fn redeem(
    state: &Inner,
    client: &Authenticated,
    code: &str,
    by: &Redemption<'_>,
    attempt: Option<&Attempt<'_>>,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let digest = random::digest(code);
    let record = state.store.code(digest).await?.ok_or(CodeRefusal::Unknown)?;
    account.draft.request = request_of(&record.client_id, &record.code_challenge);
    account.concerns(&record.user_id, &record.grant_id, record.client_name.as_deref(), &record.scope);
    client.prove(record.client_has_keys)?;
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
    let grant = GrantRecord {
        id: record.grant_id,
        user_id: record.user_id,
        client_id: record.client_id,
        client_name: record.client_name,
        scope: record.scope,
        resource: record.resource,
        client_has_keys: record.client_has_keys,
        created_at: now,
        last_used_at: now,
        last_used_from: account.sender.address,
        expires_at: now + state.config.grant_ttl,
        narrowed: None,
        revoked: None,
    };
    // Nobody but the holder of its key has redeemed it; whoever it was, the tokens are bound to what was proven now.
    let holder = Holder { key: None, ..record.holder };
    // Signed before it is stored: were it the other way round, a failure in between would have used up the code.
    let (response, family) =
        first_tokens(state, &grant, record.refreshable, holder, &account.possession, now)?;
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
        holder: record.holder.clone(),
    };
    Ok(match record.redeemed_at {
        None => AuthorizationCode::Issued(authorized),
        Some(at) => AuthorizationCode::Redeemed { authorized, at },
    })
}
