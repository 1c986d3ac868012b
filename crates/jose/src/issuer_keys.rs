//! The keys of an issuer: prepared once, fetched when they are needed, kept while they cannot be.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use barewire_oauth::jwk::{Jwk, JwkSet};
use barewire_oauth::jws::Algorithm;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::VerifyingKey;

/// After a fetch, also one in vain, there is none for this long, whatever is asked for.
const PAUSE: Duration = Duration::from_secs(30);
/// Up to this age a set is used as it is. After that it is fetched anew, so that withdrawn keys go, and used meanwhile.
const FRESH: Duration = Duration::from_secs(15 * 60);
/// From this age on, a signature waits for the fetch, and the set is used only if that is in vain.
const AGEING: Duration = Duration::from_secs(30 * 60);
/// From this age on it is not used at all: an issuer whose keys cannot be had for a day may have withdrawn them.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the issuer's keys come from: usually a GET of its `jwks_uri` with the application's own HTTP client.
pub trait KeySource: Send + Sync + 'static {
    /// Fetches the current key set.
    ///
    /// # Errors
    /// [`KeysUnavailable`]; the keys known so far stay in use.
    fn fetch(&self) -> impl Future<Output = Result<JwkSet, KeysUnavailable>> + Send;

    /// Whether anybody could have named this place. What is wrong there is then logged as a detail: strangers must not be
    /// able to fill the log with warnings.
    fn is_a_strangers(&self) -> bool {
        false
    }
}

/// The issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the issuer's keys could not be fetched")]
pub struct KeysUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// There is no key to check a signature with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The issuer has no such key.
    #[error("it is signed with a key that its issuer does not publish")]
    Unknown,
    /// The issuer's keys could not be had: nobody's signature is at fault.
    #[error("the issuer's keys cannot be had right now")]
    Unavailable,
}

/// The keys of one issuer: fetched when they are first needed, when a signature names an unknown one (at most twice a
/// minute), and every quarter of an hour. While they cannot be fetched, the known ones stay in use, for a day.
pub struct IssuerKeys {
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

/// A public key with its name; one that does for several algorithms is there several times.
struct Key {
    id: Option<String>,
    key: VerifyingKey,
}

/// A key that was found, with the set that it is in.
pub struct Found {
    keys: Arc<[Key]>,
    index: usize,
}

impl Found {
    /// Whether this is its owner's signature of `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.keys[self.index].key.verifies(message, signature)
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKeys").field("known", &self.known.load().keys.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("id", &self.keys[self.index].id).finish_non_exhaustive()
    }
}

impl IssuerKeys {
    /// Keys that never change.
    #[must_use]
    pub fn fixed(set: &JwkSet) -> Self {
        let known = Known { keys: prepare(set), fetched: None, tried: None };
        Self { known: ArcSwap::from_pointee(known), source: None, fetching: Arc::default() }
    }

    /// Keys that are fetched.
    #[must_use]
    pub fn fetched(source: impl KeySource) -> Self {
        Self { source: Some(Box::new(source)), ..Self::fixed(&JwkSet { keys: Vec::new() }) }
    }

