//! Why a login failed: what happened, whose fault it is, and what to do next.

use std::fmt;

use http::StatusCode;

use crate::error::{ErrorCode, ErrorResponse};
use crate::scope::ScopeSet;

/// Whose fault a failed login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The MCP server, or whoever configured it.
    ResourceServer,
    /// The authorization server, or whoever configured it.
    AuthorizationServer,
    /// The settings of this client.
    Settings,
    /// The user (or somebody for them) said no.
    User,
    /// Somebody sent a callback that does not belong to this login; perhaps an attack, perhaps an old tab.
    Callback,
    /// The way there.
    Network,
}

/// A place that was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The URL.
    pub url: String,
    /// What was there instead.
    pub obstacle: Obstacle,
}

/// Why an answer is not what was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// No response.
    #[error("no answer ({0})")]
    Unreachable(String),
    /// A redirect, which is never followed: it would lead away from the identifier that was asked for.
    #[error("a redirect ({0})")]
    Redirect(StatusCode),
    /// Any other status than success.
    #[error("status {0}")]
    Status(StatusCode),
    /// Longer than the limit.
    #[error("a body of more than {0} bytes")]
    TooLong(usize),
    /// Not the JSON it should be: a web page, another document, nonsense.
    #[error("something else than the JSON document ({0})")]
    NotTheDocument(String),
    /// The document describes another issuer.
    #[error("metadata of the issuer {0}")]
    OtherIssuer(String),
    /// The URL must not be fetched.
    #[error("a URL that {0}")]
    Forbidden(&'static str),
}

impl Obstacle {
    /// Whether it may be gone the next time, so that nothing can be concluded from it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            _ => false,
        }
    }
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.obstacle)
    }
}

