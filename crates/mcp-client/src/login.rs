//! Logging in: drives `oauth::client_flow` over HTTP, and keeps what comes of it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use barewire_exchange::{Decision, Phase, Step as Told};
use barewire_oauth::challenge::Challenge;
use barewire_oauth::client::{ApplicationType, RedirectKind, RedirectUri};
use barewire_oauth::client_flow::{
    self, AuthMethod, ClientIdentity, ClientSettings, DeviceWait, DpopUse, Entropy, FlowError, FlowLimits,
    Grant, GrantKind, IdentityOrigin, LoginRequest, OpenBrowser, PendingAuthorization, Purpose as Asked,
    Step, Way,
};
use barewire_oauth::jws::{Algorithm, SignError};
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::{ClientSecret, PrivateKey, serialize_exposed_option};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::auth::issued;
use crate::credentials::{GrantKey, StoreError};
use crate::options::ClientOptions;
use crate::recording::{Purpose, Recording};
use crate::signed::{self, Outgoing};
use crate::transport::Transport;
use crate::{keys, narrate};

/// What is known when a server asks for a login; everything [`Login::start`] needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequired {
    /// The URL of the MCP endpoint.
    pub server: String,
    /// The challenge, if the server sent one.
    pub challenge: Option<Challenge>,
    /// Scopes that were granted or asked for before and must not get lost.
    pub scopes: ScopeSet,
    /// Whether this adds to an existing grant.
    pub step_up: bool,
    /// The exchange that led to it.
    pub exchange: Option<String>,
}

impl LoginRequired {
    /// A login that nobody asked for yet.
    #[must_use]
    pub fn to(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            challenge: None,
            scopes: ScopeSet::new(),
            step_up: false,
            exchange: None,
        }
    }
}

/// A client that was registered by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PreRegistered {
    /// The issuer that knows it, byte for byte. It is not used anywhere else.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"https://login.example"))]
    pub issuer: Option<String>,
    /// Its id.
    #[cfg_attr(feature = "schema", schemars(example = &"barewire-host"))]
    pub client_id: String,
    /// Its secret, if it has one.
    #[serde(default, serialize_with = "serialize_exposed_option")]
    #[cfg_attr(feature = "schema", schemars(example = &"…"))]
    pub client_secret: Option<ClientSecret>,
    /// Its private key (PEM, or a JWK), if it authenticates by signatures (`private_key_jwt`).
    #[serde(default, serialize_with = "serialize_exposed_option")]
    #[cfg_attr(feature = "schema", schemars(example = &"…"))]
    pub private_key: Option<PrivateKey>,
    /// Which of its registered keys that is (`kid`); a JWK may say it itself.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"2026-01"))]
    pub key_id: Option<String>,
    /// How the key signs; when absent, as a key of its kind usually does.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"ES256"))]
    pub algorithm: Option<Algorithm>,
    /// How it authenticates; when absent, what it has and what the server lists decide.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"client_secret_basic"))]
    pub auth_method: Option<AuthMethod>,
}

impl PreRegistered {
    /// A public client with this id and nothing else.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            issuer: None,
            client_id: client_id.into(),
            client_secret: None,
            private_key: None,
            key_id: None,
            algorithm: None,
            auth_method: None,
        }
    }

    /// The same in the words of the login's rules, with its key read.
    pub(crate) fn checked(&self) -> Result<client_flow::PreRegistered, LoginError> {
        let key = |text| keys::client_key(text, self.algorithm, self.key_id.clone());
        Ok(client_flow::PreRegistered {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            key: self.private_key.as_ref().map(key).transpose()?,
            assertion: None,
            auth_method: self.auth_method,
        })
    }
}

/// Opens the browser and waits until it comes back.
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// Sends the user to `url` and returns the query of the callback (what follows the `?`), or the whole callback URL.
    async fn authorize(&self, url: &str) -> Result<String, AuthorizeError>;
}

/// The browser did not come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// Nobody is there, or they went away.
    #[error("the user did not finish the login")]
    Abandoned,
    /// No browser could be opened, or nothing can listen for the callback.
    #[error("the browser could not be sent to the login: {detail}")]
    Unavailable {
        /// Why.
        detail: String,
    },
}

