//! Access tokens that only their issuer can read: it is asked about each
//! ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)).
//!
//! What a request costs the issuer is bounded. A good answer is believed for a short time, by
//! [`VerifiedTokens`](super::VerifiedTokens) as that of any verifier; a bad one for a shorter one, here. Of many requests with
//! one token one asks. How many ask at the same time, and how many in vain, is limited; tokens that were good once are not
//! counted among the latter, so that a flood of made-up tokens shuts nobody out who was in.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_oauth::allowance::{Allowance, Spent};
use barewire_oauth::bearer::BearerError;
use barewire_oauth::external::{OwnNames, TokenProfile, read_introspection};
use barewire_oauth::resource::Resource;
use barewire_oauth::secret::AccessToken;
use bytes::Bytes;
use http::Response;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::{Principal, TokenVerifier};

/// The introspection endpoint: usually a POST of the application's own HTTP client.
pub trait IntrospectionEndpoint: Send + Sync + 'static {
    /// Asks about a token: sends it as the parameter `token` and proves who asks
    /// ([RFC 7662 §2.1](https://www.rfc-editor.org/rfc/rfc7662#section-2.1)). The answer is given whole, whatever its status;
    /// how long it may be is for the implementation to limit.
    ///
    /// # Errors
    /// [`NotAnswered`].
    fn ask(&self, token: &str) -> impl Future<Output = Result<Response<Bytes>, NotAnswered>> + Send;
}

/// The introspection endpoint did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the introspection endpoint did not answer")]
pub struct NotAnswered(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What asking may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntrospectionLimits {
    /// How long a good answer is believed: that long a revoked token may go on.
    pub max_age: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long a token that is not good is refused without asking again.
    pub refused_for: Duration,
    /// Tokens that are refused so.
    pub known_refused: usize,
    /// Tokens that are known to have been good.
    pub known_good: usize,
    /// Tokens that are asked about at the same time.
    pub at_once: usize,
    /// Tokens that were never good may be asked about in vain that often per second, and as often at once.
    pub failures_per_second: u32,
    /// After no answer, or one that any token would get (our own credentials are refused, 429, 5xx), nothing is asked for
    /// this long.
    pub pause: Duration,
    /// Bytes of the longest token that is shown to the issuer; a longer one is none of its.
    pub max_token_bytes: usize,
}

impl Default for IntrospectionLimits {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            refused_for: Duration::from_secs(10),
            known_refused: 10_000,
            known_good: 10_000,
            at_once: 64,
            failures_per_second: 50,
            pause: Duration::from_secs(1),
            max_token_bytes: 4 * 1024,
        }
    }
}

/// Asks the issuer about tokens for one server. What it answers has to name this server as the audience; there is no way
/// to leave that out.
///
/// Every token that is no JWT of another issuer is shown to the endpoint; where there are several issuers,
/// [`Issuers`](super::Issuers) sees to it that each sees its own.
pub struct IntrospectionVerifier(Asker);

type Digest = [u8; 32];
type Verdict = Result<Principal, BearerError>;

#[derive(Clone)]
struct Asker {
    rules: Arc<Rules>,
    endpoint: Arc<dyn Erased>,
    memory: Arc<Memory>,
}

/// Which answers are good, and what asking may cost.
#[derive(Clone)]
struct Rules {
    issuer: String,
    names: OwnNames,
    profile: TokenProfile,
    leeway: Duration,
    limits: IntrospectionLimits,
}

struct Memory {
    /// Tokens that are not good, and until when that is not asked again.
    refused: Cache<Digest, (SystemTime, BearerError)>,
    /// Tokens that were good at some time.
    good: Cache<Digest, ()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is being asked just now, and who waits for it.
    asking: HashMap<Digest, watch::Receiver<Option<Verdict>>>,
    failures: Spent,
    /// Nothing is asked before.
    silent_until: Option<SystemTime>,
}

impl IntrospectionVerifier {
    /// Asks this endpoint of this issuer; `resource` is this server's own identifier.
    pub fn new(issuer: impl Into<String>, resource: Resource, endpoint: impl IntrospectionEndpoint) -> Self {
        let limits = IntrospectionLimits::default();
        let rules = Rules {
            issuer: issuer.into(),
            names: OwnNames::of(resource),
            profile: TokenProfile::rfc9068(),
            leeway: Duration::from_secs(10),
            limits,
        };
        let memory = Arc::new(Memory::new(&limits));
        Self(Asker { rules: Arc::new(rules), endpoint: Arc::new(endpoint), memory })
    }

