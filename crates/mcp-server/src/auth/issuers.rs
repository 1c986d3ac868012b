//! Several issuers for one server.

use std::time::SystemTime;

use barewire_oauth::bearer::{BearerError, Standing};
use barewire_oauth::jwt::{Compact, Text};
use barewire_oauth::resource::Resource;
use serde::Deserialize;

use super::{IntrospectionVerifier, JwtVerifier, Principal, TokenVerifier, verifier};

/// Takes the tokens of several issuers, each verified in its own way.
///
/// Which one a token is from, the token says. So a token of one is never shown to another, and nobody's keys count for
/// somebody else's tokens. What is no JWT says nothing: it goes to the one issuer that is asked, if there is one.
///
/// Two issuers may call two people by one subject, so a principal says whose word it is ([`Principal::issuer`]).
#[derive(Default)]
pub struct Issuers {
    own: Option<Own>,
    jwt: Vec<JwtVerifier>,
    asked: Option<IntrospectionVerifier>,
}

/// The application's own authorization server.
struct Own {
    issuer: String,
    verifier: Box<dyn verifier::Erased>,
}

impl Issuers {
    /// Nobody's tokens are taken.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the tokens of the application's own authorization server, which are JWTs, too: this verifies them, and says at
    /// once what has become of them.
    #[must_use]
    pub fn own(mut self, issuer: impl Into<String>, verifier: impl TokenVerifier) -> Self {
        self.own = Some(Own { issuer: issuer.into(), verifier: Box::new(verifier) });
        self
    }

    /// Takes JWTs of another issuer.
    #[must_use]
    pub fn jwt(mut self, verifier: JwtVerifier) -> Self {
        self.jwt.push(verifier);
        self
    }

    /// Asks this issuer about its tokens, and about those that do not say whose they are.
    #[must_use]
    pub fn introspection(mut self, verifier: IntrospectionVerifier) -> Self {
        self.asked = Some(verifier);
        self
    }
}

impl TokenVerifier for Issuers {
    async fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, BearerError> {
        let said = issuer_of(token);
        let is = |issuer: &str| said.as_deref() == Some(issuer);
        if let Some(own) = self.own.as_ref().filter(|own| is(&own.issuer)) {
            return own.verifier.verify(token, now).await;
        }
        let (issuer, verified) = if let Some(verifier) = self.jwt.iter().find(|one| is(one.issuer())) {
            (verifier.issuer(), verifier.verify(token, now).await)
        } else if let Some(asked) = self.asked.as_ref().filter(|asked| said.is_none() || is(asked.issuer())) {
            (asked.issuer(), asked.verify(token, now).await)
        } else {
            return Err(said.map_or(BearerError::Invalid, |_| BearerError::WrongIssuer));
        };
        verified.map(|principal| Principal { issuer: Some(issuer.into()), ..principal })
    }

    fn standing(&self, principal: &Principal) -> Standing {
        match &self.own {
            Some(own) if principal.issuer.is_none() => own.verifier.standing(principal),
            _ => Standing::Unchanged,
        }
    }

    fn takes_tokens_for(&self, resource: &Resource) -> bool {
        self.own.as_ref().is_some_and(|own| own.verifier.takes_tokens_for(resource))
            || self.jwt.iter().any(|verifier| verifier.takes_tokens_for(resource))
            || self.asked.as_ref().is_some_and(|verifier| verifier.takes_tokens_for(resource))
    }
}

