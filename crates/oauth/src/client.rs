//! A client that the authorization server knows, and where it may be sent back to.
//!
//! Whatever way a client became known (configured, registered by itself, read from its own document), it is one
//! [`Client`] from then on; only [`Registration`] remembers the way, because consent depends on it.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::jwk::JwkSet;
use crate::jws::Algorithm;
use crate::token_exchange::TOKEN_EXCHANGE;

/// A client as the endpoints see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The client identifier ([OAuth 2.1 §2.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.2)).
    pub id: String,
    /// How it became known.
    pub registration: Registration,
    /// The name it gives itself. Unverified: pages show it beside the redirect host, never alone.
    pub name: Option<String>,
    /// Its home page, as it says.
    pub uri: Option<String>,
    /// Where answers may be sent, as registered.
    pub redirect_uris: Vec<RedirectUri>,
    /// What it may exchange for tokens.
    pub grant_types: Vec<GrantType>,
    /// Whether it runs on the user's machine or on a host of its own.
    pub application_type: ApplicationType,
    /// How it proves who it is.
    pub authentication: ClientAuthentication,
    /// What it wants the server to insist on.
    #[serde(default)]
    pub demands: Demands,
}

/// What a client wants the server to insist on, so that nobody can do with less in its name. The words are those of its
/// metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Demands {
    /// It gets no access tokens but those that are bound to a key
    /// ([RFC 9449 §5.2](https://www.rfc-editor.org/rfc/rfc9449#section-5.2)).
    pub dpop_bound_access_tokens: bool,
    /// Its authorization requests are pushed ([RFC 9126 §6](https://www.rfc-editor.org/rfc/rfc9126#section-6)).
    pub require_pushed_authorization_requests: bool,
}

/// How a client became known ([MCP client registration](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// The operator configured it.
    Preregistered,
    /// It registered itself ([RFC 7591](https://datatracker.ietf.org/doc/html/rfc7591)); anybody can.
    Dynamic,
    /// Its identifier is the URL of its own metadata document.
    Document,
}

impl Registration {
    /// Its word, for records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preregistered => "preregistered",
            Self::Dynamic => "dynamic",
            Self::Document => "document",
        }
    }
}

/// How a client proves who it is, and what that is checked with ([OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A public client: it names itself and proves nothing.
    None,
    /// A confidential client. The secret may come by Basic or in the body, whatever was registered: clients do both.
    Secret {
        /// SHA-256 of the secret, in lower-case hex. The secret has 256 random bits, so a fast digest is enough.
        sha256: String,
        /// The method it registered, echoed back and otherwise without effect.
        method: SecretMethod,
    },
    /// A confidential client that signs ([RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    PrivateKeyJwt {
        /// The public halves of its keys.
        keys: ClientKeys,
        /// The only algorithm it uses, if it said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        algorithm: Option<Algorithm>,
    },
}

impl ClientAuthentication {
    /// `token_endpoint_auth_method`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Secret { method: SecretMethod::ClientSecretBasic, .. } => "client_secret_basic",
            Self::Secret { method: SecretMethod::ClientSecretPost, .. } => "client_secret_post",
            Self::PrivateKeyJwt { .. } => "private_key_jwt",
        }
    }
}

/// Where the public keys of a client are ([RFC 7591 §2](https://datatracker.ietf.org/doc/html/rfc7591#section-2)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeys {
    /// Here.
    Jwks(JwkSet),
    /// At this URL, which [`keys_url`] has accepted.
    JwksUri(String),
}

/// Reads a `jwks_uri`: `https`, without fragment and user information. `allow_loopback` lets plain `http` to this machine
/// pass, for development.
#[must_use]
pub fn keys_url(text: &str, allow_loopback: bool) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= RedirectUri::MAX_LENGTH)?;
    let scheme = url.scheme() == "https" || (allow_loopback && url.scheme() == "http" && is_loopback(&url));
    let bare = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (scheme && bare).then_some(url)
}

/// How a confidential client said it would send its secret ([RFC 7591 §2](https://datatracker.ietf.org/doc/html/rfc7591#section-2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretMethod {
    /// In the `Authorization` header.
    ClientSecretBasic,
    /// In the form.
    ClientSecretPost,
}

/// What a client may exchange at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum GrantType {
    /// [OAuth 2.1 §4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1).
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// [OAuth 2.1 §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3).
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// [OAuth 2.1 §4.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.2).
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// [RFC 8628 §3.4](https://datatracker.ietf.org/doc/html/rfc8628#section-3.4).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
    /// [RFC 8693 §2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

