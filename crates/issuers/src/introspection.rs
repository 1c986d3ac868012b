//! Asking an issuer about a token, as somebody whom it knows
//! ([RFC 7662 §2.1](https://www.rfc-editor.org/rfc/rfc7662#section-2.1)).

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use barewire_mcp_server::{IntrospectionEndpoint, NotAnswered};
use barewire_oauth::client_assertion::ClientKey;
use barewire_oauth::client_flow::{AuthMethod, ClientIdentity, IdentityOrigin, Moment, authenticated_form};
use barewire_oauth::jws::{SignError, Signer};
use barewire_oauth::secret::ClientSecret;
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use tokio::sync::OnceCell;
use url::Url;

use crate::discovery::{self, DiscoveryError, allowed};
use crate::fetch::{FetchError, Http};

/// A private key, and who signs with it.
#[derive(Clone)]
pub struct Signing {
    /// The key.
    pub key: ClientKey,
    /// Who signs.
    pub signer: Arc<dyn Signer + Send + Sync>,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The introspection endpoint of an issuer.
pub struct Endpoint {
    http: Http,
    client: ClientIdentity,
    signer: Option<Arc<dyn Signer + Send + Sync>>,
    /// Where it is: said, or found in the metadata when it is first needed.
    url: OnceCell<Url>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("client", &self.client)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error("the request cannot be made: the endpoint {0}")]
    Request(&'static str),
    #[error("the request cannot be signed")]
    Sign(#[from] SignError),
    #[error("no randomness can be had")]
    Random(#[source] getrandom::Error),
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Endpoint {
    /// Asks with a secret, in the header (`client_secret_basic`).
    pub fn with_secret(
        http: Http,
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        secret: ClientSecret,
    ) -> Self {
        let mut endpoint = Self::new(http, issuer.into(), client_id.into(), AuthMethod::ClientSecretBasic);
        endpoint.client.client_secret = Some(secret);
        endpoint
    }

    /// Asks with a signed statement (`private_key_jwt`).
    pub fn with_key(
        http: Http,
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        signing: Signing,
    ) -> Self {
        let mut endpoint = Self::new(http, issuer.into(), client_id.into(), AuthMethod::PrivateKeyJwt);
        endpoint.client.key = Some(signing.key);
        endpoint.signer = Some(signing.signer);
        endpoint
    }

    fn new(http: Http, issuer: String, client_id: String, auth_method: AuthMethod) -> Self {
        let client = ClientIdentity {
            issuer,
            client_id,
            client_secret: None,
            secret_expires_at: None,
            key: None,
            assertion: None,
            auth_method,
            origin: IdentityOrigin::PreRegistered,
            redirect_uri: String::new(),
        };
        Self { http, client, signer: None, url: OnceCell::new() }
    }

    /// Sends the secret in the form (`client_secret_post`).
    #[must_use]
    pub fn secret_in_form(mut self) -> Self {
        if self.client.client_secret.is_some() {
            self.client.auth_method = AuthMethod::ClientSecretPost;
        }
        self
    }

    /// Where it is, for an issuer whose metadata does not say.
    ///
    /// # Errors
    /// [`DiscoveryError::Url`]: that URL cannot be called.
    pub fn at(mut self, url: &str) -> Result<Self, DiscoveryError> {
        self.url = OnceCell::new_with(Some(allowed(&self.client.issuer, url)?));
        Ok(self)
    }

    async fn answer(&self, token: &str) -> Result<Response<Bytes>, AskError> {
        let url = self.url.get_or_try_init(|| self.find()).await?;
        let parameters = [("token", token), ("token_type_hint", "access_token")];
        let (mut request, signatures) =
            authenticated_form(url.as_str(), &self.client, &parameters).map_err(AskError::Request)?;
        if let Some(signer) = &self.signer {
            let mut random = [0; 32];
            getrandom::fill(&mut random).map_err(AskError::Random)?;
            let moment = Moment { now: SystemTime::now(), random: &random, nonce: None };
            request = signatures.complete(&request, &moment, signer.as_ref())?;
        }
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(self.http.send(request).await?)
    }

    async fn find(&self) -> Result<Url, DiscoveryError> {
        let metadata = discovery::metadata(&self.http, &self.client.issuer).await?;
        let url = metadata.introspection_endpoint.ok_or(DiscoveryError::Missing("introspection_endpoint"))?;
        allowed(&self.client.issuer, &url)
    }
}

impl IntrospectionEndpoint for Endpoint {
    async fn ask(&self, token: &str) -> Result<Response<Bytes>, NotAnswered> {
        self.answer(token).await.map_err(|error| NotAnswered(error.into()))
    }
}