    /// Also accepts tokens for another identifier of this same server; never one of another server.
    #[must_use]
    pub fn also_for(mut self, resource: Resource) -> Self {
        self.rules().names.add_resource(resource);
        self
    }

    /// Also accepts tokens for a name of this server that is no URL of it, byte for byte.
    #[must_use]
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.rules().names.add(name);
        self
    }

    /// The words in which the issuer answers; those of RFC 7662 unless said otherwise.
    #[must_use]
    pub fn profile(mut self, profile: TokenProfile) -> Self {
        self.rules().profile = profile;
        self
    }

    /// How far the issuer's clock may be off; 10 seconds unless said otherwise.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules().leeway = leeway;
        self
    }

    /// What asking may cost.
    #[must_use]
    pub fn limits(mut self, limits: IntrospectionLimits) -> Self {
        self.rules().limits = limits;
        self.0.memory = Arc::new(Memory::new(&limits));
        self
    }

    /// Whose tokens it asks about.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.rules.issuer
    }

    fn rules(&mut self) -> &mut Rules {
        Arc::make_mut(&mut self.0.rules)
    }
}

impl Memory {
    fn new(limits: &IntrospectionLimits) -> Self {
        Self {
            refused: Cache::new(limits.known_refused),
            good: Cache::new(limits.known_good),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insert, remove or number; a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenVerifier for IntrospectionVerifier {
    async fn verify(&self, token: &str, now: SystemTime) -> Verdict {
        if token.len() > self.0.rules.limits.max_token_bytes {
            return Err(BearerError::Invalid);
        }
        let digest: Digest = Sha256::digest(token).into();
        if let Some((until, error)) = self.0.memory.refused.get(&digest)
            && now < until
        {
            return Err(error);
        }
        let mut told = self.0.begin(digest, token, now)?;
        // A lookup that ends without a word (it panicked) has found nothing out.
        let told = told.wait_for(Option::is_some).await.map_err(|_| BearerError::Unavailable)?;
        told.clone().unwrap_or(Err(BearerError::Unavailable))
    }

    fn takes_tokens_for(&self, resource: &Resource) -> bool {
        self.0.rules.names.cover(resource)
    }
}

impl Asker {
    /// Joins the lookup of this token, or begins one that goes on when its caller hangs up.
    fn begin(
        &self,
        digest: Digest,
        token: &str,
        now: SystemTime,
    ) -> Result<watch::Receiver<Option<Verdict>>, BearerError> {
        let limits = &self.rules.limits;
        let mut state = self.memory.state();
        if let Some(told) = state.asking.get(&digest) {
            return Ok(told.clone());
        }
        // A clock that was set back does not keep it silent.
        let silent = |until: SystemTime| now < until && until <= now + limits.pause;
        if state.silent_until.is_some_and(silent) {
            return Err(BearerError::Unavailable);
        }
        let room = state.failures.leaves_room(limits.failures(), since_epoch(now));
        if state.asking.len() >= limits.at_once || !(room || self.memory.good.get(&digest).is_some()) {
            return Err(BearerError::Flooded);
        }
        let (tell, told) = watch::channel(None);
        state.asking.insert(digest, told.clone());
        let asking = Asking { memory: Arc::clone(&self.memory), digest };
        tokio::spawn(self.clone().ask(asking, AccessToken::new(token), now, tell));
        Ok(told)
    }

    async fn ask(
        self,
        asking: Asking,
        token: AccessToken,
        now: SystemTime,
        tell: watch::Sender<Option<Verdict>>,
    ) {
        let (verdict, everybody) = match self.look(&token, now).await {
            Ok(verdict) => (verdict, false),
            Err(NoAnswer { everybody }) => (Err(BearerError::Unavailable), everybody),
        };
        let (digest, limits, memory) = (asking.digest, &self.rules.limits, &self.memory);
        match &verdict {
            Ok(_) => memory.good.insert(digest, ()),
            Err(_) if everybody => memory.state().silent_until = now.checked_add(limits.pause),
            Err(error) => {
                if memory.good.get(&digest).is_none() {
                    memory.state().failures.add(limits.failures(), since_epoch(now));
                }
                let until = now.checked_add(limits.refused_for).unwrap_or(now);
                memory.refused.insert(digest, (until, error.clone()));
            }
        }
        // Whoever comes from here on finds what was noted above.
        drop(asking);
        tell.send_replace(Some(verdict));
    }

    async fn look(&self, token: &AccessToken, now: SystemTime) -> Result<Verdict, NoAnswer> {
        let Rules { issuer, limits, .. } = &*self.rules;
        let none = |error: &dyn std::error::Error, everybody| {
            let cause = error.source().map(tracing::field::display);
            if everybody {
                tracing::warn!(issuer, %error, cause, "tokens cannot be introspected");
            } else {
                // Anybody can send such a token, so it is no warning.
                tracing::info!(issuer, %error, "a token cannot be introspected");
            }
            NoAnswer { everybody }
        };
        let answer = tokio::time::timeout(limits.timeout, self.endpoint.ask(token.expose())).await;
        let answer = answer.map_err(|late| none(&late, true))?.map_err(|error| none(&error, true))?;
        let claims = read_introspection(&answer);
        let claims = claims.map_err(|error| none(&error, error.is_about_every_token()))?;
        Ok(claims.ok_or(BearerError::Invalid).and_then(|claims| self.judge(claims, now)))
    }

    fn judge(&self, claims: Map<String, Value>, now: SystemTime) -> Verdict {
        let Rules { issuer, names, profile, leeway, limits } = &*self.rules;
        let claims = profile.claims(claims)?;
        claims.check(issuer, names, *leeway, now)?;
        let mut principal = Principal::from(claims);
        principal.believed_until = now.checked_add(limits.max_age);
        Ok(principal)
    }
}

impl IntrospectionLimits {
    fn failures(&self) -> Allowance {
        Allowance::new(self.failures_per_second, self.failures_per_second, Duration::from_secs(1))
    }
}

/// Nothing was found out: about this token, or about any.
struct NoAnswer {
    everybody: bool,
}

/// A lookup under way. However it ends, the next one begins anew.
struct Asking {
    memory: Arc<Memory>,
    digest: Digest,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.memory.state().asking.remove(&self.digest);
    }
}

fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// [`IntrospectionEndpoint`] in the form that fits behind a pointer.
trait Erased: Send + Sync {
    fn ask<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, NotAnswered>> + Send + 'a>>;
}

impl<E: IntrospectionEndpoint> Erased for E {
    fn ask<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, NotAnswered>> + Send + 'a>> {
        Box::pin(IntrospectionEndpoint::ask(self, token))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::header::CONTENT_TYPE;
    use serde_json::json;
    use tokio::sync::Notify;

    use super::*;

    /// Knows some tokens, counts questions, and is silent or slow when it is told to.
    #[derive(Default)]
    struct Issuer {
        tokens: Mutex<BTreeMap<String, Value>>,
        asked: AtomicUsize,
        down: Mutex<bool>,
        /// Answers wait for it, where there is one.
        gate: Mutex<Option<Arc<Notify>>>,
    }

    impl Issuer {
        fn with(token: &str, claims: Value) -> Arc<Self> {
            let issuer = Self::default();
            issuer.tokens.lock().unwrap().insert(token.to_owned(), claims);
            Arc::new(issuer)
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    impl IntrospectionEndpoint for Arc<Issuer> {
        async fn ask(&self, token: &str) -> Result<Response<Bytes>, NotAnswered> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let gate = self.gate.lock().unwrap().clone();
            if let Some(gate) = gate {
                gate.notified().await;
            }
            if *self.down.lock().unwrap() {
                return Err(NotAnswered("down".into()));
            }
            if let Some(status) = token.strip_prefix("status ") {
                let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
                return Ok(answer.body(Bytes::from_static(b"{}")).unwrap());
            }
            let known = self.tokens.lock().unwrap().get(token).cloned();
            let body = known.unwrap_or(json!({ "active": false })).to_string();
            Ok(Response::builder().header(CONTENT_TYPE, "application/json").body(body.into()).unwrap())
        }
    }

    fn claims() -> Value {
        json!({
            "active": true, "sub": "ann", "client_id": "c", "aud": "https://rs.example/mcp", "scope": "read",
            "iss": "https://as.example", "exp": 2_000
        })
    }

    fn verifier(issuer: &Arc<Issuer>, limits: IntrospectionLimits) -> IntrospectionVerifier {
        let resource = Resource::parse("https://rs.example/mcp").unwrap();
        IntrospectionVerifier::new("https://as.example", resource, Arc::clone(issuer)).limits(limits)
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn what_the_issuer_says_of_a_token_is_for_this_server_or_it_is_nothing() {
        let check = async |name: &str, value: Value, expected: Result<&str, BearerError>| {
            let mut claims = claims();
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value,
            }
            let verifier = verifier(&Issuer::with("t", claims), IntrospectionLimits::default());
            let verdict = verifier.verify("t", at(1_000)).await.map(|principal| principal.subject);
            assert_eq!(verdict.as_deref(), expected.as_ref().copied(), "{name}");
        };
        check("active", json!(true), Ok("ann")).await;
        check("active", json!(false), Err(BearerError::Invalid)).await;
        check("active", json!("true"), Err(BearerError::Unavailable)).await;
        check("aud", json!(null), Err(BearerError::WrongAudience)).await;
        check("aud", json!("https://rs.example/other"), Err(BearerError::WrongAudience)).await;
        check("aud", json!(["https://other.example", "https://rs.example/mcp/"]), Ok("ann")).await;
        check("iss", json!("https://other.example"), Err(BearerError::WrongIssuer)).await;
        check("iss", json!(null), Ok("ann")).await;
        check("exp", json!(990), Err(BearerError::Expired)).await;
        check("exp", json!(null), Ok("ann")).await;
        check("sub", json!(null), Err(BearerError::Invalid)).await;
        check("cnf", json!({ "x5t#S256": "x" }), Err(BearerError::Invalid)).await;
    }

    #[tokio::test]
    async fn a_good_answer_is_believed_for_a_short_time_and_not_beyond_the_tokens_end() {
        let limits = IntrospectionLimits::default();
        let verifier = verifier(&Issuer::with("t", claims()), limits);
        let principal = verifier.verify("t", at(1_000)).await.unwrap();
        assert_eq!(principal.believed_until, Some(at(1_000) + limits.max_age));
        assert_eq!(principal.expires_at, Some(at(2_000)));
        assert_eq!(
            (principal.scopes.to_string(), principal.client_id.as_deref()),
            ("read".into(), Some("c"))
        );
    }

    #[tokio::test]
    async fn of_many_at_once_one_asks() {
        let (issuer, gate) = (Issuer::with("t", claims()), Arc::new(Notify::new()));
        *issuer.gate.lock().unwrap() = Some(Arc::clone(&gate));
        let verifier = Arc::new(verifier(&issuer, IntrospectionLimits::default()));
        let ask = || {
            let verifier = Arc::clone(&verifier);
            tokio::spawn(async move { verifier.verify("t", at(1_000)).await })
        };
        // The first one hangs up, which ends it for nobody else.
        let first = ask();
        let others: Vec<_> = (0..20).map(|_| ask()).collect();
        while issuer.asked() == 0 {
            tokio::task::yield_now().await;
        }
        first.abort();
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        for other in others {
            assert_eq!(other.await.unwrap().unwrap().subject, "ann");
        }
        assert_eq!(issuer.asked(), 1);
        assert!(verifier.0.memory.state().asking.is_empty());
    }

    #[tokio::test]
    async fn a_bad_token_is_asked_about_once_in_a_while() {
        let (issuer, limits) = (Issuer::with("t", claims()), IntrospectionLimits::default());
        let verifier = verifier(&issuer, limits);
        for (now, asked) in [(1_000, 1), (1_001, 1), (1_009, 1), (1_010, 2)] {
            assert_eq!(verifier.verify("bad", at(now)).await, Err(BearerError::Invalid));
            assert_eq!(issuer.asked(), asked, "at {now}");
        }
        // It was not active yet, and is now.
        issuer.tokens.lock().unwrap().insert("bad".to_owned(), claims());
        assert!(verifier.verify("bad", at(1_020)).await.is_ok());
    }

    #[tokio::test]
    async fn a_flood_of_tokens_asks_within_an_allowance_and_shuts_nobody_out_who_was_in() {
        let limits = IntrospectionLimits { failures_per_second: 5, known_refused: 100, ..Default::default() };
        let issuer = Issuer::with("t", claims());
        let verifier = verifier(&issuer, limits);
        verifier.verify("t", at(1_000)).await.unwrap();
        let mut flooded = 0;
        for number in 0..1_000 {
            match verifier.verify(&format!("made up {number}"), at(1_000)).await {
                Err(BearerError::Flooded) => flooded += 1,
                other => assert_eq!(other, Err(BearerError::Invalid)),
            }
        }
        assert_eq!((issuer.asked(), flooded), (1 + 5, 995));
        assert!(verifier.verify("t", at(1_000)).await.is_ok(), "known to be good");
        assert!(verifier.0.memory.refused.len() <= 100 && verifier.0.memory.state().asking.is_empty());
        // A fifth of a second later there is room for one more.
        let later = at(1_000) + Duration::from_millis(200);
        assert_eq!(verifier.verify("another", later).await, Err(BearerError::Invalid));
    }

    #[tokio::test]
    async fn only_so_many_ask_at_the_same_time() {
        let (issuer, gate) = (Issuer::with("t", claims()), Arc::new(Notify::new()));
        *issuer.gate.lock().unwrap() = Some(Arc::clone(&gate));
        let limits = IntrospectionLimits { at_once: 2, ..IntrospectionLimits::default() };
        let verifier = Arc::new(verifier(&issuer, limits));
        let ask = |token: &'static str| {
            let verifier = Arc::clone(&verifier);
            tokio::spawn(async move { verifier.verify(token, at(1_000)).await })
        };
        let waiting = [ask("t"), ask("u")];
        while issuer.asked() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(verifier.verify("v", at(1_000)).await, Err(BearerError::Flooded));
        gate.notify_waiters();
        for one in waiting {
            drop(one.await.unwrap());
        }
        *issuer.gate.lock().unwrap() = None;
        assert_eq!(verifier.verify("v", at(1_000)).await, Err(BearerError::Invalid));
    }

    #[tokio::test]
    async fn an_issuer_that_is_down_is_left_alone_for_a_moment_and_is_nobodys_fault() {
        let issuer = Issuer::with("t", claims());
        let verifier = verifier(&issuer, IntrospectionLimits::default());
        *issuer.down.lock().unwrap() = true;
        for token in ["t", "u", "v"] {
            assert_eq!(verifier.verify(token, at(1_000)).await, Err(BearerError::Unavailable));
        }
        assert_eq!(issuer.asked(), 1);
        *issuer.down.lock().unwrap() = false;
        assert!(verifier.verify("t", at(1_001)).await.is_ok());
        // The clock was set back.
        *issuer.down.lock().unwrap() = true;
        assert_eq!(verifier.verify("u", at(5_000)).await, Err(BearerError::Unavailable));
        *issuer.down.lock().unwrap() = false;
        assert!(verifier.verify("t", at(1_500)).await.is_ok());
    }

    /// Somebody sends a token that the endpoint stumbles over, and nobody else is kept out.
    #[tokio::test]
    async fn an_odd_answer_is_about_its_own_token() {
        for (status, everybody) in [
            (200, false),
            (302, false),
            (400, false),
            (404, false),
            (413, false),
            (401, true),
            (429, true),
            (503, true),
        ] {
            let issuer = Issuer::with("t", claims());
            let limits = IntrospectionLimits { failures_per_second: 2, ..IntrospectionLimits::default() };
            let verifier = verifier(&issuer, limits);
            let odd = format!("status {status}");
            for _ in 0..2 {
                assert_eq!(verifier.verify(&odd, at(1_000)).await, Err(BearerError::Unavailable));
            }
            assert_eq!(issuer.asked(), 1, "{status}: it is not asked again at once");
            let other = verifier.verify("t", at(1_000)).await.map(drop);
            let expected = if everybody { Err(BearerError::Unavailable) } else { Ok(()) };
            assert_eq!(other, expected, "{status}");
            if !everybody {
                assert_eq!(verifier.verify("bad", at(1_000)).await, Err(BearerError::Invalid));
                assert_eq!(verifier.verify("worse", at(1_000)).await, Err(BearerError::Flooded), "it counts");
            }
        }
    }

    #[tokio::test]
    async fn a_token_that_is_too_long_is_shown_to_nobody() {
        let longest = "t".repeat(4 * 1024);
        let issuer = Issuer::with(&longest, claims());
        let verifier = verifier(&issuer, IntrospectionLimits::default());
        assert!(verifier.verify(&longest, at(1_000)).await.is_ok());
        assert_eq!(verifier.verify(&format!("{longest}t"), at(1_000)).await, Err(BearerError::Invalid));
        assert_eq!(issuer.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_does_not_answer_is_waited_for_in_bounds() {
        let issuer = Issuer::with("t", claims());
        *issuer.gate.lock().unwrap() = Some(Arc::default());
        let limits = IntrospectionLimits::default();
        let verifier = verifier(&issuer, limits);
        let begun = tokio::time::Instant::now();
        assert_eq!(verifier.verify("t", at(1_000)).await, Err(BearerError::Unavailable));
        assert_eq!(begun.elapsed(), limits.timeout);
    }
}
