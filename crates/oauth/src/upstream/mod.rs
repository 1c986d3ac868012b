//! Logging people in at the identity provider that an organisation has: this server as a relying party of OpenID Connect
//! ([OpenID Connect Core §3.1](https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth),
//! [Discovery](https://openid.net/specs/openid-connect-discovery-1_0.html),
//! [RFC 9700 §4](https://www.rfc-editor.org/rfc/rfc9700#section-4)).
//!
//! The client of ours never sees the provider, and the provider never sees our client: it says who somebody is and in which
//! groups, and codes and tokens for our resources are made here. Nothing of the provider's is passed on, and no `resource`
//! is ever sent there: an ID token for this server is all that is wanted of it.
//!
//! One login goes through these files in this order: [`discovery`], [`authorization`], [`callback`], [`token`],
//! [`id_token`], [`access`]. How providers differ is the table in [`profile`].

pub mod access;
pub mod authorization;
pub mod callback;
pub mod discovery;
pub mod id_token;
pub mod profile;
pub mod token;

use std::time::Duration;

use crate::jws::Algorithm;

pub use self::profile::Profile;

/// What this server is at a provider, and what it expects there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// What the provider is.
    pub profile: Profile,
    /// Its issuer identifier, as the operator wrote it.
    pub issuer: String,
    /// With a provider of many organisations: those whose people may come.
    pub tenants: Vec<String>,
    /// Our identifier there.
    pub client_id: String,
    /// Where it sends people back to. One for each provider, so that no other one's answer is taken for its own
    /// ([RFC 9700 §4.4.2.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2.2)).
    pub redirect_uri: String,
    /// What is asked for; what the profile says, if nothing is said.
    pub scopes: Vec<String>,
    /// Whether a refresh token is wanted, to ask again later.
    pub refreshes: bool,
    /// How ID tokens may be signed; as the profile says, if nothing is said.
    pub algorithms: Vec<Algorithm>,
    /// Whether the rest of what is known of a person is fetched; as the profile says, if nothing is said.
    pub userinfo: Option<bool>,
    /// How far the clocks may be apart.
    pub leeway: Duration,
}

impl RelyingParty {
    /// The scopes of an authorization request, `openid` first.
    #[must_use]
    pub fn requested_scopes(&self) -> Vec<String> {
        let quirks = self.profile.quirks();
        let mut scopes = vec!["openid".to_owned()];
        let configured = self.scopes.iter().map(String::as_str);
        let usual = quirks.scopes.iter().copied().filter(|_| self.scopes.is_empty());
        let offline = quirks.offline_scope.filter(|_| self.refreshes);
        for scope in configured.chain(usual).chain(offline) {
            let scope = quirks.spelled(scope, &self.client_id);
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }

    /// Whether an ID token may be signed in this way.
    #[must_use]
    pub fn accepts(&self, algorithm: Algorithm) -> bool {
        let accepted = if self.algorithms.is_empty() {
            self.profile.quirks().algorithms
        } else {
            self.algorithms.as_slice()
        };
        accepted.contains(&algorithm)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// This server at a provider of this kind.
    pub(crate) fn party(profile: Profile, issuer: &str) -> RelyingParty {
        RelyingParty {
            profile,
            issuer: issuer.to_owned(),
            tenants: Vec::new(),
            client_id: "our-id".to_owned(),
            redirect_uri: "https://as.example/login/upstream/corporate/callback".to_owned(),
            scopes: Vec::new(),
            refreshes: false,
            algorithms: Vec::new(),
            userinfo: None,
            leeway: Duration::from_secs(10),
        }
    }

    #[test]
    fn which_scopes_are_asked_for() {
        let check = |profile, scopes: &[&str], refreshes, expected: &str| {
            let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            let party = RelyingParty { scopes, refreshes, ..party(profile, "https://idp.example") };
            assert_eq!(party.requested_scopes().join(" "), expected, "{profile:?}");
        };
        check(Profile::Generic, &[], false, "openid profile email");
        check(Profile::Generic, &[], true, "openid profile email offline_access");
        check(Profile::Generic, &["groups", "openid"], true, "openid groups offline_access");
        check(Profile::Okta, &[], true, "openid profile email offline_access");
        check(Profile::Auth0, &[], true, "openid profile email offline_access");
        // Its refresh tokens come by themselves; that scope would make a session that no sign-out ends.
        check(Profile::Keycloak, &[], true, "openid profile email");
        check(Profile::Entra, &[], true, "openid profile email offline_access");
        // A bare word would be one of Microsoft Graph's there.
        check(
            Profile::Entra,
            &["profile", "posts.read", "https://graph.microsoft.com/User.Read"],
            false,
            "openid profile api://our-id/posts.read https://graph.microsoft.com/User.Read",
        );
    }

    #[test]
    fn how_id_tokens_may_be_signed() {
        let usual = party(Profile::Entra, "https://idp.example");
        assert!(usual.accepts(Algorithm::Rs256));
        assert!(!usual.accepts(Algorithm::Es256));
        let said = RelyingParty { algorithms: vec![Algorithm::Es256], ..usual };
        assert!(said.accepts(Algorithm::Es256));
        assert!(!said.accepts(Algorithm::Rs256));
    }
}
