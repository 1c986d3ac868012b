//! Access tokens that are JWTs ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)), verified with the issuer's keys.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use barewire_oauth::bearer::BearerError;
use barewire_oauth::claims::{ACCESS_TOKEN_TYPE, AccessTokenClaims, Expected};
use barewire_oauth::resource::Resource;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::{Principal, TokenVerifier};

/// An unknown key makes the verifier ask for the key set again, but not more often than this.
const REFETCH_PAUSE: Duration = Duration::from_secs(30);
/// A key set is asked for again after this long even if nothing is missing, so that withdrawn keys go.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// Verifies JWT access tokens of one issuer for one resource. The audience is checked always; there is no way to
/// leave it out.
pub struct JwtVerifier {
    issuer: String,
    resource: Resource,
    leeway: Duration,
    algorithms: Vec<Algorithm>,
    keys: ArcSwap<Keys>,
    source: Option<Box<dyn ErasedSource>>,
    fetching: Mutex<()>,
}

/// Where the issuer's keys come from: usually a GET of its `jwks_uri` with the application's own HTTP client.
pub trait KeySource: Send + Sync + 'static {
    /// Fetches the current key set.
    ///
    /// # Errors
    /// [`KeysUnavailable`]; the keys known so far stay in use.
    fn fetch(&self) -> impl Future<Output = Result<JwkSet, KeysUnavailable>> + Send;
}

/// The issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the issuer's keys could not be fetched")]
pub struct KeysUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The keys as of some time.
struct Keys {
    set: JwkSet,
    /// When they were fetched; `None` before the first time.
    fetched: Option<SystemTime>,
    /// When fetching was last tried, in vain or not.
    tried: Option<SystemTime>,
}

impl JwtVerifier {
    /// Verifies with keys that never change.
    ///
    /// `issuer` is compared byte for byte with `iss`; `resource` is this server's own identifier.
    #[must_use]
    pub fn with_keys(issuer: impl Into<String>, resource: Resource, keys: JwkSet) -> Self {
        Self {
            issuer: issuer.into(),
            resource,
            leeway: Duration::from_secs(10),
            algorithms: vec![Algorithm::ES256],
            keys: ArcSwap::from_pointee(Keys { set: keys, fetched: None, tried: None }),
            source: None,
            fetching: Mutex::new(()),
        }
    }

    /// Verifies with keys that are fetched when they are first needed, when a token names an unknown one (at most
    /// twice a minute), and every quarter of an hour. While they cannot be fetched, the known ones stay in use.
    #[must_use]
    pub fn with_source(issuer: impl Into<String>, resource: Resource, source: impl KeySource) -> Self {
        let mut verifier = Self::with_keys(issuer, resource, JwkSet { keys: Vec::new() });
        verifier.source = Some(Box::new(source));
        verifier
    }

    /// Which signatures are accepted; ES256 alone unless said otherwise. Symmetric algorithms are never accepted:
    /// whoever can verify those can forge them.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let symmetric = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        self.algorithms = algorithms.into_iter().filter(|one| !symmetric.contains(one)).collect();
        self
    }

    /// How far the issuer's clock may be off; 10 seconds unless said otherwise.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The key that a token names, fetching the set again where that can help.
    async fn key(&self, id: Option<&str>, now: SystemTime) -> Result<Jwk, BearerError> {
        let known = self.keys.load_full();
        let found = select(&known.set, id);
        let fresh = |keys: &Keys| keys.fetched.is_some_and(|at| now < at.checked_add(MAX_AGE).unwrap_or(at));
        let Some(source) = &self.source else { return found.ok_or(BearerError::Invalid) };
        if fresh(&known)
            && let Some(key) = found
        {
            return Ok(key);
        }

        // One fetch at a time; whoever waited looks at what the other one brought.
        let _turn = self.fetching.lock().await;
        let known = self.keys.load_full();
        let found = select(&known.set, id);
        let tried_lately = known.tried.is_some_and(|at| now < at.checked_add(REFETCH_PAUSE).unwrap_or(at));
        if tried_lately || (fresh(&known) && found.is_some()) {
            let never = known.fetched.is_none();
            return found.ok_or(if never { BearerError::Unavailable } else { BearerError::Invalid });
        }
        match source.fetch().await {
            Ok(set) => {
                let key = select(&set, id);
                self.keys.store(Arc::new(Keys { set, fetched: Some(now), tried: Some(now) }));
                key.ok_or(BearerError::Invalid)
            }
            Err(error) => {
                tracing::warn!(%error, cause = %error.0, issuer = %self.issuer, "keeping the keys known so far");
                let (set, fetched) = (known.set.clone(), known.fetched);
                self.keys.store(Arc::new(Keys { set, fetched, tried: Some(now) }));
                found.ok_or(BearerError::Unavailable)
            }
        }
    }
}

impl TokenVerifier for JwtVerifier {
    /// Checks type, signature, issuer, audience and times, in this order
    /// ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)).
    async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BearerError::Invalid)?;
        let typ = header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
        // An id token, signed with the same key, is no access token: the type tells them apart.
        if typ.strip_prefix("application/").unwrap_or(&typ) != ACCESS_TOKEN_TYPE {
            return Err(BearerError::Invalid);
        }
        if !self.algorithms.contains(&header.alg) {
            return Err(BearerError::Invalid);
        }
        let key = self.key(header.kid.as_deref(), now).await?;
        let key = DecodingKey::from_jwk(&key).map_err(|_| BearerError::Invalid)?;

        // The library would compare with the system's clock; times and audience are ours to check.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(|_| BearerError::Invalid)?;
        let mut all = data.claims;
        let claims: AccessTokenClaims =
            serde_json::from_value(Value::Object(all.clone())).map_err(|_| BearerError::Invalid)?;
        claims
            .check(&Expected { issuer: &self.issuer, resource: &self.resource, leeway: self.leeway }, now)?;

        for name in ["sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "grant_id"] {
            all.remove(name);
        }
        let mut principal = Principal::from(claims);
        principal.claims = all;
        Ok(principal)
    }
}

/// The key with this id, or the only signing key when the token names none.
fn select(set: &JwkSet, id: Option<&str>) -> Option<Jwk> {
    let signing = |key: &&Jwk| {
        !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)))
    };
    let mut candidates = set.keys.iter().filter(signing);
    match id {
        Some(id) => candidates.find(|key| key.common.key_id.as_deref() == Some(id)).cloned(),
        None => candidates.next().filter(|_| candidates.next().is_none()).cloned(),
    }
}

trait ErasedSource: Send + Sync {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, KeysUnavailable>> + Send + '_>>;
}

impl<S: KeySource> ErasedSource for S {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, KeysUnavailable>> + Send + '_>> {
        Box::pin(KeySource::fetch(self))
    }
}
