//! Reading a request's body, which nobody may do for ever.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use barewire_oauth::error::{ErrorCode, ErrorResponse};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;

use crate::respond::json;
use crate::server::AppState;

/// Takes the body in before its endpoint works on it; 408 if it does not come in time.
pub(crate) async fn in_time(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let read = to_bytes(body, state.config.max_body_bytes);
    let body = match tokio::time::timeout(state.config.body_timeout, read).await {
        Ok(Ok(bytes)) => Body::from(bytes),
        // Each endpoint says in its own way that it is too large, or broken.
        Ok(Err(error)) => Body::from_stream(stream::iter([Err::<Bytes, _>(error)])),
        Err(_elapsed) => {
            let late = ErrorResponse::new(ErrorCode::InvalidRequest, "the body came too slowly");
            return json(StatusCode::REQUEST_TIMEOUT, &late);
        }
    };
    next.run(Request::from_parts(parts, body)).await
}
