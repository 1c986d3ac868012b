//! The documents of clients that are named by a URL. Only good ones are remembered.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_oauth::client::Client;
use barewire_oauth::client_document::{self, DocumentError, DocumentUrl};
use barewire_oauth::register::RegistrationPolicy;
use quick_cache::sync::Cache;

use crate::client_keys::check_readable;
use crate::config::AuthConfig;
use crate::fetch::{FetchError, Fetcher, UrlOf};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentFetchError {
    /// The operator accepts no documents, or not from this host.
    #[error("this server does not accept client documents from {0}")]
    HostNotAccepted(String),
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is not a client's document.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// Known documents.
pub(crate) struct Documents {
    cache: Cache<String, Known>,
    fetcher: Arc<Fetcher>,
    policy: RegistrationPolicy,
}

#[derive(Clone)]
struct Known {
    client: Arc<Client>,
    until: SystemTime,
}

impl Documents {
    pub(crate) fn new(config: &AuthConfig, fetcher: Arc<Fetcher>) -> Self {
        Self {
            cache: Cache::new(config.client_document_cache),
            fetcher,
            policy: config.registration_policy(),
        }
    }

    /// The client whose document is at `client_id`.
    pub(crate) async fn client(
        &self,
        config: &AuthConfig,
        client_id: &str,
        now: SystemTime,
    ) -> Result<Arc<Client>, DocumentFetchError> {
        let url = DocumentUrl::parse(client_id, config.client_documents_from_loopback)?;
        if !is_accepted(config, url.host()) {
            return Err(DocumentFetchError::HostNotAccepted(url.host().to_owned()));
        }
        self.cache.remove_if(client_id, |known| known.until <= now);
        // Several browsers that ask for the same client wait for one fetch.
        let fetch = async {
            let (client, lifetime) = self.fetch(&url).await?;
            Ok::<_, DocumentFetchError>(Known { client: Arc::new(client), until: now + lifetime })
        };
        Ok(self.cache.get_or_insert_async(client_id, fetch).await?.client)
    }

    async fn fetch(&self, url: &DocumentUrl) -> Result<(Client, Duration), DocumentFetchError> {
        let fetched = self.fetcher.get(url.url(), UrlOf::Stranger).await?;
        let client = client_document::read(url, &fetched.body, self.policy)?;
        check_readable(&client.authentication).map_err(DocumentError::from)?;
        Ok((client, fetched.lifetime))
    }
}

/// Whether the operator accepts documents from this host.
pub(crate) fn is_accepted(config: &AuthConfig, host: &str) -> bool {
    config.client_documents && is_accepted_host(config, host)
}

/// Whether the operator lets this server fetch from a host that a client has named.
pub(crate) fn is_accepted_host(config: &AuthConfig, host: &str) -> bool {
    let hosts = &config.client_document_hosts;
    hosts.is_empty() || hosts.iter().any(|one| one.eq_ignore_ascii_case(host))
}
