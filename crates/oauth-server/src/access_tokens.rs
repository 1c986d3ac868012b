//! Access tokens: issued as signed JWTs ([RFC 9068](https://datatracker.ietf.org/doc/html/rfc9068)), verified without
//! a look at the store, revoked at once all the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use barewire_oauth::bearer::{BearerError, MAX_TOKEN_BYTES};
use barewire_oauth::claims::{AccessTokenClaims, Audience, Expected, seconds};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::AccessToken;
use bytes::Bytes;
use quick_cache::sync::Cache;

use crate::config::{AuthConfig, MAX_ACCESS_TOKEN_TTL};
use crate::keys::KeyRing;
use crate::random;
use crate::store::{GrantRecord, Store, StoreError};

/// Verifies the access tokens of one authorization server. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct AccessTokens(Arc<Shared>);

struct Shared {
    issuer: String,
    ttl: Duration,
    keys: ArcSwap<KeyRing>,
    /// Tokens whose signature was checked, by digest.
    opened: Cache<[u8; 32], Arc<AccessTokenClaims>>,
    revoked: ArcSwap<Revocations>,
    /// Held while `revoked` is replaced; readers never wait for it.
    revoking: Mutex<()>,
    max_revoked: usize,
}

/// What no longer counts although its signature is good.
#[derive(Clone, Default)]
struct Revocations {
    /// Grant ids and `jti`s, with the time of revocation.
    gone: HashMap<Arc<str>, SystemTime>,
    /// Tokens issued up to this second are refused: it stands in for entries that had no room.
    issued_until: Option<u64>,
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

impl AccessTokens {
    pub(crate) fn new(issuer: &str, config: &AuthConfig, keys: KeyRing) -> Self {
        Self(Arc::new(Shared {
            issuer: issuer.to_owned(),
            ttl: config.access_token_ttl,
            keys: ArcSwap::from_pointee(keys),
            opened: Cache::new(config.verified_token_cache),
            revoked: ArcSwap::from_pointee(Revocations::default()),
            revoking: Mutex::new(()),
            max_revoked: config.revocation_cache,
        }))
    }

    /// Takes over what was revoked before a restart and may still be presented.
    pub(crate) async fn load_revocations(
        &self,
        store: &dyn Store,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let since = now.checked_sub(MAX_ACCESS_TOKEN_TTL).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut gone: Vec<_> = store.grants_revoked_since(since).await?;
        // A revoked token's own time is not needed: its expiry, always later, only keeps it remembered longer.
        gone.extend(store.revoked_access_tokens(now).await?);
        self.revoke(gone, now);
        Ok(())
    }

    /// Who a token speaks for, at `now` and for `resource`: signature, issuer, audience, expiry and revocation.
    ///
    /// # Errors
    /// The [`BearerError`] that the resource server answers with. Scope is not looked at.
    pub fn verify(
        &self,
        token: &str,
        resource: &Resource,
        now: SystemTime,
    ) -> Result<Arc<AccessTokenClaims>, BearerError> {
        let claims = self.open(token)?;
        let expected = Expected { issuer: &self.0.issuer, resource, leeway: Duration::ZERO };
        claims.check(&expected, now)?;
        if self.0.revoked.load().cover(&claims) {
            return Err(BearerError::Revoked);
        }
        Ok(claims)
    }

    /// The claims of a token of ours, expired and revoked ones included.
    pub(crate) fn open(&self, token: &str) -> Result<Arc<AccessTokenClaims>, BearerError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(BearerError::Invalid);
        }
        let digest = random::digest(token).0;
        if let Some(claims) = self.0.opened.get(&digest) {
            return Ok(claims);
        }
        let claims = self.0.keys.load().open(token).map(Arc::new).ok_or(BearerError::Invalid)?;
        self.0.opened.insert(digest, Arc::clone(&claims));
        Ok(claims)
    }

    /// A new access token of a grant, and how many seconds it counts.
    pub(crate) fn issue(
        &self,
        grant: &GrantRecord,
        scope: &ScopeSet,
        now: SystemTime,
    ) -> Result<(AccessToken, u64), jsonwebtoken::errors::Error> {
        let iat = seconds(now);
        let exp = (iat + self.0.ttl.as_secs()).min(seconds(grant.expires_at));
        let claims = AccessTokenClaims {
            iss: self.0.issuer.clone(),
            sub: grant.user_id.clone(),
            aud: Audience::One(grant.resource.clone()),
            exp,
            iat,
            nbf: None,
            jti: random::token::<16>(),
            client_id: grant.client_id.clone(),
            scope: scope.clone(),
            auth_time: None,
            grant_id: Some(grant.id.clone()),
        };
        Ok((self.0.keys.load().sign(&claims)?, exp.saturating_sub(iat)))
    }

    pub(crate) fn jwks(&self) -> Bytes {
        self.0.keys.load().jwks()
    }

    /// From now on no token of this grant counts. The store has to know already.
    pub(crate) fn revoke_grant(&self, grant_id: &str, now: SystemTime) {
        self.revoke(vec![(grant_id.to_owned(), now)], now);
    }

    /// From now on this token does not count. The store has to know already.
    pub(crate) fn revoke_token(&self, jti: &str, now: SystemTime) {
        self.revoke(vec![(jti.to_owned(), now)], now);
    }

    fn revoke(&self, ids: Vec<(String, SystemTime)>, now: SystemTime) {
        let _one_at_a_time = self.0.revoking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut revoked = Revocations::clone(&self.0.revoked.load());
        revoked.gone.extend(ids.into_iter().map(|(id, at)| (Arc::from(id), at)));
        revoked.shrink(self.0.max_revoked, now);
        self.0.revoked.store(Arc::new(revoked));
    }
}

