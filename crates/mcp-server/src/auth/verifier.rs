//! From the text of a token to a principal, once per token.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_oauth::bearer::{self, BearerError, Scheme, Standing};
use barewire_oauth::dpop::{PROOF_HEADER, Proofs, ProvenRequest, Target};
use barewire_oauth::resource::Resource;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::Principal;

/// Turns an access token into a [`Principal`]. The one thing an application must bring to protect its server.
///
/// An implementation checks that the token was issued **for this server** (its audience); that is what
/// [the specification](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/index#token-handling)
/// demands, and a verifier that leaves it out opens this server to every token of the same issuer.
pub trait TokenVerifier: Send + Sync + 'static {
    /// Verifies one token. Called once per token, not once per request: a good answer is remembered until
    /// [`Principal::expires_at`], [`Principal::believed_until`] or
    /// [`Limits::token_cache_ttl`](crate::Limits::token_cache_ttl), whichever is soonest.
    /// A bad one is not: what many bad tokens may cost (a request to somebody else, perhaps) is the implementation's
    /// to limit. It answers [`BearerError::Flooded`] to what it does not look at.
    ///
    /// # Errors
    /// The [`BearerError`] that becomes the 401 (or 503) of the request.
    fn verify(
        &self,
        token: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Principal, BearerError>> + Send;

    /// What has become of a principal that was verified earlier: whether it has lost its grant, or its token, or a part
    /// of its scopes since. Asked for every request that a remembered token answers, so it has to be a look into memory;
    /// a revocation then takes effect at once. One that was narrowed is verified anew.
    fn standing(&self, principal: &Principal) -> Standing {
        let _ = principal;
        Standing::Unchanged
    }

    /// Whether there can be tokens that it takes for this resource, which is one of the server's own. Asked when the server is
    /// built, once for each: an endpoint whose tokens nobody takes is a mistake that every one of its clients would find out by
    /// logging in in vain. A verifier that cannot say leaves this out.
    fn takes_tokens_for(&self, resource: &Resource) -> bool {
        let _ = resource;
        true
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

    fn standing(&self, principal: &Principal) -> Standing {
        V::standing(self, principal)
    }

    fn takes_tokens_for(&self, resource: &Resource) -> bool {
        V::takes_tokens_for(self, resource)
    }
}

/// [`TokenVerifier`] in the form that fits behind a pointer.
pub(super) trait Erased: Send + Sync {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Principal, BearerError>> + Send + 'a>>;
    fn standing(&self, principal: &Principal) -> Standing;
    fn takes_tokens_for(&self, resource: &Resource) -> bool;
}

impl<V: TokenVerifier> Erased for V {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Principal, BearerError>> + Send + 'a>> {
        Box::pin(TokenVerifier::verify(self, token, now))
    }

    fn standing(&self, principal: &Principal) -> Standing {
        TokenVerifier::standing(self, principal)
    }

    fn takes_tokens_for(&self, resource: &Resource) -> bool {
        TokenVerifier::takes_tokens_for(self, resource)
    }
}

/// A verifier and what it has said about good tokens: what a request costs whose token has been seen before.
///
/// That is a digest, a look-up, a look at the clock and the question whether it was revoked. Only good tokens are
/// remembered, so bad ones, however many, push none of them out; what bad ones may cost is for the verifier to say
/// ([`JwtVerifier`](super::JwtVerifier) and the authorization server's tokens do,
/// [`forgery`](barewire_oauth::forgery) tells how).
///
/// The key is the token's SHA-256, so that no live token lies in memory for longer than its request, and nobody can
/// find two tokens with one key. With the instructions for it that processors have it takes 0.28 µs for a token of 550
/// bytes; a keyed SipHash-1-3 of 128 bits would take 0.09, and a keyed 64-bit hash with the whole token beside it to
/// compare 0.02. Neither is worth a secret or the tokens in memory: the whole check is a fortieth of a bare request.
///
/// A token that is bound to a key ([`Principal::bound_to`]) is remembered like any other; what is not remembered is that its
/// sender proved to have the key: that is done by each request anew ([RFC 9449 §7](https://www.rfc-editor.org/rfc/rfc9449#section-7)).
///
/// Clones remember together. A server's own is [`McpServer::verified_tokens`](crate::McpServer::verified_tokens).
#[derive(Clone)]
pub struct VerifiedTokens(Arc<Shared>);

