//! The token endpoint, seen from the client
//! ([OAuth 2.1 §3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2)).

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::answer::refusal;
use super::error::{Obstacle, Refusal};
use super::grant::{TokenSet, TokenType};
use super::identity::{AuthMethod, ClientIdentity};
use super::signatures::{Signatures, with_statement};
use super::{Answer, FlowError};
use crate::bearer::MAX_TOKEN_BYTES;
use crate::error::ErrorCode;
use crate::json;
use crate::metadata::{flat, lenient};
use crate::scope::ScopeSet;
use crate::secret::{AccessToken, Assertion, ClientSecret, RefreshToken};

/// A form for the token or revocation endpoint, with the client's authentication in its place
/// ([OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)); what has to be
/// signed is added later ([`super::Signatures`]).
pub(super) fn post(
    endpoint: &str,
    client: &ClientIdentity,
    parameters: &[(&str, &str)],
) -> Result<Request<Bytes>, &'static str> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    let secret = client.client_secret.as_ref().map_or("", ClientSecret::expose);
    let mut authorization = None;
    match client.auth_method {
        AuthMethod::None if client.client_id.is_empty() => {}
        AuthMethod::None => {
            form.append_pair("client_id", &client.client_id);
        }
        AuthMethod::PrivateKeyJwt => {}
        AuthMethod::ClientSecretPost => {
            form.append_pair("client_id", &client.client_id).append_pair("client_secret", secret);
        }
        // Both halves are form-encoded before they are joined, so that a colon in one of them is none (RFC 6749 §2.3.1).
        AuthMethod::ClientSecretBasic => {
            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let joined = Zeroizing::new(format!("{}:{}", encode(&client.client_id), encode(secret)));
            let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(joined.as_bytes())))
                .expect("base64 is visible ASCII");
            value.set_sensitive(true);
            authorization = Some(value);
            // It says nothing that the header does not, is allowed (RFC 6749 §3.2.1), and servers on the official Python SDK
            // refuse whoever leaves it out.
            form.append_pair("client_id", &client.client_id);
        }
    }
    let mut request = request(Method::POST, endpoint)?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
    *request.body_mut() = Bytes::from(form.finish());
    if let (AuthMethod::PrivateKeyJwt, Some(statement)) = (client.auth_method, &client.assertion) {
        *request.body_mut() = with_statement(request.body(), statement.expose());
    }
    Ok(request)
}

/// A form for another endpoint at which a client proves who it is, introspection say, and what has to be signed into it.
///
/// # Errors
/// What is wrong with the endpoint; it completes "the endpoint …".
pub fn authenticated_form(
    endpoint: &str,
    client: &ClientIdentity,
    parameters: &[(&str, &str)],
) -> Result<(Request<Bytes>, Signatures), &'static str> {
    Ok((post(endpoint, client, parameters)?, Signatures::of(client, &client.issuer, None)))
}

/// An empty request that wants JSON back.
pub(super) fn request(method: Method, url: &str) -> Result<Request<Bytes>, &'static str> {
    const NO_URL: &str = "is not an absolute URL";
    // The normal form of the URL type is ASCII only, which is what a request line can carry.
    let url = Url::parse(url).map_err(|_| NO_URL)?;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = url.as_str().parse().map_err(|_| NO_URL)?;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// What is needed to make sense of the answer.
pub(super) struct Reading<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    /// Counts as granted when the answer does not say.
    pub(super) requested: &'a ScopeSet,
    pub(super) possession: Possession,
    /// Whether somebody's statement was presented, rather than a code or a refresh token.
    pub(super) by_assertion: bool,
    pub(super) max_body: usize,
}

/// Whether the request proved possession of a key, so that the token may be bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Possession {
    /// No.
    None,
    /// Yes; a server that does not look at it gives a token for everybody.
    Proven,
    /// Yes, and the token has to be bound.
    Required,
}

/// Optional all over: what is missing is told, rather than "this is no JSON".
#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default, deserialize_with = "lenient")]
    access_token: Option<AccessToken>,
    #[serde(default, deserialize_with = "lenient")]
    token_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    issued_token_type: Option<String>,
    #[serde(default, deserialize_with = "flat")]
    expires_in: Value,
    #[serde(default, deserialize_with = "lenient")]
    refresh_token: Option<RefreshToken>,
    #[serde(default, deserialize_with = "flat")]
    scope: Value,
}

