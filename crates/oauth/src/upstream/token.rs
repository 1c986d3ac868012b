//! Asking the provider's token endpoint, and what its answers mean
//! ([OpenID Connect Core §3.1.3](https://openid.net/specs/openid-connect-core-1_0.html#TokenEndpoint) and
//! [§12](https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokens)).

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::form_urlencoded;

use super::RelyingParty;
use super::discovery::Provider;
use super::profile::AssertionAudience;
use crate::client_assertion::{self, ClientKey};
use crate::error::{ErrorCode, ErrorResponse};
use crate::json;
use crate::jws::{SignError, Signer};
use crate::metadata::lenient;
use crate::pkce::CodeVerifier;
use crate::secret::{AccessToken, Assertion, AuthorizationCode, ClientSecret, RefreshToken};
use crate::stranger::printable;

/// What this server proves itself with at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A secret that both know.
    Secret(ClientSecret),
    /// A key of which the provider has the public half (`private_key_jwt`).
    Key(ClientKey),
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Exchange<'a> {
    /// What belongs to a code.
    Code {
        /// The code.
        code: &'a AuthorizationCode,
        /// Its other half.
        verifier: &'a CodeVerifier,
    },
    /// Whether a person still may.
    Refresh(&'a RefreshToken),
}

/// A request to the token endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenForm {
    /// The form. It has secrets in it.
    pub fields: Vec<(&'static str, String)>,
    /// The header `Authorization`, if the secret goes there.
    pub authorization: Option<String>,
}

/// Makes a request. `id` is 16 random bytes or more as text, used once; a signed statement needs it.
///
/// # Errors
/// [`SignError`].
pub fn request(
    party: &RelyingParty,
    provider: &Provider,
    credential: &Credential,
    exchange: &Exchange<'_>,
    id: &str,
    now: SystemTime,
    signer: &dyn Signer,
) -> Result<TokenForm, SignError> {
    let mut fields = match exchange {
        Exchange::Code { code, verifier } => vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.expose().to_owned()),
            ("redirect_uri", party.redirect_uri.clone()),
            ("code_verifier", verifier.expose().to_owned()),
        ],
        Exchange::Refresh(token) => {
            vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", token.expose().to_owned())]
        }
    };
    let mut authorization = None;
    match credential {
        Credential::Secret(secret) if takes_secret_in_form(provider) => {
            fields.push(("client_id", party.client_id.clone()));
            fields.push(("client_secret", secret.expose().to_owned()));
        }
        Credential::Secret(secret) => authorization = Some(basic(&party.client_id, secret)),
        Credential::Key(key) => {
            let audience = match party.profile.quirks().assertion_audience {
                AssertionAudience::Issuer => party.assertion_issuer(provider),
                AssertionAudience::TokenEndpoint => provider.token_endpoint.as_str().to_owned(),
            };
            let assertion = client_assertion::sign(key, &party.client_id, &audience, id, now, signer)?;
            fields.push(("client_id", party.client_id.clone()));
            fields.push(("client_assertion_type", client_assertion::TYPE.to_owned()));
            fields.push(("client_assertion", assertion));
        }
    }
    Ok(TokenForm { fields, authorization })
}

/// The form first: of the header, providers disagree about how it is encoded
/// ([RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
fn takes_secret_in_form(provider: &Provider) -> bool {
    let methods = provider.token_endpoint_auth_methods.as_ref();
    methods.is_some_and(|methods| methods.iter().any(|method| method == "client_secret_post"))
}

fn basic(id: &str, secret: &ClientSecret) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret.expose()))))
}

impl RelyingParty {
    /// The issuer as it calls itself; with many organisations, as it is configured.
    fn assertion_issuer(&self, provider: &Provider) -> String {
        match &provider.issuer {
            super::discovery::IssuerNames::One(one) => one.clone(),
            super::discovery::IssuerNames::Tenants { .. } => self.issuer.clone(),
        }
    }
}

/// What the provider gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Who the person is. A refresh need not bring one.
    pub id_token: Option<Assertion>,
    /// For the userinfo endpoint. It goes nowhere else.
    pub access_token: AccessToken,
    /// To ask again; the old one goes on to count if there is none.
    pub refresh_token: Option<RefreshToken>,
}

