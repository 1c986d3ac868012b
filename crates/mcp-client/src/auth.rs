//! Keeping the token of one server good: renewed before it ends, once for everybody who needs it, and forgotten when
//! the issuer says so.

use std::time::SystemTime;

use barewire_exchange::{Decision, Phase, Step};
use barewire_oauth::client_flow::{DpopUse, FlowError, Grant, Refreshed};
use barewire_oauth::secret::AccessToken;
use url::Url;

use crate::credentials::{GrantKey, StoreError};
use crate::options::ClientOptions;
use crate::recording::Purpose;
use crate::signed::{self, Outgoing};
use crate::transport::Transport;

/// The grant of one server, kept good.
pub(crate) struct Auth {
    pub(crate) key: GrantKey,
    server: Url,
    options: ClientOptions,
    transport: Transport,
}

/// What became of an attempt to renew.
pub(crate) enum Renewal {
    /// There is another token now.
    Renewed(Box<Grant>),
    /// There is nothing to renew, or not any more: only a login helps.
    Gone,
    /// The issuer cannot answer right now.
    Later(String),
}

impl Auth {
    pub(crate) fn new(server: Url, key: GrantKey, options: ClientOptions, transport: Transport) -> Self {
        Self { key, server, options, transport }
    }

    /// The grant as it is kept; `None` when there is none, or one for something else than this server, or another than
    /// the options ask for.
    pub(crate) async fn kept(&self) -> Result<Option<Grant>, StoreError> {
        let grant = self.options.credentials.grant(&self.key).await?;
        // The store is keyed by URL; that the tokens are for it is checked here, whatever wrote them.
        Ok(grant.filter(|grant| grant.resource.covers(self.server.as_str()) && self.is_wanted(grant)))
    }

    /// Whether a login with these options would lead to such a grant: who asks to be a certain client, or to have bound
    /// tokens, does not get by with what an earlier login left.
    fn is_wanted(&self, grant: &Grant) -> bool {
        let login = &self.options.login;
        let kind = self.options.unattended.as_ref().is_none_or(|unattended| unattended.kind() == grant.kind);
        let client = login.client.as_ref().is_none_or(|client| client.client_id == grant.client.client_id);
        kind && client && (login.dpop != DpopUse::Always || grant.tokens.is_bound())
    }

    /// Whether this grant's token has ended and nothing but a login leads to the next.
    pub(crate) fn is_over(&self, grant: &Grant) -> bool {
        !grant.is_renewable() && grant.tokens.expires_within(self.options.config.refresh_margin, self.now())
    }

    /// The grant to use now: renewed when its token is about to end.
    pub(crate) async fn current(&self) -> Result<Option<Grant>, StoreError> {
        let Some(grant) = self.kept().await? else { return Ok(None) };
        let margin = self.options.config.refresh_margin;
        if !grant.is_renewable() || !grant.tokens.expires_within(margin, self.now()) {
            return Ok(Some(grant));
        }
        match self.renew(&grant.tokens.access_token).await? {
            Renewal::Renewed(grant) => Ok(Some(*grant)),
            Renewal::Gone => Ok(None),
            // It has not ended yet, or the server will say so.
            Renewal::Later(_) => Ok(Some(grant)),
        }
    }

    /// Renews the grant because this token is not good. Of several callers with the same token one does it, and the
    /// others get what it got.
    pub(crate) async fn renew(&self, stale: &AccessToken) -> Result<Renewal, StoreError> {
        let _one = self.options.shared.grants.lock(&self.key).await;
        let Some(grant) = self.kept().await? else { return Ok(Renewal::Gone) };
        if &grant.tokens.access_token != stale {
            return Ok(Renewal::Renewed(Box::new(grant)));
        }
        let Some(request) = grant.renewal_request() else { return Ok(Renewal::Gone) };
        let by_refresh_token = grant.tokens.refresh_token.is_some();
        let step = if by_refresh_token { Step::RefreshToken } else { Step::ClientCredentials };
        let mut purpose = Purpose::of(step);
        purpose.phase = Some(Phase::Refresh);
        purpose.tag.clone_from(&self.options.tag);
        let signatures = &grant.renewal_signatures();
        let outgoing = Outgoing { request: &request, signatures, purpose, led_by: Some(&self.server) };
        let (answer, recording) = signed::send(&self.transport, &self.options, outgoing).await;
        match grant.refreshed(&answer, self.now(), self.options.config.max_oauth_bytes) {
            Refreshed::Renewed(renewed) => {
                recording.decide(&issued(&renewed, self.now()));
                self.learn(&renewed);
                // The old refresh token may be worthless already: the new one is safe before anybody uses it.
                self.options.credentials.save_grant(&self.key, &renewed).await?;
                Ok(Renewal::Renewed(renewed))
            }
            Refreshed::LoginAgain(error) => {
                recording.decide(&Decision::TokenRefused { error: error.to_string() });
                self.forget(&grant, &error).await?;
                Ok(Renewal::Gone)
            }
            Refreshed::Keep(error) => {
                recording.decide(&Decision::TokenRefused { error: error.to_string() });
                Ok(Renewal::Later(error.to_string()))
            }
        }
    }

    async fn forget(&self, grant: &Grant, error: &FlowError) -> Result<(), StoreError> {
        let store = &self.options.credentials;
        if error.forgets_client() {
            store.forget_identity(&grant.issuer, &grant.client.client_id).await?;
        }
        store.forget_grant(&self.key).await
    }

    /// Takes the grant back at the issuer, as far as it can be reached, and forgets it. Whether there was one.
    pub(crate) async fn revoke(&self) -> Result<bool, StoreError> {
        let _one = self.options.shared.grants.lock(&self.key).await;
        let Some(grant) = self.options.credentials.grant(&self.key).await? else { return Ok(false) };
        self.options.credentials.forget_grant(&self.key).await?;
        let signatures = &grant.revocation_signatures();
        for request in &grant.revocation_requests() {
            let purpose = Purpose::of(Step::RevokeToken);
            let outgoing = Outgoing { request, signatures, purpose, led_by: Some(&self.server) };
            signed::send(&self.transport, &self.options, outgoing).await;
        }
        Ok(true)
    }

    /// Teaches the masker every secret of a grant, so that no error message shows one.
    pub(crate) fn learn(&self, grant: &Grant) {
        let masker = &self.options.shared.masker;
        masker.learn(grant.tokens.access_token.expose());
        if let Some(token) = &grant.tokens.refresh_token {
            masker.learn(token.expose());
        }
        if let Some(secret) = &grant.client.client_secret {
            masker.learn(secret.expose());
        }
    }

    fn now(&self) -> SystemTime {
        (self.options.clock)()
    }
}

/// What was decided about new tokens, for the record.
pub(crate) fn issued(grant: &Grant, now: SystemTime) -> Decision {
    let tokens = &grant.tokens;
    let left = tokens.expires_at.and_then(|end| end.duration_since(now).ok());
    Decision::TokensIssued {
        scope: (!tokens.scope.is_empty()).then(|| tokens.scope.to_string()),
        expires_in: left.map(|left| left.as_secs()),
        refreshable: grant.is_renewable(),
        bound: tokens.is_bound(),
    }
}
