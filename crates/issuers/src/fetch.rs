//! Requests to an issuer: bounded in time and bytes, and never redirected.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};

/// Sends requests to issuers that the operator named. They may be inside of his network, and behind his proxy.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    max_bytes: usize,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It did not come, or not in time, or not whole.
    #[error("there was no answer")]
    Failed(#[from] reqwest::Error),
    /// It is longer than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
}

impl Http {
    /// Answers may take `timeout` from beginning to end, and have `max_bytes`.
    ///
    /// # Errors
    /// No HTTP client can be made on this machine.
    pub fn new(timeout: Duration, max_bytes: usize) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            // A secret, or a token, is for the host that was named.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("barewire/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .build()?;
        Ok(Self { client, max_bytes })
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.client.execute(request).await.map_err(reqwest::Error::without_url)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(FetchError::TooLarge(self.max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = Response::new(body.freeze());
        *whole.status_mut() = answer.status();
        *whole.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(whole)
    }
}