impl GrantType {
    /// Every one, in the order in which they are written.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::JwtBearer,
        Self::TokenExchange,
    ];

    /// `grant_type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::TokenExchange => TOKEN_EXCHANGE,
        }
    }

    /// Reads the word; `None` for one that is not known here.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == word)
    }
}

/// `application_type` of [OpenID Connect Registration §2](https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On the user's machine: loopback or private-use redirect URIs.
    Native,
    /// On a host of its own: `https` redirect URIs only.
    Web,
}

impl Client {
    /// True when it cannot prove who it is.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.authentication == ClientAuthentication::None
    }

    /// True when it said that it refreshes.
    #[must_use]
    pub fn may_refresh(&self) -> bool {
        self.grant_types.contains(&GrantType::RefreshToken)
    }

    /// The redirect URI to use for a request that asked for `requested`, byte for byte as requested.
    ///
    /// Without one, the only registered URI is meant ([OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)).
    ///
    /// # Errors
    /// Says why there is nowhere to redirect to; the answer then has to be a page.
    pub fn redirect_uri(&self, requested: Option<&str>) -> Result<RedirectUri, RedirectMismatch> {
        match (requested, self.redirect_uris.as_slice()) {
            (Some(requested), registered) => registered
                .iter()
                .find_map(|registered| registered.matches(requested))
                .ok_or(RedirectMismatch::NotRegistered),
            (None, [only]) => Ok(only.clone()),
            (None, _) => Err(RedirectMismatch::Ambiguous),
        }
    }
}

/// Why a requested redirect URI cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectMismatch {
    /// The client has not registered it.
    #[error("the redirect URI is not one that this client registered")]
    NotRegistered,
    /// None was given, and the client does not have exactly one.
    #[error("the request names no redirect URI and the client did not register exactly one")]
    Ambiguous,
}

/// A redirect URI that may be registered: absolute, without fragment, user information or a dangerous scheme.
///
/// Keeps the text as it was given, because registered URIs are compared as strings
/// ([RFC 9700 §2.1](https://datatracker.ietf.org/doc/html/rfc9700#section-2.1)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri {
    text: String,
    kind: RedirectKind,
}

/// Where a redirect URI leads, which decides how far its receiver can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RedirectKind {
    /// `https`: the host's owner receives the answer.
    Https,
    /// `http` on this machine: whatever program listens there receives the answer
    /// ([RFC 8252 §7.3](https://datatracker.ietf.org/doc/html/rfc8252#section-7.3)).
    Loopback,
    /// A private-use scheme: whatever program claimed it receives the answer
    /// ([RFC 8252 §7.1](https://datatracker.ietf.org/doc/html/rfc8252#section-7.1)).
    PrivateUse,
}

impl RedirectUri {
    /// Longest accepted URI, in bytes.
    pub const MAX_LENGTH: usize = 2048;

