//! The keys of an issuer: prepared once, fetched when they are needed, kept while they cannot be.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};
use barewire_oauth::bearer::BearerError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// After a fetch, also one in vain, there is none for this long, whatever tokens ask for.
const PAUSE: Duration = Duration::from_secs(30);
/// Up to this age a set is used as it is. After that it is fetched anew, so that withdrawn keys go, and used meanwhile.
const FRESH: Duration = Duration::from_secs(15 * 60);
/// From this age on, a token waits for the fetch, and the set is used only if that is in vain.
const AGEING: Duration = Duration::from_secs(30 * 60);
/// From this age on it is not used at all: an issuer whose keys cannot be had for a day may have withdrawn them.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Keys of one set beyond this are not read.
const MAX_KEYS: usize = 64;

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

/// The keys of one issuer.
pub(super) struct IssuerKeys {
    known: ArcSwap<Known>,
    source: Option<Box<dyn ErasedSource>>,
    /// One fetch at a time; held by the fetch itself, so that a client that hangs up does not end it.
    fetching: Arc<Mutex<()>>,
}

/// The keys as of some time.
struct Known {
    keys: Arc<[Key]>,
    /// When they were fetched; `None` before the first time.
    fetched: Option<SystemTime>,
    /// When fetching was last tried, in vain or not.
    tried: Option<SystemTime>,
}

/// A public key and the one algorithm that it is used with here; a key that does for several is there several times.
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

/// A key that was found, with the set that it is in.
pub(super) struct Found {
    keys: Arc<[Key]>,
    index: usize,
}

impl Found {
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.keys[self.index].parsed.verify_sig(message, signature).is_ok()
    }
}

impl IssuerKeys {
    pub(super) fn fixed(set: &JwkSet) -> Self {
        let known = Known { keys: prepare(set), fetched: None, tried: None };
        Self { known: ArcSwap::from_pointee(known), source: None, fetching: Arc::default() }
    }

    pub(super) fn fetched(source: impl KeySource) -> Self {
        Self { source: Some(Box::new(source)), ..Self::fixed(&JwkSet { keys: Vec::new() }) }
    }

    /// The key that a token names, fetching the set again where that can help.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
        now: SystemTime,
    ) -> Result<Found, BearerError> {
        let known = self.known.load_full();
        let found = known.find(id, algorithm);
        if self.source.is_none() {
            return found.ok_or(BearerError::Invalid);
        }
        if let Some(found) = found {
            if known.is_younger_than(FRESH, now) {
                return Ok(found);
            }
            if known.is_younger_than(AGEING, now) {
                if !known.tried_lately(now)
                    && let Ok(turn) = Arc::clone(&self.fetching).try_lock_owned()
                {
                    tokio::spawn(Arc::clone(self).fetch(turn, now));
                }
                return Ok(found);
            }
            if known.is_younger_than(OLD, now) && known.tried_lately(now) {
                return Ok(found);
            }
        }

        // Whoever waited for somebody else's fetch looks at what that has brought.
        let turn = Arc::clone(&self.fetching).lock_owned().await;
        let known = self.known.load_full();
        let is_known = known.is_younger_than(FRESH, now) && known.find(id, algorithm).is_some();
        if !is_known && !known.tried_lately(now) {
            let fetch = tokio::spawn(Arc::clone(self).fetch(turn, now));
            fetch.await.map_err(|_| BearerError::Unavailable)?;
        }
        let known = self.known.load_full();
        if !known.is_younger_than(OLD, now) {
            return Err(BearerError::Unavailable);
        }
        // A key that is not in a set that could not be fetched just now may be in the next one.
        let up_to_date = known.is_younger_than(FRESH, now);
        let unknown = if up_to_date { BearerError::Invalid } else { BearerError::Unavailable };
        known.find(id, algorithm).ok_or(unknown)
    }

    #[cfg(test)]
    pub(super) fn is_fetching(&self) -> bool {
        self.fetching.try_lock().is_err()
    }

    async fn fetch(self: Arc<Self>, _turn: OwnedMutexGuard<()>, now: SystemTime) {
        let Some(source) = &self.source else { return };
        let before = self.known.load_full();
        let answer = tokio::time::timeout(PATIENCE, source.fetch()).await;
        let answer = answer.unwrap_or_else(|late| Err(KeysUnavailable(late.into())));
        let known = match answer {
            Ok(set) => Known { keys: prepare(&set), fetched: Some(now), tried: Some(now) },
            Err(error) => {
                tracing::warn!(%error, cause = %error.0, "keeping the keys known so far");
                Known { keys: before.keys.clone(), fetched: before.fetched, tried: Some(now) }
            }
        };
        self.known.store(Arc::new(known));
    }
}

