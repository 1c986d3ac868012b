//! The keys that an issuer publishes.

use barewire_mcp_server::{JwkSet, KeySource, KeysUnavailable};

use crate::discovery::{self, DiscoveryError};
use crate::fetch::Http;

/// The issuer's JWK set, at its `jwks_uri`. How often it is fetched, and how long it counts, is for
/// [`JwtVerifier`](barewire_mcp_server::JwtVerifier) to say.
#[derive(Debug, Clone)]
pub struct PublishedKeys {
    http: Http,
    issuer: String,
    jwks_uri: Option<String>,
}

impl PublishedKeys {
    /// Of this issuer; where they are, its metadata says, each time anew.
    #[must_use]
    pub fn new(http: Http, issuer: impl Into<String>) -> Self {
        Self { http, issuer: issuer.into(), jwks_uri: None }
    }

    /// Where they are, for an issuer without metadata.
    #[must_use]
    pub fn at(mut self, jwks_uri: impl Into<String>) -> Self {
        self.jwks_uri = Some(jwks_uri.into());
        self
    }

    async fn set(&self) -> Result<JwkSet, DiscoveryError> {
        let url = match &self.jwks_uri {
            Some(url) => url.clone(),
            None => {
                let metadata = discovery::metadata(&self.http, &self.issuer).await?;
                metadata.jwks_uri.ok_or(DiscoveryError::Missing("jwks_uri"))?
            }
        };
        discovery::document(&self.http, &self.issuer, &url).await
    }
}

impl KeySource for PublishedKeys {
    async fn fetch(&self) -> Result<JwkSet, KeysUnavailable> {
        self.set().await.map_err(|error| KeysUnavailable(error.into()))
    }
}
