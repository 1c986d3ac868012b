//! One identity provider: what it says of itself, its keys, and the questions that are put to it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use barewire_jose::{IssuerKeys, KeySource, KeysUnavailable, NoKey};
use barewire_oauth::jwk::JwkSet;
use barewire_oauth::pkce::CodeVerifier;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::{AuthorizationCode, RefreshToken};
use barewire_oauth::statement::Statement;
use barewire_oauth::upstream::RelyingParty;
use barewire_oauth::upstream::access::Access;
use barewire_oauth::upstream::discovery::Provider;
use barewire_oauth::upstream::id_token::{self, Account, IdTokenError, Occasion};
use barewire_oauth::upstream::token::{self, Credential, Exchange, Given};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::config::{UpstreamConfig, UpstreamError};
use super::failure::Failure;
use super::http::Http;
use super::signing::Pem;
use crate::random;

/// Up to this age a discovery document is used as it is.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// Up to this age it is used while there is no newer one.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);
/// After a fetch in vain there is none for this long.
const PAUSE: Duration = Duration::from_secs(5);

/// A provider that the operator has configured.
pub(crate) struct Upstream {
    /// Its name in the settings and in paths.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) display_name: String,
    pub(crate) party: RelyingParty,
    pub(crate) config: UpstreamConfig,
    access: Access,
    /// Every scope that there is.
    scopes: ScopeSet,
    credential: Credential,
    http: Arc<Http>,
    known: ArcSwapOption<Known>,
    /// One fetch of the document at a time; when one was last in vain.
    fetching: Mutex<Option<SystemTime>>,
}

/// What is known of it.
pub(crate) struct Known {
    pub(crate) provider: Provider,
    keys: Arc<IssuerKeys>,
    fetched_at: SystemTime,
}

/// Who has logged in.
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) claims: Map<String, Value>,
    /// What they may have.
    pub(crate) scope: ScopeSet,
    /// To ask again.
    pub(crate) refresh_token: Option<RefreshToken>,
}

/// The login that somebody comes back from.
pub(crate) struct Login<'a> {
    pub(crate) verifier: &'a CodeVerifier,
    pub(crate) nonce: &'a str,
    pub(crate) started_at: SystemTime,
    /// Whether the person was to be asked although the provider knew them.
    pub(crate) anew: bool,
}

/// That somebody still may.
pub(crate) struct Renewed {
    /// What they may have by now; `None` where the provider says nothing of it.
    pub(crate) scope: Option<ScopeSet>,
    /// What replaces the refresh token.
    pub(crate) refresh_token: Option<RefreshToken>,
}

impl Upstream {
    pub(crate) fn new(
        name: &str,
        config: &UpstreamConfig,
        party: RelyingParty,
        scopes: &ScopeSet,
        http: Arc<Http>,
    ) -> Result<Self, UpstreamError> {
        config.check(name, &party, scopes)?;
        let credential = config.credential()?;
        if let (Credential::Key(key), Some(path)) = (&credential, &config.private_key_file) {
            let unusable = |error: barewire_oauth::jws::SignError| UpstreamError::Key {
                path: path.clone(),
                why: error.0,
            };
            barewire_oauth::jws::Signer::sign(&Pem, &key.private, key.algorithm, b"").map_err(unusable)?;
        }
        Ok(Self {
            name: name.to_owned(),
            display_name: config.display_name.clone().unwrap_or_else(|| name.to_owned()),
            access: config.access(),
            config: config.clone(),
            party,
            scopes: scopes.clone(),
            credential,
            http,
            known: ArcSwapOption::empty(),
            fetching: Mutex::default(),
        })
    }

    /// What is known of it; its document is fetched when it is first needed, and every hour.
    pub(crate) async fn known(&self, now: SystemTime) -> Result<Arc<Known>, Failure> {
        let younger = |known: &Arc<Known>, age| now < known.fetched_at.checked_add(age).unwrap_or(now);
        let fresh = || self.known.load_full().filter(|known| younger(known, FRESH));
        if let Some(known) = fresh() {
            return Ok(known);
        }
        // Whoever waited for somebody else's fetch looks at what that has brought.
        let mut in_vain = self.fetching.lock().await;
        if let Some(known) = fresh() {
            return Ok(known);
        }
        let stale = self.known.load_full().filter(|known| younger(known, OLD));
        let lately = in_vain.is_some_and(|at| now < at.checked_add(PAUSE).unwrap_or(at));
        let fetched = if lately { Err(Failure::Lately) } else { self.fetch(now).await };
        match (fetched, stale) {
            (Ok(known), _) => {
                *in_vain = None;
                self.known.store(Some(Arc::clone(&known)));
                Ok(known)
            }
            (Err(failure), stale) => {
                if !lately {
                    *in_vain = Some(now);
                    failure.log(&self.name);
                }
                stale.ok_or(failure)
            }
        }
    }

