//! `/.well-known/oauth-protected-resource` ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)) as a small service.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use barewire_oauth::metadata::{ProtectedResourceMetadata, well_known};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue,
};
use http::{Method, Request, Response, StatusCode};

use super::Guard;
use crate::body::{Body, status_only};
use crate::observer::Observer;
use crate::trail::Trail;

/// Serves the metadata of the server's resources in every form that clients look for: path-inserted
/// (`/.well-known/oauth-protected-resource/mcp`) and appended (`/mcp/.well-known/…`), and at the root that of the first.
///
/// Everything in it comes from the configuration, nothing from the request. Any web page may read it.
#[derive(Clone)]
pub struct ResourceMetadata(Arc<[Place]>);

/// Where a document is.
struct Place {
    path: String,
    document: Document,
    observer: Option<Arc<dyn Observer>>,
}

impl ResourceMetadata {
    /// Of these endpoints. Where two have a path in common, it is the first one's.
    pub(crate) fn of<'a>(
        guards: impl IntoIterator<Item = &'a Guard>,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Self {
        let mut all: Vec<Place> = Vec::new();
        for guard in guards {
            let resource = guard.resource().as_str();
            for path in well_known::paths_to_serve(well_known::PROTECTED_RESOURCE, resource) {
                if all.iter().all(|known| known.path != path) {
                    let there = |observer: &Arc<dyn Observer>| observer.at(&path);
                    let observer =
                        observer.map(|observer| there(observer).unwrap_or_else(|| observer.clone()));
                    all.push(Place { path, document: guard.document().clone(), observer });
                }
            }
        }
        Self(all.into())
    }

    /// The paths to mount it at.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|place| place.path.as_str())
    }
}

impl<B> tower_service::Service<Request<B>> for ResourceMetadata {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, _body) = request.into_parts();
        let path = head.uri.path().trim_end_matches('/');
        let Some(place) = self.0.iter().find(|place| place.path == path) else {
            return ready(Ok(status_only(StatusCode::NOT_FOUND)));
        };
        let mut trail = Trail::begin(place.observer.as_ref(), &head);
        let mut response = place.document.answer(&head.method);
        if let Some(trail) = &mut trail {
            trail.note_metadata();
            trail.status = response.status();
        }
        response.body_mut().hold(None, trail);
        ready(Ok(response))
    }
}

/// The metadata of one resource, written once.
#[derive(Clone)]
pub(crate) struct Document(Bytes);

impl Document {
    pub(super) fn new(metadata: &ProtectedResourceMetadata) -> Self {
        let json = serde_json::to_vec(metadata).expect("strings, lists and flags always serialise");
        Self(json.into())
    }

    #[cfg(test)]
    pub(super) fn json(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap()
    }

    /// The answer to a request of this method for the document.
    pub(crate) fn answer(&self, method: &Method) -> Response<Body> {
        let mut response = status_only(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        match *method {
            Method::GET | Method::HEAD => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
                *response.body_mut() = Body::whole(self.0.clone());
            }
            Method::OPTIONS => {
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
                // Clients send the protocol's own header along, which makes the browser ask first.
                headers.insert(
                    ACCESS_CONTROL_ALLOW_HEADERS,
                    HeaderValue::from_static("mcp-protocol-version, content-type, authorization"),
                );
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            _ => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            }
        }
        response
    }
}
