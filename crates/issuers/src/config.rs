//! What an operator can set about other people's authorization servers.

use std::path::PathBuf;
use std::time::Duration;

use barewire_mcp_server::{
    Algorithm, IntrospectionLimits, IntrospectionVerifier, Issuers, JwtVerifier, TokenProfile,
};
use barewire_oauth::client_flow::{AuthMethod, EndpointRule};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::ClientSecret;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::discovery::{DiscoveryError, allowed};
use crate::fetch::{FetchError, Http};
use crate::introspection::{Endpoint, Signing};
use crate::keys::PublishedKeys;

/// The section `external`: whose tokens are taken, beside those of our own authorization server or instead of them.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ExternalConfig {
    /// Issuers whose tokens are JWTs.
    pub jwt: Vec<JwtIssuer>,
    /// The issuer that is asked about its tokens; there is one at most, because tokens that are no JWTs do not say whose
    /// they are.
    pub introspection: Option<IntrospectedIssuer>,
    /// How long an answer with keys or metadata may take.
    #[serde(with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub timeout: Duration,
    /// Longest answer of an issuer, in bytes.
    pub max_answer_bytes: usize,
}

impl Default for ExternalConfig {
    fn default() -> Self {
        Self {
            jwt: Vec::new(),
            introspection: None,
            timeout: Duration::from_secs(5),
            max_answer_bytes: 256 * 1024,
        }
    }
}

/// An issuer whose tokens are JWTs.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JwtIssuer {
    /// Its issuer identifier: `iss`, byte for byte.
    #[cfg_attr(feature = "schema", schemars(example = &"https://login.microsoftonline.com/1a2b3c4d-…/v2.0"))]
    pub issuer: String,
    /// Where its keys are, if its metadata does not say.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(example = &"https://login.microsoftonline.com/common/discovery/v2.0/keys")
    )]
    pub jwks_uri: Option<String>,
    /// What it calls this server, beside the resource identifier: `aud`, byte for byte. One of these names has to be in
    /// every token.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["api://bank"]))]
    pub audiences: Vec<String>,
    /// How it writes its tokens.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"entra"))]
    pub profile: Profile,
    /// Where that is another way than its profile says.
    #[serde(default)]
    pub claims: ClaimNames,
    /// What its scopes and roles mean here; what is not in this list stands for itself.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = serde_json::json!({ "Posts.Read": "posts:read" })))]
    pub scopes: IndexMap<String, ScopeSet>,
    /// Which signatures are accepted.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may be off.
    #[serde(default = "usual_leeway", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub leeway: Duration,
}

/// The issuer that is asked.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IntrospectedIssuer {
    /// Its issuer identifier.
    #[cfg_attr(feature = "schema", schemars(example = &"https://login.bank.example"))]
    pub issuer: String,
    /// Its introspection endpoint, if its metadata does not say.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"https://login.bank.example/introspect"))]
    pub endpoint: Option<String>,
    /// What this server is called there: who asks.
    #[cfg_attr(feature = "schema", schemars(example = &"bank-mcp"))]
    pub client_id: String,
    /// Its secret there.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"…"))]
    pub client_secret: Option<ClientSecret>,
    /// How the secret is sent: `client_secret_basic` (in the header) if nothing is said, or `client_secret_post`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"client_secret_post"))]
    pub auth_method: Option<AuthMethod>,
    /// A file with a private key instead of a secret, PEM or JWK: this server signs (`private_key_jwt`).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"/etc/barewire/bank-mcp.pem"))]
    pub private_key: Option<PathBuf>,
    /// The name of that key, if the file does not say.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"2026-01"))]
    pub key_id: Option<String>,
    /// How that key signs, if not as is usual for its kind.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"ES256"))]
    pub algorithm: Option<Algorithm>,
    /// What the issuer calls this server, beside the resource identifier; one of these names has to be in every answer.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = ["api://bank"]))]
    pub audiences: Vec<String>,
    /// How it writes its answers.
    #[serde(default)]
    pub profile: Profile,
    /// Where that is another way than its profile says.
    #[serde(default)]
    pub claims: ClaimNames,
    /// What its scopes and roles mean here; what is not in this list stands for itself.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = serde_json::json!({ "Posts.Read": "posts:read" })))]
    pub scopes: IndexMap<String, ScopeSet>,
    /// How far its clock may be off.
    #[serde(default = "usual_leeway", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub leeway: Duration,
    /// How long a good answer is believed: that long a revoked token may go on.
    #[serde(default = "limits::max_age", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub max_age: Duration,
    /// How long an answer may take before the request is told to come back (503).
    #[serde(default = "limits::timeout", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub timeout: Duration,
    /// How long a token that is not good is refused without asking again.
    #[serde(default = "limits::refused_for", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub refused_for: Duration,
    /// Tokens that are remembered as not good.
    #[serde(default = "limits::known_refused")]
    pub known_refused: usize,
    /// Tokens that are known to have been good, and are asked about in a flood of others, too.
    #[serde(default = "limits::known_good")]
    pub known_good: usize,
    /// Tokens that are asked about at the same time.
    #[serde(default = "limits::at_once")]
    pub at_once: usize,
    /// How often per second, and at once, is asked in vain about tokens that were never good.
    #[serde(default = "limits::failures_per_second")]
    pub failures_per_second: u32,
    /// After no answer, or one that any token would get, nothing is asked for this long.
    #[serde(default = "limits::pause", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub pause: Duration,
    /// Bytes of the longest token that is shown to the issuer; a longer one is none of its.
    #[serde(default = "limits::max_token_bytes")]
    pub max_token_bytes: usize,
}