struct Shared {
    verifier: Box<dyn Erased>,
    good: Cache<Digest, Good, Kilobytes>,
    ttl: Duration,
    possession: Possession,
}

/// What is demanded of tokens that are bound to a key, and whether others are taken.
pub struct Possession {
    /// The proofs that were shown at these endpoints.
    pub proofs: Proofs,
    /// Only bound tokens are taken.
    pub required: bool,
}

/// A request, as far as it says who sends it.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The address at which its sender knows this endpoint. It comes from the configuration, at most its path from the
    /// request.
    pub target: &'a Target,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

type Digest = [u8; 32];

#[derive(Clone)]
struct Good {
    principal: Arc<Principal>,
    until: SystemTime,
    weight: u64,
}

/// A principal is about as large as its token: one with a long token counts as several, one more for each KiB.
#[derive(Clone)]
struct Kilobytes;

impl Weighter<Digest, Good> for Kilobytes {
    fn weight(&self, _: &Digest, good: &Good) -> u64 {
        good.weight
    }
}

impl VerifiedTokens {
    /// Remembers up to `entries` tokens, each for `ttl` at most and never longer than it counts.
    pub fn new(verifier: impl TokenVerifier, entries: usize, ttl: Duration, possession: Possession) -> Self {
        Self::with_erased(Box::new(verifier), entries, ttl, possession)
    }

    pub(super) fn with_erased(
        verifier: Box<dyn Erased>,
        entries: usize,
        ttl: Duration,
        possession: Possession,
    ) -> Self {
        let good = Cache::with_weighter(entries, entries as u64, Kilobytes);
        Self(Arc::new(Shared { verifier, good, ttl, possession }))
    }

    /// Whether its verifier can take tokens for this resource.
    pub(super) fn take_tokens_for(&self, resource: &Resource) -> bool {
        self.0.verifier.takes_tokens_for(resource)
    }

    /// Who sends a request: whom its token speaks for, and, where that is bound to a key, proof that the sender has it.
    ///
    /// # Errors
    /// What the verifier says, or [`BearerError::Expired`] and [`BearerError::Revoked`] for a token that it once said
    /// was good; [`BearerError::Bound`], [`BearerError::Unbound`] and [`BearerError::Proof`] for one in the wrong hands.
    pub async fn authenticate(
        &self,
        request: &Presented<'_>,
        now: SystemTime,
    ) -> Result<Arc<Principal>, BearerError> {
        let (scheme, principal) = match self.remembered_in(request.headers, now) {
            Some((scheme, verdict)) => (scheme, verdict?),
            None => {
                let credentials = credentials(request.headers)?;
                (credentials.scheme, self.verify_anew(credentials.token, now).await?)
            }
        };
        self.confirm(scheme, &principal, request, now)?;
        Ok(principal)
    }