    /// Reads a redirect URI.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, RedirectUriError> {
        if text.len() > Self::MAX_LENGTH {
            return Err(RedirectUriError::TooLong);
        }
        // The URL parser forgives these, and browsers disagree on what they then mean.
        if text.contains(|c: char| {
            c.is_ascii_control() || c.is_whitespace() || matches!(c, '\\' | '<' | '>' | '"')
        }) {
            return Err(RedirectUriError::Malformed);
        }
        // URIs are ASCII; whoever writes other letters writes them as percent-encoding and punycode, which can be seen.
        if !text.is_ascii() {
            return Err(RedirectUriError::Malformed);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::Malformed)?;
        if url.fragment().is_some() {
            return Err(RedirectUriError::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectUriError::UserInformation);
        }
        if matches!(url.scheme(), "http" | "https") && !is_spelled_out(text, &url) {
            return Err(RedirectUriError::Authority);
        }
        let kind = match url.scheme() {
            "https" => RedirectKind::Https,
            "http" if is_loopback(&url) => RedirectKind::Loopback,
            "http" => return Err(RedirectUriError::PlainHttp),
            scheme if DANGEROUS_SCHEMES.contains(&scheme) => return Err(RedirectUriError::Scheme),
            _ => RedirectKind::PrivateUse,
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// The text as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it leads.
    #[must_use]
    pub fn kind(&self) -> RedirectKind {
        self.kind
    }

    /// What to show a person as the place the answer goes to: the host with its port, or the private-use scheme.
    #[must_use]
    pub fn destination(&self) -> String {
        let Ok(url) = Url::parse(&self.text) else { return self.text.clone() };
        match (url.host_str(), self.kind) {
            (Some(host), RedirectKind::Https | RedirectKind::Loopback) => match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
            _ => format!("{}:", url.scheme()),
        }
    }

    /// The host without its port, or the private-use scheme: what a remembered consent is bound to.
    #[must_use]
    pub fn host(&self) -> String {
        let Ok(url) = Url::parse(&self.text) else { return self.text.clone() };
        match (url.host_str(), self.kind) {
            (Some(host), RedirectKind::Https | RedirectKind::Loopback) => host.to_owned(),
            _ => format!("{}:", url.scheme()),
        }
    }

    /// The source expression that lets a page's form lead here
    /// ([CSP form-action](https://www.w3.org/TR/CSP3/#directive-form-action)).
    ///
    /// CSP cannot spell an IPv6 host, so `[::1]` and private-use schemes are named by their scheme.
    #[must_use]
    pub fn csp_source(&self) -> String {
        let Ok(url) = Url::parse(&self.text) else { return "'none'".to_owned() };
        match (self.kind, url.host()) {
            (RedirectKind::PrivateUse, _) | (_, Some(Host::Ipv6(_)) | None) => format!("{}:", url.scheme()),
            _ => url.origin().ascii_serialization(),
        }
    }

    /// This URI with `parameters` added to its query, which is kept
    /// ([OAuth 2.1 §4.1.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2)).
    #[must_use]
    pub fn with_parameters<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let separator = match self.text.find('?') {
            None => "?",
            Some(at) if at + 1 == self.text.len() => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.text, query.finish())
    }

    /// `requested` as a redirect URI when this registered one covers it: equal, or equal but for the port on loopback
    /// ([RFC 8252 §7.3](https://datatracker.ietf.org/doc/html/rfc8252#section-7.3)).
    ///
    /// `localhost` counts as loopback too, because clients send it; the three spellings are not interchangeable.
    #[must_use]
    pub fn matches(&self, requested: &str) -> Option<Self> {
        if requested == self.text {
            return Some(self.clone());
        }
        if self.kind != RedirectKind::Loopback {
            return None;
        }
        let requested = Self::parse(requested).ok().filter(|uri| uri.kind == RedirectKind::Loopback)?;
        let (registered_rest, requested_rest) = (without_port(&self.text)?, without_port(&requested.text)?);
        (registered_rest == requested_rest).then_some(requested)
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = RedirectUriError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.text
    }
}

/// Why a text is not an acceptable redirect URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Longer than [`RedirectUri::MAX_LENGTH`].
    #[error("it is longer than 2048 bytes")]
    TooLong,
    /// Not an absolute URI.
    #[error("it is not an absolute URI")]
    Malformed,
    /// Its host is not written as what it is.
    #[error("its scheme has to be followed by :// and a host in plain letters")]
    Authority,
    /// It has a fragment ([RFC 6749 §3.1.2](https://datatracker.ietf.org/doc/html/rfc6749#section-3.1.2)).
    #[error("it has a fragment")]
    Fragment,
    /// It has a user name or password, which only serves to disguise the host.
    #[error("it has a user name or password")]
    UserInformation,
    /// `http` to another machine.
    #[error("http is only for loopback addresses (127.0.0.1, [::1], localhost); use https")]
    PlainHttp,
    /// A scheme that runs or reads something instead of leading to an application.
    #[error("its scheme is not one that an application can receive")]
    Scheme,
}