    async fn fetch(&self, now: SystemTime) -> Result<Arc<Known>, Failure> {
        let malformed = |_| barewire_oauth::upstream::discovery::DiscoveryError::Malformed;
        let url = Url::parse(&self.party.discovery_url()).map_err(malformed)?;
        let answer = self.http.get(&url, None).await?;
        if answer.status != 200 {
            return Err(Failure::Status(answer.status));
        }
        let provider = self.party.read(&answer.body)?;
        let before = self.known.load_full().filter(|known| known.provider.jwks_uri == provider.jwks_uri);
        let keys = before.map(|known| Arc::clone(&known.keys)).unwrap_or_else(|| {
            let source = KeysAt { url: provider.jwks_uri.clone(), http: Arc::clone(&self.http) };
            Arc::new(IssuerKeys::fetched(source))
        });
        Ok(Arc::new(Known { provider, keys, fetched_at: now }))
    }

    /// Who comes with this code.
    pub(crate) async fn redeem(
        &self,
        known: &Known,
        code: &AuthorizationCode,
        login: &Login<'_>,
        now: SystemTime,
    ) -> Result<Person, Failure> {
        let given = self.ask(known, &Exchange::Code { code, verifier: login.verifier }, now).await?;
        let Login { nonce, started_at, anew, .. } = *login;
        let occasion = Occasion::Login { nonce, started_at, anew };
        let (account, mut claims) =
            self.read(known, &given, &occasion, now).await?.ok_or(IdTokenError::Missing)?;
        self.add_userinfo(known, &given, &mut claims).await?;
        let scope = self.access.allowed(&claims, self.party.profile.quirks(), &self.scopes)?;
        let refresh_token = given.refresh_token.filter(|_| self.party.refreshes);
        Ok(Person { account, claims, scope, refresh_token })
    }

    /// Whether the person of this account still may, and what.
    pub(crate) async fn refresh(
        &self,
        account: &Account,
        token: &RefreshToken,
        now: SystemTime,
    ) -> Result<Renewed, Failure> {
        let known = self.known(now).await?;
        let given = self.ask(&known, &Exchange::Refresh(token), now).await?;
        let mut claims = match self.read(&known, &given, &Occasion::Refresh { account }, now).await? {
            Some((_, claims)) => claims,
            None => [("sub".to_owned(), Value::from(account.subject.as_str()))].into_iter().collect(),
        };
        let told = claims.len() > 1 || self.asks_for_userinfo(&known);
        self.add_userinfo(&known, &given, &mut claims).await?;
        let allowed = || self.access.allowed(&claims, self.party.profile.quirks(), &self.scopes);
        let scope = told.then(allowed).transpose()?;
        Ok(Renewed { scope, refresh_token: given.refresh_token })
    }

    async fn ask(&self, known: &Known, exchange: &Exchange<'_>, now: SystemTime) -> Result<Given, Failure> {
        let (provider, id) = (&known.provider, random::token::<16>());
        let form = token::request(&self.party, provider, &self.credential, exchange, &id, now, &Pem)?;
        let answer = self.http.post(&provider.token_endpoint, &form).await?;
        Ok(token::read(&self.party, answer.status, &answer.body)?)
    }

    /// Account and claims of the ID token, once all of it is good; `None` where there is none.
    async fn read(
        &self,
        known: &Known,
        given: &Given,
        occasion: &Occasion<'_>,
        now: SystemTime,
    ) -> Result<Option<(Account, Map<String, Value>)>, Failure> {
        let Some(token) = &given.id_token else { return Ok(None) };
        let statement = Statement::read(token.expose()).map_err(IdTokenError::from)?;
        let access_token = Some(&given.access_token);
        let account = id_token::check(&statement, &self.party, &known.provider, occasion, access_token, now)?;
        match known.keys.find(statement.key_id.as_deref(), statement.algorithm, now).await {
            Ok(key) if key.verifies(statement.signed.as_bytes(), &statement.signature) => {}
            Ok(_) | Err(NoKey::Unknown) => return Err(IdTokenError::Signature.into()),
            Err(NoKey::Unavailable) => return Err(Failure::Keys),
        }
        Ok(Some((account, id_token::claims(&statement))))
    }

    fn asks_for_userinfo(&self, known: &Known) -> bool {
        let wanted = self.party.userinfo.unwrap_or(self.party.profile.quirks().userinfo);
        wanted && known.provider.userinfo_endpoint.is_some()
    }

    async fn add_userinfo(
        &self,
        known: &Known,
        given: &Given,
        claims: &mut Map<String, Value>,
    ) -> Result<(), Failure> {
        let (Some(url), true) = (&known.provider.userinfo_endpoint, self.asks_for_userinfo(known)) else {
            return Ok(());
        };
        let answer = self.http.get(url, Some(&given.access_token)).await?;
        if answer.status != 200 {
            return Err(Failure::Status(answer.status));
        }
        Ok(id_token::with_userinfo(claims, &answer.body)?)
    }
}

/// The provider's key set.
struct KeysAt {
    url: Url,
    http: Arc<Http>,
}

impl KeySource for KeysAt {
    async fn fetch(&self) -> Result<JwkSet, KeysUnavailable> {
        let answer = self.http.get(&self.url, None).await;
        let answer = answer.map_err(|error| KeysUnavailable(error.into()))?;
        if answer.status != 200 {
            return Err(KeysUnavailable(format!("it is answered with status {}", answer.status).into()));
        }
        barewire_oauth::json::object(&answer.body).map_err(|error| KeysUnavailable(error.into()))
    }
}
