//! Plain resources of the same server, with the same token.

use barewire_exchange::Step;
use bytes::Bytes;
use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::authorized::Follow;
use crate::connection::Connection;
use crate::error::CallError;
use crate::recording::Purpose;
use crate::transport::Request;

/// The answer of a plain resource of the server.
#[derive(Debug, Clone)]
pub struct PlainResponse {
    /// The status.
    pub status: StatusCode,
    /// The header lines.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Connection {
    /// GETs a resource of the server's own origin. Nothing of what comes back leads to a login: this is not what the
    /// user asked for.
    pub(crate) async fn plain_get(&self, url: &str) -> Result<PlainResponse, CallError> {
        let other = || CallError::OtherOrigin { url: url.to_owned() };
        let target = self.url.join(url).map_err(|_| other())?;
        if target.origin() != self.url.origin() || !is_plain(&target) {
            return Err(other());
        }
        // The token is for the resource; its origin is the server's, or it would not be used here at all.
        let mut purpose = Purpose::of(Step::PlainResource);
        purpose.tag.clone_from(&self.options.tag);
        let build = || {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
            Ok(Request {
                purpose: purpose.clone(),
                method: Method::GET,
                url: target.clone(),
                headers,
                body: None,
                timeout: self.options.config.answer_timeout,
            })
        };
        let (mut reply, _) = self.authorized.send(Follow::Renewals, build).await?;
        let body = reply.body(self.options.config.max_answer_bytes).await.map_err(CallError::Transport)?;
        Ok(PlainResponse { status: reply.status, headers: reply.headers, body })
    }
}

fn is_plain(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
}
