//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange`
//! ([RFC 8693 §2](https://www.rfc-editor.org/rfc/rfc8693#section-2)): a server that was sent a token gets one for a call of
//! its own. There is no refresh token: with the next call to it comes the next token.

use std::time::SystemTime;

use barewire_oauth::bearer::BearerError;
use barewire_oauth::claims::AccessTokenClaims;
use barewire_oauth::client::Registration;
use barewire_oauth::dpop::ProofError;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::token::{OWN_SUBJECT, TokenError, TokenResponse};
use barewire_oauth::token_exchange::{self, ACCESS_TOKEN, ExchangeRefusal, ExchangeRequest};

use super::{Account, Failure, signed};
use crate::access_tokens::NewToken;
use crate::client_authentication::Authenticated;
use crate::server::Inner;

pub(super) async fn exchange(
    state: &Inner,
    client: &Authenticated,
    wanted: &ExchangeRequest,
    arrived_at: SystemTime,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let client = client
        .proven()
        .ok_or(TokenError::NotAllowed("only a client that authenticates may exchange tokens"))?;
    account.draft.client_name.clone_from(&client.name);
    let rule = state.config.token_exchange.get(&client.id);
    let rule = rule.ok_or(TokenError::NotAllowed("this client may exchange no tokens"))?;
    let (subject, grant_id) = standing(state, wanted, arrived_at).await?;
    account.draft.user = Some(subject.sub.clone());
    account.draft.grant = Some(grant_id.clone());
    if subject.cnf.is_some() && account.possession.key.is_none() {
        return Err(TokenError::from(ProofError::Missing).into());
    }
    let depth = state.config.token_exchange_depth;
    let exchanged =
        token_exchange::exchange(&client.id, rule, &subject, wanted, depth).map_err(TokenError::Exchange)?;
    // As this server spells it everywhere.
    let offered = state.policy.resource(Some(&exchanged.resource)).ok_or(TokenError::UnknownResource)?;
    // What was asked for by name is given as a whole or not at all.
    let scope = offered.part_of(&exchanged.scope).unwrap_or_default();
    if scope != exchanged.scope && (scope.is_empty() || wanted.scope.is_some()) {
        return Err(TokenError::Exchange(ExchangeRefusal::MoreScope(scope)).into());
    }
    account.draft.scope = Some(scope.to_string());
    let new = NewToken {
        subject: &subject.sub,
        client_id: &client.id,
        resource: offered.resource.as_str(),
        scope: &scope,
        grant_id: &grant_id,
        until: Some(subject.expires_at()),
        actor: Some(&exchanged.actor),
    };
    // Issued when the subject token was looked at: what was revoked since then covers it.
    let response = signed(state, &new, None, &account.possession, arrived_at)?;
    if client.registration == Registration::Dynamic {
        state.store.use_client(&client.id, arrived_at).await?;
    }
    Ok(TokenResponse { issued_token_type: Some(ACCESS_TOKEN), ..response })
}

/// The claims of the subject token, with the scopes that its grant still has, and the grant. The store is asked, too:
/// another process may have ended the grant a moment ago, and the new token would begin its life there.
async fn standing(
    state: &Inner,
    wanted: &ExchangeRequest,
    now: SystemTime,
) -> Result<(AccessTokenClaims, String), Failure> {
    let refused = || TokenError::Exchange(ExchangeRefusal::SubjectToken);
    let mut claims = match state.tokens.live(wanted.subject_token.expose(), now) {
        Ok(claims) => claims,
        Err(BearerError::Unavailable | BearerError::Flooded) => {
            return Err(TokenError::NotNow("access tokens cannot be checked right now").into());
        }
        Err(_) => return Err(refused().into()),
    };
    let grant_id = claims.grant_id.clone().ok_or_else(refused)?;
    match state.store.grant(&grant_id).await? {
        Some(grant) if grant.revoked.is_none() && grant.expires_at > now => {
            // The token may be another server's already.
            if state.store.client_disabled(&grant.client_id).await?.is_some() {
                return Err(refused().into());
            }
            claims.scope = claims.scope.intersection(&ScopeSet::parse_lenient(&grant.scope));
        }
        // Of what clients get for themselves there is no record.
        None if claims.sub.starts_with(OWN_SUBJECT) => {}
        _ => return Err(refused().into()),
    }
    Ok((claims, grant_id))
}
