//! Access tokens: issued as signed JWTs ([RFC 9068](https://datatracker.ietf.org/doc/html/rfc9068)), verified without
//! a look at the store, revoked at once all the same.
//!
//! A check is one signature check and little else ([`Forgeries`] says what stands before it), and it remembers no good
//! tokens: whoever asks at every request remembers what it was told, and then asks for each only
//! whether it was revoked or narrowed. `barewire-mcp-server` does, for its own endpoint and for others beside it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use barewire_oauth::bearer::{BearerError, Standing};
use barewire_oauth::claims::{
    AccessTokenClaims, Actor, Audience, Confirmation, Expected, Unverified, seconds,
};
use barewire_oauth::forgery::Forgeries;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::AccessToken;
use bytes::Bytes;
use tokio::sync::watch;

use crate::config::AuthConfig;
use crate::keys::{KeyRing, SigningError};
use crate::random;
use crate::revoked::{ON_THE_WAY, Revocations};
use crate::store::{Change, Changed, GrantRecord};

/// Verifies the access tokens of one authorization server. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct AccessTokens(Arc<Shared>);

struct Shared {
    issuer: String,
    ttl: Duration,
    keys: ArcSwap<KeyRing>,
    /// Keys that an operator has ended while this process ran; there is a handful at most.
    retired: ArcSwap<Vec<String>>,
    forgeries: Forgeries,
    revoked: ArcSwap<Revocations>,
    /// Held while `revoked` is replaced; readers never wait for it.
    revoking: Mutex<()>,
    max_revoked: usize,
    /// Told whenever something stops to count.
    taken: watch::Sender<()>,
}

/// Tells when access was taken from somebody; see [`AccessTokens::taken`].
pub struct Taken(watch::Receiver<()>);

impl Taken {
    /// Waits until something has stopped to count since the last time that this was ready, or since there is this; however
    /// much it was, once. `false` when nothing ever will again.
    pub async fn again(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Taken")
    }
}

/// What a token says of itself, for whoever asks what has become of it.
#[derive(Debug, Clone, Copy)]
pub struct Issued<'a> {
    /// Its own identifier, `jti`.
    pub id: &'a str,
    /// Whom it speaks for, `sub`.
    pub subject: &'a str,
    /// Whom it was given to, `client_id`.
    pub client_id: &'a str,
    /// The grant that it belongs to.
    pub grant_id: Option<&'a str>,
    /// When it was issued, `iat`.
    pub at: u64,
    /// What it allows.
    pub scope: &'a ScopeSet,
    /// The key that signed it, `kid`.
    pub signed_by: Option<&'a str>,
}

/// What a new access token is to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewToken<'a> {
    /// Who it speaks for.
    pub(crate) subject: &'a str,
    /// Whom it is given to.
    pub(crate) client_id: &'a str,
    /// Where it is good.
    pub(crate) resource: &'a str,
    /// For what.
    pub(crate) scope: &'a ScopeSet,
    /// Revoking this ends it.
    pub(crate) grant_id: &'a str,
    /// When it has ended at the latest.
    pub(crate) until: Option<SystemTime>,
    /// Who acts for the subject, where that is not the client that the subject has let in.
    pub(crate) actor: Option<&'a Actor>,
}

