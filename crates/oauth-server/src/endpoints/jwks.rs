//! `GET /jwks`: the public keys ([RFC 7517 §5](https://datatracker.ietf.org/doc/html/rfc7517#section-5)).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::server::AppState;

pub(crate) async fn get(State(state): State<AppState>) -> Response {
    let headers = [(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, state.tokens.jwks()).into_response()
}
