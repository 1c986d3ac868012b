//! The authorization server as a value: built once, cloned into routers and verifiers.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::hmac;
use axum::Router;
use barewire_oauth::authorize::{Offered, Policy};
use barewire_oauth::client::Client;
use barewire_oauth::client_document::DocumentUrl;
use barewire_oauth::dpop::Proofs;
use barewire_oauth::resource::{Resource, ResourceError};
use barewire_oauth::scope::{Scope, ScopeError, ScopeSet};
use barewire_oauth::secret::Password;
use barewire_oauth::token::OWN_SUBJECT;
use barewire_oauth::upstream::id_token::Account;
use bytes::Bytes;
use url::{Host, Url};

use crate::access_tokens::AccessTokens;
use crate::administration::{ADMIN_READ, ADMIN_WRITE, Administration};
use crate::changes::Follower;
use crate::client_keys::KeysAtUrls;
use crate::config::AuthConfig;
use crate::connections::ConnectionAttempts;
use crate::documents::Documents;
use crate::endpoints::metadata;
use crate::endpoints::token::device_code::Devices;
use crate::endpoints::upstream::callback_path;
use crate::fetch::Fetcher;
use crate::half_login::HalfLogins;
use crate::keys::KeyError;
use crate::pages::Asset;
use crate::passkeys::Passkeys;
use crate::passwords::{PasswordError, Passwords};
use crate::redeeming::Redeeming;
use crate::resources::{UnfitResource, Words};
use crate::store::{ClientRecord, Insert, Secret, Store, StoreError, UserRecord};
use crate::trusted_issuers::TrustedIssuers;
use crate::turns::Turns;
use crate::upstream::{UpstreamError, Upstreams};
use crate::witness::Witness;
use crate::{housekeeping, random, routes, signing_keys};

/// What tells the time; a test passes one of its own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// An OAuth 2.1 authorization server. Cheap to clone; clones are the same server.
#[derive(Clone)]
pub struct AuthorizationServer(AppState);

/// What every endpoint gets.
pub(crate) type AppState = Arc<Inner>;

pub(crate) struct Inner {
    pub(crate) issuer: String,
    /// The path of the issuer, without a slash at its end; every route begins with it.
    pub(crate) base_path: String,
    /// Whether the public origin is https, and cookies therefore too.
    pub(crate) secure: bool,
    pub(crate) display_name: String,
    pub(crate) config: AuthConfig,
    pub(crate) policy: Policy,
    /// What a person reads about each resource and scope.
    pub(crate) words: Words,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) tokens: AccessTokens,
    /// What tells `tokens` of what others do.
    pub(crate) follower: Arc<Follower>,
    pub(crate) administration: Administration,
    pub(crate) passwords: Arc<Passwords>,
    /// Logins to one account from one place.
    pub(crate) logins: Turns,
    /// Requests from one network that store something for whoever sends them.
    pub(crate) insertions: Turns,
    pub(crate) documents: Documents,
    pub(crate) keys_at_urls: KeysAtUrls,
    pub(crate) trusted: TrustedIssuers,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) redeeming: Redeeming,
    pub(crate) devices: Devices,
    pub(crate) device_key: hmac::Key,
    pub(crate) half_logins: HalfLogins,
    /// `None` where there are none.
    pub(crate) passkeys: Option<Passkeys>,
    /// The proofs of possession that came here.
    pub(crate) proofs: Proofs,
    pub(crate) metadata: Bytes,
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    /// Where somebody keeps account of them.
    pub(crate) connection_attempts: Option<Arc<dyn ConnectionAttempts>>,
    clock: Clock,
}