impl<'a> NewToken<'a> {
    /// A token of this grant.
    pub(crate) fn of(grant: &'a GrantRecord, scope: &'a ScopeSet) -> Self {
        Self {
            subject: &grant.user_id,
            client_id: &grant.client_id,
            resource: &grant.resource,
            scope,
            grant_id: &grant.id,
            until: Some(grant.expires_at),
            actor: None,
        }
    }
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
            retired: ArcSwap::default(),
            forgeries: Forgeries::new(config.forgery_limits()),
            revoked: ArcSwap::from_pointee(Revocations::default()),
            revoking: Mutex::new(()),
            max_revoked: config.revocation_cache,
            taken: watch::Sender::new(()),
        }))
    }

    /// Who a token speaks for, at `now` and for one of `resources`, which are the names of one server: issuer, audience,
    /// expiry, revocation and signature. Its scopes are those that its grant still has.
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
        let revoked = self.0.revoked.load();
        let mut claims = self.0.keys.load().open(token, |claims, is_genuine| {
            claims.check(&expected, now)?;
            let [subject, client_id, _] = claims.caller();
            if revoked.cover(claims.jti(), claims.grant_id(), subject, client_id, claims.iat()) {
                return Err(BearerError::Revoked);
            }
            self.0.check_signature(token, claims, now, is_genuine)
        })?;
        if let Some(left) = revoked.left_to(claims.grant_id.as_deref()) {
            claims.scope = claims.scope.intersection(left);
        }
        Ok(claims)
    }

    /// What has become of a token: whether it was revoked, by itself, with its grant, with the key that signed it, with its user or its client, or with
    /// all that were issued until then, or whether its grant was narrowed to less than its scope. For whoever remembers
    /// what [`AccessTokens::verify`] said; a look into memory.
    #[must_use]
    pub fn standing(&self, token: &Issued<'_>) -> Standing {
        if token.signed_by.is_some_and(|kid| self.0.retired.load().iter().any(|retired| retired == kid)) {
            return Standing::Revoked;
        }
        let revoked = self.0.revoked.load();
        if revoked.cover(token.id, token.grant_id, token.subject, token.client_id, token.at) {
            Standing::Revoked
        } else if revoked.left_to(token.grant_id).is_some_and(|left| !token.scope.is_subset(left)) {
            Standing::Narrowed
        } else {
            Standing::Unchanged
        }
    }

    /// Tells when tokens have stopped to count: revoked, narrowed, or with their user, client or key. Streams that are open
    /// have nobody else who would tell them that their reader is to hear no more.
    #[must_use]
    pub fn taken(&self) -> Taken {
        Taken(self.0.taken.subscribe())
    }

    /// The claims of a token of ours, expired and revoked ones included.
    pub(crate) fn open(&self, token: &str, now: SystemTime) -> Result<AccessTokenClaims, BearerError> {
        let keys = self.0.keys.load();
        keys.open(token, |claims, is_genuine| self.0.check_signature(token, claims, now, is_genuine))
    }

    /// The claims of a token of ours that counts now, with the scopes that its grant still has.
    pub(crate) fn live(&self, token: &str, now: SystemTime) -> Result<AccessTokenClaims, BearerError> {
        let mut claims = self.open(token, now)?;
        if claims.iss != self.0.issuer {
            return Err(BearerError::WrongIssuer);
        }
        if claims.expires_at() <= now {
            return Err(BearerError::Expired);
        }
        let revoked = self.0.revoked.load();
        let grant_id = claims.grant_id.as_deref();
        if revoked.cover(&claims.jti, grant_id, &claims.sub, &claims.client_id, claims.iat) {
            return Err(BearerError::Revoked);
        }
        if let Some(left) = revoked.left_to(claims.grant_id.as_deref()) {
            claims.scope = claims.scope.intersection(left);
        }
        Ok(claims)
    }

    /// A new access token, bound to the key with this thumbprint, and how many seconds it counts.
    pub(crate) fn issue(
        &self,
        new: &NewToken<'_>,
        key: Option<&str>,
        now: SystemTime,
    ) -> Result<(AccessToken, u64), SigningError> {
        let iat = seconds(now);
        let end = iat + self.0.ttl.as_secs();
        let exp = new.until.map_or(end, |until| end.min(seconds(until)));
        let claims = AccessTokenClaims {
            iss: self.0.issuer.clone(),
            sub: new.subject.to_owned(),
            aud: Audience::One(new.resource.to_owned()),
            exp,
            iat,
            nbf: None,
            jti: random::token::<16>(),
            client_id: new.client_id.to_owned(),
            scope: new.scope.clone(),
            auth_time: None,
            grant_id: Some(new.grant_id.to_owned()),
            cnf: key.map(|key| Confirmation { jkt: key.to_owned() }),
            act: new.actor.cloned(),
            signed_by: None,
        };
        let token = self.0.keys.load().sign(&claims)?;
        self.0.forgeries.greet([new.subject, new.client_id, new.grant_id]);
        Ok((token, exp.saturating_sub(iat)))
    }

    /// From now on these keys sign, and open. Tokens of the `retired` ones do not count any more, those included that
    /// somebody remembers as good.
    pub(crate) fn take_over(&self, keys: KeyRing, retired: Vec<String>) {
        self.0.keys.store(Arc::new(keys));
        let more = !retired.is_empty();
        self.0.retired.store(Arc::new(retired));
        if more {
            self.0.taken.send_replace(());
        }
    }

    pub(crate) fn jwks(&self) -> Bytes {
        self.0.keys.load().jwks()
    }

    /// From now on no token of this grant counts. The store has to know already.
    pub(crate) fn revoke_grant(&self, grant_id: &str, now: SystemTime) {
        self.learn([Change { at: now, what: Changed::GrantRevoked(grant_id.to_owned()) }], now);
    }

    /// The same for many grants.
    pub(crate) fn revoke_grants(&self, grant_ids: impl IntoIterator<Item = String>, now: SystemTime) {
        let gone = grant_ids.into_iter().map(|id| Change { at: now, what: Changed::GrantRevoked(id) });
        self.learn(gone.collect::<Vec<_>>(), now);
    }

    /// From now on the tokens of this grant allow no more than `left`. The store has to know already.
    pub(crate) fn narrow_grant(&self, grant_id: &str, left: ScopeSet, now: SystemTime) {
        let id = grant_id.to_owned();
        self.learn([Change { at: now, what: Changed::GrantNarrowed { id, left } }], now);
    }

    /// From now on this token does not count. The store has to know already.
    pub(crate) fn revoke_token(&self, jti: &str, now: SystemTime) {
        self.learn([Change { at: now, what: Changed::TokenRevoked(jti.to_owned()) }], now);
    }

    /// From now on no token counts that was issued until then, or was on its way.
    pub(crate) fn refuse_until(&self, until: SystemTime, now: SystemTime) {
        let _one_at_a_time = self.0.revoking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut revoked = Revocations::clone(&self.0.revoked.load());
        revoked.issued_until = revoked.issued_until.max(Some(seconds((until + ON_THE_WAY).min(now))));
        self.0.revoked.store(Arc::new(revoked));
        self.0.taken.send_replace(());
    }

    /// Takes over what has changed, in this order.
    pub(crate) fn learn(&self, changes: impl AsRef<[Change]>, now: SystemTime) {
        let changes = changes.as_ref();
        let _one_at_a_time = self.0.revoking.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.0.revoked.load();
        // Whoever revokes the same again and again must not have the list copied each time.
        if changes.iter().all(|change| known.covers(change)) {
            return;
        }
        let mut revoked = Revocations::clone(&known);
        changes.iter().for_each(|change| revoked.add(change));
        revoked.shrink(self.0.max_revoked, now);
        self.0.revoked.store(Arc::new(revoked));
        self.0.taken.send_replace(());
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
        let checked = self.forgeries.check(token, claims.caller(), now, is_genuine);
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

    /// A token of `johndoe` and the client `c`, issued at 1000.
    fn issued<'a>(id: &'a str, grant: &'a str, scope: &'a ScopeSet) -> Issued<'a> {
        Issued {
            id,
            subject: "johndoe",
            client_id: "c",
            grant_id: Some(grant),
            at: 1_000,
            scope,
            signed_by: None,
        }
    }

    #[test]
    fn who_is_disabled_has_no_token_and_who_is_enabled_has_new_ones_only() {
        let (tokens, sign) = tokens(10);
        let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
        let check = |iat: u64, expected: bool| {
            let claims = AccessTokenClaims { iat, exp: 9_000, ..claims() };
            let verified = tokens.verify(&sign(&claims), &resource, at(1_900)).is_ok();
            let token = Issued { at: iat, ..issued("j", "g", &claims.scope) };
            assert_eq!(
                (verified, tokens.standing(&token)),
                if expected { (true, Standing::Unchanged) } else { (false, Standing::Revoked) },
                "{iat}"
            );
        };
        type Switch = fn(String) -> Changed;
        let ways: [(&str, Switch, Switch); 2] = [
            ("johndoe", Changed::UserDisabled, Changed::UserEnabled),
            ("c", Changed::ClientDisabled, Changed::ClientEnabled),
        ];
        for (number, (id, disabled, enabled)) in (0..).zip(ways) {
            let base = 1_100 + 100 * number;
            check(base, true);
            tokens.learn([Change { at: at(base + 1), what: disabled("somebody else".into()) }], at(base + 1));
            check(base, true);
            tokens.learn([Change { at: at(base + 10), what: disabled(id.into()) }], at(base + 10));
            check(base, false);
            // One that was on its way.
            check(base + 11, false);
            tokens.learn([Change { at: at(base + 20), what: enabled(id.into()) }], at(base + 20));
            check(base, false);
            check(base + 20, false);
            check(base + 21, true);
        }
    }

    #[test]
    fn more_switches_than_fit_still_hold() {
        let (tokens, _) = tokens(4);
        for number in 0..20 {
            let what = Changed::UserDisabled(format!("u{number}"));
            tokens.learn([Change { at: at(1_000 + number), what }], at(1_500));
        }
        assert!(tokens.0.revoked.load().users.0.len() <= 4);
        let scope = ScopeSet::new();
        for number in 0..20 {
            let subject = format!("u{number}");
            let token = Issued { subject: &subject, ..issued("j", "g", &scope) };
            assert_eq!(tokens.standing(&token), Standing::Revoked, "{number}");
        }
        assert_eq!(tokens.standing(&Issued { at: 1_400, ..issued("j", "g", &scope) }), Standing::Unchanged);
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
            let standing = tokens.standing(&issued(jti, grant, &claims().scope));
            assert_eq!(standing == Standing::Revoked, expected.is_err(), "{jti} of {grant}");
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
    fn a_narrowed_grant_allows_what_is_left_at_once() {
        let (tokens, sign) = tokens(10);
        let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
        let set = |text: &str| ScopeSet::parse(text).unwrap();
        let check = |grant: &str, scope: &str, expected: &str, standing: Standing| {
            let claims = AccessTokenClaims { scope: set(scope), grant_id: Some(grant.into()), ..claims() };
            let verified = tokens.verify(&sign(&claims), &resource, at(1_500)).unwrap();
            assert_eq!(verified.scope, set(expected), "{scope} of {grant}");
            assert_eq!(tokens.standing(&issued("j", grant, &claims.scope)), standing);
        };
        tokens.narrow_grant("g", set("a b"), at(1_500));
        check("g", "a b c", "a b", Standing::Narrowed);
        check("g", "b", "b", Standing::Unchanged);
        check("h", "a b c", "a b c", Standing::Unchanged);
        // The next narrowing, and then an earlier one that another process learns late.
        tokens.narrow_grant("g", set("b"), at(1_501));
        tokens.narrow_grant("g", set("a b"), at(1_500));
        check("g", "a b c", "b", Standing::Narrowed);
        // Narrowing does not bring a revoked grant back.
        tokens.revoke_grant("g", at(1_502));
        tokens.narrow_grant("g", set("b"), at(1_503));
        assert_eq!(tokens.standing(&issued("j", "g", &set("b"))), Standing::Revoked);
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
        assert!(tokens.0.revoked.load().changes.len() <= 4);
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