/// Whose words an issuer uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Those of RFC 9068 and RFC 7662.
    #[default]
    Rfc9068,
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
    /// Auth0.
    Auth0,
    /// Keycloak.
    Keycloak,
}

/// Single words that an issuer uses in another way.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// `typ` in the header of an access token; the empty word stands for none.
    #[cfg_attr(feature = "schema", schemars(example = ["JWT"]))]
    pub types: Option<Vec<String>>,
    /// The claim that names the user.
    #[cfg_attr(feature = "schema", schemars(example = &"oid"))]
    pub user: Option<String>,
    /// The claims that may name the client.
    #[cfg_attr(feature = "schema", schemars(example = ["azp"]))]
    pub client: Option<Vec<String>>,
    /// The claims that say what a token allows; one that lies deeper is written `/realm_access/roles`.
    #[cfg_attr(feature = "schema", schemars(example = ["scp", "/realm_access/roles"]))]
    pub scope: Option<Vec<String>>,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// An issuer that cannot be one.
    #[error("the issuer {issuer} {reason}")]
    Issuer {
        /// Which.
        issuer: String,
        /// Why not.
        reason: &'static str,
    },
    /// Two settings for one issuer.
    #[error("the issuer {0} is there twice")]
    Twice(String),
    /// No signature would be good.
    #[error("the issuer {0} needs an algorithm")]
    NoAlgorithm(String),
    /// A URL.
    #[error(transparent)]
    Url(#[from] DiscoveryError),
    /// How the introspection endpoint is asked.
    #[error("introspection needs either client_secret or private_key")]
    Credentials,
    /// There is a file with a key, and nobody has read it.
    #[error("the key of introspection.private_key was not given")]
    NoKey,
    /// Something else.
    #[error(
        "introspection.auth_method is client_secret_basic or client_secret_post, and goes with client_secret"
    )]
    AuthMethod,
    /// No HTTP client.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] FetchError),
}

impl ExternalConfig {
    /// Whether anybody's tokens are taken.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.jwt.is_empty() || self.introspection.is_some()
    }

    /// Their issuer identifiers: what the resource's metadata lists
    /// ([`ResourceServer::authorization_server`](barewire_mcp_server::ResourceServer::authorization_server)).
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        let jwt = self.jwt.iter().map(|issuer| issuer.issuer.as_str());
        jwt.chain(self.introspection.iter().map(|asked| asked.issuer.as_str()))
    }

    /// What verifies their tokens for the server with this identifier, and with `others` where it has several. `signing` is
    /// what was read from [`IntrospectedIssuer::private_key`], where that is set.
    ///
    /// Nothing is fetched here: an issuer that is down does not keep this server from starting.
    ///
    /// # Errors
    /// [`ExternalError`].
    pub fn verifier(
        &self,
        resource: &Resource,
        others: &[Resource],
        signing: Option<Signing>,
    ) -> Result<Issuers, ExternalError> {
        let mut seen: Vec<&str> = Vec::new();
        for issuer in self.issuers() {
            check_issuer(issuer)?;
            if seen.contains(&issuer) {
                return Err(ExternalError::Twice(issuer.to_owned()));
            }
            seen.push(issuer);
        }
        let http = Http::new(self.timeout, self.max_answer_bytes).map_err(ExternalError::Http)?;
        let mut issuers = Issuers::new();
        for issuer in &self.jwt {
            issuers = issuers.jwt(issuer.verifier(&http, resource, others)?);
        }
        if let Some(asked) = &self.introspection {
            issuers =
                issuers.introspection(asked.verifier(self.max_answer_bytes, resource, others, signing)?);
        }
        Ok(issuers)
    }
}