/// Schemes that a browser itself interprets.
const DANGEROUS_SCHEMES: &[&str] = &[
    "javascript",
    "data",
    "vbscript",
    "file",
    "filesystem",
    "blob",
    "about",
    "ftp",
    "ws",
    "wss",
    "mailto",
    "tel",
    "sms",
    "view-source",
    "chrome",
    "resource",
    "jar",
    "intent",
    "urn",
];

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == std::net::Ipv6Addr::LOCALHOST,
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether the host stands in `text` as the parser has read it. The parser forgives `https:host` (which a browser takes
/// for a path at our own origin), `%6c`, `127.1` and an empty port, and takes characters for a host that mean something
/// else in a content security policy.
fn is_spelled_out(text: &str, url: &Url) -> bool {
    let Some((host, port, _)) = text.get(url.scheme().len()..).and_then(split) else { return false };
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let plain = matches!(url.host(), Some(Host::Ipv6(_))) || host.bytes().all(letter);
    plain && port != Some("") && url.host_str().is_some_and(|read| host.eq_ignore_ascii_case(read))
}

/// The text of an `http` URI with its port cut out; everything else stays as written.
fn without_port(text: &str) -> Option<String> {
    let (host, _, path) = split(text.strip_prefix("http")?)?;
    Some(format!("http://{host}{path}"))
}

/// Host, port and the rest of a URI whose scheme was cut off.
fn split(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let rest = text.strip_prefix("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    Some(match authority.rsplit_once(':') {
        // The colons inside `[::1]` are no port.
        Some((host, port)) if !port.contains(']') => (host, Some(port), path),
        _ => (authority, None, path),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A configured public client with this redirect URI.
    pub(crate) fn client(redirect_uri: &str) -> Client {
        Client {
            id: "c".to_owned(),
            registration: Registration::Preregistered,
            name: Some("A client".to_owned()),
            uri: None,
            redirect_uris: vec![RedirectUri::parse(redirect_uri).unwrap()],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            application_type: ApplicationType::Web,
            authentication: ClientAuthentication::None,
            demands: Demands::default(),
        }
    }

    #[test]
    fn redirect_uris_are_accepted_or_refused_by_rule() {
        fn check(text: &str, expected: Result<RedirectKind, RedirectUriError>) {
            assert_eq!(RedirectUri::parse(text).map(|uri| uri.kind()), expected, "{text}");
        }
        check("https://client.example/callback", Ok(RedirectKind::Https));
        check("https://client.example", Ok(RedirectKind::Https));
        check("http://localhost:5173/callback", Ok(RedirectKind::Loopback));
        check("http://127.0.0.1/callback", Ok(RedirectKind::Loopback));
        check("http://[::1]:9/cb?x=1", Ok(RedirectKind::Loopback));
        check("cursor://anysphere.mcp/oauth", Ok(RedirectKind::PrivateUse));
        check("com.example.app:/callback", Ok(RedirectKind::PrivateUse));
        check("http://client.example/callback", Err(RedirectUriError::PlainHttp));
        check("http://localhost.evil.example/", Err(RedirectUriError::PlainHttp));
        check("http://127.0.0.2/", Err(RedirectUriError::PlainHttp));
        check("https://client.example/cb#x", Err(RedirectUriError::Fragment));
        check("https://client.example/cb#", Err(RedirectUriError::Fragment));
        check("https://user@client.example/cb", Err(RedirectUriError::UserInformation));
        check("http://localhost:1@evil.example/", Err(RedirectUriError::UserInformation));
        check("javascript:alert(1)", Err(RedirectUriError::Scheme));
        check("JavaScript:alert(1)", Err(RedirectUriError::Scheme));
        check("data:text/html,x", Err(RedirectUriError::Scheme));
        check("/callback", Err(RedirectUriError::Malformed));
        check("https://client.example/a b", Err(RedirectUriError::Malformed));
        check("https://exämple.example/cb", Err(RedirectUriError::Malformed));
        check("https://client.example/\u{202E}bc", Err(RedirectUriError::Malformed));
        check("https://client.example:99999/", Err(RedirectUriError::Malformed));
        check("HTTPS://Client.example:443/cb", Ok(RedirectKind::Https));
        check("https://xn--exmple-cua.example./cb", Ok(RedirectKind::Https));
        check("https:client.example/cb", Err(RedirectUriError::Authority));
        check("https:/client.example/cb", Err(RedirectUriError::Authority));
        check("https:///client.example/cb", Err(RedirectUriError::Authority));
        check("https://client.example:/cb", Err(RedirectUriError::Authority));
        check("https://%63lient.example/cb", Err(RedirectUriError::Authority));
        check("https://a;script-src.example/cb", Err(RedirectUriError::Authority));
        check("https://a,b.example/cb", Err(RedirectUriError::Authority));
        check("https://*.example/cb", Err(RedirectUriError::Authority));
        check("https://'self'/cb", Err(RedirectUriError::Authority));
        check("http://127.1/cb", Err(RedirectUriError::Authority));
        check("http://2130706433/cb", Err(RedirectUriError::Authority));
        check("http://0x7f.0.0.1/cb", Err(RedirectUriError::Authority));
        check("http://[0:0:0:0:0:0:0:1]/cb", Err(RedirectUriError::Authority));
        check("http://[::ffff:127.0.0.1]/cb", Err(RedirectUriError::Authority));
        check("http://localhost./cb", Err(RedirectUriError::PlainHttp));
        check("https:\\\\client.example", Err(RedirectUriError::Malformed));
        check("https://client.example/\n", Err(RedirectUriError::Malformed));
        check(&format!("https://client.example/{}", "a".repeat(2048)), Err(RedirectUriError::TooLong));
    }

    #[test]
    fn a_requested_uri_must_be_registered_but_for_the_loopback_port() {
        fn check(registered: &str, requested: &str, expected: bool) {
            let registered = RedirectUri::parse(registered).unwrap();
            assert_eq!(registered.matches(requested).is_some(), expected, "{registered:?} {requested}");
        }
        check("https://c.example/cb", "https://c.example/cb", true);
        check("https://c.example/cb", "https://c.example/cb/", false);
        check("https://c.example/cb", "https://c.example:8443/cb", false);
        check("https://c.example/cb", "https://C.example/cb", false);
        check("https://c.example/cb", "https://c.example/cb?x=1", false);
        check("https://c.example/cb", "https://c.example.evil.example/cb", false);
        check("http://localhost:5173/cb", "http://localhost:9/cb", true);
        check("http://localhost/cb", "http://localhost:49152/cb", true);
        check("http://localhost:1/cb", "http://localhost/cb", true);
        check("http://127.0.0.1/cb", "http://127.0.0.1:9/cb", true);
        check("http://[::1]/cb", "http://[::1]:9/cb", true);
        check("http://127.0.0.1/cb", "http://localhost:9/cb", false);
        check("http://localhost/cb", "http://localhost:9/other", false);
        check("http://localhost/cb", "http://localhost:9/cb?x=1", false);
        check("http://localhost/cb", "https://localhost:9/cb", false);
        check("http://localhost/cb", "http://localhost:9@evil.example/cb", false);
        check("http://localhost/cb", "http://localhost.evil.example/cb", false);
        check("http://localhost/cb", "http://localhost:80:90/cb", false);
        check("http://localhost/cb", "http://localhost:/cb", false);
        check("http://localhost/cb", "http://localhost.:9/cb", false);
        check("http://localhost/cb", "http://LOCALHOST:9/cb", false);
        check("http://localhost/cb", "http://%6cocalhost:9/cb", false);
        check("http://localhost/cb", "http:localhost/cb", false);
        check("http://localhost/cb", "http://localhost:9/%63b", false);
        check("http://localhost/cb", "http://localhost:9//cb", false);
        check("http://127.0.0.1/cb", "http://127.1:9/cb", false);
        check("http://[::1]/cb", "http://[0::1]:9/cb", false);
        check("cursor://x/cb", "cursor://x:1/cb", false);
    }

    #[test]
    fn where_keys_may_be() {
        for (text, loopback, expected) in [
            ("https://c.example/jwks", false, true),
            ("https://c.example:8443", false, true),
            ("http://127.0.0.1:1/jwks", true, true),
            ("http://127.0.0.1:1/jwks", false, false),
            ("http://c.example/jwks", true, false),
            ("https://u:p@c.example/jwks", false, false),
            ("https://c.example/jwks#x", false, false),
            ("file:///etc/passwd", true, false),
            ("/jwks", true, false),
        ] {
            assert_eq!(keys_url(text, loopback).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn answers_are_added_to_the_query() {
        fn check(uri: &str, expected: &str) {
            let uri = RedirectUri::parse(uri).unwrap();
            assert_eq!(uri.with_parameters([("code", "a b"), ("iss", "https://as.example")]), expected);
        }
        check("https://c.example/cb", "https://c.example/cb?code=a+b&iss=https%3A%2F%2Fas.example");
        check("https://c.example/cb?x=1", "https://c.example/cb?x=1&code=a+b&iss=https%3A%2F%2Fas.example");
        check("https://c.example/cb?", "https://c.example/cb?code=a+b&iss=https%3A%2F%2Fas.example");
    }

    #[test]
    fn a_form_may_lead_to_the_redirect_targets_origin_only() {
        fn check(uri: &str, expected: &str) {
            assert_eq!(RedirectUri::parse(uri).unwrap().csp_source(), expected);
        }
        check("https://c.example/cb?x=1", "https://c.example");
        check("http://localhost:5173/cb", "http://localhost:5173");
        check("http://[::1]:5173/cb", "http:");
        check("cursor://x/cb", "cursor:");
    }
}
