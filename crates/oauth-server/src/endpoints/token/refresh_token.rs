//! `grant_type=refresh_token`
//! ([OAuth 2.1 §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3)).

use std::time::SystemTime;

use barewire_oauth::authorize::Policy;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::RefreshToken;
use barewire_oauth::token::{self, TokenError, TokenResponse};
use barewire_oauth::token_family::{Presented, RefreshRefusal, Replaced, TokenFamily};

use super::{Account, Failure, response};
use crate::client_authentication::Authenticated;
use crate::redeeming::Attempt;
use crate::refresh_tokens::Parts;
use crate::revocation::{Told, narrow, revoke};
use crate::routes::TOKEN;
use crate::server::Inner;
use crate::store::{
    Digest, FamilyRecord, GrantRecord, ReplacedToken, RevocationReason, Secret, StoreError, Swap,
};
use crate::upstream::{self, Standing};
use crate::witness::EventKind;

/// How often a refresh looks again after somebody else rotated the family; each time there is an answer then.
const RACES: usize = 16;

/// What a refresh asks for.
pub(super) struct Wanted<'a> {
    pub(super) client: &'a Authenticated,
    pub(super) scope: Option<&'a ScopeSet>,
    pub(super) resource: Option<&'a Resource>,
    pub(super) attempt: Option<&'a Attempt<'a>>,
}

pub(super) async fn refresh(
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
        if record.suspended {
            return Err(RefreshRefusal::Revoked.into());
        }
        let scope = check_grant(&state.policy, &grant, wanted, now)?;
        wanted.client.prove(grant.client_has_keys)?;
        let family = family(&record);
        family.check_holder(account.possession.key.as_deref())?;
        let successor = match family.present(&presented.secret_digest().0, &limits, now) {
            Ok(Presented::Replaced(replaced)) => presented
                .unseal(&replaced.sealed_successor)
                .ok_or_else(|| StoreError::new("a sealed refresh token is damaged"))?,
            Ok(Presented::Current) => {
                wanted.attempt.into_iter().for_each(Attempt::begin);
                match still_may(state, &grant, now, account).await? {
                    Swap::Done => {}
                    // It has less than a moment ago; what may be asked of it is looked at anew.
                    Swap::Lost => continue,
                }
                let successor = presented.successor();
                let sealed = presented.seal(&successor).expose().to_vec();
                let generation = family.generation;
                let holder = account.possession.holder(family.holder.clone());
                let rotated =
                    family.held_by(holder).rotated(successor.secret_digest().0, sealed, &limits, now);
                let rotated = family_record(record.handle, &grant.id, rotated);
                match state.store.rotate_family(generation, &rotated, now, account.sender.address).await? {
                    Swap::Done => {
                        wanted.attempt.into_iter().for_each(Attempt::won);
                        successor
                    }
                    // Somebody else rotated (or revoked) meanwhile: look again, the answer is there now.
                    Swap::Lost => continue,
                }
            }
            Err(RefreshRefusal::Reused) if wanted.attempt.is_some_and(Attempt::raced) => {
                return Err(RefreshRefusal::Raced.into());
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
        return response(state, &grant, &scope, Some(successor.token()), &account.possession, now);
    }
    Err(StoreError::new("a refresh lost every race").into())
}

/// Whether the user of the grant still may, as their identity provider sees it. A no ends this very grant; less than before
/// narrows it ([`Swap::Lost`]); no answer ends nothing.
async fn still_may(
    state: &Inner,
    grant: &GrantRecord,
    now: SystemTime,
    account: &Account<'_>,
) -> Result<Swap, Failure> {
    let told = Told { sender: account.sender, endpoint: TOKEN, draft: &account.draft };
    let has = ScopeSet::parse_lenient(&grant.scope);
    match state.upstreams.standing(&grant.id, now).await? {
        Standing::Own => Ok(Swap::Done),
        Standing::Within(allowed) => match upstream::within(&has, allowed) {
            Some(left) if left == has => Ok(Swap::Done),
            Some(left) => {
                // Whoever else has changed it meanwhile: it is looked at anew in any case.
                let _changed = narrow(state, grant, &left, told).await?;
                Ok(Swap::Lost)
            }
            None => {
                revoke(state, &grant.id, RevocationReason::Upstream, told).await?;
                Err(RefreshRefusal::Revoked.into())
            }
        },
        Standing::Refused => {
            revoke(state, &grant.id, RevocationReason::Upstream, told).await?;
            Err(RefreshRefusal::Revoked.into())
        }
        Standing::Unknown => Err(TokenError::NotNow(
            "the identity provider cannot be asked whether this user still may; nothing has ended, try again",
        )
        .into()),
    }
}

/// Whether the grant still stands and covers what is asked; the scope of the next access token.
fn check_grant(
    policy: &Policy,
    grant: &GrantRecord,
    wanted: &Wanted<'_>,
    now: SystemTime,
) -> Result<ScopeSet, RefreshRefusal> {
    if grant.client_id != wanted.client.id {
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
    let left = still_there(policy, grant).ok_or(RefreshRefusal::Revoked)?;
    let granted = grant.narrowed.as_ref().map_or(&grant.scope, |narrowing| &narrowing.granted_scope);
    token::narrowed(&ScopeSet::parse_lenient(granted), &left, wanted.scope)
}

/// What the grant has, and the operator has not taken away; `None` where that is nothing.
fn still_there(policy: &Policy, grant: &GrantRecord) -> Option<ScopeSet> {
    policy.still(&Resource::parse(&grant.resource).ok()?, &ScopeSet::parse_lenient(&grant.scope))
}

/// Whether a refresh would give tokens now, for whoever asks and does not want to have done it.
pub(crate) fn is_good(state: &Inner, presented: &Parts, record: &FamilyRecord, grant: &GrantRecord) -> bool {
    let now = state.now();
    let presented = presented.secret_digest();
    !record.suspended
        && grant.revoked.is_none()
        && grant.expires_at > now
        && still_there(&state.policy, grant).is_some()
        && family(record).present(&presented.0, &state.config.family_limits(), now).is_ok()
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
        holder: record.holder.clone(),
    }
}

pub(super) fn family_record(handle: Digest, grant_id: &str, family: TokenFamily) -> FamilyRecord {
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
        holder: family.holder,
        suspended: false,
    }
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