impl Revocations {
    fn cover(&self, claims: &AccessTokenClaims) -> bool {
        if self.issued_until.is_some_and(|until| claims.iat <= until) {
            return true;
        }
        !self.gone.is_empty()
            && (self.gone.contains_key(claims.jti.as_str())
                || claims.grant_id.as_deref().is_some_and(|grant| self.gone.contains_key(grant)))
    }

    /// Forgets what has expired anyway, and then keeps to `max`: the older half makes room, and everything issued
    /// until the last of them is refused instead. Being short of room must never make a revoked token count again.
    fn shrink(&mut self, max: usize, now: SystemTime) {
        self.gone.retain(|_, at| at.checked_add(MAX_ACCESS_TOKEN_TTL).is_none_or(|end| end > now));
        if self.gone.len() <= max {
            return;
        }
        let mut times: Vec<_> = self.gone.values().copied().collect();
        times.sort_unstable();
        let until = times[times.len() - max / 2 - 1];
        self.gone.retain(|_, at| *at > until);
        // An entry's tokens were issued before it was revoked.
        self.issued_until = self.issued_until.max(Some(seconds(until.min(now))));
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::keys::tests::{claims, ring};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn tokens(max_revoked: usize) -> (AccessTokens, impl Fn(&AccessTokenClaims) -> String) {
        let (keys, _) = ring(1);
        let config = AuthConfig { revocation_cache: max_revoked, ..AuthConfig::default() };
        let tokens = AccessTokens::new("https://as.example", &config, keys);
        let signer = tokens.clone();
        (tokens, move |claims| signer.0.keys.load().sign(claims).unwrap().expose().to_owned())
    }

    #[test]
    fn a_token_counts_for_its_resource_until_it_ends() {
        let (tokens, sign) = tokens(10);
        let resource = Resource::parse("https://rs.example/mcp").unwrap();
        let other = Resource::parse("https://rs.example/other").unwrap();
        let token = sign(&claims());
        // Twice each: once by signature, once out of the cache.
        for _ in 0..2 {
            assert_eq!(
                tokens.verify(&token, &resource, at(1_999)).map(|c| c.sub.clone()),
                Ok("johndoe".into())
            );
            assert_eq!(tokens.verify(&token, &resource, at(2_000)).unwrap_err(), BearerError::Expired);
            assert_eq!(tokens.verify(&token, &other, at(1_500)).unwrap_err(), BearerError::WrongAudience);
        }
        let foreign = AccessTokenClaims { iss: "https://evil.example".into(), ..claims() };
        assert_eq!(
            tokens.verify(&sign(&foreign), &resource, at(1_500)).unwrap_err(),
            BearerError::WrongIssuer
        );
        let early = AccessTokenClaims { nbf: Some(1_501), ..claims() };
        assert_eq!(tokens.verify(&sign(&early), &resource, at(1_500)).unwrap_err(), BearerError::NotYetValid);
        for aud in
            ["https://rs.example", "https://rs.example/mcp/x", "https://rs.example.evil/mcp", "mcp", ""]
        {
            let elsewhere = AccessTokenClaims { aud: Audience::One(aud.into()), ..claims() };
            assert_eq!(
                tokens.verify(&sign(&elsewhere), &resource, at(1_500)).unwrap_err(),
                BearerError::WrongAudience,
                "{aud}"
            );
        }
        let huge = "a".repeat(MAX_TOKEN_BYTES + 1);
        assert_eq!(tokens.verify(&huge, &resource, at(1_500)).unwrap_err(), BearerError::Invalid);
    }

    #[test]
    fn revocation_is_immediate_for_cached_tokens_too() {
        let (tokens, sign) = tokens(10);
        let resource = Resource::parse("https://rs.example/mcp").unwrap();
        let of = |jti: &str, grant: &str| {
            sign(&AccessTokenClaims { jti: jti.into(), grant_id: Some(grant.into()), ..claims() })
        };
        let (a, b, c) = (of("1", "g"), of("2", "g"), of("3", "h"));
        let verify = |token: &str| tokens.verify(token, &resource, at(1_500)).map(|_| ());
        assert_eq!([verify(&a), verify(&b), verify(&c)], [Ok(()), Ok(()), Ok(())]);
        tokens.revoke_token("1", at(1_500));
        assert_eq!([verify(&a), verify(&b), verify(&c)], [Err(BearerError::Revoked), Ok(()), Ok(())]);
        tokens.revoke_grant("g", at(1_500));
        assert_eq!([verify(&b), verify(&c)], [Err(BearerError::Revoked), Ok(())]);
    }

    #[test]
    fn more_revocations_than_fit_still_hold() {
        let (tokens, sign) = tokens(4);
        let resource = Resource::parse("https://rs.example/mcp").unwrap();
        for number in 0..20 {
            tokens.revoke_grant(&format!("g{number}"), at(1_000 + number));
        }
        assert!(tokens.0.revoked.load().gone.len() <= 4);
        for number in 0..20 {
            let token = sign(&AccessTokenClaims {
                iat: 990,
                jti: format!("j{number}"),
                grant_id: Some(format!("g{number}")),
                ..claims()
            });
            assert_eq!(
                tokens.verify(&token, &resource, at(1_500)).unwrap_err(),
                BearerError::Revoked,
                "{number}"
            );
        }
        let later = sign(&AccessTokenClaims { iat: 1_100, grant_id: Some("fresh".into()), ..claims() });
        assert!(tokens.verify(&later, &resource, at(1_500)).is_ok());
    }
}
