//! Whether the user has to be asked, and why.
//!
//! A consent is remembered only for a client whose identity its redirect URI assures. Where any program can receive
//! the answer (loopback, private-use schemes) and for clients that registered themselves, the question comes each
//! time ([RFC 8252 §8.6](https://datatracker.ietf.org/doc/html/rfc8252#section-8.6),
//! [OAuth 2.1 §7.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-7.3.1)).

use crate::authorize::AuthorizationRequest;
use crate::client::{Client, RedirectKind, RedirectUri, Registration};
use crate::scope::ScopeSet;

/// Why the user is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// This client was never allowed, or its consents are not remembered.
    First,
    /// The client was allowed less so far; these scopes are new.
    More(ScopeSet),
    /// Allowed before, but the client wants the user to be asked.
    Again,
}

/// Whether a consent for `client` with answers to `redirect` may be given without asking next time.
#[must_use]
pub fn is_remembered(client: &Client, redirect: &RedirectUri) -> bool {
    let identity_assured = redirect.kind() == RedirectKind::Https || !client.is_public();
    client.registration != Registration::Dynamic && identity_assured
}

/// Whether a consent to `request` of `client` is remembered. What only an administrator can allow is asked each time.
#[must_use]
pub fn may_be_remembered(request: &AuthorizationRequest, client: &Client) -> bool {
    !request.for_administrators && is_remembered(client, &request.redirect_uri)
}

/// Whether a mistake in a request may send the browser to `redirect` before its user has said anything.
///
/// Anybody can register a client or publish a document. With one of those and a broken request, this server would be
/// a link that begins with a name people trust and ends at any site
/// ([RFC 9700 §4.11.2](https://datatracker.ietf.org/doc/html/rfc9700#section-4.11.2)). What the operator configured,
/// and a program on the user's own machine, is told directly.
#[must_use]
pub fn may_redirect_unasked(client: &Client, redirect: &RedirectUri) -> bool {
    client.registration == Registration::Preregistered || redirect.kind() != RedirectKind::Https
}

/// The question to ask before `request` is granted; `None` when everything in it was allowed before.
#[must_use]
pub fn question(
    request: &AuthorizationRequest,
    client: &Client,
    remembered: Option<&ScopeSet>,
) -> Option<Question> {
    let remembered = remembered.filter(|_| may_be_remembered(request, client));
    match remembered {
        None => Some(Question::First),
        Some(scopes) if !request.scope.is_subset(scopes) => {
            Some(Question::More(request.scope.difference(scopes)))
        }
        Some(_) if request.prompt.consent => Some(Question::Again),
        Some(_) => None,
    }
}

/// What is remembered after the user allowed `request`: the old together with the new.
#[must_use]
pub fn remember(request: &AuthorizationRequest, remembered: Option<&ScopeSet>) -> ScopeSet {
    remembered.map_or_else(|| request.scope.clone(), |scopes| scopes.union(&request.scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::client;
    use crate::client::{ClientAuthentication, SecretMethod};

    #[test]
    fn only_assured_identities_are_remembered() {
        fn check(registration: Registration, confidential: bool, redirect: &str, expected: bool) {
            let mut client = client(redirect);
            client.registration = registration;
            if confidential {
                let method = SecretMethod::ClientSecretBasic;
                client.authentication = ClientAuthentication::Secret { sha256: String::new(), method };
            }
            assert_eq!(
                is_remembered(&client, &client.redirect_uris[0]),
                expected,
                "{registration:?} {redirect}"
            );
        }
        check(Registration::Preregistered, false, "https://c.example/cb", true);
        check(Registration::Preregistered, false, "http://localhost:1/cb", false);
        check(Registration::Preregistered, true, "http://localhost:1/cb", true);
        check(Registration::Preregistered, false, "com.example:/cb", false);
        check(Registration::Document, false, "https://c.example/cb", true);
        check(Registration::Document, false, "http://127.0.0.1/cb", false);
        check(Registration::Dynamic, false, "https://c.example/cb", false);
        check(Registration::Dynamic, true, "https://c.example/cb", false);
    }

    #[test]
    fn strangers_sites_are_not_redirected_to_unasked() {
        for (registration, redirect, expected) in [
            (Registration::Preregistered, "https://c.example/cb", true),
            (Registration::Dynamic, "http://localhost:1/cb", true),
            (Registration::Document, "http://[::1]/cb", true),
            (Registration::Document, "com.example:/cb", true),
            (Registration::Dynamic, "https://c.example/cb", false),
            (Registration::Document, "https://c.example/cb", false),
        ] {
            let client = Client { registration, ..client(redirect) };
            assert_eq!(may_redirect_unasked(&client, &client.redirect_uris[0]), expected, "{redirect}");
        }
    }
}
