//! What an issuer publishes about itself ([RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3), OpenID Connect
//! Discovery).

use barewire_oauth::client_flow::EndpointRule;
use barewire_oauth::metadata::{AuthorizationServerMetadata, well_known};
use bytes::Bytes;
use http::header::ACCEPT;
use http::{Request, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::fetch::{FetchError, Http};

/// An issuer could not be asked for something.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The URL cannot be called.
    #[error("{url} {reason}")]
    Url {
        /// Which.
        url: String,
        /// Why not; it completes "the URL …".
        reason: &'static str,
    },
    /// There was no answer.
    #[error("{url} cannot be fetched")]
    Fetch {
        /// From where.
        url: String,
        /// Why not.
        #[source]
        source: FetchError,
    },
    /// Something else than 200.
    #[error("{url} answers with status {status}")]
    Status {
        /// Where.
        url: String,
        /// What.
        status: u16,
    },
    /// It is not what it has to be.
    #[error("what is at {url} cannot be read")]
    Malformed {
        /// Where.
        url: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The metadata is somebody else's (RFC 8414 §3.3).
    #[error("the metadata at {url} is of the issuer {found}")]
    OtherIssuer {
        /// Where.
        url: String,
        /// Whose.
        found: String,
    },
    /// There is nothing at any of the places where it belongs.
    #[error("the issuer publishes no metadata; name its URLs in the settings")]
    NoMetadata,
    /// It lacks something.
    #[error("the issuer's metadata has no {0}; name it in the settings")]
    Missing(&'static str),
}

/// The issuer's metadata: the first document that is there, and it has to be this issuer's.
pub(crate) async fn metadata(
    http: &Http,
    issuer: &str,
) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    let mut last = DiscoveryError::NoMetadata;
    for location in well_known::authorization_server(issuer) {
        match document::<AuthorizationServerMetadata>(http, issuer, &location.url).await {
            Ok(metadata) if metadata.issuer == issuer => return Ok(metadata),
            Ok(metadata) => {
                return Err(DiscoveryError::OtherIssuer { url: location.url, found: metadata.issuer });
            }
            // It may be at the next place.
            Err(DiscoveryError::Status { .. }) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A JSON document at a URL of this issuer.
pub(crate) async fn document<T: DeserializeOwned>(
    http: &Http,
    issuer: &str,
    url: &str,
) -> Result<T, DiscoveryError> {
    let allowed = allowed(issuer, url)?;
    let request = Request::get(allowed.as_str()).header(ACCEPT, "application/json").body(Bytes::new());
    let request =
        request.map_err(|_| DiscoveryError::Url { url: url.to_owned(), reason: "is no absolute URL" })?;
    let answer = http.send(request).await;
    let answer = answer.map_err(|source| DiscoveryError::Fetch { url: url.to_owned(), source })?;
    if answer.status() != StatusCode::OK {
        return Err(DiscoveryError::Status { url: url.to_owned(), status: answer.status().as_u16() });
    }
    barewire_oauth::json::object(answer.body())
        .map_err(|source| DiscoveryError::Malformed { url: url.to_owned(), source })
}

/// A URL that the settings or the issuer's metadata name: `https`, or `http` on this machine, and not further inside the
/// network than the issuer itself.
pub(crate) fn allowed(issuer: &str, url: &str) -> Result<Url, DiscoveryError> {
    let wrong = |reason| DiscoveryError::Url { url: url.to_owned(), reason };
    let issuer = Url::parse(issuer).map_err(|_| wrong("belongs to an issuer that is no URL"))?;
    EndpointRule::for_server(&issuer).endpoint(url).map_err(wrong)?;
    Url::parse(url).map_err(|_| wrong("is no absolute URL"))
}
