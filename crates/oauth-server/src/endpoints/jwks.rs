//! `GET /jwks`: the public keys ([RFC 7517 §5](https://datatracker.ietf.org/doc/html/rfc7517#section-5)).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::server::AppState;

pub(crate) async fn get(State(state): State<AppState>) -> Response {
    let max_age = format!("public, max-age={}", state.config.jwks_max_age.as_secs());
    let headers = [(CONTENT_TYPE, "application/jwk-set+json".to_owned()), (CACHE_CONTROL, max_age)];
    (headers, state.tokens.jwks()).into_response()
}