/// Why there is no token. `Display` says what happened and why, [`FlowError::what_next`] what to do,
/// [`FlowError::fault`] whose it is. Texts of the other side are cut and freed of control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The MCP endpoint is no URL one can log in to.
    #[error("{endpoint} is not an http or https URL of an MCP server")]
    Endpoint {
        /// As it was given.
        endpoint: String,
    },
    /// The user's own settings contradict themselves.
    #[error("the client's settings do not fit: {reason}")]
    Settings {
        /// What is wrong.
        reason: &'static str,
    },
    /// Neither metadata nor a refusal that would say there is none.
    #[error("the server's description could not be read: {}", list(tries))]
    Unavailable {
        /// Where we looked.
        tries: Vec<Try>,
    },
    /// The challenge names a document, and neither there nor in the usual places is one.
    #[error("the server asks for a login but does not say where: {}", list(tries))]
    NoResourceMetadata {
        /// Where we looked.
        tries: Vec<Try>,
    },
    /// The metadata is of another server
    /// ([RFC 9728 §3.3](https://www.rfc-editor.org/rfc/rfc9728#section-3.3)).
    #[error("the metadata at {found_at} is about {resource}, not about {endpoint}")]
    ResourceMismatch {
        /// Where the document was.
        found_at: String,
        /// What it says.
        resource: String,
        /// What was asked for.
        endpoint: String,
    },
    /// `authorization_servers` is missing, empty, or has no usable entry.
    #[error("the metadata at {found_at} names no authorization server that could be used")]
    NoAuthorizationServer {
        /// Where the document was.
        found_at: String,
    },
    /// No metadata of the authorization server in any of its places.
    #[error("the authorization server {issuer} does not describe itself: {}", list(tries))]
    NoServerMetadata {
        /// Which one.
        issuer: String,
        /// Where we looked.
        tries: Vec<Try>,
    },
    /// A document claims to be of another issuer
    /// ([RFC 8414 §3.3](https://www.rfc-editor.org/rfc/rfc8414#section-3.3)).
    #[error("the metadata at {found_at} says that its issuer is {found}, but it was looked up as {expected}")]
    MetadataIssuerMismatch {
        /// Where the document was.
        found_at: String,
        /// The identifier the place was made of.
        expected: String,
        /// What the document says.
        found: String,
    },
    /// An endpoint is missing, or must not be touched.
    #[error("the {name} of {issuer} {reason}")]
    UnusableEndpoint {
        /// Which server.
        issuer: String,
        /// Which field of its metadata.
        name: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// PKCE with `S256` is not listed
    /// ([Authorization Code Protection](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/security-considerations#authorization-code-protection)).
    #[error(
        "the authorization server {issuer} does not say that it supports PKCE with S256 \
         (code_challenge_methods_supported), and without it a login can be stolen"
    )]
    NoPkce {
        /// Which server.
        issuer: String,
    },
    /// The client was registered by hand with another issuer.
    #[error("the client {client_id} was registered with {registered_with}, but the server now uses {found}")]
    OtherIssuersClient {
        /// The client.
        client_id: String,
        /// Its issuer.
        registered_with: String,
        /// The issuers of the server.
        found: String,
    },
    /// A workload's token is for another issuer, or does not say for whom it is, and would be worth something there.
    #[error(
        "the workload's token was not shown to {issuer}, which the MCP server names: it is meant for {meant_for}"
    )]
    NotForThisIssuer {
        /// Which one the server names.
        issuer: String,
        /// Whom the token or the settings name.
        meant_for: String,
    },
    /// No way to get a client identifier.
    #[error(
        "the authorization server {issuer} does not know this client, and offers no way to introduce itself \
         that this client has"
    )]
    NoClient {
        /// Which server.
        issuer: String,
    },
    /// The server authenticates clients only in ways we do not know.
    #[error("the authorization server {issuer} authenticates clients with {offered} only")]
    NoSharedAuthMethod {
        /// Which server.
        issuer: String,
        /// What it lists.
        offered: String,
    },
    /// The server does not know this way to a token.
    #[error("the authorization server {issuer} does not offer the grant {grant_type}, only {offered}")]
    GrantNotOffered {
        /// Which server.
        issuer: String,
        /// What was wanted.
        grant_type: &'static str,
        /// What it lists.
        offered: String,
    },
    /// The server does not bind tokens to a key in a way we know.
    #[error("the authorization server {issuer} does not bind tokens to keys of our kind (DPoP with ES256)")]
    NoDpop {
        /// Which server.
        issuer: String,
    },
    /// The registration was refused.
    #[error("the authorization server {issuer} refused to register this client: {refusal}")]
    RegistrationRefused {
        /// Which server.
        issuer: String,
        /// What it said.
        refusal: Refusal,
    },
    /// The authorization request was not taken.
    #[error("the authorization server {issuer} did not take the authorization request: {refusal}")]
    PushRefused {
        /// Which server.
        issuer: String,
        /// What it said.
        refusal: Refusal,
    },
    /// The callback has no `state`, or that of another login.
    #[error("the answer of the browser does not belong to this login (state)")]
    StateMismatch,
    /// A parameter of the callback is there twice.
    #[error("the answer of the browser has the parameter {name} twice")]
    RepeatedParameter {
        /// Which one.
        name: String,
    },
    /// The server promises `iss` with each answer, and it is not there
    /// ([RFC 9207 §2.4](https://www.rfc-editor.org/rfc/rfc9207#section-2.4)).
    #[error("the answer of the browser does not say that it comes from {expected} (iss), which promises to")]
    IssMissing {
        /// The server that was asked.
        expected: String,
    },
    /// Another server answered.
    #[error("{expected} was asked, but the answer of the browser comes from {found} (iss)")]
    IssMismatch {
        /// The server that was asked.
        expected: String,
        /// The one that answered.
        found: String,
    },
    /// `access_denied`.
    #[error("the login was declined{}", described(.description.as_deref()))]
    AccessDenied {
        /// What the server said about it.
        description: Option<String>,
    },
    /// The user did not type the code in time.
    #[error("the code of {issuer} has expired before the user has answered")]
    CodeExpired {
        /// Which server.
        issuer: String,
    },
    /// Any other error in the callback.
    #[error("the authorization server {issuer} refused the login: {}", .error)]
    AuthorizationRefused {
        /// Which server.
        issuer: String,
        /// What it said.
        error: Box<ErrorResponse>,
    },
    /// Neither a code nor an error.
    #[error("the answer of the browser has neither a code nor an error")]
    NoCode,
    /// The code or the refresh token is not accepted (`invalid_grant`).
    #[error("the authorization server {issuer} does not accept the grant: {refusal}")]
    GrantRefused {
        /// Which server.
        issuer: String,
        /// What it said.
        refusal: Refusal,
    },
    /// Somebody's statement about the client or user is not accepted (`invalid_grant`).
    #[error("the authorization server {issuer} does not accept the assertion: {refusal}")]
    AssertionRefused {
        /// Which server.
        issuer: String,
        /// What it said.
        refusal: Refusal,
    },
    /// The client is not accepted at the token endpoint.
    #[error("the authorization server {issuer} does not accept the client {client_id}: {refusal}")]
    ClientRefused {
        /// Which server.
        issuer: String,
        /// Which client.
        client_id: String,
        /// What it said.
        refusal: Refusal,
    },
    /// Any other answer of the token endpoint than tokens.
    #[error("the authorization server {issuer} gave no token: {refusal}")]
    TokenRefused {
        /// Which server.
        issuer: String,
        /// What it said.
        refusal: Refusal,
    },
    /// Tokens of a kind this client cannot use.
    #[error("the authorization server {issuer} gave a token that cannot be used: {reason}")]
    UnusableToken {
        /// Which server.
        issuer: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The user was asked again and again, and the server still demands the same.
    #[error(
        "after {authorizations} logins in a row the server still demands {}",
        if scopes.is_empty() { "another one".to_owned() } else { format!("the scope {scopes}") }
    )]
    ScopeRefused {
        /// What it demands.
        scopes: ScopeSet,
        /// How often the user was asked.
        authorizations: u32,
    },
}