/// Why it gives nothing, by what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotGiven {
    /// This person, or this code, is refused. Whoever asks again gets the same answer.
    #[error("the provider refused: {0}")]
    Refused(ErrorResponse),
    /// This server is refused: its secret has expired, say. Nobody's login is at fault.
    #[error("the provider refuses this server: {0}")]
    Misconfigured(ErrorResponse),
    /// It cannot answer now.
    #[error("the provider answered with status {0}")]
    Unavailable(u16),
    /// What it says is no answer.
    #[error("the provider's answer cannot be read")]
    Malformed,
}

impl NotGiven {
    /// A word for whoever keeps account.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Refused(_) => "upstream_refused",
            Self::Misconfigured(_) => "upstream_misconfigured",
            Self::Unavailable(_) | Self::Malformed => "upstream_unavailable",
        }
    }
}

/// Reads an answer of the token endpoint.
///
/// # Errors
/// [`NotGiven`]. Only an answer that is certain to be about this person is [`NotGiven::Refused`].
pub fn read(party: &RelyingParty, status: u16, body: &[u8]) -> Result<Given, NotGiven> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        id_token: Option<Assertion>,
        access_token: AccessToken,
        #[serde(default)]
        refresh_token: Option<RefreshToken>,
    }
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        #[serde(default, deserialize_with = "lenient")]
        error_description: Option<String>,
    }
    if status == 200 {
        let Body { id_token, access_token, refresh_token } =
            json::object(body).map_err(|_| NotGiven::Malformed)?;
        return Ok(Given { id_token, access_token, refresh_token });
    }
    if !(400..500).contains(&status) || matches!(status, 408 | 429) {
        return Err(NotGiven::Unavailable(status));
    }
    // A proxy or a wrong address answers with a page, too.
    let refusal: Refusal = json::object(body).map_err(|_| NotGiven::Unavailable(status))?;
    let error = ErrorResponse {
        error: ErrorCode::from_word(&printable(&refusal.error)),
        error_description: refusal.error_description.as_deref().map(printable),
        error_uri: None,
    };
    match &error.error {
        ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError => Err(NotGiven::Unavailable(status)),
        code if party.profile.quirks().refusals.contains(&code.as_str()) => Err(NotGiven::Refused(error)),
        _ => Err(NotGiven::Misconfigured(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::jws::Algorithm;
    use crate::jws::tests::{Echo, read as unsealed};
    use crate::secret::PrivateKey;
    use crate::upstream::Profile;
    use crate::upstream::discovery::tests::{TID, provider};
    use crate::upstream::tests::party;

    fn form(party: &RelyingParty, provider: &Provider, credential: &Credential) -> TokenForm {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let verifier = CodeVerifier::from_random(&[7; 32]);
        let code = AuthorizationCode::new("the code");
        let exchange = Exchange::Code { code: &code, verifier: &verifier };
        request(party, provider, credential, &exchange, "id-1", now, &Echo).unwrap()
    }

    fn field<'a>(form: &'a TokenForm, name: &str) -> Option<&'a str> {
        form.fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_secret_goes_into_the_form_where_it_may() {
        let party = party(Profile::Generic, "https://idp.example");
        let mut idp = provider(&party, "https://idp.example");
        let secret = Credential::Secret(ClientSecret::new("s~ %:"));
        let sent = form(&party, &idp, &secret);
        let names: Vec<_> = sent.fields.iter().map(|(name, _)| *name).collect();
        let expected = ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"];
        assert_eq!((names.as_slice(), &sent.authorization), (&expected[..], &None));
        assert_eq!(field(&sent, "client_secret"), Some("s~ %:"));
        for methods in [None, Some(vec!["client_secret_basic".to_owned()])] {
            idp.token_endpoint_auth_methods = methods;
            let sent = form(&party, &idp, &secret);
            assert_eq!(field(&sent, "client_secret"), None);
            // our-id:s%7E+%25%3A
            assert_eq!(sent.authorization.as_deref(), Some("Basic b3VyLWlkOnMlN0UrJTI1JTNB"));
        }
    }

    #[test]
    fn a_statement_is_for_whom_the_provider_wants_it() {
        let key = ClientKey {
            private: PrivateKey::new("key"),
            algorithm: Algorithm::Ps256,
            key_id: Some("k".to_owned()),
            certificate: Some("thumbprint".to_owned()),
        };
        let entra = format!("https://login.microsoftonline.com/{TID}/v2.0");
        for (profile, issuer, audience) in [
            (Profile::Entra, entra.as_str(), "https://idp.example/token"),
            (Profile::Okta, "https://o.example", "https://idp.example/token"),
            (Profile::Keycloak, "https://k.example/realms/r", "https://k.example/realms/r"),
            (Profile::Auth0, "https://t.example/", "https://t.example/"),
            (Profile::Generic, "https://g.example", "https://g.example"),
        ] {
            let party = party(profile, issuer);
            let sent = form(&party, &provider(&party, issuer), &Credential::Key(key.clone()));
            let (header, claims, signature) = unsealed(field(&sent, "client_assertion").unwrap());
            assert_eq!(claims["aud"], audience, "{profile:?}");
            assert_eq!(
                (&claims["iss"], &claims["sub"], &claims["jti"]),
                (&"our-id".into(), &"our-id".into(), &"id-1".into())
            );
            assert_eq!((&header["kid"], &header["x5t#S256"]), (&"k".into(), &"thumbprint".into()));
            assert_eq!(signature, "key");
            assert_eq!(field(&sent, "client_id"), Some("our-id"));
        }
    }

    #[test]
    fn only_a_refusal_of_this_person_is_one() {
        enum Means {
            Refused,
            Misconfigured,
            Unavailable,
        }
        let check = |profile, status, body: &str, expected: Means| {
            let answer = read(&party(profile, "https://idp.example"), status, body.as_bytes());
            let fits = matches!(
                (&answer, expected),
                (Err(NotGiven::Refused(_)), Means::Refused)
                    | (Err(NotGiven::Misconfigured(_)), Means::Misconfigured)
                    | (Err(NotGiven::Unavailable(_) | NotGiven::Malformed), Means::Unavailable)
            );
            assert!(fits, "{status} {body}: {answer:?}");
        };
        let error =
            |code: &str| format!(r#"{{"error":"{code}","error_description":"AADSTS50057: disabled"}}"#);
        for profile in [Profile::Entra, Profile::Okta, Profile::Keycloak, Profile::Auth0, Profile::Generic] {
            check(profile, 400, &error("invalid_grant"), Means::Refused);
            check(profile, 401, &error("invalid_client"), Means::Misconfigured);
            check(profile, 400, &error("unauthorized_client"), Means::Misconfigured);
            check(profile, 400, &error("invalid_request"), Means::Misconfigured);
            check(profile, 400, &error("temporarily_unavailable"), Means::Unavailable);
            check(profile, 429, &error("invalid_grant"), Means::Unavailable);
            check(profile, 503, &error("invalid_grant"), Means::Unavailable);
            check(profile, 502, "<html>", Means::Unavailable);
            check(profile, 404, "<html>", Means::Unavailable);
            check(profile, 400, "", Means::Unavailable);
            check(profile, 302, "", Means::Unavailable);
            // A yes has an access token in it, whatever else.
            for body in ["[]", "{}", r#"{"id_token":"i"}"#, r#"{"access_token":null}"#] {
                check(profile, 200, body, Means::Unavailable);
            }
        }
        check(Profile::Entra, 400, &error("interaction_required"), Means::Refused);
        check(Profile::Generic, 400, &error("interaction_required"), Means::Misconfigured);
        let given = read(
            &party(Profile::Okta, "https://o.example"),
            200,
            br#"{"id_token":"i","access_token":"a","refresh_token":"r"}"#,
        );
        let given = given.unwrap();
        assert_eq!(given.id_token.unwrap().expose(), "i");
        assert_eq!(given.refresh_token.unwrap().expose(), "r");
        assert_eq!(given.access_token.expose(), "a");
    }
}