impl Inner {
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// The URL of an endpoint, as its metadata spell it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    /// The origin of the issuer.
    pub(crate) fn issuer_origin(&self) -> String {
        Url::parse(&self.issuer).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// The path of a page, as a browser at our origin asks for it.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }

    /// The same with a query; without one, no question mark.
    pub(crate) fn path_with(&self, path: &str, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{query}", self.base_path)
    }
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationServer").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

impl AuthorizationServer {
    /// Begins to build the server that is known to the world as `issuer`: its public `https` origin, with a path if it
    /// has one (plain `http` on this machine only). Every URL it hands out comes from here, none from a request.
    pub fn builder(issuer: impl Into<String>, store: Arc<dyn Store>) -> Builder {
        Builder {
            issuer: issuer.into(),
            store,
            display_name: None,
            resources: Vec::new(),
            scopes: Vec::new(),
            default_scopes: Vec::new(),
            config: AuthConfig::default(),
            witness: None,
            connection_attempts: None,
            clock: Arc::new(SystemTime::now),
        }
    }

    /// All routes, well-known ones included, under their full paths: merge it into the application's router, and serve
    /// that with `into_make_service_with_connect_info::<SocketAddr>()`, so that wrong passwords slow down only the
    /// address they come from.
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.0))
    }

    /// What verifies this server's access tokens.
    #[must_use]
    pub fn access_tokens(&self) -> AccessTokens {
        self.0.tokens.clone()
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Adds a user, whose `sub` is their name. One that is there already stays as it is, so seeding can be repeated.
    ///
    /// # Errors
    /// When the password cannot be hashed or the store fails.
    pub async fn create_user(&self, name: &str, password: &str) -> Result<Insert, CreateUserError> {
        self.create(name, password, false).await
    }

    /// The same for an administrator.
    ///
    /// # Errors
    /// As [`AuthorizationServer::create_user`].
    pub async fn create_administrator(&self, name: &str, password: &str) -> Result<Insert, CreateUserError> {
        self.create(name, password, true).await
    }

    async fn create(
        &self,
        name: &str,
        password: &str,
        administrator: bool,
    ) -> Result<Insert, CreateUserError> {
        if name.starts_with(OWN_SUBJECT) {
            return Err(CreateUserError::Name);
        }
        if self.0.store.user_by_name(name).await?.is_some() {
            return Ok(Insert::Exists);
        }
        let user = UserRecord {
            id: name.to_owned(),
            name: name.to_owned(),
            password_hash: self.0.passwords.hash(Password::new(password)).await?,
            created_at: self.0.now(),
            password_changed_at: None,
            administrator,
            disabled_at: None,
        };
        Ok(self.0.store.insert_user(&user).await?)
    }

    /// Whether the user called `name` has this password. For an operator's own question, such as whether it is one that
    /// everybody knows: nothing is counted or slowed down here, as it is at the login.
    ///
    /// # Errors
    /// When the password cannot be hashed or the store fails.
    pub async fn has_password(&self, name: &str, password: &str) -> Result<bool, CreateUserError> {
        let Some(user) = self.0.store.user_by_name(name).await? else { return Ok(false) };
        let place = self.0.passwords.place().ok_or(PasswordError::Busy)?;
        Ok(self.0.passwords.verify(place, Some(user.password_hash), Password::new(password)).await?)
    }

    /// Lets the account `subject` of the identity provider `issuer` be the user called `name`, who is there already. Only an
    /// operator can say that: a provider's word about names and addresses links nobody. [`Insert::Exists`] when the account
    /// is somebody's; `None` when there is no such user.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn link_account(
        &self,
        name: &str,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Insert>, StoreError> {
        let Some(user) = self.0.store.user_by_name(name).await? else { return Ok(None) };
        let account = Account { issuer: issuer.to_owned(), subject: subject.to_owned() };
        self.0.store.link_upstream_account(&user.id, &account, self.0.now()).await.map(Some)
    }
}

