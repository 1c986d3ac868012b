//! How a client proves who it is, at every endpoint where it has to
//! ([OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)): not at all, with a
//! secret in the header or the form, or with a signed statement.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::client::{Client, ClientAuthentication};
use crate::client_assertion;
use crate::parameters::Parameters;
use crate::secret::{Assertion, ClientSecret};
use crate::statement::Statement;
use crate::token::TokenError;

/// `token_endpoint_auth_methods_supported`.
pub const METHODS: [&str; 4] = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

/// Who the client says it is, by whatever way it said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// Its identifier. Public clients leave it out when they revoke, some of them.
    pub id: Option<String>,
    /// What proves it.
    pub proof: Proof,
}

impl ClientCredentials {
    /// Who the client says it is, where it has to say so.
    ///
    /// # Errors
    /// [`TokenError::NoClient`]: no client authentication was included, and that is `invalid_client`
    /// ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)), whatever else the request lacks.
    pub fn client_id(&self) -> Result<&str, TokenError> {
        self.id.as_deref().ok_or(TokenError::NoClient)
    }
}

/// What a client sends as proof that it is who it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    Nothing,
    /// Its secret.
    Secret(ClientSecret),
    /// A statement of its own ([RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    Assertion(Assertion),
}

/// Reads who the client is, from the `Authorization` header lines and the form
/// ([OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)).
///
/// # Errors
/// [`TokenError`] when they contradict each other or cannot be read.
pub fn credentials(authorization: &[&str], parameters: &Parameters) -> Result<ClientCredentials, TokenError> {
    let (body_id, body_secret) = (parameters.one("client_id")?, parameters.one("client_secret")?);
    let body_assertion = assertion(parameters)?;
    let header = match authorization {
        [] => None,
        [one] => Some(basic(one)?),
        _ => return Err(TokenError::Credentials("there is more than one Authorization header")),
    };
    let ways = [header.is_some(), body_secret.is_some(), body_assertion.is_some()];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        return Err(TokenError::Credentials("the client authenticates by more than one way"));
    }
    if let Some((id, secret)) = header {
        if body_id.is_some_and(|body_id| body_id != id) {
            return Err(TokenError::Credentials("client_id in the header and in the body differ"));
        }
        let proof = secret.map_or(Proof::Nothing, Proof::Secret);
        return Ok(ClientCredentials { id: Some(id), proof });
    }
    let mut id = body_id.map(str::to_owned);
    let proof = match (body_secret, body_assertion) {
        (Some(secret), _) => Proof::Secret(ClientSecret::new(secret)),
        (None, Some(text)) => {
            // Who signed is named twice; whether it is the same, whoever checks the statement sees.
            id = Some(id.unwrap_or(Statement::read(text)?.subject));
            Proof::Assertion(Assertion::new(text))
        }
        (None, None) => Proof::Nothing,
    };
    Ok(ClientCredentials { id, proof })
}

/// The client's statement ([RFC 7521 §4.2](https://www.rfc-editor.org/rfc/rfc7521#section-4.2)).
fn assertion(parameters: &Parameters) -> Result<Option<&str>, TokenError> {
    match (parameters.one("client_assertion_type")?, parameters.one("client_assertion")?) {
        (None, None) => Ok(None),
        (Some(client_assertion::TYPE), Some(assertion)) => Ok(Some(assertion)),
        (Some(_), None) => Err(TokenError::Missing("client_assertion")),
        (None, Some(_)) => Err(TokenError::Missing("client_assertion_type")),
        (Some(_), Some(_)) => Err(TokenError::WrongSecret(
            "the only client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )),
    }
}

fn basic(header: &str) -> Result<(String, Option<ClientSecret>), TokenError> {
    const MALFORMED: TokenError =
        TokenError::WrongSecret("the Authorization header is not a readable Basic header");
    let (scheme, encoded) = header.trim().split_once(' ').ok_or(MALFORMED)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(TokenError::WrongSecret("the Authorization header has to be Basic"));
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = zeroize::Zeroizing::new(decoded.ok_or(MALFORMED)?);
    let (id, secret) = decoded.split_once(':').ok_or(MALFORMED)?;
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| MALFORMED)
    };
    Ok((decode(id)?, (!secret.is_empty()).then(|| decode(secret)).transpose()?.map(ClientSecret::new)))
}

/// What is still to be looked at before a client is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven<'a> {
    /// Nothing: it is who it says, as far as it can prove that.
    Nothing,
    /// The signature of its statement, and whether it was used before.
    Signature(&'a Assertion),
}

/// Checks the credentials of a client, in the same time for a right and a wrong secret. A client proves itself in the way
/// that it registered; another one is refused even if it would be right.
///
/// # Errors
/// [`TokenError::WrongSecret`].
pub fn authenticate<'a>(
    client: &Client,
    credentials: &'a ClientCredentials,
) -> Result<Unproven<'a>, TokenError> {
    match (&client.authentication, &credentials.proof) {
        (ClientAuthentication::None, Proof::Nothing) => Ok(Unproven::Nothing),
        (ClientAuthentication::None, _) => Err(TokenError::WrongSecret("this client has no secret")),
        (ClientAuthentication::Secret { sha256, .. }, Proof::Secret(secret)) => {
            if bool::from(secret_digest(secret).as_bytes().ct_eq(sha256.as_bytes())) {
                Ok(Unproven::Nothing)
            } else {
                Err(TokenError::WrongSecret("the client secret is wrong"))
            }
        }
        (ClientAuthentication::Secret { .. }, Proof::Nothing) => {
            Err(TokenError::WrongSecret("the client secret is missing"))
        }
        (ClientAuthentication::Secret { .. }, Proof::Assertion(_)) => {
            Err(TokenError::WrongSecret("this client has a secret and no key"))
        }
        (ClientAuthentication::PrivateKeyJwt { .. }, Proof::Assertion(statement)) => {
            Ok(Unproven::Signature(statement))
        }
        (ClientAuthentication::PrivateKeyJwt { .. }, _) => {
            Err(TokenError::WrongSecret("this client has to sign (private_key_jwt)"))
        }
    }
}

