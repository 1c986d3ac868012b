//! What `POST /token` reads and answers ([OAuth 2.1 §3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2)).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::client::{Client, ClientAuthentication};
use crate::error::{ErrorCode, ErrorResponse};
use crate::grant::CodeRefusal;
use crate::parameters::{Parameters, Repeated};
use crate::pkce::CodeVerifier;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::{self, AccessToken, AuthorizationCode, ClientSecret, RefreshToken};
use crate::token_family::RefreshRefusal;

/// What the client wants to exchange.
#[derive(Debug, Clone)]
pub enum TokenRequest {
    /// [OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3).
    AuthorizationCode {
        /// The code.
        code: AuthorizationCode,
        /// As OAuth 2.0 clients repeat it.
        redirect_uri: Option<String>,
        /// The PKCE proof.
        verifier: CodeVerifier,
        /// Which resource the token is for, if said again.
        resource: Option<Resource>,
    },
    /// [OAuth 2.1 §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3).
    RefreshToken {
        /// The token.
        refresh_token: RefreshToken,
        /// A part of what was granted, for the next access token only.
        scope: Option<ScopeSet>,
        /// Which resource the token is for, if said again.
        resource: Option<Resource>,
    },
}

/// Who the client says it is, by whatever way it said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// Its identifier. Public clients leave it out when they revoke, some of them.
    pub id: Option<String>,
    /// Its secret.
    pub secret: Option<ClientSecret>,
    /// Whether they came in the `Authorization` header; the answer to a failure then carries a challenge.
    pub in_header: bool,
}

/// Why no token was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A parameter is there twice.
    #[error(transparent)]
    Repeated(#[from] Repeated),
    /// A parameter is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The body is not a form.
    #[error("the body has to be application/x-www-form-urlencoded")]
    NotAForm,
    /// The body is larger than the server reads.
    #[error("the body is too large")]
    TooLarge,
    /// The credentials are malformed, or came by two ways at once.
    #[error("{0}")]
    Credentials(&'static str),
    /// Not a grant type of ours.
    #[error("grant_type has to be authorization_code or refresh_token")]
    UnsupportedGrantType,
    /// Nobody by this name.
    #[error("the client is not known here; register again")]
    UnknownClient,
    /// The secret is wrong, missing or out of place.
    #[error("client authentication failed: {0}")]
    WrongSecret(&'static str),
    /// The verifier cannot be one.
    #[error("code_verifier has to be 43 to 128 unreserved characters")]
    MalformedVerifier,
    /// `scope` cannot be one.
    #[error("scope is malformed")]
    MalformedScope,
    /// `resource` cannot be one, or there are several.
    #[error("resource has to be one absolute URL without a fragment")]
    MalformedResource,
    /// The code was not exchanged.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// The refresh token was not exchanged.
    #[error(transparent)]
    Refresh(#[from] RefreshRefusal),
}

impl TokenError {
    /// The code on the wire ([OAuth 2.1 §3.2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.4)).
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Repeated(_) | Self::Missing(_) | Self::NotAForm | Self::TooLarge | Self::Credentials(_) => {
                ErrorCode::InvalidRequest
            }
            Self::UnsupportedGrantType => ErrorCode::UnsupportedGrantType,
            Self::UnknownClient | Self::WrongSecret(_) => ErrorCode::InvalidClient,
            Self::MalformedScope | Self::Refresh(RefreshRefusal::MoreScope) => ErrorCode::InvalidScope,
            Self::MalformedResource
            | Self::Code(CodeRefusal::WrongResource)
            | Self::Refresh(RefreshRefusal::WrongResource) => ErrorCode::InvalidTarget,
            Self::MalformedVerifier | Self::Code(_) | Self::Refresh(_) => ErrorCode::InvalidGrant,
        }
    }

    /// The JSON body.
    #[must_use]
    pub fn response(&self) -> ErrorResponse {
        ErrorResponse::new(self.code(), self.to_string())
    }
}

/// A token response ([OAuth 2.1 §3.2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.3)).
#[derive(Debug, Clone, Serialize)]
pub struct TokenResponse {
    /// The access token.
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub access_token: AccessToken,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// Replaces the one that was presented.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret::serialize_exposed_option")]
    pub refresh_token: Option<RefreshToken>,
    /// What it is good for.
    pub scope: ScopeSet,
}

/// Reads a token request.
///
/// # Errors
/// [`TokenError`] says what is missing or malformed.
pub fn read(parameters: &Parameters) -> Result<TokenRequest, TokenError> {
    parameters.none_repeated(&["resource"])?;
    let one = |name| parameters.one(name).ok().flatten();
    match one("grant_type").ok_or(TokenError::Missing("grant_type"))? {
        "authorization_code" => Ok(TokenRequest::AuthorizationCode {
            code: AuthorizationCode::new(one("code").ok_or(TokenError::Missing("code"))?),
            redirect_uri: one("redirect_uri").map(str::to_owned),
            verifier: CodeVerifier::parse(one("code_verifier").ok_or(TokenError::Missing("code_verifier"))?)
                .map_err(|_| TokenError::MalformedVerifier)?,
            resource: resource(parameters)?,
        }),
        "refresh_token" => Ok(TokenRequest::RefreshToken {
            refresh_token: RefreshToken::new(
                one("refresh_token").ok_or(TokenError::Missing("refresh_token"))?,
            ),
            scope: one("scope").map(ScopeSet::parse).transpose().map_err(|_| TokenError::MalformedScope)?,
            resource: resource(parameters)?,
        }),
        _ => Err(TokenError::UnsupportedGrantType),
    }
}

fn resource(parameters: &Parameters) -> Result<Option<Resource>, TokenError> {
    let mut values = parameters.all("resource");
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(TokenError::MalformedResource);
    }
    Resource::parse(first).map(Some).map_err(|_| TokenError::MalformedResource)
}

