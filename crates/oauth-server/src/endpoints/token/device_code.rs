//! `grant_type=urn:ietf:params:oauth:grant-type:device_code`
//! ([RFC 8628 §3.4](https://datatracker.ietf.org/doc/html/rfc8628#section-3.4)).

use barewire_oauth::device::{Decision, DeviceRefusal, Pace, redeem as may_redeem};
use barewire_oauth::dpop::ProofError;
use barewire_oauth::grant::Holder;
use barewire_oauth::resource::Resource;
use barewire_oauth::secret::DeviceCode;
use barewire_oauth::token::{TokenError, TokenResponse};

use super::{Account, Failure, first_tokens};
use crate::client_authentication::Authenticated;
use crate::random;
use crate::server::Inner;
use crate::store::{DeviceRecord, GrantRecord, Swap};
use crate::witness::request_of_device;

pub(super) async fn redeem(
    state: &Inner,
    client: &Authenticated,
    code: &DeviceCode,
    resource: Option<&Resource>,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let digest = random::digest(code.expose());
    account.draft.request = request_of_device(digest);
    let device = state.store.device(digest).await?.ok_or_else(|| refused(DeviceRefusal::Unknown))?;
    if device.client_id != client.id {
        return Err(refused(DeviceRefusal::WrongClient));
    }
    client.prove(device.client_has_keys)?;
    let own = Resource::parse(&device.resource).ok();
    if resource.is_some_and(|wanted| own.is_none_or(|own| !own.is_equivalent(wanted))) {
        return Err(TokenError::UnknownResource.into());
    }
    let holder = Holder { key: None, proof_required: device.proof_required };
    // It is bound to no key yet, so there is one thing that can be wrong.
    let proven = account.possession.key.as_deref();
    holder.check(proven).map_err(|_| TokenError::from(ProofError::Missing))?;
    account.draft.client_name.clone_from(&device.client_name);
    account.draft.scope = Some(device.scope.clone());
    let now = state.now();
    let decision = decision(&device);
    // Only who waits can ask too often.
    let early = decision == Decision::Pending
        && state.devices.asks_early(digest, state.config.device_poll_interval, now);
    may_redeem(decision, device.expires_at, early, now).map_err(refused)?;
    let Some(user_id) = device.decision.and_then(|decision| decision.user_id) else {
        return Err(refused(DeviceRefusal::Denied));
    };
    account.concerns(&user_id, &device.grant_id, device.client_name.as_deref(), &device.scope);
    let grant = GrantRecord {
        id: device.grant_id,
        user_id,
        client_id: device.client_id,
        client_name: device.client_name,
        scope: device.scope,
        resource: device.resource,
        client_has_keys: device.client_has_keys,
        created_at: now,
        last_used_at: now,
        last_used_from: account.sender.address,
        expires_at: now + state.config.grant_ttl,
        narrowed: None,
        revoked: None,
    };
    let (response, family) =
        first_tokens(state, &grant, device.refreshable, holder, &account.possession, now)?;
    match state.store.redeem_device(digest, now, &grant, family.as_ref()).await? {
        Swap::Done => Ok(response),
        Swap::Lost => Err(refused(DeviceRefusal::Redeemed)),
    }
}

fn refused(refusal: DeviceRefusal) -> Failure {
    TokenError::Device(refusal).into()
}

fn decision(device: &DeviceRecord) -> Decision {
    match (&device.decision, device.redeemed_at) {
        (_, Some(_)) => Decision::Redeemed,
        (None, None) => Decision::Pending,
        (Some(decision), None) if decision.user_id.is_some() => Decision::Allowed,
        (Some(_), None) => Decision::Denied,
    }
}

/// How often each device asks. Forgotten with the process: then it may ask once more.
pub(crate) struct Devices(quick_cache::sync::Cache<crate::store::Digest, Pace>);

impl Devices {
    pub(crate) fn new(max: usize) -> Self {
        Self(quick_cache::sync::Cache::new(max))
    }

    fn asks_early(
        &self,
        device: crate::store::Digest,
        interval: std::time::Duration,
        now: std::time::SystemTime,
    ) -> bool {
        let (pace, early) = Pace::asked(self.0.get(&device), interval, now);
        self.0.insert(device, pace);
        early
    }
}
