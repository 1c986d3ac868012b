//! From the text of a token to a principal, once per token.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_oauth::bearer::BearerError;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::Principal;

/// Turns an access token into a [`Principal`]. The one thing an application must bring to protect its server.
///
/// An implementation checks that the token was issued **for this server** (its audience); that is what
/// [the specification](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/index#token-handling)
/// demands, and a verifier that leaves it out opens this server to every token of the same issuer.
pub trait TokenVerifier: Send + Sync + 'static {
    /// Verifies one token. Called once per token, not once per request: a good answer is remembered until
    /// [`Principal::expires_at`] or [`Limits::token_cache_ttl`](crate::Limits::token_cache_ttl), whichever is sooner.
    ///
    /// # Errors
    /// The [`BearerError`] that becomes the 401 (or 503) of the request.
    fn verify(
        &self,
        token: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Principal, BearerError>> + Send;

    /// Whether a principal that was verified earlier has lost its grant since. Asked for every request that a
    /// remembered token answers, so it has to be a look into memory; a revocation then takes effect at once.
    fn is_revoked(&self, principal: &Principal) -> bool {
        let _ = principal;
        false
    }
}

impl<V: TokenVerifier> TokenVerifier for Arc<V> {
    fn verify(
        &self,
        token: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Principal, BearerError>> + Send {
        V::verify(self, token, now)
    }

    fn is_revoked(&self, principal: &Principal) -> bool {
        V::is_revoked(self, principal)
    }
}

/// [`TokenVerifier`] in the form that fits behind a pointer.
trait Erased: Send + Sync {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Principal, BearerError>> + Send + 'a>>;
    fn is_revoked(&self, principal: &Principal) -> bool;
}

impl<V: TokenVerifier> Erased for V {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Principal, BearerError>> + Send + 'a>> {
        Box::pin(TokenVerifier::verify(self, token, now))
    }

    fn is_revoked(&self, principal: &Principal) -> bool {
        TokenVerifier::is_revoked(self, principal)
    }
}

/// A verifier and what it has already said.
///
/// Only good tokens are remembered, under their digest: a flood of bad ones costs their senders a verification each
/// and cannot push a good one out.
pub(crate) struct CachedVerifier {
    verifier: Box<dyn Erased>,
    seen: Cache<[u8; 32], Entry>,
    ttl: Duration,
}

#[derive(Clone)]
struct Entry {
    principal: Arc<Principal>,
    until: SystemTime,
}

impl CachedVerifier {
    pub(crate) fn new(verifier: impl TokenVerifier) -> Self {
        Self { verifier: Box::new(verifier), seen: Cache::new(0), ttl: Duration::ZERO }
    }

    pub(crate) fn with_cache(mut self, entries: usize, ttl: Duration) -> Self {
        self.seen = Cache::new(entries);
        self.ttl = ttl;
        self
    }

    pub(crate) async fn verify(&self, token: &str, now: SystemTime) -> Result<Arc<Principal>, BearerError> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(entry) = self.seen.get(&digest) {
            if self.verifier.is_revoked(&entry.principal) {
                self.seen.remove(&digest);
                return Err(BearerError::Revoked);
            }
            if now < entry.until {
                return Ok(entry.principal);
            }
            self.seen.remove(&digest);
        }
        let principal = Arc::new(self.verifier.verify(token, now).await?);
        if principal.expires_at.is_some_and(|end| end <= now) {
            return Err(BearerError::Expired);
        }
        let longest = now.checked_add(self.ttl).unwrap_or(now);
        let until = principal.expires_at.map_or(longest, |end| end.min(longest));
        if now < until {
            self.seen.insert(digest, Entry { principal: principal.clone(), until });
        }
        Ok(principal)
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    use super::*;

    /// Knows tokens that begin with `good`; those end at second 100.
    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        revoked: AtomicBool,
        last: Mutex<String>,
    }

    impl TokenVerifier for Counting {
        async fn verify(&self, token: &str, _now: SystemTime) -> Result<Principal, BearerError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            token.clone_into(&mut self.last.lock().unwrap());
            if !token.starts_with("good") {
                return Err(BearerError::Invalid);
            }
            let mut principal = Principal::new(token);
            principal.expires_at = Some(UNIX_EPOCH + Duration::from_secs(100));
            Ok(principal)
        }

        fn is_revoked(&self, _principal: &Principal) -> bool {
            self.revoked.load(Ordering::Relaxed)
        }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_good_token_is_verified_once_until_it_ends() {
        let verifier = Arc::new(Counting::default());
        let cached = CachedVerifier::new(verifier.clone()).with_cache(8, Duration::from_secs(50));
        for now in [0, 1, 49] {
            assert_eq!(cached.verify("good", at(now)).await.unwrap().subject, "good");
        }
        assert_eq!(verifier.asked.load(Ordering::Relaxed), 1);
        cached.verify("good", at(50)).await.unwrap();
        assert_eq!(verifier.asked.load(Ordering::Relaxed), 2, "the cache's own time is over");
        assert_eq!(cached.verify("good", at(100)).await, Err(BearerError::Expired));
    }

    #[tokio::test]
    async fn a_revocation_takes_effect_at_once() {
        let verifier = Arc::new(Counting::default());
        let cached = CachedVerifier::new(verifier.clone()).with_cache(8, Duration::from_secs(50));
        cached.verify("good", at(0)).await.unwrap();
        verifier.revoked.store(true, Ordering::Relaxed);
        assert_eq!(cached.verify("good", at(1)).await, Err(BearerError::Revoked));
    }

    #[tokio::test]
    async fn bad_tokens_are_not_remembered() {
        let verifier = Arc::new(Counting::default());
        let cached = CachedVerifier::new(verifier.clone()).with_cache(8, Duration::from_secs(50));
        cached.verify("good", at(0)).await.unwrap();
        for number in 0..1_000 {
            assert_eq!(cached.verify(&format!("bad{number}"), at(0)).await, Err(BearerError::Invalid));
        }
        assert_eq!(cached.remembered(), 1);
        let asked = verifier.asked.load(Ordering::Relaxed);
        cached.verify("good", at(0)).await.unwrap();
        assert_eq!(verifier.asked.load(Ordering::Relaxed), asked);
    }

    #[tokio::test]
    async fn the_cache_is_bounded() {
        let cached = CachedVerifier::new(Counting::default()).with_cache(8, Duration::from_secs(50));
        for number in 0..1_000 {
            cached.verify(&format!("good{number}"), at(0)).await.unwrap();
        }
        assert!(cached.remembered() <= 8, "{}", cached.remembered());
    }
}
