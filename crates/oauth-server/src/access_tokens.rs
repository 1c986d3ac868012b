//! Access tokens: issued as signed JWTs ([RFC 9068](https://datatracker.ietf.org/doc/html/rfc9068)), verified without
//! a look at the store, revoked at once all the same.
//!
//! A check is one signature check and little else ([`Forgeries`] says what stands before it), and it remembers no good
//! tokens: whoever asks at every request remembers what it was told, and then asks for each only
//! whether it was revoked. `barewire-mcp-server` does, for its own endpoint and for others beside it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use barewire_oauth::bearer::BearerError;
use barewire_oauth::claims::{AccessTokenClaims, Audience, Expected, Unverified, seconds};
use barewire_oauth::forgery::Forgeries;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::AccessToken;
use bytes::Bytes;

use crate::config::{AuthConfig, MAX_ACCESS_TOKEN_TTL};
use crate::keys::{KeyRing, SigningError};
use crate::random;
use crate::store::{GrantRecord, Store, StoreError};

/// Verifies the access tokens of one authorization server. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct AccessTokens(Arc<Shared>);

struct Shared {
    issuer: String,
    ttl: Duration,
    keys: ArcSwap<KeyRing>,
    forgeries: Forgeries,
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
            forgeries: Forgeries::new(config.forgery_limits()),
            revoked: ArcSwap::from_pointee(Revocations::default()),
            revoking: Mutex::new(()),
            max_revoked: config.revocation_cache,
        }))
    }

    /// Takes over what was revoked since then, before a restart or by another process, and may still be presented.
    pub(crate) async fn learn_revocations(
        &self,
        store: &dyn Store,
        since: SystemTime,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let mut gone = store.grants_revoked_since(since).await?;
        gone.extend(store.access_tokens_revoked_since(since).await?);
        self.revoke(gone, now);
        Ok(())
    }

    /// Who a token speaks for, at `now` and for one of `resources`, which are the names of one server: issuer, audience,
    /// expiry, revocation and signature.
    ///
    /// # Errors
    /// The [`BearerError`] that the resource server answers with. Scope is not looked at.
    pub fn verify(
        &self,
        token: &str,
        resources: &[Resource],
        now: SystemTime,
    ) -> Result<AccessTokenClaims, BearerError> {
        let expected = Expected { issuer: &self.0.issuer, resources, leeway: Duration::ZERO };
        self.0.keys.load().open(token, |claims, is_genuine| {
            claims.check(&expected, now)?;
            if self.is_revoked(claims.jti(), claims.grant_id(), claims.iat()) {
                return Err(BearerError::Revoked);
            }
            self.0.check_signature(token, claims, now, is_genuine)
        })
    }

    /// Whether a token with these claims has been revoked: by itself, with its grant, or with all that were issued
    /// until then. For whoever remembers what [`AccessTokens::verify`] said; a look into memory.
    #[must_use]
    pub fn is_revoked(&self, jti: &str, grant_id: Option<&str>, iat: u64) -> bool {
        self.0.revoked.load().cover(jti, grant_id, iat)
    }

    /// The claims of a token of ours, expired and revoked ones included.
    pub(crate) fn open(&self, token: &str, now: SystemTime) -> Result<AccessTokenClaims, BearerError> {
        let keys = self.0.keys.load();
        keys.open(token, |claims, is_genuine| self.0.check_signature(token, claims, now, is_genuine))
    }

    /// A new access token of a grant, and how many seconds it counts.
    pub(crate) fn issue(
        &self,
        grant: &GrantRecord,
        scope: &ScopeSet,
        now: SystemTime,
    ) -> Result<(AccessToken, u64), SigningError> {
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
        let token = self.0.keys.load().sign(&claims)?;
        self.0.forgeries.greet([&claims.sub, &claims.client_id, &grant.id]);
        Ok((token, exp.saturating_sub(iat)))
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
        let known = self.0.revoked.load();
        // Whoever revokes the same again and again must not have the list copied each time.
        if ids.iter().all(|(id, _)| known.gone.contains_key(id.as_str())) {
            return;
        }
        let mut revoked = Revocations::clone(&known);
        revoked.gone.extend(ids.into_iter().map(|(id, at)| (Arc::from(id), at)));
        revoked.shrink(self.0.max_revoked, now);
        self.0.revoked.store(Arc::new(revoked));
    }
}