    /// The nonce that the answer to a request gives for the next proof, as the value of
    /// [`NONCE_HEADER`](barewire_oauth::dpop::NONCE_HEADER): where the lack of one is why it was refused, and with every
    /// proof where all need one.
    #[must_use]
    pub fn next_nonce(
        &self,
        refused: Option<&BearerError>,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Option<HeaderValue> {
        let proofs = &self.0.possession.proofs;
        let wanted = refused.is_some_and(BearerError::wants_nonce)
            || (proofs.always_want_nonces() && headers.contains_key(PROOF_HEADER));
        if wanted { HeaderValue::from_str(&proofs.nonce(now)).ok() } else { None }
    }

    /// Whether the token is in the hands of whom it was issued to. One that is not bound to a key is, as far as anybody can
    /// tell; that costs nothing.
    fn confirm(
        &self,
        scheme: Scheme,
        principal: &Principal,
        request: &Presented<'_>,
        now: SystemTime,
    ) -> Result<(), BearerError> {
        let Possession { proofs, required } = &self.0.possession;
        match (scheme, &principal.bound_to) {
            (Scheme::Bearer, None) if !required => Ok(()),
            (Scheme::Bearer, None) => Err(BearerError::BindingRequired),
            (Scheme::Bearer, Some(_)) => Err(BearerError::Bound),
            (Scheme::Dpop, None) => Err(BearerError::Unbound),
            (Scheme::Dpop, Some(key)) => {
                let token = credentials(request.headers)?.token;
                let about = ProvenRequest {
                    method: request.method,
                    target: request.target,
                    access_token: Some(token),
                };
                proofs.check(request.headers, &about, Some(key), now)?;
                Ok(())
            }
        }
    }

    /// The usual case: one header, with a token that was good before. Whether its letters are legal (0.19 µs) was found
    /// out then.
    fn remembered_in(
        &self,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Option<(Scheme, Result<Arc<Principal>, BearerError>)> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let (line, None) = (lines.next()?, lines.next()) else { return None };
        let (scheme, token) = bearer::presented(line.as_bytes())?;
        Some((scheme, self.remembered(token, now)?))
    }

    /// Whether a token that came with an earlier request still counts. Who holds it is not asked: whoever answers a new
    /// request calls [`VerifiedTokens::authenticate`].
    pub(crate) async fn verify(&self, token: &str, now: SystemTime) -> Result<Arc<Principal>, BearerError> {
        match self.remembered(token.as_bytes(), now) {
            Some(verdict) => verdict,
            None => self.verify_anew(token, now).await,
        }
    }

    /// What is remembered about a token. Nothing is waited for, and nothing is allocated.
    fn remembered(&self, token: &[u8], now: SystemTime) -> Option<Result<Arc<Principal>, BearerError>> {
        let digest = digest(token);
        let good = self.0.good.get(&digest)?;
        let refusal = if good.principal.expires_at.is_some_and(|end| end <= now) {
            BearerError::Expired
        } else {
            match self.0.verifier.standing(&good.principal) {
                Standing::Revoked => BearerError::Revoked,
                Standing::Unchanged if now < good.until => return Some(Ok(good.principal)),
                // Good still, but it allows less, or was believed for too long: the verifier is asked again.
                Standing::Narrowed | Standing::Unchanged => return None,
            }
        };
        self.0.good.remove(&digest);
        Some(Err(refusal))
    }

    async fn verify_anew(&self, token: &str, now: SystemTime) -> Result<Arc<Principal>, BearerError> {
        let principal = Arc::new(self.0.verifier.verify(token, now).await?);
        if principal.expires_at.is_some_and(|end| end <= now) {
            return Err(BearerError::Expired);
        }
        let longest = now.checked_add(self.0.ttl).unwrap_or(now);
        let ends = principal.expires_at.into_iter().chain(principal.believed_until);
        let until = ends.fold(longest, SystemTime::min);
        if now < until {
            let weight = 1 + token.len() as u64 / 1024;
            let good = Good { principal: principal.clone(), until, weight };
            self.0.good.insert(digest(token.as_bytes()), good);
        }
        Ok(principal)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.good.len()
    }
}

/// The one token of a request. A header with bytes outside of ASCII is none; the parser is told about it as an illegal
/// line.
pub(super) fn credentials(headers: &HeaderMap) -> Result<bearer::Credentials<'_>, BearerError> {
    let lines = headers.get_all(AUTHORIZATION).iter().map(|line| line.to_str().unwrap_or("Bearer \u{0}"));
    bearer::from_authorization(lines)
}

