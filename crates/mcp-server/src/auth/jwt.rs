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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    struct Issuer {
        key: EncodingKey,
        jwk: Jwk,
    }

    fn issuer(id: &str) -> Issuer {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ec_der(pkcs8.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Issuer { key, jwk }
    }

    fn claims() -> Value {
        json!({
            "iss": "https://as.example", "sub": "ann", "aud": "https://a.example/mcp", "client_id": "c", "jti": "j",
            "iat": 1_000, "exp": 2_000, "scope": "read write", "grant_id": "g", "tenant": "acme",
        })
    }

    impl Issuer {
        fn token(&self, id: Option<&str>, typ: &str, claims: &Value) -> String {
            let mut header = Header::new(Algorithm::ES256);
            header.typ = Some(typ.to_owned());
            header.kid = id.map(str::to_owned);
            jsonwebtoken::encode(&header, claims, &self.key).unwrap()
        }
    }

    fn resource() -> Resource {
        Resource::parse("https://a.example/mcp").unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_token_for_this_resource_and_no_other() {
        let one = issuer("k1");
        let keys = JwkSet { keys: vec![one.jwk.clone(), issuer("k2").jwk] };
        let verifier = JwtVerifier::with_keys("https://as.example", resource(), keys);
        let with = |name: &str, value: Value| {
            let mut changed = claims();
            changed[name] = value;
            changed
        };
        let good = one.token(Some("k1"), "at+jwt", &claims());
        let principal = verifier.verify(&good, at(1_500)).await.unwrap();
        assert_eq!((principal.subject.as_str(), principal.client_id.as_deref()), ("ann", Some("c")));
        assert_eq!((principal.grant_id.as_deref(), principal.expires_at), (Some("g"), Some(at(2_000))));
        assert!(principal.scopes.contains("write"));
        assert_eq!(Value::Object(principal.claims), json!({ "iss": "https://as.example", "tenant": "acme" }));

        let mut forged = good.clone();
        forged.replace_range(good.len() - 4.., "AAAA");
        let none = {
            use base64::Engine as _;
            let part =
                |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(json!({ "alg": "none", "typ": "at+jwt" })), part(claims()))
        };
        for (token, now, expected) in [
            (one.token(Some("k1"), "application/AT+JWT", &claims()), 1_500, None),
            (one.token(Some("k1"), "JWT", &claims()), 1_500, Some(BearerError::Invalid)),
            (one.token(Some("k2"), "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (one.token(Some("k9"), "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (one.token(None, "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (issuer("k1").token(Some("k1"), "at+jwt", &claims()), 1_500, Some(BearerError::Invalid)),
            (forged, 1_500, Some(BearerError::Invalid)),
            (none, 1_500, Some(BearerError::Invalid)),
            ("not a token".into(), 1_500, Some(BearerError::Invalid)),
            (good.clone(), 2_010, Some(BearerError::Expired)),
            (good, 2_009, None),
            (
                one.token(Some("k1"), "at+jwt", &with("aud", json!("https://b.example"))),
                1_500,
                Some(BearerError::WrongAudience),
            ),
            (
                one.token(Some("k1"), "at+jwt", &with("iss", json!("https://as.example/"))),
                1_500,
                Some(BearerError::WrongIssuer),
            ),
            (one.token(Some("k1"), "at+jwt", &with("aud", json!(null))), 1_500, Some(BearerError::Invalid)),
        ] {
            assert_eq!(verifier.verify(&token, at(now)).await.err(), expected, "{token}");
        }
    }

    /// Gives another key set each time, and none when it has no more.
    struct Rotating {
        sets: Vec<JwkSet>,
        asked: Arc<AtomicUsize>,
    }

    impl KeySource for Rotating {
        async fn fetch(&self) -> Result<JwkSet, KeysUnavailable> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            self.sets.get(number).cloned().ok_or_else(|| KeysUnavailable("down".into()))
        }
    }

    #[tokio::test]
    async fn an_unknown_key_is_looked_for_but_not_too_often() {
        let (old, new) = (issuer("old"), issuer("new"));
        let asked = Arc::new(AtomicUsize::new(0));
        let sets = vec![
            JwkSet { keys: vec![old.jwk.clone()] },
            JwkSet { keys: vec![old.jwk.clone(), new.jwk.clone()] },
        ];
        let source = Rotating { sets, asked: asked.clone() };
        let verifier = JwtVerifier::with_source("https://as.example", resource(), source);
        let long = {
            let mut claims = claims();
            claims["exp"] = json!(100_000);
            claims
        };
        let (with_old, with_new) =
            (old.token(Some("old"), "at+jwt", &long), new.token(Some("new"), "at+jwt", &long));
        let check = async |token: &str, now, expected: Option<BearerError>, fetches| {
            assert_eq!(verifier.verify(token, at(now)).await.err(), expected);
            assert_eq!(asked.load(Ordering::SeqCst), fetches);
        };
        check(&with_old, 1_000, None, 1).await;
        check(&with_old, 1_001, None, 1).await;
        check(&with_new, 1_002, Some(BearerError::Invalid), 1).await;
        check(&with_new, 1_030, None, 2).await;
        // The set is old, its source is down: what is known stays good.
        check(&with_new, 2_000, None, 3).await;
        check(&with_old, 2_001, None, 3).await;
        check(&issuer("x").token(Some("x"), "at+jwt", &long), 2_040, Some(BearerError::Unavailable), 4).await;
    }

    #[tokio::test]
    async fn without_any_keys_it_is_nobodys_fault() {
        let source = Rotating { sets: Vec::new(), asked: Arc::default() };
        let verifier = JwtVerifier::with_source("https://as.example", resource(), source);
        let token = issuer("k").token(Some("k"), "at+jwt", &claims());
        for now in [1_000, 1_001] {
            assert_eq!(verifier.verify(&token, at(now)).await.err(), Some(BearerError::Unavailable));
        }
    }
}