/// A login that waits for the browser.
pub struct Login {
    driver: Driver,
    open: Box<OpenBrowser>,
    /// The record of the browser's way to the authorization server.
    away: Recording,
}

impl Login {
    /// Finds out who protects the server, becomes its client, and prepares the URL for the browser.
    ///
    /// `scopes` are asked for beside what the challenge or the metadata names.
    ///
    /// # Errors
    /// [`LoginError`] with the rule that stopped it.
    pub async fn start(
        options: ClientOptions,
        required: LoginRequired,
        scopes: ScopeSet,
    ) -> Result<Self, LoginError> {
        let driver = Driver::new(options, required)?;
        let known = driver.known().await?;
        let request = driver.request(&known, scopes, Way::AuthorizationCode)?;
        let step = client_flow::start(request, entropy());
        let (open, last) = match driver.drive(step, Recording::disabled()).await? {
            Reached::Browser(open, last) => (open, last),
            Reached::Grant(..) | Reached::User(..) => return Err(LoginError::Abandoned),
        };
        if let Some(judgement) = &open.after {
            last.decide(&narrate::judgement(judgement));
        }
        drop(last);
        let client = &open.pending.client;
        // Kept before the browser leaves: the registration is made, whatever becomes of the login.
        if client.origin == IdentityOrigin::Registered && !known.contains(client) {
            driver.options.credentials.save_identity(client).await?;
        }
        let away = driver.browser_leaves(&open);
        Ok(Self { driver, open, away })
    }

    /// Where the browser goes.
    #[must_use]
    pub fn authorize_url(&self) -> &str {
        &self.open.url
    }

    /// The `state` of this login, by which its callback is recognised.
    #[must_use]
    pub fn state(&self) -> &str {
        self.pending().state.expose()
    }

    /// The server it is for.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.driver.required.server
    }

    /// What has to be remembered until the callback: issuer, client, scope, and where the endpoints came from.
    #[must_use]
    pub fn pending(&self) -> &PendingAuthorization {
        &self.open.pending
    }

    /// Takes the callback's query (or the whole callback URL), redeems the code and keeps the grant in the store.
    ///
    /// # Errors
    /// [`LoginError`] with the rule that stopped it.
    pub async fn finish(self, query: &str) -> Result<Grant, LoginError> {
        let Self { driver, open, away } = self;
        away.finish();
        let query = query_of(query);
        let back = driver.browser_returns(&open.pending, query);
        let step = open.pending.callback(query);
        back.finish();
        // What was made of the callback is told with the next step, and told about this record.
        let (grant, last) = match driver.drive(step, back).await {
            Ok(Reached::Grant(grant, last)) => (grant, last),
            Ok(Reached::Browser(..) | Reached::User(..)) => return Err(LoginError::Abandoned),
            Err(error) => return Err(driver.forget_after(error).await?),
        };
        driver.keep(*grant, &last).await
    }
}

/// A login whose user has a browser elsewhere: he is shown where to go and what to type.
pub struct DeviceLogin {
    driver: Driver,
    wait: Box<DeviceWait>,
    last: Recording,
}

impl DeviceLogin {
    /// Finds out who protects the server, becomes its client, and gets a code for the user.
    ///
    /// `scopes` are asked for beside what the challenge or the metadata names.
    ///
    /// # Errors
    /// [`LoginError`] with the rule that stopped it.
    pub async fn start(
        options: ClientOptions,
        required: LoginRequired,
        scopes: ScopeSet,
    ) -> Result<Self, LoginError> {
        let driver = Driver::new(options, required)?;
        let known = driver.known().await?;
        let request = driver.request(&known, scopes, Way::DeviceCode)?;
        let step = client_flow::start(request, entropy());
        match driver.drive(step, Recording::disabled()).await {
            Ok(Reached::User(wait, last)) => Ok(Self { driver, wait, last }),
            Ok(Reached::Browser(..) | Reached::Grant(..)) => Err(LoginError::Abandoned),
            Err(error) => Err(driver.forget_after(error).await?),
        }
    }

    /// What the user types.
    #[must_use]
    pub fn user_code(&self) -> &str {
        &self.wait.user_code
    }

