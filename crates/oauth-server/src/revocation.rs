//! How a grant ends.

use crate::server::Inner;
use crate::store::{Revocation, RevocationReason, StoreError, Swap};
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