fn digest(token: &[u8]) -> Digest {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    use barewire_oauth::dpop::ProofLimits;
    use barewire_oauth::scope::ScopeSet;

    use super::*;

    /// Knows tokens that begin with `good`; those end at second 100.
    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        revoked: AtomicBool,
        narrowed: AtomicBool,
        last: Mutex<String>,
        believed: Option<Duration>,
    }

    impl TokenVerifier for Counting {
        async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            token.clone_into(&mut self.last.lock().unwrap());
            if !token.starts_with("good") {
                return Err(BearerError::Invalid);
            }
            let mut principal = Principal::new(token);
            principal.expires_at = Some(UNIX_EPOCH + Duration::from_secs(100));
            principal.believed_until = self.believed.map(|time| now + time);
            let narrowed = self.narrowed.load(Ordering::Relaxed);
            principal.scopes =
                ScopeSet::from_tokens(if narrowed { &["read"][..] } else { &["read", "write"] });
            Ok(principal)
        }

        fn standing(&self, principal: &Principal) -> Standing {
            if self.revoked.load(Ordering::Relaxed) {
                Standing::Revoked
            } else if self.narrowed.load(Ordering::Relaxed) && principal.scopes.contains("write") {
                Standing::Narrowed
            } else {
                Standing::Unchanged
            }
        }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn remembering(verifier: impl TokenVerifier, entries: usize) -> VerifiedTokens {
        let proofs = Proofs::new(&ProofLimits::default(), &[7; 32], barewire_jose::verifies, at(0));
        let possession = Possession { proofs, required: false };
        VerifiedTokens::new(verifier, entries, Duration::from_secs(50), possession)
    }

    #[tokio::test]
    async fn a_good_token_is_verified_once_until_it_ends() {
        let verifier = Arc::new(Counting::default());
        let cached = remembering(verifier.clone(), 8);
        for now in [0, 1, 49] {
            assert_eq!(cached.verify("good", at(now)).await.unwrap().subject, "good");
        }
        assert_eq!(verifier.asked.load(Ordering::Relaxed), 1);
        cached.verify("good", at(50)).await.unwrap();
        assert_eq!(verifier.asked.load(Ordering::Relaxed), 2, "the cache's own time is over");
        assert_eq!(cached.verify("good", at(100)).await, Err(BearerError::Expired));
    }

    #[tokio::test]
    async fn a_verifiers_word_counts_no_longer_than_it_says() {
        for (believed, asked_again_at) in [(Some(5), 5), (Some(500), 50), (None, 50)] {
            let believed = believed.map(Duration::from_secs);
            let verifier = Arc::new(Counting { believed, ..Counting::default() });
            let cached = remembering(verifier.clone(), 8);
            for (now, asked) in [(0, 1), (asked_again_at - 1, 1), (asked_again_at, 2)] {
                cached.verify("good", at(now)).await.unwrap();
                assert_eq!(verifier.asked.load(Ordering::Relaxed), asked, "{believed:?} at {now}");
            }
        }
    }

    #[tokio::test]
    async fn a_revocation_takes_effect_at_once() {
        let verifier = Arc::new(Counting::default());
        let cached = remembering(verifier.clone(), 8);
        cached.verify("good", at(0)).await.unwrap();
        verifier.revoked.store(true, Ordering::Relaxed);
        assert_eq!(cached.verify("good", at(1)).await, Err(BearerError::Revoked));
    }

    #[tokio::test]
    async fn a_narrowed_token_is_verified_anew_at_once_and_once() {
        let verifier = Arc::new(Counting::default());
        let cached = remembering(verifier.clone(), 8);
        assert_eq!(cached.verify("good", at(0)).await.unwrap().scopes.to_string(), "read write");
        verifier.narrowed.store(true, Ordering::Relaxed);
        for now in [1, 2] {
            assert_eq!(cached.verify("good", at(now)).await.unwrap().scopes.to_string(), "read");
        }
        assert_eq!(verifier.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn bad_tokens_are_not_remembered() {
        let verifier = Arc::new(Counting::default());
        let cached = remembering(verifier.clone(), 8);
        cached.verify("good", at(0)).await.unwrap();
        for number in 0..1_000 {
            assert_eq!(cached.verify(&format!("bad{number}"), at(0)).await, Err(BearerError::Invalid));
        }
        assert_eq!(cached.count(), 1);
        let asked = verifier.asked.load(Ordering::Relaxed);
        cached.verify("good", at(0)).await.unwrap();
        assert_eq!(verifier.asked.load(Ordering::Relaxed), asked);
    }

    #[tokio::test]
    async fn the_cache_is_bounded() {
        for (length, most) in [(10, 64), (1_024, 32), (8_192, 7)] {
            let cached = remembering(Counting::default(), 64);
            for number in 0..1_000 {
                cached.verify(&format!("good{number:0length$}"), at(0)).await.unwrap();
            }
            assert!((1..=most).contains(&cached.count()), "{} of {length} bytes", cached.count());
        }
    }
}