impl Known {
    /// The key with this id, or the only one for the algorithm when the token names none.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Found> {
        let mut candidates = self.keys.iter().enumerate().filter(|(_, key)| key.algorithm == algorithm);
        let (index, _) = match id {
            Some(id) => candidates.find(|(_, key)| key.id.as_deref() == Some(id))?,
            None => candidates.next().filter(|_| candidates.next().is_none())?,
        };
        Some(Found { keys: self.keys.clone(), index })
    }

    fn is_younger_than(&self, age: Duration, now: SystemTime) -> bool {
        self.fetched.is_some_and(|at| now < at.checked_add(age).unwrap_or(at))
    }

    fn tried_lately(&self, now: SystemTime) -> bool {
        self.tried.is_some_and(|at| now < at.checked_add(PAUSE).unwrap_or(at))
    }
}

fn prepare(set: &JwkSet) -> Arc<[Key]> {
    let signing = |key: &&Jwk| {
        !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)))
    };
    set.keys.iter().filter(signing).take(MAX_KEYS).flat_map(prepare_one).collect()
}

/// A key with every algorithm that it is good for, which is one if it says so.
fn prepare_one(jwk: &Jwk) -> Vec<Key> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let point = |x: &str, y: &str| [&[4][..], &bytes(x), &bytes(y)].concat();
    let all: Vec<(Algorithm, _)> = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => {
                vec![(
                    Algorithm::ES256,
                    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(&key.x, &key.y)),
                )]
            }
            EllipticCurve::P384 => {
                vec![(
                    Algorithm::ES384,
                    ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point(&key.x, &key.y)),
                )]
            }
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            vec![(Algorithm::EdDSA, ParsedPublicKey::new(&ED25519, bytes(&key.x)))]
        }
        AlgorithmParameters::RSA(key) => {
            let without_zeros = |text: &str| {
                let bytes = bytes(text);
                let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
                bytes[zeros..].to_vec()
            };
            let key = RsaPublicKeyComponents { n: without_zeros(&key.n), e: without_zeros(&key.e) };
            RSA.iter().map(|(algorithm, how)| (*algorithm, key.to_parsed_public_key(how))).collect()
        }
        _ => Vec::new(),
    };
    let meant =
        |algorithm| jwk.common.key_algorithm.is_none_or(|meant| meant == KeyAlgorithm::from(algorithm));
    all.into_iter()
        .filter(|(algorithm, _)| meant(*algorithm))
        .filter_map(|(algorithm, parsed)| {
            let id = jwk.common.key_id.clone();
            let unreadable = |_| tracing::warn!(key = ?id, "a key of the issuer cannot be read");
            let parsed = parsed.map_err(unreadable).ok()?;
            Some(Key { id, algorithm, parsed })
        })
        .collect()
}

/// Moduli from 2,048 bits on.
static RSA: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::RS256, &RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::RS384, &RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::RS512, &RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::PS256, &RSA_PSS_2048_8192_SHA256),
    (Algorithm::PS384, &RSA_PSS_2048_8192_SHA384),
    (Algorithm::PS512, &RSA_PSS_2048_8192_SHA512),
];

trait ErasedSource: Send + Sync {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, KeysUnavailable>> + Send + '_>>;
}

impl<S: KeySource> ErasedSource for S {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, KeysUnavailable>> + Send + '_>> {
        Box::pin(KeySource::fetch(self))
    }
}