impl Reading<'_> {
    /// Reads the answer of the token endpoint
    /// ([OAuth 2.1 §3.2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.3)).
    pub(super) fn tokens(&self, answer: &Answer, now: SystemTime) -> Result<TokenSet, FlowError> {
        let read = self.read(answer)?;
        let access_token = read.access_token.ok_or_else(|| self.unusable("there is no access_token"))?;
        if !is_token(access_token.expose()) {
            return Err(self.unusable("the access_token is not one that a header can carry"));
        }
        let token_type = self.token_type(read.token_type.as_deref())?;
        let granted = match &read.scope {
            Value::String(text) => ScopeSet::parse_lenient(text),
            Value::Array(tokens) => ScopeSet::from_tokens(tokens.iter().filter_map(Value::as_str)),
            _ => ScopeSet::new(),
        };
        let lifetime = seconds(&read.expires_in);
        Ok(TokenSet {
            access_token,
            token_type,
            refresh_token: read
                .refresh_token
                .filter(|token| (1..=MAX_TOKEN_BYTES).contains(&token.expose().len())),
            expires_at: lifetime.and_then(|lifetime| now.checked_add(lifetime)),
            lifetime,
            scope: if granted.is_empty() { self.requested.clone() } else { granted },
        })
    }

    /// Reads the answer of a token exchange that asked for a token of this type
    /// ([RFC 8693 §2.2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1)).
    pub(super) fn exchanged(&self, answer: &Answer, issued_token_type: &str) -> Result<Assertion, FlowError> {
        let read = self.read(answer)?;
        if read.issued_token_type.as_deref() != Some(issued_token_type) {
            return Err(self.unusable("it is of another type than was asked for"));
        }
        let issued = read.access_token.filter(|token| is_token(token.expose()));
        let issued = issued.ok_or_else(|| self.unusable("there is none in the answer"))?;
        Ok(Assertion::new(issued.expose()))
    }

    fn read(&self, answer: &Answer) -> Result<TokenAnswer, FlowError> {
        // Some servers put an error into a 200, so errors come first.
        if let Some(refusal) = refusal(answer, self.max_body) {
            return Err(self.refused(refusal));
        }
        let Answer::Response(response) = answer else {
            return Err(self.unusable("nothing came"));
        };
        json::object(response.body()).map_err(|_| {
            self.refused(Refusal::Other(Obstacle::NotTheDocument("a token response".to_owned())))
        })
    }

    /// The field is required; those who leave it out mean Bearer. Any other type than was asked for must not be used
    /// ([RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
    fn token_type(&self, word: Option<&str>) -> Result<TokenType, FlowError> {
        let word = word.unwrap_or("bearer");
        match self.possession {
            Possession::None if word.eq_ignore_ascii_case("dpop") => {
                Err(self.unusable("it is bound to a key (DPoP), and none was shown"))
            }
            _ if word.eq_ignore_ascii_case("dpop") => Ok(TokenType::Dpop),
            _ if !word.eq_ignore_ascii_case("bearer") => {
                Err(self.unusable("its token_type is neither Bearer nor DPoP"))
            }
            Possession::Required => Err(self.unusable("it is not bound to our key, as it has to be (DPoP)")),
            Possession::None | Possession::Proven => Ok(TokenType::Bearer),
        }
    }

    pub(super) fn refused(&self, refusal: Refusal) -> FlowError {
        let issuer = self.issuer.to_owned();
        match refusal.code() {
            Some(ErrorCode::InvalidGrant) if self.by_assertion => {
                FlowError::AssertionRefused { issuer, refusal }
            }
            Some(ErrorCode::InvalidGrant) => FlowError::GrantRefused { issuer, refusal },
            // Where nothing else says who the client is, it is the statement that is not accepted.
            Some(ErrorCode::InvalidClient | ErrorCode::UnauthorizedClient) if self.client_id.is_empty() => {
                FlowError::AssertionRefused { issuer, refusal }
            }
            Some(ErrorCode::InvalidClient | ErrorCode::UnauthorizedClient) => {
                FlowError::ClientRefused { issuer, client_id: self.client_id.to_owned(), refusal }
            }
            _ => FlowError::TokenRefused { issuer, refusal },
        }
    }

    fn unusable(&self, reason: &'static str) -> FlowError {
        FlowError::UnusableToken { issuer: self.issuer.to_owned(), reason }
    }
}

/// A token that fits into an `Authorization` header.
fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A number of seconds, or a string that holds one. What is negative or beyond reason says nothing.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok()
}