/// Reads who the client is, from the `Authorization` header lines and the form
/// ([OAuth 2.1 §2.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4.1)).
///
/// # Errors
/// [`TokenError`] when they contradict each other or cannot be read.
pub fn credentials(authorization: &[&str], parameters: &Parameters) -> Result<ClientCredentials, TokenError> {
    let (body_id, body_secret) = (parameters.one("client_id")?, parameters.one("client_secret")?);
    if parameters.one("client_assertion")?.is_some() {
        return Err(TokenError::WrongSecret("client assertions are not supported"));
    }
    let header = match authorization {
        [] => None,
        [one] => Some(basic(one)?),
        _ => return Err(TokenError::Credentials("there is more than one Authorization header")),
    };
    let Some((id, secret)) = header else {
        return Ok(ClientCredentials {
            id: body_id.map(str::to_owned),
            secret: body_secret.map(ClientSecret::new),
            in_header: false,
        });
    };
    if body_secret.is_some() {
        return Err(TokenError::Credentials("the client secret came both in the header and in the body"));
    }
    if body_id.is_some_and(|body_id| body_id != id) {
        return Err(TokenError::Credentials("client_id in the header and in the body differ"));
    }
    Ok(ClientCredentials { id: Some(id), secret, in_header: true })
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

/// Checks the credentials of a client, in the same time for a right and a wrong secret.
///
/// # Errors
/// [`TokenError::WrongSecret`].
pub fn authenticate(client: &Client, credentials: &ClientCredentials) -> Result<(), TokenError> {
    match (&client.authentication, &credentials.secret) {
        (ClientAuthentication::None, None) => Ok(()),
        (ClientAuthentication::None, Some(_)) => Err(TokenError::WrongSecret("this client has no secret")),
        (ClientAuthentication::Secret { .. }, None) => {
            Err(TokenError::WrongSecret("the client secret is missing"))
        }
        (ClientAuthentication::Secret { sha256, .. }, Some(secret)) => {
            if bool::from(secret_digest(secret).as_bytes().ct_eq(sha256.as_bytes())) {
                Ok(())
            } else {
                Err(TokenError::WrongSecret("the client secret is wrong"))
            }
        }
    }
}

/// How a client secret is kept: SHA-256 in lower-case hex.
#[must_use]
pub fn secret_digest(secret: &ClientSecret) -> String {
    Sha256::digest(secret.expose().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The scope of the next access token: all that is `left` of what was `granted`, or the part that was asked for.
///
/// Clients exist that name what they were granted each time. One whose user has narrowed the grant since gets what is
/// left of that, and is told so by the `scope` of the answer; it would have to connect again otherwise.
///
/// # Errors
/// [`RefreshRefusal::MoreScope`] ([OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1)).
pub fn narrowed(
    granted: &ScopeSet,
    left: &ScopeSet,
    requested: Option<&ScopeSet>,
) -> Result<ScopeSet, RefreshRefusal> {
    let Some(requested) = requested.filter(|requested| !requested.is_empty()) else {
        return Ok(left.clone());
    };
    if !requested.is_subset(granted) {
        return Err(RefreshRefusal::MoreScope);
    }
    let both = requested.intersection(left);
    if both.is_empty() { Err(RefreshRefusal::MoreScope) } else { Ok(both) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::SecretMethod;
    use crate::client::tests::client;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[test]
    fn requests_are_read_or_refused() {
        fn check(text: &str, expected: Result<&str, &str>) {
            let read = read(&Parameters::parse(text.as_bytes()));
            let kind = match &read {
                Ok(TokenRequest::AuthorizationCode { .. }) => Ok("code"),
                Ok(TokenRequest::RefreshToken { .. }) => Ok("refresh"),
                Err(error) => Err(error.code().as_str().to_owned()),
            };
            assert_eq!(kind.as_ref().map(|kind| *kind).map_err(String::as_str), expected, "{text}");
        }
        let code = format!("grant_type=authorization_code&code=x&code_verifier={VERIFIER}");
        check(&code, Ok("code"));
        check(&format!("{code}&resource=https://rs.example/mcp"), Ok("code"));
        check(
            &format!("{code}&resource=https://a.example&resource=https://b.example"),
            Err("invalid_target"),
        );
        check(&format!("{code}&resource=nowhere"), Err("invalid_target"));
        check(&format!("{code}&code=y"), Err("invalid_request"));
        check("grant_type=authorization_code&code=x", Err("invalid_request"));
        check("grant_type=authorization_code&code=x&code_verifier=short", Err("invalid_grant"));
        check("grant_type=refresh_token&refresh_token=x&scope=a", Ok("refresh"));
        check("grant_type=refresh_token", Err("invalid_request"));
        check("grant_type=refresh_token&refresh_token=x&scope=%22", Err("invalid_scope"));
        check("grant_type=password&username=x", Err("unsupported_grant_type"));
        check("", Err("invalid_request"));
    }

    #[test]
    fn credentials_come_by_one_way() {
        let secret = |s: &str| Some(ClientSecret::new(s));
        let check =
            |header: &[&str], body: &str, expected: Option<(Option<&str>, Option<ClientSecret>, bool)>| {
                let read = credentials(header, &Parameters::parse(body.as_bytes())).ok();
                let read = read.as_ref().map(|c| (c.id.as_deref(), c.secret.clone(), c.in_header));
                assert_eq!(read, expected, "{header:?} {body}");
            };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        check(&[], "client_id=c", Some((Some("c"), None, false)));
        check(&[], "client_id=c&client_secret=s", Some((Some("c"), secret("s"), false)));
        check(&[], "client_id=c&client_secret=", Some((Some("c"), None, false)));
        check(&[], "", Some((None, None, false)));
        check(&[&basic("c:s")], "", Some((Some("c"), secret("s"), true)));
        check(&[&basic("a%3Ab:s+1%2B")], "client_id=a:b", Some((Some("a:b"), secret("s 1+"), true)));
        check(&[&basic("c:")], "", Some((Some("c"), None, true)));
        check(&[&basic("c:s")], "client_id=d", None);
        check(&[&basic("c:s")], "client_secret=s", None);
        check(&[&basic("c")], "", None);
        check(&["Basic %%%"], "", None);
        check(&["Bearer x"], "client_id=c", None);
        check(&[&basic("c:s"), &basic("c:s")], "", None);
        check(&[], "client_id=c&client_assertion=x", None);
    }

    #[test]
    fn a_secret_is_checked_whichever_way_it_came() {
        let mut confidential = client("https://c.example/cb");
        confidential.authentication = ClientAuthentication::Secret {
            sha256: secret_digest(&ClientSecret::new("s")),
            method: SecretMethod::ClientSecretBasic,
        };
        let public = client("https://c.example/cb");
        for (client, secret, in_header, expected) in [
            (&public, None, false, true),
            (&public, Some("s"), false, false),
            (&confidential, Some("s"), true, true),
            (&confidential, Some("s"), false, true),
            (&confidential, Some("t"), true, false),
            (&confidential, None, false, false),
        ] {
            let credentials =
                ClientCredentials { id: Some("c".into()), secret: secret.map(ClientSecret::new), in_header };
            assert_eq!(authenticate(client, &credentials).is_ok(), expected, "{credentials:?}");
        }
    }

    #[test]
    fn a_refresh_may_ask_for_less_and_not_for_more() {
        fn check(left: &str, requested: Option<&str>, expected: Result<&str, RefreshRefusal>) {
            let [granted, left] = ["a b", left].map(|scope| ScopeSet::parse(scope).unwrap());
            let requested = requested.map(|scope| ScopeSet::parse(scope).unwrap());
            let scope = narrowed(&granted, &left, requested.as_ref()).map(|scope| scope.to_string());
            assert_eq!(scope.as_deref().map_err(|refusal| *refusal), expected);
        }
        check("a b", None, Ok("a b"));
        check("a b", Some(""), Ok("a b"));
        check("a b", Some("b"), Ok("b"));
        check("a b", Some("b c"), Err(RefreshRefusal::MoreScope));
        // Narrowed since.
        check("a", None, Ok("a"));
        check("a", Some("a b"), Ok("a"));
        check("a", Some("b"), Err(RefreshRefusal::MoreScope));
        check("a", Some("a c"), Err(RefreshRefusal::MoreScope));
    }
}