    /// Where he types it.
    #[must_use]
    pub fn verification_uri(&self) -> &str {
        &self.wait.verification_uri
    }

    /// The same with the code in it, if the server has such a place.
    #[must_use]
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.wait.verification_uri_complete.as_deref()
    }

    /// Waits until the user has decided, and keeps the grant in the store.
    ///
    /// # Errors
    /// [`LoginError`] with the rule that stopped it.
    pub async fn finish(self) -> Result<Grant, LoginError> {
        let Self { driver, mut wait, mut last } = self;
        loop {
            tokio::time::sleep(wait.interval).await;
            let step = wait.ask((driver.options.clock)());
            match driver.drive(step, last).await {
                Ok(Reached::User(again, recording)) => (wait, last) = (again, recording),
                Ok(Reached::Grant(grant, last)) => {
                    // Kept now that it is known to be good; a code that nobody typed leaves nothing behind.
                    if grant.client.origin == IdentityOrigin::Registered {
                        driver.options.credentials.save_identity(&grant.client).await?;
                    }
                    return driver.keep(*grant, &last).await;
                }
                Ok(Reached::Browser(..)) => return Err(LoginError::Abandoned),
                Err(error) => return Err(driver.forget_after(error).await?),
            }
        }
    }
}

/// Gets a token as [`ClientOptions::unattended`] says, and keeps the grant in the store. A connection does that by
/// itself; this is for whoever wants to know beforehand.
///
/// # Errors
/// [`LoginError`] with the rule that stopped it; [`LoginError::Abandoned`] when the options have no such way.
pub async fn log_in_unattended(
    options: ClientOptions,
    required: LoginRequired,
    scopes: ScopeSet,
) -> Result<Grant, LoginError> {
    let unattended = options.unattended.clone().ok_or(LoginError::Abandoned)?;
    let driver = Driver::new(options, required)?;
    let known = driver.known().await?;
    let (way, assertion) = unattended.way().await?;
    let mut request = driver.request(&known, scopes, way)?;
    if let Some(client) = &mut request.settings.pre_registered {
        client.assertion = assertion;
    }
    let (grant, last) =
        match driver.drive(client_flow::start(request, entropy()), Recording::disabled()).await {
            Ok(Reached::Grant(grant, last)) => (grant, last),
            Ok(Reached::Browser(..) | Reached::User(..)) => return Err(LoginError::Abandoned),
            Err(error) => return Err(driver.forget_after(error).await?),
        };
    driver.keep(*grant, &last).await
}

/// A whole login: away and back, with whoever opens the browser; or without one.
pub(crate) async fn run(options: &ClientOptions, required: LoginRequired) -> Result<Grant, LoginError> {
    if options.unattended.is_some() {
        return log_in_unattended(options.clone(), required, ScopeSet::new()).await;
    }
    let authorizer = options.authorizer.as_ref().map(Arc::clone).ok_or(LoginError::Abandoned)?;
    let login = Login::start(options.clone(), required, ScopeSet::new()).await?;
    let query = authorizer.authorize(login.authorize_url()).await?;
    login.finish(&query).await
}

struct Driver {
    options: ClientOptions,
    transport: Transport,
    required: LoginRequired,
    server: Url,
}

enum Reached {
    Browser(Box<OpenBrowser>, Recording),
    User(Box<DeviceWait>, Recording),
    Grant(Box<Grant>, Recording),
}

impl Driver {
    fn new(options: ClientOptions, required: LoginRequired) -> Result<Self, LoginError> {
        let server = Url::parse(&required.server).map_err(|_| {
            LoginError::Flow(Box::new(FlowError::Endpoint { endpoint: required.server.clone() }))
        })?;
        Ok(Self { transport: Transport::new(options.clone()), options, required, server })
    }

    /// Who the client is kept as. The client of the present grant is one of them: by it, one that was registered by hand
    /// without an issuer stays with the issuer that it was used with.
    async fn known(&self) -> Result<Vec<ClientIdentity>, LoginError> {
        let mut known = self.options.credentials.identities().await?;
        let is_asked_for = self.options.login.client.is_some() || self.options.unattended.is_some();
        if let Some(grant) = self.options.credentials.grant(&self.key()).await?
            && grant.client.origin == IdentityOrigin::PreRegistered
            // A client that was here for itself is none at which users log in, unless somebody names it.
            && (is_asked_for || matches!(grant.kind, GrantKind::AuthorizationCode | GrantKind::DeviceCode))
        {
            known.push(grant.client);
        }
        Ok(known)
    }