/// Why a user was not added.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// The name is one that clients have in their own tokens.
    #[error("a user's name must not begin with {OWN_SUBJECT}")]
    Name,
    /// The password.
    #[error("the password cannot be used")]
    Password(#[from] PasswordError),
    /// The store.
    #[error("the user cannot be stored")]
    Store(#[from] StoreError),
}

/// Collects what an authorization server needs.
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    issuer: String,
    store: Arc<dyn Store>,
    display_name: Option<String>,
    resources: Vec<String>,
    scopes: Vec<(String, String)>,
    default_scopes: Vec<String>,
    config: AuthConfig,
    witness: Option<Arc<dyn Witness>>,
    connection_attempts: Option<Arc<dyn ConnectionAttempts>>,
    clock: Clock,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The issuer is not a usable URL ([RFC 8414 §2](https://datatracker.ietf.org/doc/html/rfc8414#section-2)).
    #[error("the issuer has to be an https URL (http only on this machine) without query and fragment: {0}")]
    Issuer(String),
    /// No resource, so no token could be for anything.
    #[error("the authorization server needs at least one resource")]
    NoResource,
    /// A resource is not an identifier.
    #[error("{text} is not a resource identifier")]
    Resource {
        /// What was given.
        text: String,
        /// Why not.
        #[source]
        source: ResourceError,
    },
    /// One of the resources that the settings name.
    #[error("auth.resources: there can be no tokens for {url}")]
    ConfiguredResource {
        /// Its URL, as it was given.
        url: String,
        /// Why not.
        #[source]
        reason: UnfitResource,
    },
    /// A scope is not one.
    #[error("a scope cannot be used")]
    Scope(#[from] ScopeError),
    /// A default scope that no `scope` call described.
    #[error("the default scope {0} is not among the scopes")]
    UnknownDefaultScope(String),
    /// A client may have a scope for itself that no `scope` call described.
    #[error("auth.own_access: {client} has scopes that there are not: {unknown}")]
    UnknownOwnScope {
        /// Which client.
        client: String,
        /// The scopes.
        unknown: ScopeSet,
    },
    /// A client may exchange what there is not.
    #[error("auth.token_exchange: {client} names a resource or scope that there is not: {unknown}")]
    UnknownExchange {
        /// Which client.
        client: String,
        /// The resource, or the scopes.
        unknown: String,
    },
    /// A trusted issuer may allow a scope that no `scope` call described.
    #[error("auth.trusted_issuers: {issuer} leads to scopes that there are not: {unknown}")]
    UnknownTrustedScope {
        /// Which issuer.
        issuer: String,
        /// The scopes.
        unknown: ScopeSet,
    },
    /// A client serves a resource that there is not.
    #[error("auth.clients: {client} introspects {resource}, for which this server issues no tokens")]
    UnknownIntrospected {
        /// Which client.
        client: String,
        /// The resource.
        resource: String,
    },
    /// An identity provider cannot be used as it is configured.
    #[error("auth.upstream.{name} cannot be used")]
    Upstream {
        /// Which one.
        name: String,
        /// Why not.
        #[source]
        source: UpstreamError,
    },
    /// Nothing can be asked of anybody.
    #[error("no HTTP client for the identity providers can be made")]
    Http(#[source] reqwest::Error),
    /// A resource or a scope is called as one of administrators is.
    #[error(
        "{0} belongs to the API of administrators; choose another name, or set auth.administration = false"
    )]
    AdministrationTaken(String),
    /// A setting is outside of its range.
    #[error("{0}")]
    Setting(&'static str),
    /// A configured client has a URL as its identifier; that is how documents are named.
    #[error("the client_id {0} is a URL; a configured client needs another identifier")]
    ClientId(String),
    /// The settings for passwords.
    #[error("passwords cannot be hashed")]
    Password(#[from] PasswordError),
    /// The store.
    #[error("the store failed while the authorization server started")]
    Store(#[from] StoreError),
    /// A signing key in the store is damaged.
    #[error("the signing keys cannot be used: {0}")]
    Keys(String),
}

impl Builder {
    /// What people call the thing they log in to. Default: the issuer's host.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// A resource that tokens can be for, exactly as its metadata spells it. The first is meant when a request names none.
    /// It has the scopes that [`Builder::scope`] names; those of [`AuthConfig::resources`] come after it, with their own.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// A scope, and what it allows in the words of the person who is asked: "Read your posts".
    pub fn scope(mut self, scope: impl Into<String>, description: impl Into<String>) -> Self {
        self.scopes.push((scope.into(), description.into()));
        self
    }

    /// What a request without `scope` asks for at such a resource. Default: all scopes.
    pub fn default_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.default_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Settings.
    pub fn config(mut self, config: AuthConfig) -> Self {
        self.config = config;
        self
    }

    /// Who hears of every login, consent, grant and revocation.
    pub fn witness(mut self, witness: impl Witness) -> Self {
        self.witness = Some(Arc::new(witness));
        self
    }

    /// Who knows which attempts to connect there were: administrators see them at `/admin/funnel` then.
    pub fn connection_attempts(mut self, attempts: impl ConnectionAttempts) -> Self {
        self.connection_attempts = Some(Arc::new(attempts));
        self
    }

    /// What tells the time.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Loads the keys (makes them, the first time), the revocations and the configured clients, and is ready.
    /// Has to be called within a tokio runtime: until the server is dropped, what is over is deleted in the background, and
    /// the store is asked what others have revoked.
    ///
    /// # Errors
    /// [`BuildError`] names the setting or the part that does not work.
    pub async fn build(mut self) -> Result<AuthorizationServer, BuildError> {
        let issuer = issuer(&self.issuer)?;
        if let Some(mistake) = self.config.mistake() {
            return Err(BuildError::Setting(mistake));
        }
        let policy = self.policy()?;
        check_names(&self.config, &policy)?;
        let now = (self.clock)();
        let keys = signing_keys::load(self.store.as_ref(), &self.config, now).await;
        let (keys, published) = keys.map_err(|error| match error {
            KeyError::Store(error) => BuildError::Store(error),
            damaged @ KeyError::Damaged(_) => BuildError::Keys(damaged.to_string()),
        })?;
        let tokens = AccessTokens::new(&self.issuer, &self.config, keys);
        let most = self.config.revocation_cache;
        let follower = Arc::new(Follower::start(tokens.clone(), self.store.as_ref(), most, now).await?);
        let configured: Vec<_> = self.config.clients.iter().map(|client| client.client_id.as_str()).collect();
        self.store.keep_configured(&configured).await?;
        for configured in &self.config.clients {
            put_client(self.store.as_ref(), configured.client(), now).await?;
        }
        let fetcher = Arc::new(Fetcher::new(&self.config));
        let fresh = Secret::new(random::bytes::<32>().to_vec());
        let device_secret = self.store.secret("known-browser", &fresh).await?;
        let fresh = Secret::new(random::bytes::<32>().to_vec());
        let nonces = self.store.secret("dpop-nonces", &fresh).await?;
        let fresh = Secret::new(random::bytes::<32>().to_vec());
        let logins = self.store.secret("upstream-logins", &fresh).await?;
        let callback = |name: &str| format!("{}{}", self.issuer.trim_end_matches('/'), callback_path(name));
        let store = Arc::clone(&self.store);
        let upstreams =
            Upstreams::new(&self.config, &policy.scopes(), store, logins.expose(), callback).await?;
        let passwords = Arc::new(Passwords::new(&self.config, self.store.clone()).await?);
        let administration = Administration::of_server(
            Arc::clone(&self.store),
            Arc::clone(&passwords),
            &self.config,
            self.witness.clone(),
            Arc::clone(&follower),
            Arc::clone(&self.clock),
        );
        let words = self.words(&policy);
        let inner = Arc::new(Inner {
            proofs: Proofs::new(&self.config.proof_limits(), nonces.expose(), barewire_jose::verifies, now),
            metadata: metadata::document(&self.issuer, &policy, &self.config),
            base_path: issuer.path().trim_end_matches('/').to_owned(),
            secure: issuer.scheme() == "https",
            display_name: self
                .display_name
                .unwrap_or_else(|| issuer.host_str().unwrap_or("this server").to_owned()),
            passwords,
            follower,
            administration,
            logins: Turns::new(self.config.login_queue),
            insertions: Turns::new(self.config.registration_queue),
            documents: Documents::new(&self.config, Arc::clone(&fetcher)),
            trusted: TrustedIssuers::new(&self.config.trusted_issuers, &fetcher),
            upstreams: Arc::new(upstreams),
            keys_at_urls: KeysAtUrls::new(&self.config, fetcher),
            redeeming: Redeeming::default(),
            half_logins: HalfLogins::new(device_secret.expose()),
            passkeys: self
                .config
                .passkeys
                .then(|| Passkeys::new(&issuer, device_secret.expose(), self.config.passkey_timeout))
                .flatten(),
            devices: Devices::new(self.config.max_device_codes as usize),
            device_key: hmac::Key::new(hmac::HMAC_SHA256, device_secret.expose()),
            style: Asset::style(),
            script: Asset::script(),
            words,
            issuer: self.issuer,
            config: self.config,
            policy,
            store: self.store,
            tokens,
            witness: self.witness,
            connection_attempts: self.connection_attempts,
            clock: self.clock,
        });
        housekeeping::spawn(&inner);
        tokio::spawn(signing_keys::follow(Arc::downgrade(&inner), published));
        Ok(AuthorizationServer(inner))
    }

    fn policy(&self) -> Result<Policy, BuildError> {
        let scopes: ScopeSet =
            self.scopes.iter().map(|(scope, _)| Scope::parse(scope)).collect::<Result<_, _>>()?;
        if let Some(unknown) = self.default_scopes.iter().find(|scope| !scopes.contains(scope)) {
            return Err(BuildError::UnknownDefaultScope(unknown.clone()));
        }
        let default_scopes = match self.default_scopes.as_slice() {
            [] => scopes.clone(),
            some => ScopeSet::from_tokens(some),
        };
        let own = |text: &String| match Resource::parse(text) {
            Ok(resource) => {
                Ok(Offered { resource, scopes: scopes.clone(), default_scopes: default_scopes.clone() })
            }
            Err(source) => Err(BuildError::Resource { text: text.clone(), source }),
        };
        let mut resources: Vec<_> = self.resources.iter().map(own).collect::<Result<_, _>>()?;
        for configured in &self.config.resources {
            let unfit = |reason| BuildError::ConfiguredResource { url: configured.url.clone(), reason };
            let offered = configured.offered().map_err(unfit)?;
            if resources.iter().any(|other| other.resource.is_equivalent(&offered.resource)) {
                return Err(unfit(UnfitResource::Twice));
            }
            resources.push(offered);
        }
        if resources.is_empty() {
            return Err(BuildError::NoResource);
        }
        let administration = self.administration_policy(&resources)?;
        Ok(Policy { resources, administration })
    }

    /// The API of administrators is a resource of its own, and its scopes are nobody else's.
    fn administration_policy(&self, others: &[Offered]) -> Result<Option<Offered>, BuildError> {
        if !self.config.administration {
            return Ok(None);
        }
        let text = format!("{}{}", self.issuer.trim_end_matches('/'), routes::ADMIN_API);
        let resource =
            Resource::parse(&text).map_err(|source| BuildError::Resource { text: text.clone(), source })?;
        if others.iter().any(|other| other.resource.is_equivalent(&resource)) {
            return Err(BuildError::AdministrationTaken(text));
        }
        let scopes = ScopeSet::from_tokens(administration_scopes().map(|(scope, _)| scope));
        if let Some(taken) = others.iter().find_map(|other| other.part_of(&scopes)) {
            return Err(BuildError::AdministrationTaken(taken.to_string()));
        }
        Ok(Some(Offered { resource, scopes, default_scopes: ScopeSet::from_tokens([ADMIN_READ]) }))
    }

    fn words(&mut self, policy: &Policy) -> Words {
        let (mut words, own) = (Words::default(), std::mem::take(&mut self.scopes));
        for offered in &policy.resources[..self.resources.len()] {
            words.add(offered.resource.as_str(), None, own.clone());
        }
        for configured in &self.config.resources {
            words.add(&configured.url, configured.name.clone(), configured.scopes.clone());
        }
        if let Some(offered) = &policy.administration {
            words.add(offered.resource.as_str(), None, administration_scopes());
        }
        words
    }
}

/// The scopes of administrators, in words.
fn administration_scopes() -> [(String, String); 2] {
    [
        (ADMIN_READ, "See all users, applications and what they may do"),
        (ADMIN_WRITE, "Add, change and disable users and applications, and end what others have allowed"),
    ]
    .map(|(scope, words)| (scope.to_owned(), words.to_owned()))
}

/// Whether the settings name only scopes and resources that there are.
fn check_names(config: &AuthConfig, policy: &Policy) -> Result<(), BuildError> {
    let known = policy.scopes();
    for (client, scopes) in &config.own_access {
        let unknown = scopes.difference(&known);
        if !unknown.is_empty() {
            return Err(BuildError::UnknownOwnScope { client: client.clone(), unknown });
        }
    }
    for (client, rule) in &config.token_exchange {
        let unknown = rule.scopes.difference(&known);
        let mut resources = rule.from.iter().chain(&rule.to);
        let unknown = match resources.find(|one| policy.resource(Some(one)).is_none()) {
            Some(resource) => resource.as_str().to_owned(),
            None if unknown.is_empty() => continue,
            None => unknown.to_string(),
        };
        return Err(BuildError::UnknownExchange { client: client.clone(), unknown });
    }
    for trusted in &config.trusted_issuers {
        let unknown = trusted.scopes().difference(&known);
        if !unknown.is_empty() {
            return Err(BuildError::UnknownTrustedScope { issuer: trusted.issuer.clone(), unknown });
        }
    }
    for client in &config.clients {
        let known =
            |text: &&String| Resource::parse(text).is_ok_and(|one| policy.resource(Some(&one)).is_some());
        if let Some(resource) = client.introspects.iter().find(|text| !known(text)) {
            let (client, resource) = (client.client_id.clone(), resource.clone());
            return Err(BuildError::UnknownIntrospected { client, resource });
        }
    }
    Ok(())
}

fn issuer(text: &str) -> Result<Url, BuildError> {
    let refused = || BuildError::Issuer(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let loopback = url.host().is_some_and(|host| is_loopback(&host));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if scheme && bare && url.password().is_none() { Ok(url) } else { Err(refused()) }
}

/// Whether a host is this machine, by whatever name.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost" || name.as_ref().ends_with(".localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

async fn put_client(store: &dyn Store, client: Client, now: SystemTime) -> Result<(), BuildError> {
    if DocumentUrl::looks_like_one(&client.id) {
        return Err(BuildError::ClientId(client.id));
    }
    let record = ClientRecord {
        client,
        fingerprint: None,
        registration_token: None,
        source: None,
        registered_at: now,
        activated_at: None,
        last_used_at: None,
        added: false,
        disabled_at: None,
    };
    Ok(store.put_client(&record).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_issuers_are_accepted() {
        fn check(text: &str, expected: bool) {
            assert_eq!(issuer(text).is_ok(), expected, "{text}");
        }
        check("https://as.example", true);
        check("https://as.example/tenant/1", true);
        check("http://localhost:8000", true);
        check("http://127.0.0.1:8000", true);
        check("http://[::1]:8000", true);
        check("http://as.example", false);
        check("http://localhost.evil.example", false);
        check("https://as.example?x=1", false);
        check("https://as.example#x", false);
        check("https://u:p@as.example", false);
        check("as.example", false);
    }
}
