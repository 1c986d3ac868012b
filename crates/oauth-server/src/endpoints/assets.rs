//! `GET /assets/auth-….css`, `GET /assets/passkey-….js`: what the pages use. Their paths change with their content, so
//! they are kept forever.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::pages::Asset;
use crate::server::AppState;

pub(crate) async fn style(State(state): State<AppState>) -> Response {
    serve(&state.style)
}

pub(crate) async fn script(State(state): State<AppState>) -> Response {
    serve(&state.script)
}

fn serve(asset: &Asset) -> Response {
    let headers = [
        (CONTENT_TYPE, asset.content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.content).into_response()
}
