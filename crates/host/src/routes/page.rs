//! `GET` of everything else: the page.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::host::App;

/// The page, its scripts and styles. Axum leaves out the body for HEAD.
pub(crate) async fn page(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
    }
    app.assets().answer(uri.path(), &headers)
}
