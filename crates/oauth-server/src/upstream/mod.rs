//! The identity providers at which people log in. What they say decides here who somebody is and what they may have; our
//! clients see nothing of them.

mod config;
mod failure;
mod http;
mod provider;
mod recheck;
mod signing;

use std::sync::Arc;

use aws_lc_rs::hmac;
use barewire_oauth::authorize::OFFLINE_ACCESS;
use barewire_oauth::pkce::CodeVerifier;
use barewire_oauth::scope::{Scope, ScopeSet};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indexmap::IndexMap;

pub use self::config::{Recheck, UpstreamConfig, UpstreamError};
pub(crate) use self::failure::Failure;
use self::http::Http;
pub(crate) use self::provider::{Login, Upstream};
pub(crate) use self::recheck::Standing;
use crate::config::AuthConfig;
use crate::random;
use crate::server::BuildError;
use crate::store::{Digest, Store, UpstreamSessionRecord};
use crate::turns::Turns;

/// How many refreshes of one login wait for its answer.
const WAITING: usize = 64;

/// All of them.
pub(crate) struct Upstreams {
    all: IndexMap<String, Arc<Upstream>>,
    store: Arc<dyn Store>,
    /// From which the secrets of a login are made, so that none has to be stored.
    secret: hmac::Key,
    /// Questions about one login, one after the other.
    turns: Turns,
    /// Whether anything in the store may have to do with one.
    in_use: bool,
}

impl Upstreams {
    /// `callback` makes the address to which a provider with this name sends people back.
    pub(crate) async fn new(
        config: &AuthConfig,
        scopes: &ScopeSet,
        store: Arc<dyn Store>,
        secret: &[u8],
        callback: impl Fn(&str) -> String,
    ) -> Result<Self, BuildError> {
        let mut all = IndexMap::new();
        if !config.upstream.is_empty() {
            let http =
                Http::new(config.upstream_timeout, config.upstream_max_bytes, config.upstream_requests);
            let http = Arc::new(http.map_err(BuildError::Http)?);
            for (name, one) in &config.upstream {
                let party = one.party(callback(name), config.clock_leeway);
                let upstream = Upstream::new(name, one, party, scopes, Arc::clone(&http))
                    .map_err(|source| BuildError::Upstream { name: name.clone(), source })?;
                all.insert(name.clone(), Arc::new(upstream));
            }
        }
        let in_use = !all.is_empty() || store.has_upstream_sessions().await?;
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = hmac::sign(&master, b"upstream login v1");
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
        Ok(Self { all, store, secret, turns: Turns::new(WAITING), in_use })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.all.get(name)
    }

    /// In the order of the settings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.all.values().map(Arc::as_ref)
    }

    /// Whether sessions and grants may have to do with a provider, one that is not configured any more included.
    pub(crate) fn is_in_use(&self) -> bool {
        self.in_use
    }

    /// What ties the ID token to the login with this state.
    pub(crate) fn nonce(&self, state: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.derived(b"nonce", state))
    }

    /// What ties the code to it.
    pub(crate) fn verifier(&self, state: &str) -> CodeVerifier {
        CodeVerifier::from_random(&self.derived(b"verifier", state))
    }

    fn derived(&self, what: &[u8], state: &str) -> [u8; 32] {
        let message = random::digest_of(&[what, state.as_bytes()]).0;
        let tag = hmac::sign(&self.secret, &message);
        tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

/// What the store has in place of the secret in a browser's cookie while a login is on its way.
pub(crate) fn browser(secret: &str) -> Digest {
    random::digest_of(&[b"upstream browser", secret.as_bytes()])
}

/// What is left of the scopes for somebody with these bounds, if they have any; `None` where nothing is.
pub(crate) fn left(scope: &ScopeSet, bounds: Option<&UpstreamSessionRecord>) -> Option<ScopeSet> {
    match bounds {
        Some(bounds) => within(scope, ScopeSet::parse_lenient(&bounds.scope)),
        None => Some(scope.clone()),
    }
}

/// The same for what is allowed. That it can be renewed is nothing that a group decides.
pub(crate) fn within(scope: &ScopeSet, mut allowed: ScopeSet) -> Option<ScopeSet> {
    let opens_something = |scope: &ScopeSet| scope.iter().any(|one| one != OFFLINE_ACCESS);
    if let Ok(offline) = Scope::parse(OFFLINE_ACCESS) {
        allowed.insert(offline);
    }
    let left = scope.intersection(&allowed);
    (opens_something(&left) || !opens_something(scope)).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_within_bounds() {
        let scopes = |text: &str| ScopeSet::parse(text).unwrap();
        for (asked, allowed, expected) in [
            ("a b", "a b c", Some("a b")),
            ("a b", "b", Some("b")),
            ("a offline_access", "a", Some("a offline_access")),
            ("a offline_access", "b", None),
            ("a", "", None),
            ("offline_access", "", Some("offline_access")),
            ("", "a", Some("")),
        ] {
            assert_eq!(within(&scopes(asked), scopes(allowed)), expected.map(scopes), "{asked} of {allowed}");
        }
    }
}
