//! Requests with a token: what a 401 and a 403 lead to.

use std::sync::atomic::{AtomicUsize, Ordering};

use barewire_exchange::Decision;
use barewire_oauth::challenge::Challenge;
use barewire_oauth::client_flow::Grant;
use barewire_oauth::dpop::{self, PROOF_HEADER, Proof};
use barewire_oauth::error::ErrorCode;
use barewire_oauth::scope::ScopeSet;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};

use crate::auth::{Auth, Renewal};
use crate::error::{CallError, TransportError};
use crate::keys::Keys;
use crate::login::{self, LoginRequired};
use crate::nonces::Giver;
use crate::options::ClientOptions;
use crate::transport::{Reply, Request, Transport};

/// Sends requests to one server with its token.
pub(crate) struct Authorized {
    pub(crate) auth: Auth,
    server: String,
    options: ClientOptions,
    transport: Transport,
    /// Logins in a row that led to nothing.
    logins: AtomicUsize,
}

/// How far a refusal may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Renew, log in, ask for more scope.
    Everything,
    /// Renew and ask for more scope; a token that is refused all the same is handed back. For the first probe: some
    /// servers check their session before the token.
    ButKeepRefusals,
    /// Renew only.
    Renewals,
}

impl Authorized {
    pub(crate) fn new(auth: Auth, server: String, options: ClientOptions, transport: Transport) -> Self {
        Self { auth, server, options, transport, logins: AtomicUsize::new(0) }
    }

    /// Sends the request that `build` makes, again as long as a renewed token or a login helps. Returns the answer, and
    /// whether it was asked for with a token.
    pub(crate) async fn send(
        &self,
        follow: Follow,
        mut build: impl FnMut() -> Result<Request, CallError>,
    ) -> Result<(Reply, bool), CallError> {
        let mut renewed = false;
        let mut nonce_rounds = 0;
        let mut repeats: Option<String> = None;
        loop {
            let grant = self.fresh(follow).await?;
            let mut request = build()?;
            if repeats.is_some() {
                request.purpose.repeats.clone_from(&repeats);
            }
            let origin = request.url.origin().ascii_serialization();
            let nonce = self.options.shared.nonces.recall(Giver::Resource, &origin);
            if let Some(grant) = &grant {
                self.auth.learn(grant);
                self.authorize(&mut request, grant, nonce.as_deref()).map_err(CallError::Transport)?;
            }
            let reply = self.transport.send(request).await.map_err(CallError::Transport)?;
            if grant.as_ref().is_some_and(|grant| grant.proof_key.is_some()) {
                let (nonces, config) = (&self.options.shared.nonces, &self.options.config);
                nonces.learn(Giver::Resource, &origin, &reply.headers, config.max_nonces);
                let wanted = dpop::wanted_by_resource(reply.status, &reply.headers);
                if wanted.is_some() && wanted != nonce.as_deref() && nonce_rounds < config.max_nonce_rounds {
                    nonce_rounds += 1;
                    reply.recording.decide(&Decision::NonceWanted { by_resource: true });
                    repeats = reply.recording.id();
                    finish(reply).await;
                    continue;
                }
            }
            let challenge = challenge_of(&reply.headers);
            let lacks_scope = insufficient_scope(reply.status, challenge.as_ref());
            if reply.status != StatusCode::UNAUTHORIZED && lacks_scope.is_none() {
                if reply.status.is_success() && grant.is_some() {
                    self.logins.store(0, Ordering::Relaxed);
                }
                return Ok((reply, grant.is_some()));
            }
            let again = match (lacks_scope, &grant) {
                (Some(scopes), _) => self.step_up(&reply, follow, grant.as_ref(), challenge, scopes).await,
                (None, Some(grant)) if !renewed && grant.is_renewable() => {
                    renewed = true;
                    self.renew(&reply, grant).await
                }
                (None, Some(_)) if follow == Follow::ButKeepRefusals => Ok(false),
                (None, _) => self.log_in(&reply, follow, grant.as_ref(), challenge).await,
            };
            if matches!(again, Ok(false)) {
                return Ok((reply, grant.is_some()));
            }
            repeats = reply.recording.id();
            // Read to its end whatever follows: the record of a refusal is what somebody will want to see.
            finish(reply).await;
            again?;
        }
    }

    /// The grant to send a request with. One that has ended is not shown to anybody where the next is got without a
    /// person.
    async fn fresh(&self, follow: Follow) -> Result<Option<Grant>, CallError> {
        let grant = self.auth.current().await?;
        let unattended = self.options.unattended.is_some() && follow != Follow::Renewals;
        let Some(old) = grant.as_ref().filter(|grant| unattended && self.auth.is_over(grant)) else {
            return Ok(grant);
        };
        let required = LoginRequired { scopes: old.requested.clone(), ..LoginRequired::to(&self.server) };
        self.begin_login(&required)?;
        self.run_login(required, Some(old)).await?;
        Ok(self.auth.kept().await?)
    }

    /// Logs in because of an answer that was handed back before.
    pub(crate) async fn log_in_after(
        &self,
        reply: &Reply,
        challenge: Option<Challenge>,
    ) -> Result<(), CallError> {
        let grant = self.auth.kept().await?;
        self.log_in(reply, Follow::Everything, grant.as_ref(), challenge).await.map(|_| ())
    }

    async fn renew(&self, reply: &Reply, grant: &Grant) -> Result<bool, CallError> {
        reply.recording.decide(&Decision::TokenExpired);
        match self.auth.renew(&grant.tokens.access_token).await? {
            // Nothing to renew: the next round goes without a token and ends in a login.
            Renewal::Renewed(_) | Renewal::Gone => Ok(true),
            Renewal::Later(detail) => Err(CallError::Transport(TransportError::Broken { detail })),
        }
    }