/// What an authorization server said instead of giving what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// An OAuth error.
    Error(Box<ErrorResponse>),
    /// Something that is no answer of an OAuth endpoint.
    Other(Obstacle),
}

impl Refusal {
    /// The OAuth error code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Error(error) => Some(&error.error),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Other(obstacle) => obstacle.fmt(f),
        }
    }
}

impl FlowError {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Endpoint { .. }
            | Self::Settings { .. }
            | Self::OtherIssuersClient { .. }
            | Self::NotForThisIssuer { .. }
            | Self::NoClient { .. } => Fault::Settings,
            Self::NoResourceMetadata { .. }
            | Self::ResourceMismatch { .. }
            | Self::NoAuthorizationServer { .. }
            | Self::ScopeRefused { .. } => Fault::ResourceServer,
            Self::Unavailable { tries } => {
                let network = tries.iter().any(|t| matches!(t.obstacle, Obstacle::Unreachable(_)));
                if network { Fault::Network } else { Fault::ResourceServer }
            }
            Self::NoServerMetadata { tries, .. } => {
                let network = tries.iter().all(|t| matches!(t.obstacle, Obstacle::Unreachable(_)));
                if network { Fault::Network } else { Fault::AuthorizationServer }
            }
            Self::MetadataIssuerMismatch { .. }
            | Self::UnusableEndpoint { .. }
            | Self::NoPkce { .. }
            | Self::GrantNotOffered { .. }
            | Self::NoDpop { .. }
            | Self::NoSharedAuthMethod { .. }
            | Self::AuthorizationRefused { .. }
            | Self::UnusableToken { .. } => Fault::AuthorizationServer,
            Self::RegistrationRefused { refusal, .. }
            | Self::PushRefused { refusal, .. }
            | Self::GrantRefused { refusal, .. }
            | Self::AssertionRefused { refusal, .. }
            | Self::ClientRefused { refusal, .. }
            | Self::TokenRefused { refusal, .. } => match refusal {
                Refusal::Other(Obstacle::Unreachable(_)) => Fault::Network,
                _ => Fault::AuthorizationServer,
            },
            Self::StateMismatch
            | Self::RepeatedParameter { .. }
            | Self::IssMissing { .. }
            | Self::IssMismatch { .. }
            | Self::NoCode => Fault::Callback,
            Self::AccessDenied { .. } | Self::CodeExpired { .. } => Fault::User,
        }
    }

    /// What the user can do now, as a sentence.
    #[must_use]
    pub fn what_next(&self) -> &'static str {
        match self {
            Self::Endpoint { .. } => {
                "Check the URL; it has to begin with https:// (or http:// on this machine)."
            }
            Self::Settings { .. } => "Correct the client's settings.",
            Self::Unavailable { .. } => {
                "Try again in a while; if it stays so, tell the operator of the server."
            }
            Self::NoResourceMetadata { .. } => {
                "Tell the operator of the server: its protected resource metadata (RFC 9728) cannot be read."
            }
            Self::ResourceMismatch { .. } => {
                "Check the URL for a typing error. If it is right, tell the operator: the metadata's `resource` \
                 has to be the URL clients connect to."
            }
            Self::NoAuthorizationServer { .. } => {
                "Tell the operator of the server: its metadata has to list an https authorization server."
            }
            Self::NoServerMetadata { .. } | Self::UnusableEndpoint { .. } | Self::UnusableToken { .. } => {
                "Tell the operator of the authorization server."
            }
            Self::MetadataIssuerMismatch { .. } => {
                "Do not log in. Tell the operator: both documents have to name the issuer in exactly the same way."
            }
            Self::NoPkce { .. } => {
                "Tell the operator of the authorization server to list S256 in code_challenge_methods_supported."
            }
            Self::OtherIssuersClient { .. } => {
                "If the move is intended, register a client with the new authorization server and enter it here."
            }
            Self::NotForThisIssuer { .. } => {
                "If this issuer may have it, let the platform make the token for it (audience), or name the issuer in \
                 the client's settings."
            }
            Self::NoClient { .. } | Self::RegistrationRefused { .. } => {
                "Register a client with the authorization server by hand and enter its client_id here."
            }
            Self::NoSharedAuthMethod { .. } => {
                "Register a client by hand that authenticates in one of these ways, and enter it here."
            }
            Self::GrantNotOffered { .. } => {
                "Log in with the browser instead, or ask the operator of the authorization server for this grant."
            }
            Self::NoDpop { .. } => {
                "Tell the operator of the authorization server, or allow tokens that are not bound to a key."
            }
            Self::AssertionRefused { .. } => {
                "Get a new one: it may have ended, or be meant for somebody else. Then try again."
            }
            Self::StateMismatch
            | Self::RepeatedParameter { .. }
            | Self::IssMissing { .. }
            | Self::IssMismatch { .. }
            | Self::NoCode => "Begin the login again, and go on only in the window that it opens.",
            Self::AccessDenied { .. } => "Begin the login again to grant access.",
            Self::CodeExpired { .. } => "Begin the login again, and type the new code before it is over.",
            Self::AuthorizationRefused { .. } | Self::GrantRefused { .. } => "Begin the login again.",
            Self::ClientRefused { .. } => {
                "Begin the login again; a client that was registered automatically is registered anew, one that \
                 was registered by hand has to be corrected in the settings."
            }
            Self::TokenRefused { .. } | Self::PushRefused { .. } => {
                "Try again in a while; if it stays so, tell the operator."
            }
            Self::ScopeRefused { .. } => {
                "Your account may not have this permission; ask the operator of the server for it."
            }
        }
    }

    /// Whether the kept client identity is worthless: forget it before the next login.
    #[must_use]
    pub fn forgets_client(&self) -> bool {
        matches!(self, Self::ClientRefused { .. })
    }
}

/// A text of the other side, fit to be shown: no control characters, and not long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut shown: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

fn described(description: Option<&str>) -> String {
    description.map(|text| format!(": {text}")).unwrap_or_default()
}

fn list(tries: &[Try]) -> String {
    tries.iter().map(Try::to_string).collect::<Vec<_>>().join("; ")
}
