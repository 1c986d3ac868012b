//! Requests to identity providers: at addresses that the operator or the provider's own document names, without redirects,
//! in a short time, and for a small answer.

use std::time::Duration;

use barewire_oauth::secret::AccessToken;
use barewire_oauth::upstream::token::TokenForm;
use http::header::{ACCEPT, AUTHORIZATION};
use reqwest::{RequestBuilder, redirect};
use tokio::sync::Semaphore;
use url::Url;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Too much else is being asked.
    #[error("too much is being asked of identity providers at once")]
    Busy,
    /// Nobody answers, or not in time.
    #[error("{host} does not answer")]
    Failed {
        host: String,
        #[source]
        source: reqwest::Error,
    },
    /// The answer is larger than allowed.
    #[error("the answer of {0} is larger than auth.upstream_max_bytes")]
    TooLarge(String),
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What asks. One for all providers.
pub(crate) struct Http {
    client: reqwest::Client,
    /// Requests at once.
    asking: Semaphore,
    max_bytes: usize,
}

impl Http {
    pub(crate) fn new(timeout: Duration, max_bytes: usize, at_once: usize) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(timeout)
            .build()?;
        Ok(Self { client, asking: Semaphore::new(at_once), max_bytes })
    }

    /// A document, or what a token opens.
    pub(crate) async fn get(&self, url: &Url, token: Option<&AccessToken>) -> Result<Answer, HttpError> {
        let mut request = self.client.get(url.clone());
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
        }
        self.send(url, request).await
    }

    /// The token endpoint.
    pub(crate) async fn post(&self, url: &Url, form: &TokenForm) -> Result<Answer, HttpError> {
        let mut request = self.client.post(url.clone()).form(&form.fields);
        if let Some(authorization) = &form.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.send(url, request).await
    }

    async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Answer, HttpError> {
        let _asking = self.asking.try_acquire().map_err(|_| HttpError::Busy)?;
        let host = || url.host_str().unwrap_or_default().to_owned();
        let failed =
            |source: reqwest::Error| HttpError::Failed { host: host(), source: source.without_url() };
        let mut response = request.header(ACCEPT, "application/json").send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(HttpError::TooLarge(host()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }
}
