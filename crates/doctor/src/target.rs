//! What is to be examined.

use barewire_oauth::dpop::{BoundToken, Possession};
use barewire_oauth::secret::AccessToken;
use url::Url;

/// The page of a host in a browser that is asked about where nobody names one: the official inspector's.
pub const USUAL_PAGE: &str = "http://localhost:6274";

/// A server, and what to examine it with.
#[derive(Debug, Clone)]
pub struct Target {
    /// The MCP endpoint.
    pub url: Url,
    /// A token for it. It is sent to this URL's origin only.
    pub token: Option<AccessToken>,
    /// The key that the token is bound to, if it is bound to one: each request then proves that we have it.
    pub possession: Option<Possession>,
    /// Somebody else's token, to see whether a session belongs to one user.
    pub second_token: Option<AccessToken>,
    /// The origin of the page that should be able to use the server. Default [`USUAL_PAGE`].
    pub page: String,
    /// Certificates (PEM) to trust beside those of the system.
    pub authorities: Vec<Vec<u8>>,
}

impl Target {
    /// A server, as somebody without a token meets it.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            token: None,
            possession: None,
            second_token: None,
            page: USUAL_PAGE.to_owned(),
            authorities: Vec::new(),
        }
    }

    /// The token with the key that it is bound to.
    pub(crate) fn bound_token(&self) -> Option<BoundToken> {
        let (token, possession) = self.token.clone().zip(self.possession.clone())?;
        Some(BoundToken::new(token, possession))
    }
}