impl JwtIssuer {
    fn verifier(
        &self,
        http: &Http,
        resource: &Resource,
        others: &[Resource],
    ) -> Result<JwtVerifier, ExternalError> {
        if self.algorithms.is_empty() {
            return Err(ExternalError::NoAlgorithm(self.issuer.clone()));
        }
        let mut keys = PublishedKeys::new(http.clone(), &self.issuer);
        if let Some(url) = &self.jwks_uri {
            keys = keys.at(allowed(&self.issuer, url)?);
        }
        let mut verifier = JwtVerifier::with_source(&self.issuer, resource.clone(), keys)
            .algorithms(self.algorithms.iter().copied())
            .leeway(self.leeway);
        // RFC 9068 without a change has a way of its own, which copies nothing of what anybody could have written.
        let profile = self.claims.over(self.profile, &self.scopes);
        if profile != TokenProfile::rfc9068() {
            verifier = verifier.profile(profile);
        }
        for other in others {
            verifier = verifier.also_for(other.clone());
        }
        for name in &self.audiences {
            verifier = verifier.audience(name);
        }
        Ok(verifier)
    }
}

impl IntrospectedIssuer {
    fn verifier(
        &self,
        max_answer_bytes: usize,
        resource: &Resource,
        others: &[Resource],
        signing: Option<Signing>,
    ) -> Result<IntrospectionVerifier, ExternalError> {
        let http = Http::new(self.timeout, max_answer_bytes).map_err(ExternalError::Http)?;
        let (issuer, client) = (&self.issuer, &self.client_id);
        let mut endpoint = match (&self.client_secret, &self.private_key) {
            (Some(secret), None) => Endpoint::with_secret(http, issuer, client, secret.clone()),
            (None, Some(_)) => Endpoint::with_key(http, issuer, client, signing.ok_or(ExternalError::NoKey)?),
            _ => return Err(ExternalError::Credentials),
        };
        endpoint = match (self.auth_method, &self.client_secret) {
            (None, _) | (Some(AuthMethod::ClientSecretBasic), Some(_)) => endpoint,
            (Some(AuthMethod::ClientSecretPost), Some(_)) => endpoint.secret_in_form(),
            _ => return Err(ExternalError::AuthMethod),
        };
        if let Some(url) = &self.endpoint {
            endpoint = endpoint.at(url)?;
        }
        let mut verifier = IntrospectionVerifier::new(issuer, resource.clone(), endpoint)
            .profile(self.claims.over(self.profile, &self.scopes))
            .leeway(self.leeway)
            .limits(IntrospectionLimits {
                max_age: self.max_age,
                timeout: self.timeout,
                refused_for: self.refused_for,
                known_refused: self.known_refused,
                known_good: self.known_good,
                at_once: self.at_once,
                failures_per_second: self.failures_per_second,
                pause: self.pause,
                max_token_bytes: self.max_token_bytes,
            });
        for other in others {
            verifier = verifier.also_for(other.clone());
        }
        for name in &self.audiences {
            verifier = verifier.audience(name);
        }
        Ok(verifier)
    }
}

impl ClaimNames {
    /// The profile with these words in it.
    fn over(&self, profile: Profile, scopes: &IndexMap<String, ScopeSet>) -> TokenProfile {
        let mut words = match profile {
            Profile::Rfc9068 => TokenProfile::rfc9068(),
            Profile::Entra => TokenProfile::entra(),
            Profile::Okta => TokenProfile::okta(),
            Profile::Auth0 => TokenProfile::auth0(),
            Profile::Keycloak => TokenProfile::keycloak(),
        };
        words.types = self.types.clone().unwrap_or(words.types);
        words.user_claim = self.user.clone().unwrap_or(words.user_claim);
        words.client_claims = self.client.clone().unwrap_or(words.client_claims);
        words.scope_claims = self.scope.clone().unwrap_or(words.scope_claims);
        words.scopes.clone_from(scopes);
        words
    }
}

fn check_issuer(issuer: &str) -> Result<(), ExternalError> {
    let wrong = |reason| ExternalError::Issuer { issuer: issuer.to_owned(), reason };
    let url = Url::parse(issuer).map_err(|_| wrong("is no absolute URL"))?;
    EndpointRule::for_server(&url).issuer(issuer).map_err(wrong)
}