    /// What the machine starts from.
    fn request(
        &self,
        known: &[ClientIdentity],
        wanted: ScopeSet,
        way: Way,
    ) -> Result<LoginRequest, LoginError> {
        let login = &self.options.login;
        let redirect_uri = RedirectUri::parse(&login.redirect_uri).map_err(|reason| {
            LoginError::RedirectUri { uri: login.redirect_uri.clone(), reason: reason.to_string() }
        })?;
        let by_issuer = login.pre_registered.iter().filter(|client| client.issuer.is_some());
        let application_type = match redirect_uri.kind() {
            RedirectKind::Https => ApplicationType::Web,
            RedirectKind::Loopback | RedirectKind::PrivateUse => ApplicationType::Native,
        };
        let settings = ClientSettings {
            client_name: login.client_name.clone(),
            client_uri: login.client_uri.clone(),
            logo_uri: None,
            redirect_uri,
            application_type,
            pre_registered: login.client.as_ref().map(PreRegistered::checked).transpose()?,
            pre_registered_by_issuer: by_issuer.map(PreRegistered::checked).collect::<Result<_, _>>()?,
            client_document_url: login.client_document.clone(),
            extra_scopes: wanted,
            offline_access: login.offline_access,
            way,
            dpop: login.dpop,
            limits: FlowLimits { max_body: self.options.config.max_oauth_bytes, ..FlowLimits::default() },
        };
        Ok(LoginRequest {
            endpoint: self.required.server.clone(),
            challenge: self.required.challenge.clone(),
            settings,
            known: known.to_vec(),
            held_scopes: self.required.scopes.clone(),
            proof_key: (login.dpop != DpopUse::Never).then(keys::new_proof_key).transpose()?,
        })
    }

    /// Sends what the machine asks for, until there is a URL or a grant.
    async fn drive(&self, mut step: Step, mut last: Recording) -> Result<Reached, LoginError> {
        loop {
            let fetch = match step {
                Step::Fetch(fetch) => fetch,
                Step::OpenBrowser(open) => return Ok(Reached::Browser(open, last)),
                Step::WaitForUser(wait) => return Ok(Reached::User(wait, last)),
                Step::Done(grant) => return Ok(Reached::Grant(grant, last)),
                Step::Failed(error) => {
                    last.decide(&narrate::failure(&error));
                    return Err(LoginError::Flow(error));
                }
            };
            if let Some(judgement) = &fetch.after {
                last.decide(&narrate::judgement(judgement));
            }
            // Where the organisation's identity provider is, the user's own settings say.
            let ours = matches!(fetch.purpose, Asked::ProviderMetadata(_) | Asked::TokenExchange);
            let outgoing = Outgoing {
                request: &fetch.request,
                signatures: &fetch.signatures,
                purpose: self.purpose(narrate::step(fetch.purpose)),
                led_by: (!ours).then_some(&self.server),
            };
            let (answer, recording) = signed::send(&self.transport, &self.options, outgoing).await;
            last = recording;
            step = fetch.answered(&answer, (self.options.clock)());
        }
    }

    /// Tells what was given, and keeps it.
    async fn keep(&self, grant: Grant, last: &Recording) -> Result<Grant, LoginError> {
        last.decide(&issued(&grant, (self.options.clock)()));
        self.options.credentials.save_grant(&self.key(), &grant).await?;
        Ok(grant)
    }

    /// A refused client is forgotten, so that the next login becomes another one.
    async fn forget_after(&self, error: LoginError) -> Result<LoginError, StoreError> {
        if let LoginError::Flow(flow) = &error
            && let FlowError::ClientRefused { issuer, client_id, .. } = &**flow
            && flow.forgets_client()
        {
            self.options.credentials.forget_identity(issuer, client_id).await?;
        }
        Ok(error)
    }

