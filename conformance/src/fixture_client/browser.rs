//! A browser whose user always says yes: the suite's authorization servers redirect at once.

use async_trait::async_trait;
use barewire_mcp_client::{AuthorizeError, Authorizer};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;

/// Fetches the login and takes the callback from the redirect, which is not followed: nothing listens there.
pub(super) struct Redirected;

#[async_trait]
impl Authorizer for Redirected {
    async fn authorize(&self, url: &str) -> Result<String, AuthorizeError> {
        let unavailable = |error: reqwest::Error| AuthorizeError::Unavailable { detail: error.to_string() };
        let browser = reqwest::Client::builder().redirect(Policy::none()).build().map_err(unavailable)?;
        let answer = browser.get(url).send().await.map_err(unavailable)?;
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        location.map(str::to_owned).ok_or(AuthorizeError::Abandoned)
    }
}