fn usual_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Rs256, Algorithm::Es256]
}

fn usual_leeway() -> Duration {
    Duration::from_secs(10)
}

/// The defaults, one by one as the reader of settings wants them.
mod limits {
    use std::time::Duration;

    use barewire_mcp_server::IntrospectionLimits;

    pub(super) fn max_age() -> Duration {
        IntrospectionLimits::default().max_age
    }

    pub(super) fn timeout() -> Duration {
        IntrospectionLimits::default().timeout
    }

    pub(super) fn refused_for() -> Duration {
        IntrospectionLimits::default().refused_for
    }

    pub(super) fn known_refused() -> usize {
        IntrospectionLimits::default().known_refused
    }

    pub(super) fn known_good() -> usize {
        IntrospectionLimits::default().known_good
    }

    pub(super) fn at_once() -> usize {
        IntrospectionLimits::default().at_once
    }

    pub(super) fn failures_per_second() -> u32 {
        IntrospectionLimits::default().failures_per_second
    }

    pub(super) fn max_token_bytes() -> usize {
        IntrospectionLimits::default().max_token_bytes
    }

    pub(super) fn pause() -> Duration {
        IntrospectionLimits::default().pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(text: &str) -> Result<Issuers, String> {
        let config: ExternalConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let resource = Resource::parse("https://rs.example/mcp").unwrap();
        config.verifier(&resource, &[], None).map_err(|error| error.to_string())
    }

    #[test]
    fn what_can_be_used_and_what_not() {
        let jwt = |more: &str| format!("[[jwt]]\nissuer = \"https://as.example\"\n{more}");
        let asked = |more: &str| {
            format!("[introspection]\nissuer = \"https://as.example\"\nclient_id = \"rs\"\n{more}")
        };
        let secret = "client_secret = \"s\"";
        for (text, expected) in [
            (String::new(), None),
            (jwt(""), None),
            (jwt("profile = \"entra\"\naudiences = [\"api://mcp\"]\nclaims = { user = \"sub\" }"), None),
            (jwt("scopes = { \"Posts.Read\" = \"posts:read\" }\nalgorithms = [\"PS256\"]"), None),
            (jwt("jwks_uri = \"https://keys.example/jwks\""), None),
            (jwt("jwks_uri = \"http://keys.example/jwks\""), Some("plain http")),
            (jwt("jwks_uri = \"https://127.0.0.1/jwks\""), Some("network")),
            (jwt("algorithms = [\"HS256\"]"), Some("HS256")),
            (jwt("algorithms = []"), Some("needs an algorithm")),
            (jwt("profile = \"azure\""), Some("azure")),
            (jwt("audience = \"api://mcp\""), Some("audience")),
            (jwt(&jwt("")), Some("there twice")),
            (jwt(&asked(secret)), Some("there twice")),
            ("[[jwt]]\nissuer = \"as.example\"".to_owned(), Some("no absolute URL")),
            ("[[jwt]]\nissuer = \"http://as.example\"".to_owned(), Some("plain http")),
            ("[[jwt]]\nissuer = \"https://as.example?tenant=x\"".to_owned(), Some("query")),
            (asked(secret), None),
            (asked("client_secret = \"s\"\nauth_method = \"client_secret_post\"\nmax_age = \"5s\""), None),
            (asked("client_secret = \"s\"\nauth_method = \"private_key_jwt\""), Some("auth_method")),
            (asked("client_secret = \"s\"\nendpoint = \"ftp://as.example/\""), Some("ftp://as.example/")),
            (asked(""), Some("either client_secret or private_key")),
            (
                asked("client_secret = \"s\"\nprivate_key = \"key.pem\""),
                Some("either client_secret or private_key"),
            ),
            (asked("private_key = \"key.pem\""), Some("was not given")),
        ] {
            match (build(&text), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(part)) => assert!(error.contains(part), "{text}: {error}"),
                (Ok(_), Some(part)) => panic!("{text}: nothing about {part}"),
                (Err(error), None) => panic!("{text}: {error}"),
            }
        }
    }

    #[test]
    fn secrets_of_settings_are_not_shown() {
        let text =
            "[introspection]\nissuer = \"https://as.example\"\nclient_id = \"rs\"\nclient_secret = \"hush\"";
        let config: ExternalConfig = toml::from_str(text).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