    fn browser_leaves(&self, open: &OpenBrowser) -> Recording {
        let pending = &open.pending;
        let recording = self.transport.note(self.purpose(Told::Authorize), &open.url);
        if pending.client.origin != IdentityOrigin::Registered {
            let how = match pending.client.origin {
                IdentityOrigin::PreRegistered => "configured for this issuer",
                IdentityOrigin::Document => "our metadata document, which this issuer reads",
                IdentityOrigin::Registered => "registered",
                IdentityOrigin::Assertion => "whom its assertion names",
            };
            recording.decide(&Decision::ClientChosen { client_id: pending.client.client_id.clone(), how });
        }
        recording.decide(&Decision::SentToBrowser {
            scope: (!pending.scopes.is_empty()).then(|| pending.scopes.to_string()),
            resource: pending.resource.to_string(),
        });
        recording
    }

    fn browser_returns(&self, pending: &PendingAuthorization, query: &str) -> Recording {
        let mut url = pending.redirect_uri.clone();
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(query);
        self.transport.note(self.purpose(Told::Callback), &url)
    }

    fn purpose(&self, step: Told) -> Purpose {
        let mut purpose = Purpose::of(step);
        purpose.tag.clone_from(&self.options.tag);
        if self.required.step_up {
            purpose.phase = Some(Phase::StepUp);
        }
        purpose
    }

    fn key(&self) -> GrantKey {
        GrantKey { owner: self.options.owner.clone(), server: self.required.server.clone() }
    }
}

/// The query of a callback: what follows the `?` of a URL, or the text itself.
fn query_of(callback: &str) -> &str {
    let query = match Url::parse(callback) {
        Ok(_) => callback.split_once('?').map_or("", |(_, query)| query),
        Err(_) => callback.strip_prefix('?').unwrap_or(callback),
    };
    query.split('#').next().unwrap_or_default()
}

fn entropy() -> Entropy {
    let bytes = Zeroizing::new(std::array::from_fn::<u8, 64, _>(|_| rand::random()));
    Entropy::from_random(&bytes)
}

/// Why a login did not end well.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A rule stopped it, ours or the other side's.
    #[error("{0}")]
    Flow(Box<FlowError>),
    /// The user did not finish it.
    #[error("the user did not finish the login")]
    Abandoned,
    /// The configured redirect URI cannot be one.
    #[error("the redirect URI {uri} cannot be used: {reason}")]
    RedirectUri {
        /// What is configured.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key cannot be used.
    #[error(transparent)]
    Key(#[from] SignError),
    /// What should say who the client or the user is cannot be read.
    #[error("no assertion could be read from {}: {detail}", .path.display())]
    Assertion {
        /// From where.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
    /// The server asked for more scope after every login.
    #[error("after {attempts} logins the server still asks for the scope {scopes}")]
    ScopeLimit {
        /// How many logins there were.
        attempts: usize,
        /// What it asks for.
        scopes: ScopeSet,
    },
    /// The browser could not be sent away.
    #[error(transparent)]
    Authorizer(#[from] AuthorizeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// What the user can do about it.
    #[must_use]
    pub fn what_next(&self) -> Option<String> {
        match self {
            Self::Flow(error) => Some(error.what_next().to_owned()),
            Self::Abandoned | Self::Authorizer(_) => Some("Start the login again.".to_owned()),
            Self::Key(_) => Some("Give a private key as PEM or JWK that fits its algorithm.".to_owned()),
            Self::Assertion { .. } => Some("Let the platform or agent write a new one there.".to_owned()),
            Self::RedirectUri { .. } => Some("Configure an https URL, or http on localhost.".to_owned()),
            Self::ScopeLimit { .. } => {
                Some("The server's challenges lead nowhere; ask its operator.".to_owned())
            }
            Self::Store(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_found_in_whatever_the_browser_brought() {
        for (callback, expected) in [
            ("code=c&state=s", "code=c&state=s"),
            ("?code=c&state=s", "code=c&state=s"),
            ("http://localhost:5173/callback?code=c&state=s#x", "code=c&state=s"),
            ("http://localhost:5173/callback", ""),
            ("code=c&back=https://a?b=c", "code=c&back=https://a?b=c"),
        ] {
            assert_eq!(query_of(callback), expected, "{callback}");
        }
    }
}
