//! Keeping the token of one server good: renewed before it ends, once for everybody who needs it, and forgotten when
//! the issuer says so.

use std::time::SystemTime;

use barewire_exchange::{Decision, Step};
use barewire_oauth::client_flow::{Answer, FlowError, Grant, Refreshed};
use barewire_oauth::secret::AccessToken;
use bytes::Bytes;
use url::Url;

use crate::credentials::{GrantKey, StoreError};
use crate::error::TransportError;
use crate::options::ClientOptions;
use crate::recording::{Purpose, Recording};
use crate::transport::{Request, Transport};

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

    /// The grant as it is kept; `None` when there is none, or one for something else than this server.
    pub(crate) async fn kept(&self) -> Result<Option<Grant>, StoreError> {
        let grant = self.options.credentials.grant(&self.key).await?;
        // The store is keyed by URL; that the tokens are for it is checked here, whatever wrote them.
        Ok(grant.filter(|grant| grant.resource.covers(self.server.as_str())))
    }

    /// The grant to use now: renewed when its token is about to end.
    pub(crate) async fn current(&self) -> Result<Option<Grant>, StoreError> {
        let Some(grant) = self.kept().await? else { return Ok(None) };
        let margin = self.options.config.refresh_margin;
        if grant.tokens.refresh_token.is_none() || !grant.tokens.expires_within(margin, self.now()) {
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
        let Some(request) = grant.refresh_request() else { return Ok(Renewal::Gone) };
        let mut purpose = Purpose::of(Step::RefreshToken);
        purpose.tag.clone_from(&self.options.tag);
        let (answer, recording) = send(&self.transport, &self.options, request, purpose).await;
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
        for request in grant.revocation_requests() {
            send(&self.transport, &self.options, request, Purpose::of(Step::RevokeToken)).await;
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
        refreshable: tokens.refresh_token.is_some(),
    }
}

/// Sends one of the login's requests.
pub(crate) async fn send(
    transport: &Transport,
    options: &ClientOptions,
    request: http::Request<Bytes>,
    purpose: Purpose,
) -> (Answer, Recording) {
    let mut recording = Recording::disabled();
    let answer = match exchange(transport, options, request, purpose, &mut recording).await {
        Ok(response) => Answer::Response(response),
        Err(error) => Answer::Unreachable { reason: error.to_string() },
    };
    (answer, recording)
}

async fn exchange(
    transport: &Transport,
    options: &ClientOptions,
    request: http::Request<Bytes>,
    purpose: Purpose,
    recording: &mut Recording,
) -> Result<http::Response<Bytes>, TransportError> {
    let (head, body) = request.into_parts();
    let url = Url::parse(&head.uri.to_string())
        .map_err(|error| TransportError::Request { detail: error.to_string() })?;
    let request = Request {
        purpose,
        method: head.method,
        url,
        headers: head.headers,
        body: (!body.is_empty()).then_some(body),
        timeout: options.config.probe_timeout,
    };
    let mut reply = transport.send(request).await?;
    *recording = reply.recording.clone();
    let mut response = http::Response::new(reply.body(options.config.max_oauth_bytes).await?);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}