impl Revocations {
    fn cover(&self, jti: &str, grant_id: Option<&str>, iat: u64) -> bool {
        if self.issued_until.is_some_and(|until| iat <= until) {
            return true;
        }
        !self.gone.is_empty()
            && (self.gone.contains_key(jti) || grant_id.is_some_and(|grant| self.gone.contains_key(grant)))
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

impl Shared {
    fn check_signature(
        &self,
        token: &str,
        claims: &Unverified<'_>,
        now: SystemTime,
        is_genuine: impl FnOnce() -> bool,
    ) -> Result<(), BearerError> {
        let checked = self.forgeries.check(token, claims, now, is_genuine);
        if checked.is_err()
            && let Some(count) = self.forgeries.turned_away(now)
        {
            tracing::warn!(count, "a flood of forged tokens: some tokens were not looked at");
        }
        checked
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use barewire_oauth::bearer::MAX_TOKEN_BYTES;

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
        let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
        let other = [Resource::parse("https://rs.example/other").unwrap()];
        let token = sign(&claims());
        // Twice each: once by signature, once out of the cache.
        for _ in 0..2 {
            assert_eq!(tokens.verify(&token, &resource, at(1_999)).map(|c| c.sub), Ok("johndoe".into()));
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
    fn revocation_is_immediate() {
        let (tokens, sign) = tokens(10);
        let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
        let check = |jti: &str, grant: &str, expected: Result<(), BearerError>| {
            let token =
                sign(&AccessTokenClaims { jti: jti.into(), grant_id: Some(grant.into()), ..claims() });
            assert_eq!(tokens.verify(&token, &resource, at(1_500)).map(drop), expected, "{jti} of {grant}");
            // And so for whoever remembers the token.
            assert_eq!(
                tokens.is_revoked(jti, Some(grant), claims().iat),
                expected.is_err(),
                "{jti} of {grant}"
            );
        };
        let revoked = Err(BearerError::Revoked);
        ["1", "2"].into_iter().for_each(|jti| check(jti, "g", Ok(())));
        tokens.revoke_token("1", at(1_500));
        check("1", "g", revoked.clone());
        check("2", "g", Ok(()));
        tokens.revoke_grant("g", at(1_500));
        check("2", "g", revoked);
        check("3", "h", Ok(()));
    }

    #[test]
    fn what_is_revoked_again_is_not_copied_again() {
        let (tokens, _) = tokens(10);
        tokens.revoke_grant("g", at(1_500));
        let before = Arc::as_ptr(&tokens.0.revoked.load());
        tokens.revoke_grant("g", at(1_501));
        assert_eq!(Arc::as_ptr(&tokens.0.revoked.load()), before);
    }

    /// Forged tokens of every kind: one that reaches the signature check is answered with `Invalid` after it, or with
    /// `Unavailable` instead of it; all others are refused for what can be seen.
    #[test]
    fn a_flood_of_forgeries_costs_a_fixed_number_of_checks() {
        let (keys, _) = ring(1);
        let config = AuthConfig {
            failed_signatures_per_second: 40,
            failed_signatures_at_once: 20,
            ..AuthConfig::default()
        };
        let tokens = AccessTokens::new("https://as.example", &config, keys);
        let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
        let sign = |change: fn(&mut AccessTokenClaims)| {
            let mut claims = claims();
            change(&mut claims);
            tokens.0.keys.load().sign(&claims).unwrap().expose().to_owned()
        };
        // Some of these carry claims under which any signature is in vain; the last is right in all of them.
        let kinds = [
            (sign(|claims| claims.iss.push('/')), BearerError::WrongIssuer),
            (sign(|claims| claims.aud = Audience::One("https://b".into())), BearerError::WrongAudience),
            (sign(|claims| claims.exp = 1_400), BearerError::Expired),
            ("e30.e30.x".to_owned(), BearerError::Invalid),
            (sign(|_| ()), BearerError::Flooded),
        ];
        let mut checked = 0;
        for number in 0..20_000 {
            let (model, expected) = &kinds[number % kinds.len()];
            let (signed, _) = model.rsplit_once('.').unwrap();
            match tokens.verify(&format!("{signed}.{number:085}A"), &resource, at(1_500)) {
                Err(BearerError::Invalid) if *expected == BearerError::Flooded => checked += 1,
                other => assert_eq!(other.as_ref(), Err(expected), "{number}"),
            }
        }
        assert_eq!(checked, 20);

        // A stranger has to come again; a caller who just got a token here has not, and so for one that had one.
        let good = |sub: &str, grant: &str| {
            let claims = AccessTokenClaims { sub: sub.into(), grant_id: Some(grant.into()), ..claims() };
            tokens.0.keys.load().sign(&claims).unwrap().expose().to_owned()
        };
        let stranger = good("jane", "h");
        assert_eq!(tokens.verify(&stranger, &resource, at(1_500)), Err(BearerError::Flooded));
        assert!(tokens.verify(&stranger, &resource, at(1_501)).is_ok());
        tokens.0.forgeries.greet(["johndoe", "c", "i"]);
        assert!(tokens.verify(&good("johndoe", "i"), &resource, at(1_500)).is_ok());
    }

    #[test]
    fn more_revocations_than_fit_still_hold() {
        let (tokens, sign) = tokens(4);
        let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
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