/// How a client secret is kept: SHA-256 in lower-case hex.
#[must_use]
pub fn secret_digest(secret: &ClientSecret) -> String {
    Sha256::digest(secret.expose().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::tests::client;
    use crate::client::{ClientKeys, SecretMethod};
    use crate::statement::tests::unsigned;

    #[test]
    fn credentials_come_by_one_way() {
        let secret = |s: &str| Some(ClientSecret::new(s));
        let check = |header: &[&str], body: &str, expected: Option<(Option<&str>, Option<ClientSecret>)>| {
            let read = credentials(header, &Parameters::parse(body.as_bytes())).ok();
            let secret = |proof: &Proof| match proof {
                Proof::Secret(secret) => Some(secret.clone()),
                _ => None,
            };
            let read = read.as_ref().map(|c| (c.id.as_deref(), secret(&c.proof)));
            assert_eq!(read, expected, "{header:?} {body}");
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        check(&[], "client_id=c", Some((Some("c"), None)));
        check(&[], "client_id=c&client_secret=s", Some((Some("c"), secret("s"))));
        check(&[], "client_id=c&client_secret=", Some((Some("c"), None)));
        check(&[], "", Some((None, None)));
        check(&[&basic("c:s")], "", Some((Some("c"), secret("s"))));
        check(&[&basic("a%3Ab:s+1%2B")], "client_id=a:b", Some((Some("a:b"), secret("s 1+"))));
        check(&[&basic("c:")], "", Some((Some("c"), None)));
        check(&[&basic("c:s")], "client_id=d", None);
        check(&[&basic("c:s")], "client_secret=s", None);
        check(&[&basic("c")], "", None);
        check(&["Basic %%%"], "", None);
        check(&["Bearer x"], "client_id=c", None);
        check(&[&basic("c:s"), &basic("c:s")], "", None);
        check(&[], "client_id=c&client_assertion=x", None);
    }

    #[test]
    fn a_client_proves_itself_as_it_registered() {
        let as_client = |authentication| Client { authentication, ..client("https://c.example/cb") };
        let confidential = as_client(ClientAuthentication::Secret {
            sha256: secret_digest(&ClientSecret::new("s")),
            method: SecretMethod::ClientSecretBasic,
        });
        let keys = ClientKeys::JwksUri("https://c.example/jwks".into());
        let signing = as_client(ClientAuthentication::PrivateKeyJwt { keys, algorithm: None });
        let public = as_client(ClientAuthentication::None);
        let secret = |text: &str| Proof::Secret(ClientSecret::new(text));
        let statement = || Proof::Assertion(Assertion::new("a.b.c"));
        for (client, proof, expected) in [
            (&public, Proof::Nothing, Some(false)),
            (&public, secret("s"), None),
            (&public, statement(), None),
            (&confidential, secret("s"), Some(false)),
            (&confidential, secret("t"), None),
            (&confidential, Proof::Nothing, None),
            (&confidential, statement(), None),
            (&signing, statement(), Some(true)),
            (&signing, secret("s"), None),
            (&signing, Proof::Nothing, None),
        ] {
            let credentials = ClientCredentials { id: Some("c".into()), proof };
            let checked = authenticate(client, &credentials).ok();
            let signature = checked.map(|unproven| matches!(unproven, Unproven::Signature(_)));
            assert_eq!(signature, expected, "{credentials:?}");
        }
    }

    #[test]
    fn a_statement_comes_with_its_type_and_alone() {
        let claims = json!({ "iss": "c", "sub": "c", "aud": "a", "exp": 1 });
        let statement = unsigned(&json!({ "alg": "ES256" }), &claims);
        let typed = format!("client_assertion_type={}&client_assertion={statement}", client_assertion::TYPE);
        let check = |header: &[&str], body: &str, expected: Result<&str, &str>| {
            let read = credentials(header, &Parameters::parse(body.as_bytes()));
            let read = read.map(|credentials| credentials.id.unwrap_or_default());
            let read = read.map_err(|error| error.code().as_str().to_owned());
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{body}");
        };
        check(&[], &typed, Ok("c"));
        check(&[], &format!("{typed}&client_id=d"), Ok("d"));
        check(&[], &format!("client_assertion={statement}"), Err("invalid_request"));
        check(&[], &format!("client_assertion_type={}", client_assertion::TYPE), Err("invalid_request"));
        check(&[], &format!("client_assertion_type=x&client_assertion={statement}"), Err("invalid_client"));
        check(&[], &format!("{typed}&client_secret=s"), Err("invalid_request"));
        check(&["Basic Yzpz"], &typed, Err("invalid_request"));
        check(
            &[],
            &format!("client_assertion_type={}&client_assertion=x", client_assertion::TYPE),
            Err("invalid_client"),
        );
    }
}