/// Whom a JWT says it is from; not that it is.
fn issuer_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issued<'a> {
        #[serde(borrow)]
        iss: Text<'a>,
    }

    let payload = Compact::cut(token)?.payload()?;
    serde_json::from_slice::<Issued<'_>>(&payload).ok().map(|issued| issued.iss.into())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::UNIX_EPOCH;

    use barewire_oauth::jwk::JwkSet;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use bytes::Bytes;
    use http::Response;
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::{IntrospectionEndpoint, NotAnswered};

    /// Notes what it is shown, and knows nothing.
    #[derive(Clone, Default)]
    struct Shown(Arc<Mutex<Vec<String>>>);

    impl IntrospectionEndpoint for Shown {
        async fn ask(&self, token: &str) -> Result<Response<Bytes>, NotAnswered> {
            self.0.lock().unwrap().push(token.to_owned());
            let answer = Response::builder().header("content-type", "application/json");
            Ok(answer.body(Bytes::from_static(b"{\"active\":false}")).unwrap())
        }
    }

    /// Those of an own authorization server, where all were revoked.
    struct OwnTokens;

    impl TokenVerifier for OwnTokens {
        async fn verify(&self, _: &str, _: SystemTime) -> Result<Principal, BearerError> {
            Err(BearerError::Revoked)
        }

        fn standing(&self, _: &Principal) -> Standing {
            Standing::Revoked
        }
    }

    #[test]
    fn what_an_own_server_says_of_its_tokens_is_said_of_no_others() {
        let issuers = Issuers::new().own("https://own.example", OwnTokens);
        let own = Principal::new("s");
        let other = Principal { issuer: Some("https://a.example".into()), ..own.clone() };
        assert_eq!(issuers.standing(&own), Standing::Revoked);
        assert_eq!(issuers.standing(&other), Standing::Unchanged);
        assert_eq!(Issuers::new().standing(&own), Standing::Unchanged);
    }

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({ "alg": "ES256", "typ": "at+jwt" })), part(claims))
    }

    #[tokio::test]
    async fn a_token_is_shown_to_its_own_issuer_only() {
        let resource = || Resource::parse("https://rs.example/mcp").unwrap();
        let keys = JwkSet { keys: Vec::new() };
        let jwts = |issuer: &str| JwtVerifier::with_keys(issuer, resource(), &keys);
        let shown = Shown::default();
        let asked = IntrospectionVerifier::new("https://c.example", resource(), shown.clone());
        let two = || Issuers::new().jwt(jwts("https://a.example")).jwt(jwts("https://b.example"));
        let with_own = two().own("https://own.example", OwnTokens);
        let with_introspection = two().introspection(asked);
        let of = |issuer: Value| {
            jwt(&json!({
                "iss": issuer, "sub": "s", "client_id": "c", "jti": "j", "iat": 1, "exp": 9_999_999_999_u64,
                "aud": "https://rs.example/mcp"
            }))
        };
        let (opaque, foreign, ours) =
            ("opaque".to_owned(), of(json!("https://d.example")), of(json!("https://c.example")));
        let without = jwt(&json!({ "sub": "s" }));
        for (issuers, token, expected, is_shown) in [
            // No key of theirs has signed it.
            (&with_introspection, of(json!("https://a.example")), BearerError::Invalid, false),
            (&with_introspection, of(json!("https://b.example")), BearerError::Invalid, false),
            (&with_introspection, foreign.clone(), BearerError::WrongIssuer, false),
            (&with_introspection, of(json!("https://a.example/")), BearerError::WrongIssuer, false),
            (&with_introspection, ours.clone(), BearerError::Invalid, true),
            (&with_introspection, opaque.clone(), BearerError::Invalid, true),
            (&with_introspection, without, BearerError::Invalid, true),
            (&two(), opaque, BearerError::Invalid, false),
            (&two(), ours, BearerError::WrongIssuer, false),
            (&Issuers::new(), foreign, BearerError::WrongIssuer, false),
            (&with_own, of(json!("https://own.example")), BearerError::Revoked, false),
            (&with_own, of(json!("https://a.example")), BearerError::Invalid, false),
            (&with_own, of(json!("https://own.example/")), BearerError::WrongIssuer, false),
            (&two(), of(json!("https://own.example")), BearerError::WrongIssuer, false),
        ] {
            assert_eq!(issuers.verify(&token, UNIX_EPOCH).await.err(), Some(expected), "{token}");
            assert_eq!(std::mem::take(&mut *shown.0.lock().unwrap()).contains(&token), is_shown, "{token}");
        }
    }
}