    /// The key with this id (or the only one for the algorithm, where none is named), fetching the set again where that
    /// can help.
    ///
    /// # Errors
    /// [`NoKey`].
    pub async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
        now: SystemTime,
    ) -> Result<Found, NoKey> {
        let known = self.known.load_full();
        let found = known.find(id, algorithm);
        if self.source.is_none() {
            return found.ok_or(NoKey::Unknown);
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
            fetch.await.map_err(|_| NoKey::Unavailable)?;
        }
        let known = self.known.load_full();
        if !known.is_younger_than(OLD, now) {
            return Err(NoKey::Unavailable);
        }
        // A key that is not in a set that could not be fetched just now may be in the next one.
        let up_to_date = known.is_younger_than(FRESH, now);
        let unknown = if up_to_date { NoKey::Unknown } else { NoKey::Unavailable };
        known.find(id, algorithm).ok_or(unknown)
    }

    #[cfg(test)]
    fn is_fetching(&self) -> bool {
        self.fetching.try_lock().is_err()
    }

    async fn fetch(self: Arc<Self>, _turn: OwnedMutexGuard<()>, now: SystemTime) {
        let Some(source) = &self.source else { return };
        let before = self.known.load_full();
        let answer = tokio::time::timeout(PATIENCE, source.fetch()).await;
        let answer = answer.unwrap_or_else(|late| Err(KeysUnavailable(late.into())));
        let known = match answer {
            Ok(set) => {
                let keys = prepare(&set);
                let unreadable = unreadable(&set, &keys);
                if !unreadable.is_empty() && !source.is_a_strangers() {
                    tracing::warn!(keys = ?unreadable, "some keys of the issuer cannot be read");
                }
                Known { keys, fetched: Some(now), tried: Some(now) }
            }
            Err(error) if source.is_a_strangers() => {
                tracing::debug!(%error, cause = %error.0, "keeping the keys known so far");
                Known { keys: before.keys.clone(), fetched: before.fetched, tried: Some(now) }
            }
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
        let mut candidates = self.keys.iter().enumerate().filter(|(_, key)| key.key.algorithm() == algorithm);
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
    set.keys.iter().filter(|jwk| jwk.is_for_signatures()).flat_map(prepare_one).collect()
}

/// A key with every algorithm that it is good for, which is one if it says so.
fn prepare_one(jwk: &Jwk) -> Vec<Key> {
    let read = |algorithm| Some(Key { id: jwk.kid.clone(), key: VerifyingKey::new(&jwk.key, algorithm)? });
    jwk.algorithms().filter_map(read).collect()
}

/// The names of the keys that are meant for signatures of a kind that is known here, and cannot be read.
fn unreadable(set: &JwkSet, prepared: &[Key]) -> Vec<Option<String>> {
    let meant = set.keys.iter().filter(|jwk| jwk.is_for_signatures() && jwk.algorithms().next().is_some());
    meant.filter(|jwk| !prepared.iter().any(|key| key.id == jwk.kid)).map(|jwk| jwk.kid.clone()).collect()
}

/// The key of a small set that a signature is checked with, once: the one with this id, or the only one for the algorithm
/// where none is named. No other key is read.
#[must_use]
pub fn key_of(set: &JwkSet, id: Option<&str>, algorithm: Algorithm) -> Option<VerifyingKey> {
    let fits = |jwk: &&Jwk| jwk.is_for_signatures() && jwk.algorithms().any(|one| one == algorithm);
    let mut candidates = set.keys.iter().filter(fits);
    let jwk = match id {
        Some(id) => candidates.find(|jwk| jwk.kid.as_deref() == Some(id))?,
        None => candidates.next().filter(|_| candidates.next().is_none())?,
    };
    VerifyingKey::new(&jwk.key, algorithm)
}

trait ErasedSource: Send + Sync {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, KeysUnavailable>> + Send + '_>>;
    fn is_a_strangers(&self) -> bool;
}

impl<S: KeySource> ErasedSource for S {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, KeysUnavailable>> + Send + '_>> {
        Box::pin(KeySource::fetch(self))
    }

    fn is_a_strangers(&self) -> bool {
        KeySource::is_a_strangers(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use barewire_oauth::jwk::PublicJwk;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn jwk(id: &str) -> Jwk {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let key = PublicJwk::Ec { crv: "P-256".to_owned(), x, y };
        Jwk { kid: Some(id.to_owned()), alg: None, public_key_use: None, key }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
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
        let (old, new) = (jwk("old"), jwk("new"));
        let asked = Arc::new(AtomicUsize::new(0));
        let sets = vec![JwkSet { keys: vec![old.clone()] }, JwkSet { keys: vec![old, new] }];
        let keys = Arc::new(IssuerKeys::fetched(Rotating { sets, asked: asked.clone() }));
        let check = async |id: &str, now, expected: Option<NoKey>, fetches| {
            let found = keys.find(Some(id), Algorithm::Es256, at(now)).await;
            assert_eq!(found.err(), expected, "{id} at {now}");
            // A fetch that nobody waits for is under way.
            while keys.is_fetching() {
                tokio::task::yield_now().await;
            }
            assert_eq!(asked.load(Ordering::SeqCst), fetches, "{id} at {now}");
        };
        check("old", 1_000, None, 1).await;
        check("old", 1_001, None, 1).await;
        check("new", 1_002, Some(NoKey::Unknown), 1).await;
        check("new", 1_030, None, 2).await;
        // The set ages, and its source is down: what is known stays good, and is asked for now and then.
        check("new", 2_000, None, 3).await;
        check("old", 2_001, None, 3).await;
        check("x", 2_040, Some(NoKey::Unavailable), 4).await;
        check("old", 4_000, None, 5).await;
        check("old", 4_001, None, 5).await;
        check("old", 1_030 + 24 * 3_600, Some(NoKey::Unavailable), 6).await;
    }

    /// Never answers.
    struct Silent;

    impl KeySource for Silent {
        async fn fetch(&self) -> Result<JwkSet, KeysUnavailable> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_does_not_answer_is_not_waited_for() {
        let keys = Arc::new(IssuerKeys::fetched(Silent));
        let find = async |now| keys.find(Some("k"), Algorithm::Es256, at(now)).await.err();
        // Whoever hangs up meanwhile does not begin it anew, and ends it for nobody else.
        assert!(tokio::time::timeout(Duration::from_secs(1), find(1_000)).await.is_err());
        assert_eq!(find(1_001).await, Some(NoKey::Unavailable));
    }

    #[test]
    fn of_a_small_set_the_key_is_read_that_is_named() {
        let mut broken = jwk("broken");
        broken.key = PublicJwk::Ec { crv: "P-256".to_owned(), x: "x".to_owned(), y: "y".to_owned() };
        let other_use = Jwk { public_key_use: Some("enc".to_owned()), ..jwk("enc") };
        let set = JwkSet { keys: vec![broken.clone(), jwk("a"), other_use] };
        let one = JwkSet { keys: vec![jwk("a")] };
        for (set, id, algorithm, expected) in [
            (&set, Some("a"), Algorithm::Es256, true),
            (&set, Some("a"), Algorithm::Es384, false),
            (&set, Some("broken"), Algorithm::Es256, false),
            (&set, Some("enc"), Algorithm::Es256, false),
            (&set, Some("c"), Algorithm::Es256, false),
            (&set, None, Algorithm::Es256, false),
            (&one, None, Algorithm::Es256, true),
        ] {
            assert_eq!(key_of(set, id, algorithm).is_some(), expected, "{id:?} {algorithm:?}");
        }
        assert_eq!(unreadable(&set, &prepare(&set)), [broken.kid]);
    }

    #[tokio::test]
    async fn fixed_keys_are_all_there_are() {
        let keys = Arc::new(IssuerKeys::fixed(&JwkSet { keys: vec![jwk("a"), jwk("b")] }));
        for (id, algorithm, expected) in [
            (Some("a"), Algorithm::Es256, None),
            (Some("a"), Algorithm::Es384, Some(NoKey::Unknown)),
            (Some("c"), Algorithm::Es256, Some(NoKey::Unknown)),
            // Which of the two?
            (None, Algorithm::Es256, Some(NoKey::Unknown)),
        ] {
            assert_eq!(keys.find(id, algorithm, at(0)).await.err(), expected, "{id:?} {algorithm:?}");
        }
    }
}
