//! Sending a browser to the provider
//! ([OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).

use url::Url;

use super::RelyingParty;
use super::discovery::Provider;
use crate::pkce::{CodeChallenge, S256};

/// What belongs to one login.
#[derive(Debug, Clone, Copy)]
pub struct LoginRequest<'a> {
    /// Names the login when the browser comes back.
    pub state: &'a str,
    /// Ties the ID token to it.
    pub nonce: &'a str,
    /// Ties the code to it.
    pub challenge: &'a CodeChallenge,
    /// Whom our client expects.
    pub login_hint: Option<&'a str>,
    /// Whether the person is to be asked although the provider knows them.
    pub anew: bool,
}

/// Where the browser goes.
#[must_use]
pub fn url(party: &RelyingParty, provider: &Provider, login: &LoginRequest<'_>) -> Url {
    let mut url = provider.authorization_endpoint.clone();
    let mut prompts = Vec::new();
    if login.anew {
        prompts.push("login");
    }
    if party.refreshes && party.profile.quirks().offline_needs_consent {
        prompts.push("consent");
    }
    let mut pairs = url.query_pairs_mut();
    pairs
        .append_pair("response_type", "code")
        .append_pair("client_id", &party.client_id)
        .append_pair("redirect_uri", &party.redirect_uri)
        .append_pair("scope", &party.requested_scopes().join(" "))
        .append_pair("state", login.state)
        .append_pair("nonce", login.nonce)
        .append_pair("code_challenge", login.challenge.as_str())
        .append_pair("code_challenge_method", S256);
    if !prompts.is_empty() {
        pairs.append_pair("prompt", &prompts.join(" "));
    }
    if let Some(hint) = login.login_hint {
        pairs.append_pair("login_hint", hint);
    }
    drop(pairs);
    url
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::pkce::CodeVerifier;
    use crate::upstream::Profile;
    use crate::upstream::discovery::tests::provider;
    use crate::upstream::tests::party;

    #[test]
    fn what_the_browser_carries_there() {
        let challenge = CodeVerifier::from_random(&[7; 32]).challenge();
        let login = LoginRequest {
            state: "the state",
            nonce: "the nonce",
            challenge: &challenge,
            login_hint: None,
            anew: false,
        };
        let query = |party: &RelyingParty, login: &LoginRequest<'_>| {
            let url = url(party, &provider(party, &party.issuer), login);
            assert!(url.as_str().starts_with("https://idp.example/authorize?"), "{url}");
            url.query_pairs().into_owned().collect::<HashMap<_, _>>()
        };
        let plain = party(Profile::Generic, "https://idp.example");
        let sent = query(&plain, &login);
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", "our-id"),
            ("redirect_uri", "https://as.example/login/upstream/corporate/callback"),
            ("scope", "openid profile email"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(sent[name], value, "{name}");
        }
        // Entra refuses a resource, and nobody needs one for an ID token.
        assert_eq!(sent.len(), 8, "{sent:?}");
        let hinted = LoginRequest { login_hint: Some("ada@example.com"), anew: true, ..login };
        let sent = query(&plain, &hinted);
        assert_eq!((&*sent["login_hint"], &*sent["prompt"]), ("ada@example.com", "login"));
        let refreshes = RelyingParty { refreshes: true, ..plain };
        assert_eq!(query(&refreshes, &hinted)["prompt"], "login consent");
        let okta = RelyingParty { profile: Profile::Okta, ..refreshes };
        assert!(!query(&okta, &login).contains_key("prompt"));
    }
}