    async fn log_in(
        &self,
        reply: &Reply,
        follow: Follow,
        grant: Option<&Grant>,
        challenge: Option<Challenge>,
    ) -> Result<bool, CallError> {
        reply.recording.decide(&Decision::Challenged {
            names_metadata: challenge.as_ref().is_some_and(|c| c.resource_metadata().is_some()),
            scope: challenge.as_ref().and_then(Challenge::scope).map(|scope| scope.to_string()),
            with_token: grant.is_some(),
        });
        let required = LoginRequired {
            server: self.server.clone(),
            challenge,
            scopes: grant.map(|grant| grant.requested.clone()).unwrap_or_default(),
            step_up: false,
            exchange: reply.recording.id(),
        };
        if follow == Follow::Renewals {
            return Ok(false);
        }
        if !self.begin_login(&required)? {
            return Err(CallError::LoginRequired(Box::new(required)));
        }
        self.run_login(required, grant).await
    }

    async fn step_up(
        &self,
        reply: &Reply,
        follow: Follow,
        grant: Option<&Grant>,
        challenge: Option<Challenge>,
        scopes: ScopeSet,
    ) -> Result<bool, CallError> {
        // A helpful server names what was granted before along with what is missing.
        let scopes = match grant.map(|grant| scopes.difference(&grant.tokens.scope)) {
            Some(missing) if !missing.is_empty() => missing,
            _ => scopes,
        };
        reply.recording.decide(&Decision::ScopeRequired { scopes: scopes.to_string() });
        let message = challenge
            .as_ref()
            .and_then(|c| c.parameter("error_description"))
            .map(|text| self.options.shared.masker.text(&text.chars().take(500).collect::<String>()));
        let required = LoginRequired {
            server: self.server.clone(),
            challenge,
            scopes: grant.map(|grant| grant.requested.union(&grant.tokens.scope)).unwrap_or_default(),
            step_up: true,
            exchange: reply.recording.id(),
        };
        if follow == Follow::Renewals {
            return Ok(false);
        }
        match self.begin_login(&required) {
            Ok(true) => self.run_login(required, grant).await,
            Ok(false) => Err(CallError::ScopeRequired { scopes, message, login: Box::new(required) }),
            Err(limit) => {
                let attempts = self.options.config.max_logins;
                reply.recording.decide(&Decision::ScopeLimit { attempts });
                Err(limit)
            }
        }
    }

    /// Whether there is somebody to log in, and not too often.
    fn begin_login(&self, required: &LoginRequired) -> Result<bool, CallError> {
        if self.options.authorizer.is_none() && self.options.unattended.is_none() {
            return Ok(false);
        }
        let attempts = self.options.config.max_logins;
        if self.logins.load(Ordering::Relaxed) >= attempts {
            let asked = required.challenge.as_ref().and_then(Challenge::scope);
            return Err(CallError::ScopeLimit { attempts, scopes: asked.unwrap_or_default() });
        }
        Ok(true)
    }

    /// Logs in, unless somebody else did it meanwhile. The limit counts logins, not those who wait for one.
    async fn run_login(&self, required: LoginRequired, used: Option<&Grant>) -> Result<bool, CallError> {
        let _one = self.options.shared.logins.lock(&self.auth.key).await;
        let kept = self.auth.kept().await?;
        let before = used.map(|grant| &grant.tokens.access_token);
        if kept.as_ref().map(|grant| &grant.tokens.access_token) != before && kept.is_some() {
            return Ok(true);
        }
        self.logins.fetch_add(1, Ordering::Relaxed);
        login::run(&self.options, required).await.map_err(|error| CallError::Login(Box::new(error)))?;
        Ok(true)
    }

    /// Puts the token where it belongs: into the header, never into the URL; and beside it, where it is bound to a key,
    /// the proof that we have that key
    /// ([RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    fn authorize(
        &self,
        request: &mut Request,
        grant: &Grant,
        nonce: Option<&str>,
    ) -> Result<(), TransportError> {
        let scheme = grant.tokens.token_type.as_str();
        let token = secret(&format!("{scheme} {}", grant.tokens.access_token.expose()))?;
        request.headers.insert(AUTHORIZATION, token);
        if let Some(key) = grant.proof_key.as_ref().filter(|_| grant.tokens.is_bound()) {
            let proof = Proof {
                method: &request.method,
                url: &request.url,
                access_token: Some(&grant.tokens.access_token),
                nonce,
                id: &format!("{:032x}", rand::random::<u128>()),
                now: (self.options.clock)(),
            };
            let proof = proof.sign(key, &Keys);
            let proof = proof.map_err(|error| TransportError::Request { detail: error.to_string() })?;
            request.headers.insert(PROOF_HEADER, secret(&proof)?);
        }
        Ok(())
    }
}

fn secret(text: &str) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| TransportError::Request { detail: "the access token is not ASCII".to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn challenge_of(headers: &HeaderMap) -> Option<Challenge> {
    Challenge::select(headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()))
}

/// The scopes that a 403 asks for
/// ([Scope challenge](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#scope-challenge-handling)).
fn insufficient_scope(status: StatusCode, challenge: Option<&Challenge>) -> Option<ScopeSet> {
    let challenge = challenge.filter(|_| status == StatusCode::FORBIDDEN)?;
    (challenge.error() == Some(ErrorCode::InsufficientScope)).then(|| challenge.scope().unwrap_or_default())
}

/// Reads the rest of a refusal, so that its record is complete and the connection can be used again.
async fn finish(mut reply: Reply) {
    if reply.is_stream() {
        return;
    }
    reply.excerpt().await;
}
